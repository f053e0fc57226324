/* The start of everything, at the daemon's beginning: an operation in the order of priorities. A
 * process that is stopped, started or freed before its turn is not started by this. */
#ifndef ENGINE_ORDER_AUTOSTART_H
#define ENGINE_ORDER_AUTOSTART_H

#include "engine/core/supervisor.h"

/* What starts by itself of this group, in one go. */
void autostart_group(struct supervisor *s, struct group *g);

#endif
