/* Facts told to the components: one loop over the table for each. It may assume nothing of a
 * component but its row, and must not know any by name. */
#include "engine/core/component.h"

#include <stdlib.h>

#include "engine/core/supervisor.h"

/* Calls `hook` of every component that has it, with what stands behind. */
#define COMPONENTS_TELL(s, hook, ...)             \
        for (int i = 0; i < COMPONENT_COUNT; i++) \
                if ((s)->components[i]->hook)     \
        (s)->components[i]->hook(__VA_ARGS__)

/* Of the first `count` rows, from the last one. */
static void component_release_first(struct supervisor *s, int count)
{
        while (count-- > 0)
                if (s->components[count]->release)
                        s->components[count]->release(s);
        for (int i = 0; i < COMPONENT_COUNT; i++) {
                if (s->components[i]->size)
                        free(s->states[i]);
                s->states[i] = NULL;
        }
        s->components = NULL;
}

static bool component_alloc_all(struct supervisor *s)
{
        for (int i = 0; i < COMPONENT_COUNT; i++)
                if (s->components[i]->size && !(s->states[i] = calloc(1, s->components[i]->size)))
                        return false;
        return true;
}

bool components_init(struct supervisor *s, const struct component *const *table, struct err *e)
{
        s->components = table;
        if (!component_alloc_all(s)) {
                component_release_first(s, 0);
                return err_nomem(e);
        }
        for (int i = 0; i < COMPONENT_COUNT; i++)
                if (table[i]->init && !table[i]->init(s, e)) {
                        component_release_first(s, i);
                        return false;
                }
        return true;
}

void components_release(struct supervisor *s)
{
        component_release_first(s, COMPONENT_COUNT);
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

void components_config(struct supervisor *s)
{
        COMPONENTS_TELL(s, on_config, s);
}

bool components_group_added(struct supervisor *s, struct group *g, struct err *e)
{
        for (int i = 0; i < COMPONENT_COUNT; i++)
                if (s->components[i]->on_group_added && !s->components[i]->on_group_added(s, g, e))
                        return false;
        return true;
}

void components_group_gone(struct supervisor *s, struct group *g)
{
        COMPONENTS_TELL(s, on_group_gone, s, g);
}

bool components_reaped(struct supervisor *s, pid_t pid, int status)
{
        for (int i = 0; i < COMPONENT_COUNT; i++)
                if (s->components[i]->on_reaped && s->components[i]->on_reaped(s, pid, status))
                        return true;
        return false;
}

bool components_own(const struct supervisor *s, pid_t pid)
{
        for (int i = 0; i < COMPONENT_COUNT; i++)
                if (s->components[i]->owns && s->components[i]->owns(s, pid))
                        return true;
        return false;
}

void components_process_added(struct supervisor *s, struct process *p)
{
        COMPONENTS_TELL(s, on_process_added, s, p);
}

void components_spawned(struct supervisor *s, struct process *p)
{
        COMPONENTS_TELL(s, on_spawned, s, p);
}

void components_executed(struct supervisor *s, struct process *p)
{
        COMPONENTS_TELL(s, on_executed, s, p);
}

void components_exited(struct supervisor *s, struct process *p)
{
        COMPONENTS_TELL(s, on_exited, s, p);
}

void components_ended(struct supervisor *s, struct process *p)
{
        COMPONENTS_TELL(s, on_ended, s, p);
}

void components_turn(struct supervisor *s)
{
        COMPONENTS_TELL(s, on_turn, s);
}

void components_settle(struct supervisor *s)
{
        COMPONENTS_TELL(s, on_settle, s);
}

void components_begin(struct supervisor *s)
{
        COMPONENTS_TELL(s, on_begin, s);
}

void components_reap_done(struct supervisor *s)
{
        COMPONENTS_TELL(s, on_reap_done, s);
}

void components_order(struct supervisor *s, struct process *p)
{
        COMPONENTS_TELL(s, on_order, s, p);
}

void components_exit(struct supervisor *s, struct process *p)
{
        COMPONENTS_TELL(s, on_exit, s, p);
}

void components_carry_out(struct supervisor *s, struct process *p, const struct step *step)
{
        COMPONENTS_TELL(s, carry_out, s, p, step);
}

bool components_hold_end(struct supervisor *s, struct process *p)
{
        for (int i = 0; i < COMPONENT_COUNT; i++)
                if (s->components[i]->holds_end && s->components[i]->holds_end(s, p))
                        return true;
        return false;
}

void components_records_moved(struct supervisor *s)
{
        COMPONENTS_TELL(s, on_records_moved, s);
}

void components_adopted(struct supervisor *s)
{
        COMPONENTS_TELL(s, on_adopted, s);
}
