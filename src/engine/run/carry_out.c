/* What the machine asks for that touches the kernel: a start, a signal. It may assume that the step
 * was written down and told; what comes of it goes back to the machine. */
#include "engine/run/carry_out.h"

#include "engine/core/deadlines.h"
#include "engine/core/worker.h"
#include "engine/run/descendants.h"
#include "engine/run/launcher.h"
#include "engine/run/launches.h"

static unsigned carry_out_failed(struct process *p, const struct err *e)
{
        if (launcher_was_short(e))
                return process_spawn_short(p, e->text, clock_now());
        return process_spawn_failed(p, e->text, clock_now());
}

void carry_out_refused(struct supervisor *s, struct process *p, const struct err *e)
{
        enum pstate from = p->state;

        supervisor_act(s, p, from, carry_out_failed(p, e));
}

void carry_out_say_spawned(struct supervisor *s, const struct process *p)
{
        log_line(s->log, LVL_INFO, "spawned: '%s' with pid %d", p->name, (int)p->pid);
}

static void carry_out_spawn(struct supervisor *s, struct process *p)
{
        struct err e = { 0 };
        enum pstate from = p->state;
        pid_t pid;

        if (s->daemon_state != DAEMON_RUNNING) {
                supervisor_act(s, p, from,
                               process_spawn_failed(p, "the supervisor is ending", clock_now()));
                return;
        }
        if (!launcher_spawn(s, p, &pid, &e)) {
                carry_out_refused(s, p, &e);
                return;
        }
        process_begun(p, pid, clock_now());
        if (!launch_is_held(p))
                carry_out_say_spawned(s, p);
        registry_pid_add(&s->registry, p);
        components_spawned(s, p);
        if (p->worker->launching)
                deadlines_set(s, p);
        else
                supervisor_executed(s, p);
}

static void carry_out_signal(struct supervisor *s, struct process *p, bool kill_it)
{
        struct err e = { 0 };
        enum pstate from = p->state;

        if (p->pid <= 0 || (p->worker && p->worker->reaped)) {
                descendants_signal(s, p, kill_it);
                return;
        }
        if (!kill_it || !p->worker || !p->worker->remains || !p->worker->remains->kin.count)
                descendants_look(s, p);
        if (launcher_signal(s, p, kill_it, &e))
                return;
        log_line(s->log, LVL_CRITICAL, "%s", e.text);
        supervisor_act(s, p, from, process_signal_failed(p, e.text, clock_now()));
}

static void carry_out_step(struct supervisor *s, struct process *p, const struct step *step)
{
        if (step->work & DO_SPAWN)
                carry_out_spawn(s, p);
        if (step->work & DO_TERM)
                carry_out_signal(s, p, false);
        if (step->work & DO_KILL)
                carry_out_signal(s, p, true);
}

const struct component component_carry_out = { .name = "carry_out", .carry_out = carry_out_step };
