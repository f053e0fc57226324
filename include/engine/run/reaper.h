/* SIGCHLD, and who it is about. The signal tells of one end, however many there were; asking the
 * kernel for any other one costs a walk over all children. So the one that it names is reaped at
 * once, in a large fleet then those whose stdin has hung up (engine/run/hangups), and the walk is
 * left for later: soon where ends came lately that no stdin told of. */
#ifndef ENGINE_RUN_REAPER_H
#define ENGINE_RUN_REAPER_H

#include "engine/core/supervisor.h"

/* What it has for itself; exposed for tests. */
struct reaper {
        ev_timer late;      /* a look at all children is due */
        bool listen;        /* the next pause asks who has hung up */
        bool look;          /* and this one looks at all of them */
        int64_t child_ms;   /* when the last SIGCHLD came */
        int64_t unheard_ms; /* the last end that no stdin could have told of */
};

#define CHILDREN_SMALL_FLEET 256 /* their walk is a few microseconds */

/* `who` is the signal's si_pid; 0: not known. The walk is left to the loop's next pause. */
void reaper_signal(struct supervisor *s, pid_t who, int64_t now_ms);
/* All that have ended, now. */
void reaper_drain(struct supervisor *s);
/* Neither a worker, nor a probe or hook: an orphan that was left to us. */
bool reaper_is_stranger(const struct supervisor *s, pid_t pid);

#endif
