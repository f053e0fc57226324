/* One change of state, told to everybody: the main log, the bus. */
#ifndef ENGINE_TRANSITION_H
#define ENGINE_TRANSITION_H

#include "engine/supervisor.h"

/* p->state is the new state already. pid: the one that it is about, also when it has ended (p->pid
 * is 0 then). */
void transition(struct supervisor *s, struct process *p, enum pstate from, pid_t pid,
                struct moment at);

#endif
