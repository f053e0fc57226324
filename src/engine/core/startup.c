/* What the daemon was started as; see startup.h. */
#include "engine/core/startup.h"

static bool startup_init(struct supervisor *s, struct err *e)
{
        (void)e;
        startup_of(s)->started = clock_now();
        return true;
}

const struct component component_startup = { .name = "startup",
                                             .size = sizeof(struct startup),
                                             .init = startup_init };
