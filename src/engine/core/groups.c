/* Groups of processes coming and going. */
#include <stdlib.h>
#include <string.h>

#include "engine/core/deadlines.h"
#include "engine/core/supervisor.h"

bool supervisor_adopt_process(struct supervisor *s, struct process *p, struct err *e)
{
        if (!deadlines_reserve(s))
                return err_nomem(e);
        p->seed = s->seed = s->seed * 6364136223846793005u + 1442695040888963407u;
        components_process_added(s, p);
        return true;
}

struct group *supervisor_add_group(struct supervisor *s, struct group_conf *conf, struct err *e)
{
        struct group *g = registry_add(&s->registry, conf, s->host, e);

        if (!g)
                return NULL;
        bool ok = true;
        for (int i = 0; i < g->count && ok; i++)
                ok = supervisor_adopt_process(s, g->procs[i], e);
        if (!ok || !components_group_added(s, g, e)) {
                supervisor_drop_group(s, g);
                return NULL;
        }
        struct event ev = { .type = EV_PROCESS_GROUP_ADDED, .at = clock_now(), .name = g->name };
        bus_publish(&s->bus, &ev);
        return g;
}

void supervisor_drop_group(struct supervisor *s, struct group *g)
{
        supervisor_settle(s);
        for (int i = 0; i < g->count; i++) {
                supervisor_process_gone(s, g->procs[i]);
        }
        components_group_gone(s, g);
        registry_remove(&s->registry, g);
        deadlines_rearm(s);
}

void supervisor_remove_group(struct supervisor *s, struct group *g)
{
        struct event ev = { .type = EV_PROCESS_GROUP_REMOVED, .at = clock_now() };
        char *name = strdup(g->name);

        supervisor_drop_group(s, g);
        ev.name = name ? name : "";
        bus_publish(&s->bus, &ev);
        free(name);
}

void supervisor_remove_all(struct supervisor *s)
{
        supervisor_settle(s);
        while (s->registry.group_count > 0)
                supervisor_drop_group(s, s->registry.groups[s->registry.group_count - 1]);
}

bool supervisor_add_all(struct supervisor *s, struct err *e)
{
        for (int i = 0; i < s->config->group_count; i++)
                if (!supervisor_add_group(s, s->config->groups[i], e))
                        return false;
        return true;
}
