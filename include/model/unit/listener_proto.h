/* What an event listener's stdout means (compat section 17.2). Bytes go in, happenings come out;
 * any chunking gives the same happenings. Pure. */
#ifndef MODEL_UNIT_LISTENER_PROTO_H
#define MODEL_UNIT_LISTENER_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Supervisor's numbers. */
enum listener_state {
        LISTENER_READY = 10,
        LISTENER_BUSY = 20,
        LISTENER_ACKNOWLEDGED = 30,
        LISTENER_UNKNOWN = 40,
};

enum listener_news {
        LISTENER_QUIET,    /* everything was taken, nothing happened yet */
        LISTENER_IS_READY, /* ACKNOWLEDGED -> READY */
        LISTENER_OK,       /* BUSY -> ACKNOWLEDGED: the event was processed */
        LISTENER_FAIL,     /* BUSY -> ACKNOWLEDGED: the event was rejected */
        LISTENER_BAD_LINE, /* BUSY -> UNKNOWN: `line` is no result line */
        LISTENER_BROKE,    /* -> UNKNOWN: said something out of turn, or a result beyond bounds */
        LISTENER_REPEATED, /* what a previous instance had acted on already (`unsure`) */
};

#define LISTENER_LINE_MAX   128        /* of a result line; an honest one has 20 */
#define LISTENER_RESULT_MAX (1u << 20) /* bytes of a result's body */

struct listener_proto {
        enum listener_state state;
        size_t matched;  /* ACKNOWLEDGED: bytes of the token seen */
        size_t line_len; /* BUSY: of the result line so far */
        bool in_body;
        size_t body_len;  /* announced */
        size_t body_seen; /* taken */
        bool body_is_ok;  /* all that was taken so far begins "OK" */
        bool unsure; /* of a previous instance: its first message may be one that was acted on */
        struct buf *body; /* borrowed: a result's body goes there, too; NULL: nothing wants it */
        char line[LISTENER_LINE_MAX + 1]; /* NUL-terminated when LISTENER_BAD_LINE is told */
};

/* A fresh process: ACKNOWLEDGED. */
void listener_proto_begin(struct listener_proto *lp);
/* An event was written to it: READY -> BUSY. */
void listener_proto_sent(struct listener_proto *lp);
/* Take bytes from the front of *data until something happens or none are left; *data and *len are
 * moved on. Call again until LISTENER_QUIET. In UNKNOWN everything is swallowed. */
enum listener_news listener_proto_feed(struct listener_proto *lp, const char **data, size_t *len);

/* Whether it has said a part of a message. */
bool listener_proto_is_inside(const struct listener_proto *lp);

/* How long a listener gets no event after so many refusals without an OK between them: the refused
 * event is sent again at once, and then after waits that double. */
int64_t listener_pause_ms(unsigned refusals);

/* What the handler of the package supervisor_stdout prints for such an answer: the data of a
 * PROCESS_LOG event, each line behind its process and channel. Any other text as it is. */
void listener_stdout_text(const char *body, size_t len, struct buf *out);

const char *listener_state_name(enum listener_state s); /* "ACKNOWLEDGED" */

#endif
