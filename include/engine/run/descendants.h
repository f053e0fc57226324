/* What is below a worker when it has ended. The daemon is a subreaper, so whatever is left becomes
 * its own child; whose it is, the survey tells.
 *
 * A program with `stopasgroup` or `killasgroup`, and every one at the daemon's end, is stopped with
 * all that is below it: that gets the stop signal, where it had none, and what is left of
 * stopwaitsecs; then SIGKILL. Its worker's end is announced when nothing is left. What others leave
 * is named in the log, and so is what a worker leaves that ended by itself: of a program with those
 * keys it is stopped before the next start. */
#ifndef ENGINE_RUN_DESCENDANTS_H
#define ENGINE_RUN_DESCENDANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "engine/core/supervisor.h"
#include "engine/core/worker.h"

/* Before its first signal of a stop: remember its descendants. */
void descendants_look(struct supervisor *s, struct process *p);
/* The worker has ended already: the stop signal or SIGKILL goes to what is below it, and what waits
 * for that goes on when nothing is left. */
void descendants_signal(struct supervisor *s, struct process *p, bool kill_it);
/* A health check is over: what it has left running is looked for, not more often than once a
 * second, and killed. */
void descendants_check_ended(struct supervisor *s);

/* ---- the daemon's end */

/* It begins: whose processes have left something is found out, so that it is stopped with them. */
void descendants_begin_end(struct supervisor *s);
/* SIGTERM for orphans that belong to no process; how many there are. Again: how many are left. */
size_t descendants_tell_rest(struct supervisor *s);
/* SIGKILL every descendant of ours. Returns how many children there were, reaped or not yet. */
size_t descendants_everything(struct supervisor *s);

#endif
