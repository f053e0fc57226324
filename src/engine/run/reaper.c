/* After SIGCHLD: reaps the child that the signal names, then others that hung up, and all others
 * with a bound of time per turn. */
#include "engine/run/reaper.h"

#include "engine/core/worker.h"
#include "engine/run/hangups.h"
#include "sys/process/procfs.h"

#define TOGETHER_MS 1 /* signals that close are of a burst: look for everybody */
/* How long the walk may wait. With this for each worker it stays below one per cent of a core, ...
 */
#define MOMENT_S    0.02
#define MOMENT_EACH 1e-5
/* ... and with this below a fifth of that, where hang-ups have told of everybody for a while. */
#define LATE_S     0.25
#define LATE_EACH  5e-5
#define UNHEARD_MS 60000
#define BUDGET_MS  1 /* of one look: clients do not wait for all of a burst */
#define HEARD_MAX  8 /* so many are worked off before the clock is asked */

static struct reaper *reaper_own(const struct supervisor *s)
{
        return component_own(s, COMPONENT_reaper);
}

static void reaper_look_soon(struct supervisor *s)
{
        reaper_own(s)->look = true;
        ev_prepare_start(s->loop, &s->settle);
}

static void on_late(struct ev_loop *loop, ev_timer *w, int revents)
{
        (void)loop, (void)revents;
        reaper_look_soon(w->data);
}

/* Unless it is due sooner anyway. */
static void reaper_look_in(struct supervisor *s, double seconds)
{
        if (ev_is_active(&reaper_own(s)->late) &&
            ev_timer_remaining(s->loop, &reaper_own(s)->late) <= seconds)
                return;
        ev_timer_stop(s->loop, &reaper_own(s)->late);
        ev_now_update(s->loop);
        ev_timer_set(&reaper_own(s)->late, seconds, 0.);
        ev_timer_start(s->loop, &reaper_own(s)->late);
}

static void look_shortly(struct supervisor *s)
{
        reaper_look_in(s, MOMENT_S + s->registry.process_count * MOMENT_EACH);
}

static bool reaper_init(struct supervisor *s, struct err *e)
{
        struct reaper *r = reaper_own(s);

        (void)e;
        ev_timer_init(&r->late, on_late, 0., 0.);
        r->late.data = s;
        r->unheard_ms = clock_mono_ms() - UNHEARD_MS;
        return true;
}

static void reaper_release(struct supervisor *s)
{
        ev_timer_stop(s->loop, &reaper_own(s)->late);
}

static bool was_heard(const struct supervisor *s, pid_t pid)
{
        const struct process *p = registry_by_pid(&s->registry, pid);

        return p && p->worker && p->worker->heard;
}

bool reaper_is_stranger(const struct supervisor *s, pid_t pid)
{
        return !registry_by_pid(&s->registry, pid) && !components_own(s, pid);
}

static void reaper_ended(struct supervisor *s, pid_t pid, int status, const char *name)
{
        if (!was_heard(s, pid))
                reaper_own(s)->unheard_ms = clock_mono_ms();
        supervisor_reaped(s, pid, status, name);
}

/* The walk. */
static void reaper_look_since(struct supervisor *s, int64_t begun_ms)
{
        int status;
        pid_t pid;

        reaper_own(s)->look = false;
        ev_timer_stop(s->loop, &reaper_own(s)->late);
        while ((pid = s->sys->reap(s->sys, &status)) > 0) {
                reaper_ended(s, pid, status, NULL);
                if (clock_mono_ms() - begun_ms < BUDGET_MS)
                        continue;
                reaper_look_in(s, 0.);
                return;
        }
}

/* Who has hung up and lives may be about to end, and will not be told of again. */
static void one_hung_up(struct supervisor *s, pid_t pid)
{
        int status;

        if (!registry_by_pid(&s->registry, pid))
                return;
        if (s->sys->reap_one(s->sys, pid, &status) == pid)
                supervisor_reaped(s, pid, status, NULL);
        else
                look_shortly(s);
}

static void listen_to_all(struct supervisor *s, int64_t begun_ms)
{
        pid_t pids[HEARD_MAX];
        int count;

        reaper_own(s)->listen = false;
        while ((count = hangups_next(s, pids, HEARD_MAX)) > 0) {
                for (int i = 0; i < count; i++)
                        one_hung_up(s, pids[i]);
                if (clock_mono_ms() - begun_ms < BUDGET_MS)
                        continue;
                reaper_look_in(s, 0.);
                return;
        }
}

void reaper_drain(struct supervisor *s)
{
        struct reaper *r = reaper_own(s);
        int status;
        pid_t pid;

        ev_timer_stop(s->loop, &r->late);
        r->look = r->listen = false;
        while ((pid = s->sys->reap(s->sys, &status)) > 0)
                supervisor_reaped(s, pid, status, NULL);
}

/* Others that have ended, where a signal came; the walk, where one is due. Of very many a part, and
 * the rest after others had their turn. */
static void reaper_on_turn(struct supervisor *s)
{
        int64_t begun_ms = clock_mono_ms();

        if (reaper_own(s)->listen && !reaper_own(s)->look)
                listen_to_all(s, begun_ms);
        if (reaper_own(s)->look)
                reaper_look_since(s, begun_ms);
}

/* In a large fleet. Probes, hooks and orphans have no stdin that would tell of them, and come in
 * numbers where there are any. */
static void look_for_others(struct supervisor *s, int64_t pause_ms)
{
        bool unheard = clock_mono_ms() - reaper_own(s)->unheard_ms < UNHEARD_MS;

        if (unheard && pause_ms <= TOGETHER_MS) {
                reaper_look_soon(s);
                return;
        }
        reaper_own(s)->listen = true;
        ev_prepare_start(s->loop, &s->settle);
        if (unheard)
                look_shortly(s);
        else
                reaper_look_in(s, LATE_S + s->registry.process_count * LATE_EACH);
}

void reaper_signal(struct supervisor *s, pid_t who, int64_t now_ms)
{
        int64_t pause_ms = now_ms - reaper_own(s)->child_ms;
        struct proc_entry entry;
        int status;

        reaper_own(s)->child_ms = now_ms;
        bool is_named =
            who > 0 && reaper_is_stranger(s, who) && s->sys->process->entry(s->sys, who, &entry);
        if (who > 0 && s->sys->reap_one(s->sys, who, &status) == who)
                reaper_ended(s, who, status, is_named ? entry.name : NULL);
        else
                who = 0;
        if (who == 0 || s->daemon_state != DAEMON_RUNNING ||
            s->registry.process_count <= CHILDREN_SMALL_FLEET)
                reaper_look_soon(s);
        else
                look_for_others(s, pause_ms);
}

const struct component component_reaper = { .name = "reaper",
                                            .size = sizeof(struct reaper),
                                            .init = reaper_init,
                                            .release = reaper_release,
                                            .on_turn = reaper_on_turn };
