/* Inside of logs/: one log of a worker, its pipes, and what its files share of them. */
#ifndef LOGS_INTAKE_CHANNEL_H
#define LOGS_INTAKE_CHANNEL_H

#include <ev.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/buf.h"
#include "logs/intake/capture_tokens.h"
#include "logs/intake/core.h"
#include "logs/intake/drops.h"
#include "logs/intake/ledger.h"
#include "logs/intake/persistent_ledger.h"
#include "logs/logs.h"
#include "logs/spool/format.h"
#include "logs/store/writer.h"
#include "logs/syslog/sink_syslog.h"

struct pipe_in;
struct spool;

/* What has come through a pipe and was begun: it is held back until more comes, or the end. */
struct begun {
        struct captokens tokens;
        struct buf captured; /* between the tokens so far */
        struct buf line;     /* an unfinished line for syslog */
        bool line_goes_on;   /* its beginning has gone there already */
        struct format_line form;
};

/* One pipe of a stream. The newest is the worker's; older ones are held by left-over children. */
struct pipe_in {
        struct channel *channel; /* borrowed */
        int fd;                  /* owned; -1: it has ended, and its spool has not */
        pid_t pid;               /* whose it is; 0: not known */
        ev_io io;
        struct begun *begun; /* owned; NULL: the settings never held anything back */
        struct spool *spool; /* owned: its bytes, until they are in the log; NULL: none */
        struct pipe_in *next;
        size_t shown;       /* of a protocol: bytes that wait for their receiver's answer */
        size_t granted;     /* of them: those that are to be taken */
        bool no_spool;      /* it was tried */
        bool reusable_pipe; /* open both ways: reusable_pipe.c's */
        bool dropping, drop_mid_line; /* overflow.c's */

        /* batch_timer.c's */
        bool parked, grown;
        ev_tstamp last_read;
        struct pipe_in *timer_prev, *timer_next;
};

/* What only some streams need. */
struct extras {
        struct drops drops; /* by the policy */
        struct syslog_sender to_syslog;
        struct drops syslog_drops;
};

/* One for each log: a thousand of them are usual. */
struct channel {
        struct core *core;       /* borrowed */
        struct stream_conf conf; /* its strings are owned */
        void *owner;             /* borrowed */
        struct outlet out;
        struct pipe_in *pipes;
        struct pipe_in *current;     /* the living worker's; NULL: none */
        struct extras *extras;       /* owned; NULL: its settings never needed any */
        struct ledger_box *shown;    /* borrowed: what others may see of `out`; NULL: nothing */
        struct channel *prev, *next; /* in core->held_back, or among the detached_streams */
        uint32_t ledger_slot;        /* in core->ledgers, counted from 1; 0: none */
        unsigned shows;  /* how often something was shown: an answer is about the last one only */
        uint16_t busy;   /* calls are under way: news may call back into us */
        bool silent : 1; /* no more news: it is being freed */
        bool
            is_detached : 1; /* detached.c's: without an owner, until what it has left is written */
        bool finish_later : 1, free_later : 1;
        bool is_held : 1;    /* in core->held_back */
        bool is_awaited : 1; /* open before the start that it is for */
};

/* As the calls of logs.h with these names, but at once and in the thread that the core lives in.
 * Settings are those of a stream_conf_copy. */
struct channel *channel_new(struct core *core, const struct stream_conf *conf, void *owner,
                            struct ledger_box *shown, struct err *e);
void channel_free(struct channel *s); /* NULL is fine */
bool channel_configure(struct channel *s, const struct stream_conf *conf, struct err *e);
bool channel_attach(struct channel *s, int pipe_fd, struct err *e);
bool channel_await(struct channel *s, struct err *e); /* until attached, or finished */
void channel_finish(struct channel *s);
/* Of what was shown by on_text(TEXT_RAW): so much is done with, and goes to the log. */
void channel_taken(struct channel *s, unsigned show, size_t len);
void channel_not_shown(struct channel *s); /* for want of memory: it is tried again */
void channel_pid(struct channel *s, pid_t pid);
void channel_reopen(struct channel *s);
void channel_rotate(struct channel *s);
bool channel_clear(struct channel *s, struct err *e);

bool channel_open(struct channel *s, struct err *e); /* its file, unless it is open */
void channel_left(struct channel *s);                /* see struct core_calls */

/* Around whatever may call back: what the callbacks asked of the stream is done at the end, when
 * *s may go. */
static inline void channel_enter(struct channel *s)
{
        if (!s->busy++ && s->shown)
                atomic_store(&s->shown->at_rest, false);
}

static inline void channel_leave(struct channel *s)
{
        if (s->busy > 1)
                s->busy--;
        else
                s->core->calls->on_left(s);
}

#endif
