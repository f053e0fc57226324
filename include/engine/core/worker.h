/* The engine's side of one process: its streams, its stdin, its probe, and who waits for it. Made
 * when first needed. */
#ifndef ENGINE_CORE_WORKER_H
#define ENGINE_CORE_WORKER_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/strlist.h"
#include "logs/logs.h"
#include "model/unit/process.h"
#include "sys/process/procfs.h"

struct supervisor;
struct probe;
struct waiter;
struct stdin_pipe;
struct listener;
struct adopted;
struct launching;

/* How the next instance would know the worker again (engine/persist/state.h). */
struct footprint {
        uint32_t slot;      /* of its record, counted from 1; 0: none */
        uint32_t texts;     /* and where the rest of it is */
        uint64_t start_low; /* clock ticks since the boot; at most so many more: */
        uint16_t start_span;
        uint64_t given;    /* of what it was started with; 0: not known */
        uint32_t pipes[3]; /* inodes of its 0, 1, 2; 0: none of ours, or unknown */
        bool birth;        /* its child is to write to the record, or has */
        bool adopted;      /* started by an earlier daemon */
        bool adopted_logs; /* and its pipes are ours again */
};

/* The kernel counts pipes in 32 bits. */
static inline uint32_t footprint_pipe(uint64_t inode)
{
        return inode <= UINT32_MAX ? (uint32_t)inode : 0;
}

/* Ordered so that nothing is lost to alignment: there are thousands. */
struct worker {
        struct supervisor *sup;   /* borrowed */
        struct process *process;  /* borrowed */
        struct stream *out, *err; /* owned; err is NULL when redirected */
        struct footprint mark;
        struct worker *changed_prev,
            *changed_next;       /* list of those to be stored; NULL: it is not */
        int streams_for;         /* s->generation whose settings they have; 0: none for certain */
        int status;              /* of the death that waits for the streams */
        uint8_t draining;        /* streams that have not said on_finished since the death */
        bool out_auto, err_auto; /* the stream has a generated path */
        bool reaped;             /* a death waits to be fed */
        bool lost;               /* how it ended is not known: `status` says nothing */
        bool owes_stop;          /* what is below it has still to be sent the stop signal */
        bool astray;             /* what remains of it is not below us: an earlier daemon's */
        char *log_error;         /* owned: why it was killed after its start; NULL: it was not */
        struct adopted *adopted; /* owned; NULL: the worker is our child, or there is none */
        struct launching *launching; /* owned: its start is under way; NULL: it is not */
        struct stdin_pipe *in;       /* owned; NULL: none */
        struct probe *probe;         /* owned; NULL: no health check running */
        struct listener *listener;   /* owned: an event listener's protocol state; else NULL */
        struct waiter *waiters;      /* list, see engine/order/orders.h */
        struct nag *nag; /* owned: engine/order/waiters, while a request waits for its stop */
        struct remains *remains; /* owned; NULL: nothing below it was ever seen */
};

/* Nearly no worker has any. */
struct remains {
        struct proc_table kin;    /* descendants seen before the stop, by pid and start time */
        struct strlist leftovers; /* "pid command": found after the end, left running or killed */
        struct proc_table named;  /* those that the log has named */
        pid_t leader;             /* of the session that they began in; 0: not known */
};
struct remains *worker_remains(struct worker *w); /* makes it; NULL: no memory */

/* The last result of the probe, for display. */
struct probe_last {
        bool any, ok;
        int64_t at_wall_ms, duration_ms;
        const char *output; /* up to 1 KiB; borrowed until the next result; never NULL */
        size_t output_len;
};
void worker_probe_last(const struct worker *w, struct probe_last *out); /* w may be NULL */

struct worker *worker_of(struct supervisor *s, struct process *p); /* makes it; NULL: no memory */

#endif
