/* What FATAL means (on_fatal=): nothing, the end of the daemon with exit code 3, or a command; and
 * the daemon's end with its main process (container_main). */
#ifndef ENGINE_ORDER_FATAL_H
#define ENGINE_ORDER_FATAL_H

#include "engine/core/supervisor.h"

void fatal_free(struct supervisor *s);

#endif
