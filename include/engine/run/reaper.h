/* SIGCHLD, and which child it is about. The signal tells of one end, however many there were: the
 * child that it names is reaped at once, before the kernel is asked for others, which costs a walk
 * over all children. */
#ifndef ENGINE_RUN_REAPER_H
#define ENGINE_RUN_REAPER_H

#include "engine/core/supervisor.h"

/* What it has for itself; exposed for tests. */
struct reaper {
        ev_timer rest; /* of a look at all children that took too long for one turn */
        bool look;     /* the loop's next pause looks at all of them */
};

/* `who` is the signal's si_pid; 0: not known. */
void reaper_signal(struct supervisor *s, pid_t who);
/* All that have ended, now. */
void reaper_drain(struct supervisor *s);
/* Neither a worker, nor a probe or hook: an orphan that was left to us. */
bool reaper_is_stranger(const struct supervisor *s, pid_t pid);

#endif
