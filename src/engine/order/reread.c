/* The orders that read the configuration anew; see engine/order/orders.h. */
#include <stdio.h>

#include "engine/core/audit.h"
#include "engine/core/configuration.h"
#include "engine/order/autostart.h"
#include "engine/order/orders.h"
#include "engine/order/reload.h"
#include "engine/order/shutdown.h"
#include "engine/sockets/fcgi.h"

static enum fault reread_refuse(struct supervisor *s, struct diags *diags, const struct err *e)
{
        diags_add(diags, DIAG_ERROR, NULL, NULL, "%s", e->text);
        reload_refused(s, diags);
        return FAULT_CANT_REREAD;
}

/* A client stops and removes a changed group before it adds it: that its new socket is taken has to
 * be known beforehand. The process that has it may be among those that go. */
static bool sockets_can_be_had(struct supervisor *s, const struct config *next,
                               const struct group_diff *d, struct err *e)
{
        for (size_t i = 0; i < d->changed.count; i++) {
                const struct group_conf *conf = config_group(next, d->changed.items[i]);
                if (!fcgi_try(s, conf, e) && !(e->code == ERR_BUSY && d->removed.count))
                        return false;
        }
        return true;
}

enum fault order_reread(struct supervisor *s, const struct caller *by, struct group_diff *out,
                        struct diags *diags)
{
        struct err e = { 0 };

        if (s->daemon_state != DAEMON_RUNNING)
                return FAULT_SHUTDOWN_STATE;
        struct config *next = reload_read(s, diags);
        if (!next)
                return FAULT_CANT_REREAD;
        if (!group_diff_make(&s->registry, next, s->host, out, &e)) {
                diags_add(diags, DIAG_ERROR, NULL, NULL, "%s", e.text);
                config_free(next);
                return FAULT_CANT_REREAD;
        }
        if (!sockets_can_be_had(s, next, out, &e)) {
                group_diff_release(out);
                config_free(next);
                return reread_refuse(s, diags, &e);
        }
        audit_order(s, by, NULL, "reread");
        if (configuration_of(s)->latest != s->config)
                config_free(configuration_of(s)->latest);
        configuration_of(s)->latest = next;
        return FAULT_NONE;
}

enum fault order_add_group(struct supervisor *s, const char *name, const struct caller *by,
                           struct err *e)
{
        char what[96];

        if (s->daemon_state != DAEMON_RUNNING)
                return FAULT_SHUTDOWN_STATE;
        if (registry_group(&s->registry, name))
                return FAULT_ALREADY_ADDED;
        struct group_conf *conf = config_group(configuration_of(s)->latest, name);
        if (!conf)
                return FAULT_BAD_NAME;
        snprintf(what, sizeof what, "add group %.80s", name);
        audit_order(s, by, NULL, what);
        struct group *g = supervisor_add_group(s, conf, e);
        if (g) {
                autostart_group(s, g);
                return FAULT_NONE;
        }
        log_line(s->log, LVL_ERROR, "cannot add group %s: %s", name, e->text);
        return FAULT_FAILED;
}

enum fault order_remove_group(struct supervisor *s, const char *name, const struct caller *by)
{
        char what[96];

        if (s->daemon_state != DAEMON_RUNNING)
                return FAULT_SHUTDOWN_STATE;
        supervisor_settle(s); /* may free a group whose last process has gone */
        struct group *g = registry_group(&s->registry, name);
        if (!g)
                return FAULT_BAD_NAME;
        for (int i = 0; i < g->count; i++)
                if (!process_is_stopped(g->procs[i]))
                        return FAULT_STILL_RUNNING;
        snprintf(what, sizeof what, "remove group %.80s", name);
        audit_order(s, by, NULL, what);
        supervisor_remove_group(s, g);
        return FAULT_NONE;
}

/* A plan that was not carried out outlives the configuration that it was made from. */
static void plan_forget_config(struct plan *p)
{
        for (int i = 0; i < p->count; i++) {
                p->items[i].group = NULL;
                p->items[i].to = NULL;
        }
}

enum fault order_apply(struct supervisor *s, bool plan_only, const struct caller *by,
                       struct plan *out, struct diags *diags)
{
        struct err e = { 0 };

        if (s->daemon_state != DAEMON_RUNNING)
                return FAULT_SHUTDOWN_STATE;
        supervisor_settle(s);
        struct config *next = plan_only ? reload_look(s, diags) : reload_read(s, diags);
        if (!next)
                return FAULT_CANT_REREAD;
        if (!reload_check(s, next, &e) || !plan_make(&s->registry, next, s->host, out, &e) ||
            !plan_settings(out, s->config, &configuration_of(s)->started_with, next, &e)) {
                plan_release(out);
                config_free(next);
                return reread_refuse(s, diags, &e);
        }
        out->generation = configuration_of(s)->generation;
        if (plan_only) {
                plan_forget_config(out);
                config_free(next);
                return FAULT_NONE;
        }
        audit_order(s, by, NULL, "apply");
        if (reload_carry_out(s, next, out, &e))
                return FAULT_NONE;
        plan_forget_config(out);
        return reread_refuse(s, diags, &e);
}

enum fault order_restart_all(struct supervisor *s, const struct caller *by, struct diags *diags)
{
        if (s->daemon_state != DAEMON_RUNNING)
                return FAULT_SHUTDOWN_STATE;
        struct config *next = reload_read(s, diags);
        if (!next)
                return FAULT_CANT_REREAD;
        audit_order(s, by, NULL, "restart of everything");
        config_free(configuration_of(s)->pending);
        configuration_of(s)->pending = next;
        shutdown_for_restart(s, "restart");
        return FAULT_NONE;
}
