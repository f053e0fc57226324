/* The table of components: one row each, in the order in which they are told of a fact. The row
 * `row(x)` stands for `const struct component component_x`, which the component's file defines, and
 * makes COMPONENT_x, by which that file finds its state. */
#ifndef ENGINE_CORE_COMPONENTS_H
#define ENGINE_CORE_COMPONENTS_H

#include "engine/core/component.h"

/* clang-format off */
#define COMPONENTS(row) \
        row(state)           /* written ahead, before anybody acts by it or is told */ \
        row(waiters) \
        row(shutdown) \
        row(start_conflicts) \
        row(descendants) \
        row(autostart) \
        row(bulk_order) \
        row(searches) \
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
