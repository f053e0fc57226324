/* The core of the main loop: deadlines, carrying out what the machine asks for, and the facts that
 * components are called for. No rule about states belongs here: those are in model/unit/process.c.
 */
#include "engine/core/supervisor.h"
#include "engine/core/configuration.h"
#include "engine/core/deadlines.h"

#include <stdlib.h>

#include "base/fault_point.h"
#include "base/hash.h"
#include "base/sanitize.h"
#include "engine/core/removal.h"
#include "engine/core/worker.h"
#include "engine/run/log_news.h"
#include "engine/watch/probes.h"

/* ---- deadlines */

/* However many are due at once (a storm of starts): clients and the dead have their turn in
 * between. */
#define TICK_BUDGET_MS 1

void supervisor_tick(struct supervisor *s, struct moment now)
{
        struct process *p;
        int64_t begun_ms = clock_mono_ms();

        while ((p = deadlines_due(s, now.mono_ms)) && clock_mono_ms() - begun_ms < TICK_BUDGET_MS) {
                enum pstate from = p->state;
                unsigned work;
                if (s->daemon_state != DAEMON_RUNNING && from == PS_BACKOFF)
                        work = process_order(p, PE_GIVE_UP, now);
                else if (s->daemon_state != DAEMON_RUNNING && from == PS_RESPAWN)
                        work = process_order(p, PE_STOP, now);
                else
                        work = process_tick(p, now);
                if (p->state == from && !work && deadlines_due(s, now.mono_ms) == p)
                        deadlines_drop(s, p); /* nothing came of it: never spin */
                supervisor_act(s, p, from, work);
        }
        deadlines_rearm(s);
}

/* ---- the pause before the loop waits again */

void supervisor_settle(struct supervisor *s)
{
        ev_prepare_stop(s->loop, &s->settle);
        components_settle(s);
        deadlines_rearm(s);
}

/* Starts come first: a process that is to run again does not wait until it is known what its last
 * run left behind, nor for others that have ended. */
void supervisor_turn(struct supervisor *s)
{
        struct moment now = clock_now();

        if (deadlines_due(s, now.mono_ms))
                supervisor_tick(s, now);
        components_turn(s);
        supervisor_settle(s);
}

static void on_settle(struct ev_loop *loop, ev_prepare *w, int revents)
{
        (void)revents;
        ev_prepare_stop(loop, w);
        supervisor_turn(w->data);
}

/* ---- carrying out */

void supervisor_executed(struct supervisor *s, struct process *p)
{
        enum pstate from = p->state;

        unsigned work = process_spawned(p, p->pid, clock_now());
        components_executed(s, p);
        if (p->state == PS_STARTING || p->state == PS_RUNNING) /* it was not told to stop */
                supervisor_act(s, p, from, work);
}

void supervisor_process_gone(struct supervisor *s, struct process *p)
{
        components_process_gone(s, p);
        deadlines_drop(s, p);
}

static void supervisor_carry_out(struct supervisor *s, struct process *p, enum pstate from,
                                 unsigned work, pid_t pid)
{
        const struct step step = { .from = from, .work = work, .pid = pid };

        deadlines_set(s, p);
        components_step(s, p, &step);
        components_carry_out(s, p, &step);
        if ((work & DO_START) && s->daemon_state == DAEMON_RUNNING)
                supervisor_order(s, p, PE_START);
        if (work & DO_FORGET)
                removal_add(s, p);
        components_step_done(s, p, &step);
}

void supervisor_act(struct supervisor *s, struct process *p, enum pstate from, unsigned work)
{
        supervisor_carry_out(s, p, from, work, p->pid);
}

void supervisor_order(struct supervisor *s, struct process *p, enum pevent order)
{
        enum pstate from = p->state;

        components_order(s, p);
        unsigned work = process_order(p, order, clock_now());

        supervisor_act(s, p, from, work);
}

static void say_health(struct supervisor *s, const struct process *p, enum health_status was,
                       const char *output)
{
        bool ill = p->health.status == HEALTH_UNHEALTHY;
        AUTO_BUF why = BUF_INIT;

        if (ill && *output) {
                buf_puts(&why, ": ");
                first_line_put(&why, output, 200);
        }
        log_line(s->log, ill ? LVL_WARN : LVL_INFO, "health: %s is %s (was %s)%s", p->name,
                 health_word(p->health.status), health_word(was), buf_str(&why));
}

