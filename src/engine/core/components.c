/* The table of components, from the rows of components.h. Nothing in the engine refers to it: the
 * program hands it to supervisor_init, so that the core knows no component by its name. */
#include "engine/core/components.h"

#define COMPONENT_ROW(x) [COMPONENT_##x] = &component_##x,
const struct component *const components[COMPONENT_COUNT] = { COMPONENTS(COMPONENT_ROW) };
