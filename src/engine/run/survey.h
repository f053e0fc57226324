/* Who is there that no process of ours is, and whose it is: by the session of a worker that has
 * ended, by the descendants seen before its stop, by what is above it, and by our variables in its
 * environment, which survive when it leaves its session and its parent ends. */
#ifndef ENGINE_RUN_SURVEY_H
#define ENGINE_RUN_SURVEY_H

#include "engine/core/supervisor.h"
#include "engine/core/worker.h"
#include "sys/process/child_pid.h"

#define RUN_KEY      "SUPERVISOR_RUN" /* what is run beside the program itself: for what */
#define RUN_BY_CHECK "healthcheck"
#define RUN_ON_FATAL "on_fatal"

struct found {
        struct proc_entry who;
        struct process *owner; /* borrowed; NULL: of no process that we know */
        bool of_check;         /* a health check of the owner has left it */
        bool is_ours;          /* we, a worker, or below one that lives: never touched */
        bool settled;          /* survey's own */
};

struct survey {
        struct found *items; /* owned; ascending by pid */
        size_t count;
};

/* A worker that has ended, and the session that it led. */
struct lead {
        pid_t leader; /* 0: not known any more */
        struct process *process;
};

/* Orphans that are our children and all below them; `whole`: of the machine, for what an earlier
 * daemon's workers have left. False: cannot be told, or no memory. */
bool survey_take(struct supervisor *s, struct lead *leads, size_t lead_count, bool whole,
                 struct survey *out);
void survey_release(struct survey *v);
/* Our child `who`, which is an orphan: whose? `stopped`: known descendants of the process that is
 * asked about. */
bool survey_is_of(struct supervisor *s, const struct proc_entry *who, const struct lead *lead,
                  const struct child_stopped *stopped);

#endif
