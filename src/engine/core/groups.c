/* Groups of processes coming and going, and the configuration that they are of. */
#include <stdlib.h>
#include <string.h>

#include "engine/core/supervisor.h"
#include "engine/order/autostart.h"

bool supervisor_adopt_process(struct supervisor *s, struct process *p, struct err *e)
{
        if (!heap_reserve(&s->due, (size_t)s->registry.process_count))
                return err_nomem(e);
        p->seed = s->seed = s->seed * 6364136223846793005u + 1442695040888963407u;
        components_process_added(s, p);
        return true;
}

struct group *supervisor_add_group(struct supervisor *s, struct group_conf *conf, bool autostart,
                                   struct err *e)
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
        if (autostart)
                supervisor_autostart(s, g);
        return g;
}

void supervisor_autostart(struct supervisor *s, struct group *g)
{
        int count;
        struct process **list =
            g ? group_start_order(g, &count) : registry_start_order(&s->registry, &count);

        if (count < 0)
                log_line(s->log, LVL_ERROR, "out of memory: nothing is started");
        else if (g)
                autostart_now(s, list, count);
        else
                autostart_begin(s, list, count);
}

void supervisor_drop_group(struct supervisor *s, struct group *g)
{
        supervisor_settle(s);
        for (int i = 0; i < g->count; i++) {
                supervisor_process_gone(s, g->procs[i]);
        }
        components_group_gone(s, g);
        registry_remove(&s->registry, g);
        supervisor_rearm(s);
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

/* ---- the configuration */

static void find_server_url(struct supervisor *s)
{
        const struct config *c = s->config;
        AUTO_BUF url = BUF_INIT;

        for (int kind = SERVER_UNIX; kind <= SERVER_INET && !url.len; kind++)
                for (int i = 0; i < c->server_count && !url.len; i++) {
                        const struct server_conf *v = &c->servers[i];
                        if ((int)v->kind != kind)
                                continue;
                        if (kind == SERVER_UNIX)
                                buf_printf(&url, "unix://%s", v->file);
                        else
                                buf_printf(
                                    &url,
                                    strchr(v->port.host, ':') ? "http://[%s]:%d" : "http://%s:%d",
                                    v->port.host[0] ? v->port.host : "localhost", v->port.port);
                }
        free(s->server_url);
        s->server_url = url.len ? buf_take(&url) : NULL;
}

void supervisor_take_config(struct supervisor *s, struct config *config)
{
        if (s->latest != s->config && s->latest != config)
                config_free(s->latest);
        if (s->config != config)
                config_free(s->config);
        s->config = s->latest = config;
        find_server_url(s);
        components_config(s);
}

bool supervisor_add_all(struct supervisor *s, struct err *e)
{
        for (int i = 0; i < s->config->group_count; i++)
                if (!supervisor_add_group(s, s->config->groups[i], false, e))
                        return false;
        return true;
}
