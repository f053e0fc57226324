/* One HTTP/1.1 exchange on one connection: connect, send, wait for the answer. Blocking, but every
 * wait also watches the interrupt descriptor, and may call back now and then.
 *
 * A connection serves one request ("Connection: close"): opening a socket costs microseconds, a
 * cached one that went stale between two commands of the shell costs a wrong answer. */
#ifndef CTL_TRANSPORT_HTTP_H
#define CTL_TRANSPORT_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "ctl/transport/url.h"

/* What else happens while waiting. All zero but interrupt_fd = -1: nothing. */
struct http_wait {
        int interrupt_fd;           /* borrowed signalfd of SIGINT; -1: none */
        int tick_ms;                /* how often on_tick is called; 0: never */
        void (*on_tick)(void *arg); /* NULL: none */
        void *arg;
};

struct http_request {
        const char *method, *path;
        const char *user, *password; /* Basic authentication; NULL user: none */
        const char *accept;          /* the type that is wanted; NULL: any */
        const char *type;            /* of the body; NULL: no body */
        const char *body;
        size_t body_len;
};

/* Body bytes of a 200 answer as they come. False ends the exchange (not an error). */
typedef bool (*http_sink)(void *arg, const char *data, size_t len);

struct http_answer {
        int status;     /* 0: the headers have not come yet */
        char type[128]; /* media type without parameters, lower-cased */
        struct buf body;
        struct buf headers; /* "\nname: value" of each, names lower-cased; 64 KiB at most */
};

/* The value of a header, its name in lower case. False: it is not there. */
bool http_header(const struct http_answer *a, const char *name, struct buf *value_out);

enum http_step { HTTP_MORE, HTTP_DONE, HTTP_FAILED };

struct http;

/* Connected and the request sent. NULL: *e says why; e->sys is ENOENT, ECONNREFUSED, ... or EINTR
 * when the user interrupted. The wait is copied. */
struct http *http_start(const struct url *u, const struct http_request *rq,
                        const struct http_wait *wait, struct err *e);
void http_free(struct http *h);

/* Stream the body into the sink instead of collecting it (status 200 only). */
void http_stream(struct http *h, http_sink sink, void *arg);

int http_fd(const struct http *h);                       /* for poll(2) */
enum http_step http_feed(struct http *h, struct err *e); /* one read; blocks if nothing is there */

/* Wait for the whole answer. False: *e (EINTR in e->sys: interrupted). */
bool http_finish(struct http *h, struct err *e);
const struct http_answer *http_answer(const struct http *h);

/* Wait until fd can be read or tick_ms passes (-1: no limit). 1 readable, 0 time is up, -1 failed
 * or interrupted (e->sys EINTR; the signal is consumed). */
int http_wait_fd(int fd, short events, int interrupt_fd, int timeout_ms, struct err *e);

#endif
