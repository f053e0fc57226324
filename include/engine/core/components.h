/* The table of components: one row each, in the order in which they are told of a fact. The row
 * `row(x)` stands for `const struct component component_x`, which the component's file defines, and
 * makes COMPONENT_x, by which that file finds its state. */
#ifndef ENGINE_CORE_COMPONENTS_H
#define ENGINE_CORE_COMPONENTS_H

#include "engine/core/component.h"

/* clang-format off */
#define COMPONENTS(row) \
        row(state) \
        row(state_turn)      /* what has changed, before anything acts by it */ \
        row(startup) \
        row(deadlines) \
        row(configuration) \
        row(exec_env) \
        row(memory_trim) \
        row(streams) \
        row(fcgi) \
        row(ticks) \
        row(listeners) \
        row(probes) \
        row(transition)      /* the main log's lines and the bus */ \
        row(waiters)         /* answered when others have been told */ \
        row(carry_out) \
        row(launcher) \
        row(launches) \
        row(probe_exec) \
        row(fatal) \
        row(gzip_child) \
        row(upgrade) \
        row(lookup) \
        row(fdstore) \
        row(adopt) \
        row(adopted) \
        row(shutdown) \
        row(autostart)       /* starts come before what has ended */ \
        row(operations) \
        row(searches) \
        row(reaper) \
        row(descendants)     /* of a reaped child: the last one that is asked */ \
        row(removal) \
        row(conditions)      /* a place is free when its process was freed */ \
        row(state_settled)   /* and is stored when all is done */ \
        row(worker)          /* others may still look at it */
/* clang-format on */

#define COMPONENT_ID(x) COMPONENT_##x,
enum component_id { COMPONENTS(COMPONENT_ID) COMPONENT_COUNT };
#undef COMPONENT_ID

#define COMPONENT_DECLARATION(x) extern const struct component component_##x;
COMPONENTS(COMPONENT_DECLARATION)
#undef COMPONENT_DECLARATION

extern const struct component *const components[COMPONENT_COUNT];

#endif
