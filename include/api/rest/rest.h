/* The JSON API's common ground: answers, problems, bodies. Handlers are in src/api/rest/rest_*.c,
 * their table in routes.c. */
#ifndef API_REST_REST_H
#define API_REST_REST_H

#include <jansson.h>
#include <stdbool.h>

#include "api/http/server.h"
#include "engine/order/orders.h"
#include "model/config/diag.h"

#define REST_TIMEOUT_S     60.
#define REST_TIMEOUT_MAX_S 86400.

/* One JSON value, to which a newline is added; a buffer that failed is answered with 500. */
void rest_reply(struct request *r, int status, struct buf *value);
void rest_error(struct request *r, int status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same, with a place in a log to go on with. */
void rest_error_at(struct request *r, int status, const char *code, int64_t offset,
                   const char *detail);
/* A fault with its status; detail may be NULL. */
void rest_fault(struct request *r, enum fault f, const char *detail);
int rest_fault_status(enum fault f);
/* 422 with the errors in it. */
void rest_diags(struct request *r, const struct diags *d);

/* The request's body as an object (an empty body is an empty one). NULL: answered already. */
json_t *rest_body(struct request *r);

/* Optional members. False: it is there and of the wrong kind; answered already. */
bool rest_bool(struct request *r, const json_t *body, const char *key, bool *value);
bool rest_wait(struct request *r, const json_t *body, bool *wait, double *timeout_s);

#endif
