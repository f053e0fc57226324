/* SIGCHLD, and who it is about. The signal tells of one end, however many there were; asking the
 * kernel for any other one costs a walk over all children. So the one that it names is reaped at
 * once, and in a large fleet the walk is left until more come together or a moment has passed. */
#ifndef ENGINE_CHILDREN_H
#define ENGINE_CHILDREN_H

#include "engine/supervisor.h"

/* `who` is the signal's si_pid; 0: not known. The walk is left to the loop's next pause. */
void children_signal(struct supervisor *s, pid_t who, int64_t now_ms);
/* Neither a worker, nor a probe or hook: an orphan that was left to us. */
bool children_is_stranger(const struct supervisor *s, pid_t pid);
/* The pause: the walk, where one is due. Of very many a part, and the rest after others had their
 * turn. */
void children_look(struct supervisor *s);

#endif
