/* After SIGCHLD: reaps the child that the signal names at once, and all others that have ended in
 * the loop's next pause, with a bound of time per turn. */
#include "engine/run/reaper.h"

#include "engine/core/worker.h"
#include "sys/process/procfs.h"

#define BUDGET_MS 1 /* of one look: clients do not wait for all of a burst */

static struct reaper *reaper_own(const struct supervisor *s)
{
        return component_own(s, COMPONENT_reaper);
}

static void reaper_look_soon(struct supervisor *s)
{
        reaper_own(s)->look = true;
        ev_prepare_start(s->loop, &s->settle);
}

static void reaper_on_rest(struct ev_loop *loop, ev_timer *w, int revents)
{
        (void)loop, (void)revents;
        reaper_look_soon(w->data);
}

static bool reaper_init(struct supervisor *s, struct err *e)
{
        struct reaper *r = reaper_own(s);

        (void)e;
        ev_timer_init(&r->rest, reaper_on_rest, 0., 0.);
        r->rest.data = s;
        return true;
}

static void reaper_release(struct supervisor *s)
{
        ev_timer_stop(s->loop, &reaper_own(s)->rest);
}

bool reaper_is_stranger(const struct supervisor *s, pid_t pid)
{
        return !registry_by_pid(&s->registry, pid) && !components_own(s, pid);
}

/* Of very many a part, and the rest after other callbacks had their turn. */
static void reaper_on_turn(struct supervisor *s)
{
        struct reaper *r = reaper_own(s);
        int64_t begun_ms = r->look ? clock_mono_ms() : 0;
        int status;
        pid_t pid;

        if (!r->look)
                return;
        r->look = false;
        while ((pid = s->sys->reap(s->sys, &status)) > 0) {
                supervisor_reaped(s, pid, status, NULL);
                if (clock_mono_ms() - begun_ms < BUDGET_MS)
                        continue;
                ev_timer_start(s->loop, &r->rest);
                return;
        }
}

void reaper_drain(struct supervisor *s)
{
        int status;
        pid_t pid;

        ev_timer_stop(s->loop, &reaper_own(s)->rest);
        reaper_own(s)->look = false;
        while ((pid = s->sys->reap(s->sys, &status)) > 0)
                supervisor_reaped(s, pid, status, NULL);
}

void reaper_signal(struct supervisor *s, pid_t who)
{
        struct proc_entry entry;
        int status;

        bool is_named =
            who > 0 && reaper_is_stranger(s, who) && s->sys->process->entry(s->sys, who, &entry);
        if (who > 0 && s->sys->reap_one(s->sys, who, &status) == who)
                supervisor_reaped(s, who, status, is_named ? entry.name : NULL);
        reaper_look_soon(s);
}

const struct component component_reaper = { .name = "reaper",
                                            .size = sizeof(struct reaper),
                                            .init = reaper_init,
                                            .release = reaper_release,
                                            .on_turn = reaper_on_turn };
