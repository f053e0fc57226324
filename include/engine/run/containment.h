/* What is below a worker, wherever it went: how it is listed, stopped in place and signalled. One
 * back end for each mechanism of the kernel; what is done with it, and when, is the business of
 * engine/run/descendants. */
#ifndef ENGINE_RUN_CONTAINMENT_H
#define ENGINE_RUN_CONTAINMENT_H

#include "engine/core/supervisor.h"
#include "sys/process/child_pid.h"

/* What is run beside a program, and has its names in the environment, too: for what. */
#define RUN_KEY      "SUPERVISOR_RUN"
#define RUN_BY_CHECK "healthcheck"
#define RUN_ON_FATAL "on_fatal"

struct found {
        struct proc_entry who;
        struct process *owner; /* borrowed; NULL: of no process that we know */
        bool of_check;         /* a health check of the owner has left it */
        bool is_ours;          /* we, a worker, or below one that lives: never touched */
        bool settled;          /* the back end's own */
};

struct survey {
        struct found *items; /* owned by the caller of `list`; ascending by pid */
        size_t count;
};

/* A worker that has ended, and the session that it led. */
struct lead {
        pid_t leader; /* 0: not known any more */
        struct process *process;
        bool astray; /* what is left is not below us: an earlier daemon has started it */
};

typedef bool below_spares(const void *arg, const struct proc_entry *who);

struct containment {
        /* Before the first signal of a stop: what is below the worker now is remembered, if that is
         * needed to find it afterwards (struct remains). */
        void (*remember)(struct supervisor *s, struct process *p);
        /* Nothing is left below a worker that has ended. At a price that does not grow with the
         * fleet; what it overlooks, `list` finds. */
        bool (*is_empty)(struct supervisor *s, const struct process *p, pid_t leader);
        /* All that is left, and whose it is; it sorts the leads. False: cannot be told, or no
         * memory. */
        bool (*list)(struct supervisor *s, struct lead *leads, size_t count, struct survey *out);
        /* Stops in place what is known of `lead`, and all else that is left of it, so that it
         * cannot go on forking, until a look finds no other. `spares` says which to leave out. lead
         * NULL: every child of ours; known, spares NULL: none. Returns how many children we have,
         * also those that have ended; one, where that cannot be told. */
        size_t (*freeze)(struct supervisor *s, const struct lead *lead,
                         const struct proc_table *known, below_spares *spares, const void *arg,
                         struct child_stopped *set);
};

/* By session, ancestry and environment; the daemon is a subreaper. */
extern const struct containment containment_sessions;

#endif
