/* The start of everything, at the daemon's beginning: in the order that was given, the first part
 * at once, the rest in slices between which clients and the dead have their turn. Who is stopped,
 * started or freed before its turn is not started by this. */
#ifndef ENGINE_ORDER_AUTOSTART_H
#define ENGINE_ORDER_AUTOSTART_H

#include "engine/core/supervisor.h"

/* What starts by itself of this group, in one go. */
void autostart_group(struct supervisor *s, struct group *g);
/* It has got an order of its own, or is about to be freed. */
void autostart_forget(struct supervisor *s, const struct process *p);

#endif
