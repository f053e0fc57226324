/* Reads a new configuration beside the running one, and carries out its plan process by process.
 * Until the last check has passed nothing that runs is touched. */
#include "engine/order/reload.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault_point.h"
#include "engine/core/audit.h"
#include "engine/core/configuration.h"
#include "engine/core/startup.h"
#include "engine/core/worker.h"
#include "engine/events/listeners.h"
#include "engine/order/conditions.h"
#include "engine/order/lookup.h"
#include "engine/order/orders.h"
#include "engine/order/scale.h"
#include "engine/order/shutdown.h"
#include "engine/persist/state.h"
#include "engine/run/streams.h"
#include "engine/sockets/fcgi.h"
#include "engine/watch/probes.h"

void reload_refused(struct supervisor *s, const struct diags *diags)
{
        struct event e = { .type = EV_CONFIG_REFUSED, .at = clock_now(), .diags = diags };

        for (size_t i = 0; i < diags->count; i++) {
                const struct diag *d = &diags->items[i];
                if (d->severity != DIAG_ERROR || !d->message)
                        continue;
                if (d->file && d->line)
                        log_line(s->log, LVL_ERROR, "configuration refused: %s:%d: %s", d->file,
                                 d->line, d->message);
                else if (d->file) /* the file as a whole: what is below has the reason */
                        log_line(s->log, LVL_ERROR, "configuration refused: %s: %s%s%s", d->file,
                                 d->message, d->hint ? ": " : "", d->hint ? d->hint : "");
                else
                        log_line(s->log, LVL_ERROR, "configuration refused: %s", d->message);
        }
        bus_publish(&s->bus, &e);
}

/* At the daemon's start its log has them, too. */
static void say_warnings(struct supervisor *s, const struct diags *diags)
{
        for (size_t i = 0; i < diags->count; i++) {
                const struct diag *d = &diags->items[i];
                if (d->severity != DIAG_WARNING || !d->message)
                        continue;
                AUTO_BUF text = BUF_INIT;
                diag_line(d, &text);
                log_line(s->log, LVL_WARN, "%s", buf_str(&text));
        }
}

static struct config *reload_load(const struct supervisor *s, struct diags *diags)
{
        return config_load(s->config->path, WANT_RELOAD, startup_of(s)->overrides,
                           startup_of(s)->override_count, s->host, diags);
}

static struct config *reload_said(struct supervisor *s, struct config *next, struct diags *diags)
{
        if (next && !config_keeps_files(next, s->config, s->host, diags)) {
                config_free(next);
                next = NULL;
        }
        say_warnings(s, diags);
        if (!next)
                reload_refused(s, diags);
        return next;
}

struct config *reload_read(struct supervisor *s, struct diags *diags)
{
        struct config *next = NULL;

        if (!reading_take(s, &next, diags))
                next = reload_load(s, diags);
        return reload_said(s, next, diags);
}

struct config *reload_look(struct supervisor *s, struct diags *diags)
{
        int before = startup_of(s)->names ? lookups_assume(startup_of(s)->names) : 0;
        struct config *next = reload_load(s, diags);

        if (startup_of(s)->names)
                lookups_resume(startup_of(s)->names, before);
        return reload_said(s, next, diags);
}

/* ---- one process */

static bool names_key(const struct change_item *item, const char *key)
{
        for (size_t i = 0; i < item->keys.count; i++)
                if (strcmp(item->keys.items[i], key) == 0)
                        return true;
        return false;
}

static void take_program(struct process *p, struct program *to)
{
        program_unref(p->next_program);
        p->next_program = NULL;
        program_ref(to);
        program_unref(p->program);
        p->program = to;
}

/* Another question makes the health that was found before worthless; another time or number does
 * not: it counts from the next result on. */
static void renew_check(struct supervisor *s, struct process *p, const struct change_item *item)
{
        if (p->state != PS_STARTING && p->state != PS_RUNNING)
                return;
        if (!names_key(item, "healthcheck")) {
                probe_follow(p->worker);
                return;
        }
        if (p->worker)
                probe_end(p->worker);
        health_begin(&p->health, p->program);
        if (p->state == PS_STARTING && p->program->ready == READY_HEALTHCHECK)
                health_await(&p->health);
        if (p->program->healthcheck.kind != CHECK_NONE && !probe_begin(s, p))
                log_line(s->log, LVL_ERROR, "out of memory: '%s' is not health-checked", p->name);
}

