/* The start of everything, at the daemon's beginning: in the order that was given, the first part
 * at once, the rest in slices between which clients and the dead have their turn. Who is stopped,
 * started or freed before its turn is not started by this. */
#ifndef ENGINE_ORDER_AUTOSTART_H
#define ENGINE_ORDER_AUTOSTART_H

#include "engine/core/supervisor.h"

/* Those of them that start by themselves. The list is taken over. */
void autostart_begin(struct supervisor *s, struct process **list, int count);
void autostart_now(struct supervisor *s, struct process **list, int count); /* in one go */
/* It has got an order of its own, or is about to be freed. */
void autostart_forget(struct supervisor *s, const struct process *p);

#endif
