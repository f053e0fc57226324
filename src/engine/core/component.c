/* Facts told to the components: one loop over the table for each. It may assume nothing of a
 * component but its row, and must not know any by name. */
#include "engine/core/component.h"

#include <stdlib.h>

#include "engine/core/supervisor.h"

/* Calls `hook` of every component that has it, with what stands behind. */
#define COMPONENTS_TELL(s, hook, ...)                                \
        for (int i = 0; (s)->components && i < COMPONENT_COUNT; i++) \
                if ((s)->components[i]->hook)                        \
        (s)->components[i]->hook(__VA_ARGS__)

bool components_init(struct supervisor *s, struct err *e)
{
        for (int i = 0; i < COMPONENT_COUNT; i++) {
                const struct component *c = s->components[i];
                if (c->size && !(s->states[i] = calloc(1, c->size)))
                        return err_nomem(e);
        }
        for (int i = 0; i < COMPONENT_COUNT; i++)
                if (s->components[i]->init && !s->components[i]->init(s, e))
                        return false;
        return true;
}

void components_release(struct supervisor *s)
{
        for (int i = COMPONENT_COUNT; i-- > 0;)
                if (s->components[i]->release)
                        s->components[i]->release(s);
        for (int i = COMPONENT_COUNT; i-- > 0;) {
                if (s->components[i]->size)
                        free(s->states[i]);
                s->states[i] = NULL;
        }
}

void components_step(struct supervisor *s, struct process *p, const struct step *step)
{
        COMPONENTS_TELL(s, on_step, s, p, step);
}

void components_step_done(struct supervisor *s, struct process *p, const struct step *step)
{
        COMPONENTS_TELL(s, on_step_done, s, p, step);
}

void components_process_gone(struct supervisor *s, struct process *p)
{
        COMPONENTS_TELL(s, on_process_gone, s, p);
}
