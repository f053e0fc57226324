/* Inside of logs/: the two sides of it. Until logs_run everything happens within the calls of
 * logs.h; after that the calls are messages to the core, which lives in a thread of its own, and
 * news are messages back. */
#ifndef LOGS_THREAD_H
#define LOGS_THREAD_H

#include <ev.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/worker_thread.h"
#include "logs/heartbeat.h"
#include "logs/intake/channel.h"
#include "logs/logs.h"

struct logs {
        struct ev_loop *loop; /* the main loop; borrowed, like the next two */
        struct log *log;
        struct mainlog *mainlog; /* handed over by logs_run; NULL: none */
        struct logs_news news;
        struct core *core; /* owned; the thread's while there is one */
        uint64_t lives;    /* the last one that was given to a stream */
        bool threaded;
        struct worker_thread worker; /* the core's; its inbox takes what is for the core */
        struct mailbox to_main;
        struct mail settled;
        struct heartbeat heartbeat;
        struct parking {
                struct mail mail;
                atomic_bool asked; /* until the thread goes on */
                sem_t reached, over;
        } parking;
        struct helper {
                struct mail mail; /* first */
                struct logs *logs;
                int from, to; /* owned by the thread that has the message */
                bool fine;
        } helper;                 /* one child at a time */
        struct log core_log;      /* what the core writes to while it has a thread */
        atomic_size_t unread;     /* bytes of text on their way to the main loop */
        atomic_uint attaching;    /* pipes that the core has not come to yet */
        atomic_bool held;         /* so many that the core waits */
        struct stream *finishing; /* whose worker has ended, oldest first */
        ev_timer limit;           /* until when the first of them is waited for */
};

/* A worker's channel as the main loop sees it. */
struct stream {
        struct mail last;  /* first; of stream_free, which must not fail for want of memory */
        struct logs *logs; /* borrowed */
        void *owner;
        const char *process;   /* of the newest settings; a reference, by stream_names_share */
        bool is_stderr;        /* never changes, so that both threads may look */
        atomic_bool is_proven; /* the file could be opened the last time: set by the core */
        struct {
                bool dead : 1; /* freed by its user: no more news */
                bool is_finishing : 1;
                bool holds_pipe : 1; /* its pipe was not let go */
        };
        int pipe;                              /* borrowed: see stream_pipe */
        unsigned finish_ticket, attach_ticket; /* of the newest order of its kind */
        struct err *answer; /* of stream_attach, while it has no thread to wait for; borrowed */
        double finish_due;
        struct stream *prev, *next; /* in logs->finishing */
        struct ledger_box *shown;   /* a reference */

        /* The core's. */
        struct channel *channel; /* owned; NULL: could not be made */
        struct err *why;         /* owned: why it cannot be attached; NULL: nothing */
};

/* What goes to the core, and comes back as its answer. */
struct order {
        struct mail mail; /* first */
        struct stream *stream;
        struct err *err;          /* owned; NULL: all is well */
        struct stream_conf *conf; /* owned; NULL: it is about something else */
        uint64_t bytes;
        int fd;
        unsigned ticket;
        bool is_awaited; /* the answer is told, also when all is well */
        pid_t pid;
};

/* stream.c: what the news come through. */
void finish_limit(EV_P_ ev_timer *w, int revents);

#endif
