/* The orderly end: groups by priority, one after another, within shutdown_timeout, and then what
 * is left of their descendants. */
#include "engine/order/shutdown.h"
#include "engine/run/reaper.h"

#include <stdlib.h>

#include "base/reserve.h"
#include "engine/core/startup.h"
#include "engine/core/worker.h"
#include "engine/order/lookup.h"
#include "engine/order/searches.h"
#include "engine/run/descendants.h"
#include "engine/run/launcher.h"

#define NAG_S        3.   /* compat section 10 */
#define SWEEP_S      0.02 /* between two looks at what is left */
#define SWEEP_ROUNDS 100
#define REST_MS      10000 /* as stopwaitsecs is by default */

struct shutdown {
        struct supervisor *sup;
        struct process **list; /* owned; last to stop first. NULL: freed meanwhile */
        int count;
        int from, to;  /* the present wave */
        bool stepping; /* a stop that is done at once must not start the walk again */
        bool hurried;
        ev_timer nag, limit, sweep;
        int sweeps;
        int64_t rest_until_ms; /* what is left over has time until then; 0: not yet asked */
};

static struct shutdown *shutdown_own(const struct supervisor *s)
{
        return component_own(s, COMPONENT_shutdown);
}

static bool is_through(const struct process *p)
{
        return !p || process_is_stopped(p);
}

static void stop_one(struct supervisor *s, struct process *p)
{
        if (p->remains && process_is_stopped(p))
                supervisor_order(s, p, PE_STOP);
        else if (p->state == PS_BACKOFF)
                supervisor_order(s, p, p->remains ? PE_STOP : PE_GIVE_UP);
        else if (!process_is_stopped(p) || p->state == PS_RESPAWN)
                supervisor_order(s, p, PE_STOP);
}

static int shutdown_priority(const struct process *p)
{
        return p->group->conf->priority;
}

/* The next groups of equal priority. Slots of freed processes belong to whatever wave they stand
 * in. */
static void next_wave(struct shutdown *d)
{
        const struct process *first = NULL;

        d->from = d->to;
        for (; d->to < d->count; d->to++) {
                struct process *p = d->list[d->to];
                if (!p)
                        continue;
                if (!first)
                        first = p;
                if (shutdown_priority(p) != shutdown_priority(first))
                        break;
        }
        for (int i = d->from; i < d->to; i++)
                if (d->list[i])
                        stop_one(d->sup, d->list[i]);
}

/* Nothing starts any more, so what is through stays so: the walk never goes back. */
static bool wave_is_through(struct shutdown *d)
{
        while (d->from < d->to && is_through(d->list[d->from]))
                d->from++;
        return d->from == d->to;
}

/* What belongs to no process any more, or never did, is asked to end, too. */
static bool rest_has_time(struct shutdown *d)
{
        int64_t now_ms = clock_mono_ms();

        if (d->hurried || (d->rest_until_ms && now_ms >= d->rest_until_ms))
                return false;
        if (descendants_tell_rest(d->sup) == 0)
                return false;
        if (d->rest_until_ms == 0)
                d->rest_until_ms = now_ms + REST_MS;
        return true;
}

static void shutdown_release(struct supervisor *s)
{
        struct shutdown *d = shutdown_own(s);

        if (!d)
                return;
        ev_timer_stop(s->loop, &d->nag);
        ev_timer_stop(s->loop, &d->limit);
        ev_timer_stop(s->loop, &d->sweep);
        free(d->list);
        free(d);
        component_set(s, COMPONENT_shutdown, NULL);
}

static void on_sweep(struct ev_loop *loop, ev_timer *w, int revents)
{
        struct shutdown *d = w->data;
        struct supervisor *s = d->sup;

        (void)revents;
        reaper_drain(s);
        if (rest_has_time(d))
                return;
        if (descendants_everything(s) > 0 && ++d->sweeps < SWEEP_ROUNDS)
                return;
        if (d->sweeps == SWEEP_ROUNDS)
                log_line(s->log, LVL_ERROR, "some descendants could not be killed; leaving them");
        ev_timer_stop(loop, w);
        supervisor_settle(s);
        shutdown_release(s);
        startup_of(s)->on_end(s);
}

static void shutdown_finish(struct shutdown *d)
{
        ev_timer_stop(d->sup->loop, &d->nag);
        if (!ev_is_active(&d->sweep))
                ev_timer_start(d->sup->loop, &d->sweep);
}

/* A transition happened: on to the next wave when this one is through. */
static void shutdown_step(struct supervisor *s)
{
        struct shutdown *d = shutdown_own(s);

        if (!d || d->stepping)
                return;
        d->stepping = true;
        while (wave_is_through(d) && d->to < d->count)
                next_wave(d);
        d->stepping = false;
        if (wave_is_through(d) && d->to >= d->count)
                shutdown_finish(d);
}

static void say_who(const struct shutdown *d)
{
        AUTO_BUF names = BUF_INIT;

        for (int i = d->count; i-- > 0;)
                if (!is_through(d->list[i]))
                        buf_printf(&names, "%s%s", names.len ? ", " : "", d->list[i]->name);
        if (names.len)
                log_line(d->sup->log, LVL_INFO, "waiting for %s to die", buf_str(&names));
}

