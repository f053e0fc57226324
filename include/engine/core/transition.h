/* One change of state, told to everybody: the main log, the bus. */
#ifndef ENGINE_CORE_TRANSITION_H
#define ENGINE_CORE_TRANSITION_H

#include "engine/core/supervisor.h"

/* p->state is the new state and was written down, with the note that nothing has been told of it
 * yet: it is told now. A daemon that is killed in between leaves that to the next
 * instance. pid: the one that it is about, also when it has ended (p->pid is 0 then). */
void transition_tell(struct supervisor *s, const struct process *p, enum pstate from, pid_t pid);

#endif
