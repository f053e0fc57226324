/* One change of state, told to everybody: the main log, the bus. */
#ifndef ENGINE_CORE_TRANSITION_H
#define ENGINE_CORE_TRANSITION_H

#include "engine/core/supervisor.h"

/* p->state is the new state already, and about to be written down (state_note): with this, that
 * nobody has been told. pid: the one that it is about, also when it has ended (p->pid is 0 then).
 */
void transition_begin(struct supervisor *s, struct process *p, enum pstate from, pid_t pid);
/* It was written down, and is told. Whoever is killed in between leaves that to a successor. */
void transition_tell(struct supervisor *s, struct process *p, enum pstate from, pid_t pid);

#endif