void supervisor_probed(struct supervisor *s, struct process *p, bool ok, const char *output,
                       size_t len)
{
        struct moment now = clock_now();
        int64_t up_ms = now.mono_ms - p->spawned_ms;
        enum pstate from = p->state;
        enum health_status was = p->health.status;

        enum health_news news = health_result(&p->health, p->program, ok, up_ms);
        if (p->health.status != was) {
                struct event e = { .type = EV_HEALTH,
                                   .at = now,
                                   .process = p,
                                   .was = (int)was,
                                   .now = (int)p->health.status,
                                   .failures = p->health.failures,
                                   .data = output,
                                   .len = len };
                say_health(s, p, was, output);
                bus_publish(&s->bus, &e);
        }
        supervisor_act(s, p, from, process_verdict(p, news, now));
}

/* ---- the dead */

void supervisor_drained(struct supervisor *s, struct process *p)
{
        if (p->worker && p->worker->reaped && !components_hold_end(s, p))
                supervisor_over(s, p);
}

void supervisor_over(struct supervisor *s, struct process *p)
{
        struct worker *w = p->worker;
        struct moment now = clock_now();
        pid_t pid = p->pid;

        w->reaped = w->owes_stop = false;
        if (process_promote_first(p, now)) {
                enum pstate before = p->state;
                supervisor_act(s, p, before, process_tick(p, now));
        }
        components_ended(s, p);
        ev_prepare_start(s->loop, &s->settle);
        enum pstate from = p->state;
        unsigned work = w->lost ? process_lost(p, now) : process_died(p, w->status, now);
        if (w->log_error)
                process_explain(p, w->log_error);
        free(w->log_error);
        w->log_error = NULL;
        supervisor_carry_out(s, p, from, work, pid);
}

static void unknown_pid(struct supervisor *s, pid_t pid, int status, const char *name)
{
        AUTO_BUF text = BUF_INIT;
        struct ending e = ending_of(status, NULL, clock_wall_ms());

        buf_printf(&text, "%d", (int)pid);
        if (name)
                buf_printf(&text, " '%s'", name);
        sanitize(&text, 0);
        buf_puts(&text, " (");
        ending_text(&e, &text);
        log_line(s->log, LVL_INFO, "reaped unknown pid %s)", buf_str(&text));
}

void supervisor_ended(struct supervisor *s, struct process *p, int status, bool lost)
{
        struct worker *w = p->worker;

        components_exit(s, p);
        registry_pid_remove(&s->registry, p);
        w->status = status;
        w->lost = lost;
        w->reaped = true;
        components_exited(s, p);
        if (!w->out && !w->err)
                supervisor_drained(s, p);
}

void supervisor_reaped(struct supervisor *s, pid_t pid, int status, const char *name)
{
        struct process *p = registry_by_pid(&s->registry, pid);

        if (!components_reaped(s, pid, status)) {
                if (p)
                        supervisor_ended(s, p, status, false);
                else
                        unknown_pid(s, pid, status, name);
        }
        components_reap_done(s);
}

/* ---- life */

bool supervisor_init(struct supervisor *s, const struct component *const *table,
                     struct ev_loop *loop, struct sys *sys, const struct host *host,
                     struct log *log, struct config *config, struct err *e)
{
        struct logs_news news = log_news;
        struct moment now = clock_now();

        s->loop = loop;
        s->sys = sys;
        s->host = host;
        s->log = log;
        s->daemon_state = DAEMON_RUNNING;
        s->seed = hash_word((uint64_t)now.wall_ms, (uint64_t)now.mono_ms);
        registry_init(&s->registry);
        ev_prepare_init(&s->settle, on_settle);
        s->settle.data = s;
        news.arg = s;
        s->logs = logs_new(loop, sys, log, &news);
        s->reader = reader_new(loop);
        s->config = config;
        if (!components_init(s, table, e))
                return false;
        configuration_take(s, config);
        bool listed = registry_pid_reserve(&s->registry);
        return (s->logs && s->reader && listed) || err_nomem(e);
}

void supervisor_release(struct supervisor *s)
{
        if (s->components)
                supervisor_remove_all(s);
        reader_free(s->reader);
        if (s->logs)
                logs_free(s->logs); /* its ledgers lie in the state directory */
        if (s->components)
                components_release(s);
        registry_release(&s->registry);
        config_free(s->config);
}

void supervisor_begin(struct supervisor *s)
{
        struct event ev = { .type = EV_SUPERVISOR_STATE_CHANGE_RUNNING,
                            .at = clock_now(),
                            .name = "started" };

        bus_publish(&s->bus, &ev);
        components_begin(s);
}