static void shutdown_on_nag(struct ev_loop *loop, ev_timer *w, int revents)
{
        (void)loop, (void)revents;
        say_who(w->data);
}

static void shutdown_on_limit(struct ev_loop *loop, ev_timer *w, int revents)
{
        struct shutdown *d = w->data;

        (void)loop, (void)revents;
        log_line(d->sup->log, LVL_WARN, "shutdown_timeout has passed: killing what is left");
        shutdown_hurry(d->sup);
}

void shutdown_hurry(struct supervisor *s)
{
        struct shutdown *d = shutdown_own(s);
        struct err e;

        if (!d || d->hurried)
                return;
        d->hurried = true;
        d->stepping = true;
        for (int i = 0; i < d->count; i++) {
                struct process *p = d->list[i];
                if (!p)
                        continue;
                stop_one(s, p);
                if (is_through(p))
                        continue;
                if (p->pid <= 0 || (p->worker && p->worker->reaped))
                        descendants_signal(s, p, true);
                else if (!launcher_signal(s, p, true, &e))
                        log_line(s->log, LVL_CRITICAL, "%s", e.text);
        }
        d->to = d->count;
        d->from = 0;
        d->stepping = false;
        shutdown_step(s);
}

static void shutdown_reverse(struct process **list, int count)
{
        for (int i = 0; i < count / 2; i++) {
                struct process *p = list[i];
                list[i] = list[count - 1 - i];
                list[count - 1 - i] = p;
        }
}

static struct shutdown *shutdown_make(struct supervisor *s)
{
        struct shutdown *d = calloc(1, sizeof *d);

        if (!d)
                return NULL;
        d->sup = s;
        d->list = registry_start_order(&s->registry, &d->count);
        if (d->count < 0) {
                free(d);
                return NULL;
        }
        shutdown_reverse(d->list, d->count);
        ev_timer_init(&d->nag, shutdown_on_nag, NAG_S, NAG_S);
        ev_timer_init(&d->limit, shutdown_on_limit, 0., 0.);
        ev_timer_init(&d->sweep, on_sweep, 0., SWEEP_S);
        d->nag.data = d->limit.data = d->sweep.data = d;
        return d;
}

static void shutdown_begin(struct supervisor *s)
{
        int64_t limit_ms = s->config->settings.shutdown_timeout_ms;
        struct shutdown *d = shutdown_make(s);

        while (!d && reserve_spend())
                d = shutdown_make(s);
        if (!d) { /* nothing can be ordered: end at once, the sweep kills what is there */
                log_line(s->log, LVL_CRITICAL, "out of memory: ending without an orderly stop");
                for (int i = 0; i < SWEEP_ROUNDS && descendants_everything(s) > 0; i++)
                        continue;
                startup_of(s)->on_end(s);
                return;
        }
        component_set(s, COMPONENT_shutdown, d);
        ev_timer_start(s->loop, &d->nag);
        if (limit_ms > 0) {
                ev_now_update(s->loop);
                ev_timer_set(&d->limit, (double)limit_ms / 1000, 0.);
                ev_timer_start(s->loop, &d->limit);
        }
        descendants_begin_end(s);
        d->stepping = true;
        next_wave(d);
        d->stepping = false;
        say_who(d);
        shutdown_step(s);
}

static void shutdown_announce(struct supervisor *s, enum daemon_state daemon_state, const char *why)
{
        struct event e = { .type = EV_SUPERVISOR_STATE_CHANGE_STOPPING,
                           .at = clock_now(),
                           .name = why };

        s->daemon_state = daemon_state;
        bus_publish(&s->bus, &e);
        lookup_hurry(s);
        searches_finish(s);
}

void shutdown_request(struct supervisor *s, const char *why)
{
        if (s->daemon_state == DAEMON_SHUTDOWN)
                return;
        if (s->daemon_state == DAEMON_RESTARTING) {
                s->daemon_state = DAEMON_SHUTDOWN;
                return;
        }
        shutdown_announce(s, DAEMON_SHUTDOWN, why);
        shutdown_begin(s);
}

void shutdown_for_restart(struct supervisor *s, const char *why)
{
        if (s->daemon_state != DAEMON_RUNNING)
                return;
        shutdown_announce(s, DAEMON_RESTARTING, why);
        shutdown_begin(s);
}

static void shutdown_on_process_gone(struct supervisor *s, struct process *p)
{
        struct shutdown *d = shutdown_own(s);

        for (int i = 0; d && i < d->count; i++)
                if (d->list[i] == p)
                        d->list[i] = NULL;
}

static void shutdown_on_step_done(struct supervisor *s, struct process *p, const struct step *step)
{
        if (step_is_transition(p, step))
                shutdown_step(s);
}

const struct component component_shutdown = { .name = "shutdown",
                                              .release = shutdown_release,
                                              .on_step_done = shutdown_on_step_done,
                                              .on_process_gone = shutdown_on_process_gone };
