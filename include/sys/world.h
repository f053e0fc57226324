/* The real struct world. Built once, before any thread. */
#ifndef SYS_WORLD_H
#define SYS_WORLD_H

#include "base/world.h"

const struct world *world_real(void); /* never NULL; not to be freed */

#endif
