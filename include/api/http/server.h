/* The control servers: HTTP/1.1 over Unix and TCP sockets, behind one small interface. Parsing is
 * http-parser's, behind wire/http_parse.h. Limits: headers 64 KiB, bodies 16 MiB, 512 connections
 * at least, idle and slow clients cut off, a stream's slow reader dropped. compat 19. */
#ifndef API_HTTP_SERVER_H
#define API_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "api/access/door.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/core/supervisor.h"
#include "engine/order/orders.h"
#include "model/config/config.h"

struct api;
struct conn;

/* One request, whole. Borrowed by the handler until it has answered or the client is gone. */
struct request {
        struct conn *conn;
        struct api *api;
        struct supervisor *sup;
        const struct server_conf *server; /* which socket it came in by */
        char method[16];
        char *target; /* as sent */
        char *path;   /* percent-decoded, without the query */
        char *query;  /* as sent, without '?'; "" */
        struct buf body;
        struct caller caller;
        enum right granted; /* the most that the caller may have done */
        bool http11, keep_alive;
        void *state;                        /* the handler's, for an answer that comes later */
        void (*on_gone)(struct request *r); /* the client left (or the server ends) before the
                                               answer; may be NULL. Frees `state` */
};

const char *request_header(const struct request *r, const char *name); /* any case; NULL: none */
/* Value of a query parameter, percent-decoded into out; false: not there. */
bool request_param(const struct request *r, const char *name, struct buf *out);

/* ---- answers: exactly one reply per request, now or later from the loop */

/* `extra` are further header lines, each ending in CRLF, or NULL. data is copied. */
void reply(struct request *r, int status, const char *type, const char *extra, const void *data,
           size_t len);
/* The same; the body is handed over, and empty afterwards. 503 instead of a large one where others'
 * unread answers hold all the memory that there is for them. */
void reply_body(struct request *r, int status, const char *type, const char *extra,
                struct buf *body);
/* Supervisor's error body (compat 19). */
void reply_error_page(struct request *r, int status);

/* ---- streams: chunked on HTTP/1.1, to the end of the connection on 1.0 */

bool stream_begin_reply(struct request *r, int status, const char *type, const char *extra);
/* Queue a chunk. False: the client is too slow (more than 1 MiB waits) or gone: it was dropped,
 * on_gone has been called. */
bool stream_send(struct request *r, const void *data, size_t len);
size_t stream_waiting(const struct request *r); /* bytes not yet taken by the client */
/* Called when what waited has gone out; set after stream_begin_reply. */
void stream_on_drained(struct request *r, void (*fn)(struct request *r));
void stream_end(struct request *r); /* the last chunk */

/* ---- the servers */

/* Binds all of config's servers; floor 3's part of start-up and reload. False: *e (compat 8,
 * "Another program is already listening...", with the holder's pid). */
struct api *api_new(struct supervisor *s, const struct config *c, struct err *e);
/* Servers that are the same in `next` stay open with their connections; others are closed, new ones
 * bound. Bind failures leave everything as it was. */
bool api_rebind(struct api *a, const struct config *next, struct err *e);
/* An upgrade in place: no connection is accepted (they wait); is every request answered? What the
 * next image is to listen on, and who waits there with nothing under way. */
void api_pause(struct api *a, bool on);
bool api_quiet(const struct api *a);
/* A client that still waits, or reads a stream, cannot pass on: answered 503, or ended. */
void api_dismiss(struct api *a);
bool api_hand_over(const struct api *a, struct strlist *items);
/* Answer what is under way, close, unlink the sockets. */
void api_free(struct api *a);
/* Give connections with a finished answer a moment to take it at the daemon's end: true when
 * nothing waits. */
bool api_idle(const struct api *a);

/* Where a request goes: implemented by src/api/http/router.c over the handlers below. */
void route(struct request *r);
/* What its head says of a request: what it would do, and how long a body makes sense there. */
struct route_row {
        enum right right;
        size_t body_max;
};
struct route_row route_row(const struct request *r);
#define BODY_USUAL (64u << 10) /* orders have a few words */

/* Handlers. */
void rest_handle(struct request *r); /* /v1/..., /healthz */
struct route_row rest_row(const struct request *r);
void xmlrpc_handle(struct request *r);  /* POST /RPC2 */
void logtail_handle(struct request *r); /* /logtail/..., /mainlogtail */
void page_index(struct request *r);     /* /, /index.html */
void page_tail(struct request *r);      /* /tail.html */
void page_ok(struct request *r);        /* /ok.html */

#endif