static void apply_live(struct supervisor *s, struct process *p, const struct change_item *item)
{
        struct err e = { 0 };

        take_program(p, item->to);
        if (!streams_update(s, p, &e))
                log_line(s->log, LVL_ERROR, "logs of '%s': %s", p->name, e.text);
        renew_check(s, p, item);
}

/* What runs keeps its old settings to its end; the next start takes the new ones. */
static void apply_restart(struct supervisor *s, struct process *p, const struct change_item *item)
{
        if (p->pid > 0) {
                program_unref(p->next_program);
                p->next_program = program_ref(item->to);
                supervisor_order(s, p, PE_RESTART);
                return;
        }
        apply_live(s, p, item);
        supervisor_order(s, p, PE_RESTART);
}

/* Nothing differs; but the host of its check may have other addresses by now. */
static void reload_keep_process(struct process *p, struct program *to)
{
        take_program(p, to);
        probe_follow(p->worker);
}

static struct fleet *find_fleet(struct group *g, const struct program *to)
{
        for (int i = 0; g && i < g->fleet_count; i++)
                if (g->fleets[i].program == to)
                        return &g->fleets[i];
        return NULL;
}

static void apply_start(struct supervisor *s, const struct change_item *item)
{
        struct err e = { 0 };
        struct group *g = registry_group(&s->registry, item->group->name);

        if (!g)
                g = supervisor_add_group(s, item->group, &e);
        struct fleet *f = find_fleet(g, item->to);
        bool start = item->action == PLAN_START;
        bool is_there = f && fleet_process(f, item->number);
        if (!f || !scale_grow(s, f, item->number, start && is_there, &e)) {
                log_line(s->log, LVL_ERROR, "cannot add '%s': %s", item->name, e.text);
                return;
        }
        struct process *p = fleet_process(f, item->number);
        if (start && p && p->state == PS_STOPPED)
                conditions_start(s, p);
}

/* ---- groups and fleets */

static bool is_listener(const struct group_conf *c)
{
        return c->kind == KIND_LISTENER;
}

bool reload_check(const struct supervisor *s, const struct config *next, struct err *e)
{
        for (int i = 0; i < s->registry.group_count; i++) {
                const struct group *g = s->registry.groups[i];
                const struct group_conf *to = config_group(next, g->name);
                if (to && is_listener(to) != is_listener(g->conf))
                        return err_set(e, ERR_CONFIG,
                                       "group %s changes from %s to %s: remove it first "
                                       "(supervisorctl update %s does both)",
                                       g->name, is_listener(g->conf) ? "listeners" : "programs",
                                       is_listener(to) ? "listeners" : "programs", g->name);
        }
        return true;
}

/* How many each fleet had, to publish which ones the new configuration makes larger or smaller. */
struct before {
        char *program; /* owned */
        int replicas;
};

static struct before *counts_before(const struct group *g)
{
        struct before *list = calloc((size_t)g->fleet_count + 1, sizeof *list);

        for (int i = 0; list && i < g->fleet_count; i++)
                list[i] =
                    (struct before){ strdup(g->fleets[i].program->name), g->fleets[i].replicas };
        return list;
}

static void announce_counts(struct supervisor *s, const struct group *g, struct before *list)
{
        for (struct before *b = list; b && b->program; b++) {
                const struct fleet *f = group_fleet(g, b->program);
                if (f && f->replicas != b->replicas)
                        scale_announce(s, f, b->replicas, "config");
                free(b->program);
        }
        free(list);
}

static void update_group(struct supervisor *s, struct group *g, struct group_conf *to)
{
        struct err e = { 0 };
        struct before *before = counts_before(g);

        if (!group_follow(g, to, s->host, &e)) {
                log_line(s->log, LVL_ERROR, "group %s keeps its settings: %s", g->name, e.text);
        } else {
                for (int i = 0; i < g->fleet_count; i++)
                        state_note_fleet(s, &g->fleets[i]);
                if (!fcgi_open(s, g, &e))
                        log_line(s->log, LVL_ERROR, "group %s: %s", g->name, e.text);
                if (is_listener(to) && !listeners_add_group(s, g))
                        log_line(s->log, LVL_ERROR, "group %s: out of memory for its events",
                                 g->name);
        }
        announce_counts(s, g, before);
}

static void update_groups(struct supervisor *s, const struct config *next)
{
        for (int i = 0; i < s->registry.group_count; i++) {
                struct group *g = s->registry.groups[i];
                struct group_conf *to = config_group(next, g->name);
                g->leaving = to == NULL;
                if (to)
                        update_group(s, g, to);
        }
}

