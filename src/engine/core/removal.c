/* Processes that are freed when no caller stands on them: in the pause before the loop waits. */
#include "engine/core/removal.h"

#include <stdlib.h>

#include "base/vec.h"
#include "engine/core/supervisor.h"

struct removal {
        struct process **gone; /* owned list of PS_GONE, borrowed from the registry */
        int count;
};

static struct removal *removal_of(const struct supervisor *s)
{
        return component_own(s, COMPONENT_removal);
}

void removal_add(struct supervisor *s, struct process *p)
{
        struct removal *r = removal_of(s);

        if (!vec_grow(r->gone, r->count)) {
                log_line(s->log, LVL_ERROR, "out of memory: '%s' stays listed", p->name);
                return;
        }
        r->gone[r->count++] = p;
        ev_prepare_start(s->loop, &s->settle);
}

static void removal_on_settle(struct supervisor *s)
{
        struct removal *r = removal_of(s);

        while (r->count > 0) {
                struct process *p = r->gone[--r->count];
                struct group *g = p->group;
                supervisor_process_gone(s, p);
                registry_forget(&s->registry, p);
                if (g->leaving && g->count == 0)
                        supervisor_remove_group(s, g);
        }
}

static void removal_release(struct supervisor *s)
{
        free(removal_of(s)->gone);
}

const struct component component_removal = { .name = "removal",
                                             .size = sizeof(struct removal),
                                             .release = removal_release,
                                             .on_settle = removal_on_settle };
