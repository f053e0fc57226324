/* When each process is due: a queue, and the one timer that wakes the loop for the first of them.
 * It rests while nothing is due. */
#ifndef ENGINE_CORE_DEADLINES_H
#define ENGINE_CORE_DEADLINES_H

#include "engine/core/supervisor.h"

/* Room for all processes of the registry: deadlines_set cannot fail then. */
bool deadlines_reserve(struct supervisor *s);
/* The machine has just written p->due: put it where it belongs before anything else looks. */
void deadlines_set(struct supervisor *s, struct process *p);
void deadlines_drop(struct supervisor *s, struct process *p);
void deadlines_rearm(struct supervisor *s);
/* The first one whose time has come; NULL: none. It stays in the queue. */
struct process *deadlines_due(const struct supervisor *s, int64_t now_ms);

#endif
