/* The orderly end: groups by priority, one after another, within shutdown_timeout, and then what
 * is left of their descendants. */
#include "engine/order/shutdown.h"
#include "engine/run/reaper.h"

#include <limits.h>
#include <stdlib.h>

#include "base/reserve.h"
#include "engine/core/startup.h"
#include "engine/core/worker.h"
#include "engine/order/lookup.h"
#include "engine/order/operations.h"
#include "engine/order/searches.h"
#include "engine/run/descendants.h"
#include "engine/run/launcher.h"

#define NAG_S        3.   /* compat section 10 */
#define SWEEP_S      0.02 /* between two looks at what is left */
#define SWEEP_ROUNDS 100
#define REST_MS      10000 /* as stopwaitsecs is by default */

struct shutdown {
        struct supervisor *sup;
        struct operation *stops; /* NULL: all have stopped */
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

static enum fault stop_one(struct supervisor *s, struct process *p, const struct caller *by,
                           struct err *detail)
{
        (void)by, (void)detail;
        if (p->remains && process_is_stopped(p))
                supervisor_order(s, p, PE_STOP);
        else if (p->state == PS_BACKOFF)
                supervisor_order(s, p, p->remains ? PE_STOP : PE_GIVE_UP);
        else if (!process_is_stopped(p) || p->state == PS_RESPAWN)
                supervisor_order(s, p, PE_STOP);
        return FAULT_NONE;
}

static int shutdown_priority(const struct process *p)
{
        return p->group->conf->priority;
}

/* Groups of one priority after those of another. */
static const struct operation_kind shutdown_stops = { .give = stop_one,
                                                      .until = WAIT_FOR_STOPPED,
                                                      .first_count = INT_MAX,
                                                      .rank = shutdown_priority };

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

static void shutdown_finish(void *arg)
{
        struct shutdown *d = arg;

        d->stops = NULL;
        ev_timer_stop(d->sup->loop, &d->nag);
        ev_timer_start(d->sup->loop, &d->sweep);
}

static void say_who(const struct shutdown *d)
{
        AUTO_BUF names = BUF_INIT;

        for (int i = d->stops ? operation_count(d->stops) : 0; i-- > 0;) {
                const struct process *p = operation_target(d->stops, i);
                if (!is_through(p))
                        buf_printf(&names, "%s%s", names.len ? ", " : "", p->name);
        }
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

static void shutdown_kill(struct supervisor *s, struct process *p)
{
        struct err e;

        stop_one(s, p, NULL, &e);
        if (is_through(p))
                return;
        if (p->pid <= 0 || (p->worker && p->worker->reaped))
                descendants_signal(s, p, true);
        else if (!launcher_signal(s, p, true, &e))
                log_line(s->log, LVL_CRITICAL, "%s", e.text);
}

void shutdown_hurry(struct supervisor *s)
{
        struct shutdown *d = shutdown_own(s);

        if (!d || d->hurried)
                return;
        d->hurried = true;
        if (d->stops)
                operation_hurry(d->stops);
        for (int i = 0; d->stops && i < operation_count(d->stops); i++)
                if (operation_target(d->stops, i))
                        shutdown_kill(s, operation_target(d->stops, i));
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
        int count;

        if (!d)
                return NULL;
        d->sup = s;
        struct process **list = registry_start_order(&s->registry, &count);
        if (count >= 0) {
                shutdown_reverse(list, count);
                d->stops = operation_new(s, &shutdown_stops, list, count);
        }
        free(list);
        if (!d->stops) {
                free(d);
                return NULL;
        }
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
        const struct operation_observer observer = { .over = shutdown_finish, .arg = d };
        d->stops = operation_run(d->stops, NULL, &observer);
        say_who(d);
        if (!d->stops)
                shutdown_finish(d);
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

const struct component component_shutdown = { .name = "shutdown", .release = shutdown_release };
