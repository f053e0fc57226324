#include "engine/children.h"

#include "engine/fatal.h"
#include "engine/probes.h"
#include "engine/upgrade.h"
#include "sys/procfs.h"

#define SMALL_FLEET 256 /* their walk is a few microseconds */
#define TOGETHER_MS 1   /* signals that close are of a burst: look for everybody */
/* How long the walk may wait. With this for each worker it stays below one per cent of a core. */
#define MOMENT_S    0.02
#define MOMENT_EACH 1e-5
#define BUDGET_MS   1 /* of one look: clients do not wait for all of a burst */

static void look_soon(struct supervisor *s)
{
        s->look = true;
        ev_prepare_start(s->loop, &s->settle);
}

static void on_late(struct ev_loop *loop, ev_timer *w, int revents)
{
        (void)loop, (void)revents;
        look_soon(w->data);
}

static void look_in(struct supervisor *s, double seconds)
{
        if (ev_is_active(&s->late_reap))
                return;
        ev_init(&s->late_reap, on_late);
        s->late_reap.data = s;
        ev_now_update(s->loop);
        ev_timer_set(&s->late_reap, seconds, 0.);
        ev_timer_start(s->loop, &s->late_reap);
}

bool children_is_stranger(const struct supervisor *s, pid_t pid)
{
        return !registry_by_pid(&s->registry, pid) && !probe_owns(s, pid) && !fatal_owns(s, pid) &&
               !upgrade_owns(s, pid) && pid != s->gzip;
}

void children_look(struct supervisor *s)
{
        int64_t begun_ms = clock_mono_ms();
        int status;
        pid_t pid;

        if (!s->look)
                return;
        s->look = false;
        ev_timer_stop(s->loop, &s->late_reap);
        while ((pid = s->sys->reap(s->sys, &status)) > 0) {
                supervisor_reaped(s, pid, status, NULL);
                if (clock_mono_ms() - begun_ms < BUDGET_MS)
                        continue;
                look_in(s, 0.);
                return;
        }
}

void children_signal(struct supervisor *s, pid_t who, int64_t now_ms)
{
        int64_t pause_ms = now_ms - s->child_ms;
        struct proc_entry entry;
        int status;

        s->child_ms = now_ms;
        bool is_named = who > 0 && children_is_stranger(s, who) && proc_entry_read(who, &entry);
        if (who > 0 && s->sys->reap_one(s->sys, who, &status) == who)
                supervisor_reaped(s, who, status, is_named ? entry.name : NULL);
        else
                who = 0;
        if (who == 0 || s->shutdown || pause_ms <= TOGETHER_MS ||
            s->registry.process_count <= SMALL_FLEET)
                look_soon(s);
        else
                look_in(s, MOMENT_S + s->registry.process_count * MOMENT_EACH);
}
