/* Talking to one daemon over /v1: where it is, who we are, questions and orders. */
#ifndef CTL_TRANSPORT_SESSION_H
#define CTL_TRANSPORT_SESSION_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/strlist.h"
#include "ctl/transport/http.h"
#include "ctl/transport/url.h"

enum reply_kind {
        REPLY_VALUE,       /* it worked: json, or the text of a log */
        REPLY_PROBLEM,     /* it was refused: code is the HTTP status, json the problem document */
        REPLY_FOREIGN,     /* no /v1 there: not our daemon; code is the HTTP status */
        REPLY_AUTH,        /* 401, and no user to ask */
        REPLY_HTTP,        /* the daemon's trouble: code is the HTTP status */
        REPLY_DOWN,        /* no connection: code is errno */
        REPLY_INTERRUPTED, /* Ctrl-C */
        REPLY_BROKEN,      /* anything else; text says what */
};

struct reply {
        enum reply_kind kind;
        int code;
        json_t *json;    /* owned; lines of results as {"results":[...]} */
        struct buf text; /* owned: what went wrong; REPLY_VALUE: a log's bytes */
};

#define REPLY_INIT ((struct reply){ .kind = REPLY_BROKEN })
#define AUTO_REPLY __attribute__((cleanup(reply_release))) struct reply
void reply_release(struct reply *r);
/* Was it refused for this reason ("BAD_NAME")? */
bool reply_is(const struct reply *r, const char *code);

/* Asks for a name and a password after a 401; both owned by the caller. False: no user to ask, or
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

/* body is borrowed; NULL: GET. *out is always filled; the result says REPLY_VALUE or not. */
bool session_json(struct session *s, struct reply *out, const char *path, json_t *body);
/* Something that is no JSON, as a whole: out->text. */
bool session_text(struct session *s, struct reply *out, const char *path);

/* The two halves of an order, to have many under way at the same time; results come as lines. A 401
 * is not asked about here. */
struct http *session_send(struct session *s, struct reply *out, const char *path,
                          const char *body);             /* NULL: see *out */
bool session_receive(struct http *h, struct reply *out); /* frees h */

/* ---- streams: GET; the caller sets the sink and pumps. accept NULL: any. NULL: see *out. */
struct http *session_get(struct session *s, struct reply *out, const char *path,
                         const char *accept);

/* Why a stream was refused (not for answers with status 200). */
void session_judge_stream(const struct http *h, struct reply *out);

#endif
