/* The configurations of the daemon, and what follows from the one in effect. Reading and comparing
 * them is others' business (engine/order/reread, reload). */
#include "engine/core/configuration.h"

#include <stdlib.h>
#include <string.h>

#include "model/fleet/plan.h"

static void configuration_find_url(struct supervisor *s)
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
        free(configuration_of(s)->server_url);
        configuration_of(s)->server_url = url.len ? buf_take(&url) : NULL;
}

void configuration_take(struct supervisor *s, struct config *config)
{
        if (configuration_of(s)->latest != s->config && configuration_of(s)->latest != config)
                config_free(configuration_of(s)->latest);
        if (s->config != config)
                config_free(s->config);
        s->config = configuration_of(s)->latest = config;
        configuration_find_url(s);
        components_config(s);
}

static bool configuration_init(struct supervisor *s, struct err *e)
{
        struct configuration *c = configuration_of(s);

        c->latest = s->config;
        c->generation = 1;
        return !s->config || settings_note(&s->config->settings, &c->started_with) || err_nomem(e);
}

static void configuration_release(struct supervisor *s)
{
        struct configuration *c = configuration_of(s);

        if (c->latest != s->config)
                config_free(c->latest);
        config_free(c->pending);
        strlist_release(&c->started_with);
        free(c->server_url);
}

const struct component component_configuration = { .name = "configuration",
                                                   .size = sizeof(struct configuration),
                                                   .init = configuration_init,
                                                   .release = configuration_release };
