/* Inside of logs/: what its files share, apart from channels. */
#ifndef LOGS_INTAKE_CORE_H
#define LOGS_INTAKE_CORE_H

#include <ev.h>
#include <stdbool.h>

#include "logs/intake/batch_timer.h"
#include "logs/logs.h"
#include "logs/store/gzip.h"
#include "logs/store/sink_file.h"
#include "logs/store/writer_table.h"

struct channel;
struct drops;
struct outlet;
struct persistent_ledgers;
struct pipe_in;
struct recovery;
struct rename_seq;
struct sink_syslog;

/* Calls upward: by files that do not know those which have the functions. */
struct core_calls {
        void (*on_left)(struct channel *s);     /* no call about it is under way any more */
        void (*on_writable)(struct channel *s); /* its file takes more */
        void (*on_turn)(struct pipe_in *p);     /* read some of it */
        /* So much of the output of the outlet's batch is left, and its first `take` bytes are about
         * to be appended to this file. */
        void (*on_aim)(struct outlet *o, const struct stat *file, size_t left, size_t take);
};

struct core {
        struct ev_loop *loop; /* borrowed, like the next three */
        struct sys *sys;
        struct log *log;
        const struct core_calls *calls;
        struct logs_news news;
        struct writer_table writers;
        struct writer *waiting;     /* of them: for their disks */
        ev_timer retry;             /* active while there are such */
        struct sink_syslog *syslog; /* owned; NULL until a stream wants it */
        char *syslog_path;          /* owned; NULL: the usual one */
        char host[256];             /* for syslog */
        struct drops *drops;        /* that are said later: drops.c's */
        ev_timer drops_due;
        char *chunk;            /* owned; NULL until needed, and while in use */
        struct scratch scratch; /* owned */
        bool real;              /* the kernel is the real one: splice and tee make sense */
        bool held;              /* the receiver of the news is too far behind to get more text */
        struct gzip gzip;
        struct batch_timer nap;             /* closed until there is a thread */
        struct channel *held_back;          /* that wait for it */
        struct persistent_ledgers *ledgers; /* owned; NULL: ledgers die with us */
        struct rename_seq *moves;           /* owned, with the ledgers: of the names of all files */
        struct recovery *recovery;          /* recover.c's; NULL: no state directory */
};

/* NULL: no memory. */
struct core *core_new(struct ev_loop *loop, struct sys *sys, struct log *log,
                      const struct logs_news *news);
void core_free(struct core *core); /* all channels must be gone */

#endif
