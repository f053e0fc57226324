/* One HTTP request from bytes in pieces of any size. The only place that knows the parsing library;
 * limits and what a refused request is answered with are decided here. */
#ifndef WIRE_HTTP_PARSE_H
#define WIRE_HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define HTTP_HEADERS_MAX (64u << 10) /* request line and headers, in bytes */
#define HTTP_BODY_MAX    (16u << 20)

enum http_progress {
        HTTP_MORE, /* needs more bytes */
        HTTP_DONE, /* one whole request; what follows it was not taken */
        HTTP_BAD,  /* refused: http_parse_status */
};

struct http_parse;

/* `check` is asked when the headers are whole and the body has not been read: 0, or the status to
 * refuse the request with. NULL: nothing to check. NULL is returned when there is no memory. */
struct http_parse *http_parse_new(int (*check)(void *arg, struct http_parse *p), void *arg);
void http_parse_free(struct http_parse *p); /* NULL is fine */

/* len > 0. *used_out: how many bytes belonged to this request. Not to be called again after
 * HTTP_DONE or HTTP_BAD. */
enum http_progress http_parse_feed(struct http_parse *p, const char *data, size_t len,
                                   size_t *used_out);

/* ---- known once the headers are whole; all borrowed */

int http_parse_status(const struct http_parse *p); /* 0 unless HTTP_BAD */
const char *http_parse_method(const struct http_parse *p);
const char *http_parse_target(const struct http_parse *p);
const char *http_parse_header(const struct http_parse *p, const char *name); /* NULL: none */
/* The n-th of this name, from 0. */
const char *http_parse_header_at(const struct http_parse *p, const char *name, size_t n);
bool http_parse_is_11(const struct http_parse *p);
bool http_parse_keep_alive(const struct http_parse *p);
/* The client waits for "100 Continue" before it sends the body. Says so once. */
bool http_parse_wants_continue(struct http_parse *p);

/* From `check`: this request's body may have so many bytes, at most HTTP_BODY_MAX, which holds
 * unless said. */
void http_parse_limit_body(struct http_parse *p, size_t most);
size_t http_parse_bytes(const struct http_parse *p);   /* what it holds; NULL: 0 */
struct buf http_parse_take_body(struct http_parse *p); /* the caller's from now on */

#endif