/* Groups that have nothing left to wait for. */
static void remove_empty(struct supervisor *s)
{
        supervisor_settle(s);
        for (int i = s->registry.group_count; i-- > 0;)
                if (s->registry.groups[i]->leaving && s->registry.groups[i]->count == 0)
                        supervisor_remove_group(s, s->registry.groups[i]);
}

static void apply_items(struct supervisor *s, struct plan *plan)
{
        for (int i = 0; i < plan->count; i++) /* those that go, go first: a port may be wanted */
                if (plan->items[i].action == PLAN_STOP) {
                        supervisor_order(s, plan->items[i].process, PE_RETIRE);
                        conditions_until_gone(s, plan->items[i].process);
                }
        for (int i = 0; i < plan->count; i++) {
                struct change_item *item = &plan->items[i];
                fault_point("reload.item");
                if (item->process && item->action == PLAN_RESTART)
                        apply_restart(s, item->process, item);
                else if (item->process && item->action == PLAN_LIVE)
                        apply_live(s, item->process, item);
                else if (item->process && item->action == PLAN_KEEP)
                        reload_keep_process(item->process, item->to);
                else if (!item->process && item->to)
                        apply_start(s, item);
        }
}

static void add_empty_groups(struct supervisor *s, const struct config *next)
{
        struct err e = { 0 };

        for (int i = 0; i < next->group_count; i++)
                if (!registry_group(&s->registry, next->groups[i]->name) &&
                    !supervisor_add_group(s, next->groups[i], &e))
                        log_line(s->log, LVL_ERROR, "cannot add group %s: %s",
                                 next->groups[i]->name, e.text);
}

bool reload_carry_out(struct supervisor *s, struct config *next, struct plan *plan, struct err *e)
{
        if (!fcgi_bind(s, next, e) ||
            (startup_of(s)->rebind && !startup_of(s)->rebind(startup_of(s)->rebind_arg, next, e))) {
                fcgi_bound_release(s);
                config_free(next);
                return false;
        }
        configuration_of(s)->generation++;
        plan->generation = configuration_of(s)->generation;
        plan->applied = true;
        configuration_take(s, next);
        update_groups(s, next);
        fault_point("reload.groups");
        apply_items(s, plan);
        fault_point("reload.applied");
        add_empty_groups(s, next);
        fcgi_bound_release(s);
        struct event ev = { .type = EV_CONFIG_APPLIED, .at = clock_now(), .plan = plan };
        bus_publish(&s->bus, &ev);
        log_line(s->log, LVL_INFO, "configuration applied: generation %d",
                 configuration_of(s)->generation);
        for (int i = 0; i < plan->count; i++) /* what goes may be freed from here on */
                if (plan->items[i].action == PLAN_STOP)
                        plan->items[i].process = NULL;
        remove_empty(s);
        return true;
}

/* A group that cannot be made (its FastCGI socket is taken, say) is no reason to end the others. */
static void add_what_can_be(struct supervisor *s)
{
        struct err e = { 0 };

        for (int i = 0; i < s->config->group_count; i++)
                if (!supervisor_add_group(s, s->config->groups[i], &e))
                        log_line(
                            s->log, LVL_CRITICAL,
                            "going on without group %s: %s; when that is mended, supervisorctl "
                            "apply adds it",
                            s->config->groups[i]->name, e.text);
}

void reload_begin_anew(struct supervisor *s)
{
        struct err e = { 0 };
        struct config *next = configuration_of(s)->pending;

        configuration_of(s)->pending = NULL;
        supervisor_remove_all(s);
        /* Everything is stopped already: a port that is taken is no reason to stay so. */
        if (startup_of(s)->rebind && !startup_of(s)->rebind(startup_of(s)->rebind_arg, next, &e))
                log_line(s->log, LVL_CRITICAL, "the servers and the log stay as they are: %s",
                         e.text);
        configuration_take(s, next);
        if (next->settings
                .pidfile) /* it moves with this; without memory a plan goes on saying it */
                (void)strlist_setenv(&configuration_of(s)->started_with, "pidfile",
                                     next->settings.pidfile);
        if (!next->settings.nocleanup)
                logs_clean(s->logs, next->settings.childlogdir, next->settings.identifier,
                           streams_claims(s));
        s->daemon_state = DAEMON_RUNNING;
        configuration_of(s)->generation++;
        startup_of(s)->started = clock_now();
        add_what_can_be(s);
        log_line(s->log, LVL_INFO, "supervisord started with pid %d", (int)getpid());
        supervisor_begin(s);
}
