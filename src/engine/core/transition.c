/* What is said of one change of state: the line of the main log and the event on the bus. Decides
 * nothing and changes no state. */
#include "engine/core/supervisor.h"

#include "base/fault_point.h"

/* ---- the main log's lines (compat 12, 16) */

static void say_success(struct supervisor *s, const struct process *p)
{
        if (p->program->ready == READY_HEALTHCHECK)
                log_line(s->log, LVL_INFO,
                         "success: %s entered RUNNING state, its health check has passed", p->name);
        else
                log_line(s->log, LVL_INFO,
                         "success: %s entered RUNNING state, process has stayed up for > than %d "
                         "seconds (startsecs)",
                         p->name, p->program->startsecs);
}

static void say_exited(struct supervisor *s, const struct process *p, bool expected)
{
        char room[64];
        AUTO_BUF how = BUF_ON(room);

        ending_text(&p->ending, &how);
        log_line(s->log, expected ? LVL_INFO : LVL_WARN, "exited: %s (%s; %s)", p->name,
                 buf_str(&how), expected ? "expected" : "not expected");
}

static void say_stopped(struct supervisor *s, const struct process *p)
{
        char room[64];
        AUTO_BUF how = BUF_ON(room);

        ending_text(&p->ending, &how);
        log_line(s->log, p->ending.expected ? LVL_INFO : LVL_WARN, "stopped: %s (%s)", p->name,
                 buf_str(&how));
}

static void say_fatal(struct supervisor *s, const struct process *p)
{
        const struct rate *limit = &p->program->restart_limit;

        if (s->daemon_state != DAEMON_RUNNING)
                return;
        if (p->tries > p->program->startretries)
                log_line(s->log, LVL_INFO,
                         "gave up: %s entered FATAL state, too many start retries too quickly",
                         p->name);
        else
                log_line(s->log, LVL_WARN,
                         "gave up: %s entered FATAL state, more than %d failure%s within %lld s "
                         "(restart_limit)",
                         p->name, limit->count, limit->count == 1 ? "" : "s",
                         (long long)(limit->window_ms / 1000));
}

static void say_next(struct supervisor *s, const struct process *p, int64_t now_ms)
{
        char room[256];
        AUTO_BUF why = BUF_ON(room);
        int64_t at_ms;

        if (s->daemon_state != DAEMON_RUNNING || !process_will_start(p, &at_ms) ||
            at_ms - now_ms < 1000)
                return;
        process_next_why(p, &why);
        log_line(s->log, LVL_INFO, "waiting: %s is started again in %lld.%lld s (%s)", p->name,
                 (long long)((at_ms - now_ms) / 1000), (long long)((at_ms - now_ms) % 1000 / 100),
                 buf_str(&why));
}

static bool was_stopping(enum pstate s)
{
        return s == PS_STOPPING || s == PS_RESTARTING || s == PS_RETIRING;
}

static const char *what_is_done(const struct process *p)
{
        return p->program->healthcheck_action == CHECK_ACT_KILL ? "killing it" : "stopping it";
}

static void transition_say(struct supervisor *s, const struct process *p, enum pstate from,
                           pid_t pid, int64_t now_ms)
{
        switch (p->state) {
        case PS_RUNNING:
                say_success(s, p);
                break;
        case PS_BACKOFF:
                if (pid)
                        say_exited(s, p, false);
                else
                        log_line(s->log, LVL_INFO, "spawnerr: %s",
                                 process_spawnerr(p) ? process_spawnerr(p) : "out of memory");
                say_next(s, p, now_ms);
                break;
        case PS_EXITED:
        case PS_RESPAWN:
                say_exited(s, p, p->ending.expected && from != PS_SICK);
                say_next(s, p, now_ms);
                break;
        case PS_STOPPED:
        case PS_GONE:
                if (was_stopping(from))
                        say_stopped(s, p);
                else if (from == PS_BACKOFF)
                        log_line(s->log, LVL_DEBUG,
                                 "Attempted to kill %s, which is in BACKOFF state.", p->name);
                break;
        case PS_FATAL:
                say_fatal(s, p);
                break;
        case PS_SICK:
                log_line(s->log, LVL_WARN, "unhealthy: %s (pid %d) failed its health check, %s%s",
                         p->name, (int)pid, what_is_done(p),
                         p->program->autorestart == RESTART_NEVER
                             ? "; it is not started again (autorestart=false)"
                             : "");
                break;
        case PS_LATE:
                if (p->health.status == HEALTH_UNHEALTHY &&
                    p->program->healthcheck_action != CHECK_ACT_NONE) {
                        log_line(s->log, LVL_WARN,
                                 "unhealthy: %s (pid %d) failed its health check before it was "
                                 "ready, %s",
                                 p->name, (int)pid, what_is_done(p));
                        break;
                }
                log_line(s->log, LVL_WARN,
                         "not ready: %s (pid %d) did not become ready within %lld s "
                         "(start_timeout), stopping it",
                         p->name, (int)pid, (long long)(p->program->start_timeout_ms / 1000));
                break;
        default:
                break;
        }
}

/* ---- the event */

static void transition_publish(struct supervisor *s, const struct process *p, enum pstate from,
                               pid_t pid, struct moment at)
{
        struct event e = { .type = event_of_state(p->state),
                           .at = at,
                           .process = p,
                           .from = from,
                           .to = p->state,
                           .tries = p->tries,
                           .pid = pid,
                           .expected = p->ending.expected && from != PS_SICK };

        if (e.type != EV_TYPE_COUNT)
                bus_publish(&s->bus, &e);
}

/* ---- the component */

static void transition_tell(struct supervisor *s, const struct process *p, enum pstate from,
                            pid_t pid)
{
        fault_point("act.unpublished");
        struct moment now = clock_now();
        transition_say(s, p, from, pid, now.mono_ms);
        if (process_shown(from) != process_shown(p->state))
                transition_publish(s, p, from, pid, now);
}

static void transition_on_step(struct supervisor *s, struct process *p, const struct step *step)
{
        if (step_is_transition(p, step))
                transition_tell(s, p, step->from, step->pid);
}

const struct component component_transition = { .name = "transition",
                                                .on_step = transition_on_step };
