/* Talking to one daemon: where it is, who we are, and calls in both of its languages. */
#ifndef CTL_TRANSPORT_SESSION_H
#define CTL_TRANSPORT_SESSION_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/strlist.h"
#include "ctl/transport/http.h"
#include "ctl/transport/url.h"
#include "ctl/transport/xmlrpc.h"

enum reply_kind {
        REPLY_VALUE,       /* it worked: value (XML-RPC) or json (/v1) */
        REPLY_FAULT,       /* the daemon refused: code and text of the fault */
        REPLY_PROBLEM,     /* /v1 refused: code is the HTTP status, json the problem document */
        REPLY_FOREIGN,     /* no /v1 there: not our daemon */
        REPLY_AUTH,        /* 401 and nobody to ask */
        REPLY_HTTP,        /* another HTTP status: code */
        REPLY_DOWN,        /* no connection: code is errno */
        REPLY_INTERRUPTED, /* Ctrl-C */
        REPLY_BROKEN,      /* anything else; text says what */
};

struct reply {
        enum reply_kind kind;
        int code;
        struct xval *value; /* owned */
        json_t *json;       /* owned */
        struct buf text;    /* owned: the fault's text, or what went wrong */
};

#define REPLY_INIT ((struct reply){ .kind = REPLY_BROKEN })
#define AUTO_REPLY __attribute__((cleanup(reply_release))) struct reply
void reply_release(struct reply *r);
bool reply_is_fault(const struct reply *r, int code);

/* Asks for a name and a password after a 401; both owned by the caller. False: nobody to ask, or
 * no answer. */
typedef bool (*session_ask)(void *arg, char **user_out, char **password_out);

struct session {
        struct url url;
        char *user, *password; /* owned; NULL: none */
        struct http_wait wait; /* used by every call */
        session_ask ask;       /* NULL: a 401 is final */
        void *ask_arg;
};

bool session_init(struct session *s, const char *url, const char *user, const char *password,
                  struct err *e);
void session_release(struct session *s);
bool session_open(struct session *s, const char *url, struct err *e); /* another daemon */

/* ---- Supervisor's own language. *out is always filled; the result says REPLY_VALUE or not. */
bool session_call(struct session *s, struct reply *out, const char *method, const struct xarg *args,
                  size_t count);

/* The two halves of session_call, to have many calls under way at the same time. A 401 is not
 * asked about here. */
struct http *session_send(struct session *s, struct reply *out, const char *method,
                          const struct xarg *args, size_t count); /* NULL: see *out */
bool session_receive(struct http *h, struct reply *out);          /* frees h */

#define CALL(s, out, method, ...)                                                \
        session_call((s), (out), (method), (const struct xarg[]){ __VA_ARGS__ }, \
                     sizeof((const struct xarg[]){ __VA_ARGS__ }) / sizeof(struct xarg))
#define CALL0(s, out, method) session_call((s), (out), (method), NULL, 0)

/* ---- /v1. body is borrowed; NULL: GET. */
bool session_json(struct session *s, struct reply *out, const char *path, json_t *body);

/* ---- streams: GET; the caller sets the sink and pumps. NULL: see *out. */
struct http *session_get(struct session *s, struct reply *out, const char *path,
                         const char *headers);

/* Why a stream was refused (not for answers with status 200). */
void session_judge_stream(const struct http *h, struct reply *out);

/* Percent-encode everything but what a path segment may hold as it is. ':' and '*' are kept when
 * `soft`. */
void url_encode(struct buf *out, const char *text, bool soft);

#endif
