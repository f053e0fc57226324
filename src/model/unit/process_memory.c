/* A process as plain numbers, to be recorded and to be resumed by the next instance. It may only
 * assume what is in these numbers; values that make no sense together are refused. */
#include "model/unit/process_memory.h"

#include <stdlib.h>
#include <string.h>

#include "model/unit/backoff.h"

bool pstate_has_pid(enum pstate s)
{
        switch (s) {
        case PS_RUNNING:
        case PS_STOPPING:
        case PS_RESTARTING:
        case PS_RETIRING:
        case PS_SICK:
        case PS_LATE:
        case PS_UNKNOWN:
                return true;
        default: /* STARTING has one from the moment of its birth */
                return false;
        }
}

static void remember_failures(const struct breaker *b, struct process_memory *out)
{
        int keep = b->count < MEMORY_FAILURES ? b->count : MEMORY_FAILURES;

        out->failure_count = (uint8_t)keep;
        for (int i = 0; i < keep; i++)
                out->failures_ms[i] = b->at_ms[(b->next - keep + i + b->size) % b->size];
}

void process_remember(const struct process *p, struct process_memory *out)
{
        const struct ending *e = &p->ending;

        *out = (struct process_memory){
                .due_ms = p->due.due_ms,
                .spawned_ms = p->spawned_ms,
                .spawned_wall_ms = p->spawned_wall_ms,
                .tried_wall_ms = p->tried_wall_ms,
                .calm_ms = p->calm_ms,
                .stopped_wall_ms = p->stopped_wall_ms,
                .ended_wall_ms = e->at_wall_ms,
                .pid = p->pid,
                .tries = p->tries,
                .crashes = p->crashes,
                .restarts = p->restarts,
                .code = e->code,
                .sig = e->sig,
                .raw = e->raw,
                .check_failures = p->health.failures,
                .check_successes = p->health.successes,
                .state = (uint8_t)p->state,
                .waiting = (uint8_t)p->waiting,
                .known = e->known,
                .happened = e->happened,
                .core = e->core,
                .expected = e->expected,
                .unhealthy = e->unhealthy,
                .health = (uint8_t)p->health.status,
                .ever_ok = p->health.ever_ok,
                .remains = p->remains,
        };
        remember_failures(&p->breaker, out);
        if (process_spawnerr(p))
                strncpy(out->spawnerr, process_spawnerr(p), sizeof out->spawnerr - 1);
}

static bool process_memory_makes_sense(const struct process_memory *m)
{
        if (m->state == PS_NONE || m->state >= PS_COUNT || m->waiting >= WAIT_KEEP ||
            m->health > HEALTH_UNHEALTHY || m->failure_count > MEMORY_FAILURES || m->pid < 0 ||
            m->spawnerr[MEMORY_TEXT - 1])
                return false;
        bool waits =
            m->remains && m->pid == 0 &&
            (m->state == PS_STOPPING || m->state == PS_RESTARTING || m->state == PS_RETIRING);
        if (pstate_has_pid((enum pstate)m->state) != (m->pid > 0) && m->state != PS_STARTING &&
            !waits)
                return false;
        return m->tries >= 0 && m->crashes >= 0 && m->restarts >= 0 && m->check_failures >= 0 &&
               m->check_successes >= 0;
}

/* The ring is made anew by the next failure when restart_limit asks for another size. */
static bool recall_failures(struct breaker *b, const struct process_memory *m)
{
        int count = m->failure_count;

        if (count == 0)
                return true;
        int64_t *at_ms = calloc((size_t)count, sizeof *at_ms);
        if (!at_ms)
                return false;
        memcpy(at_ms, m->failures_ms, (size_t)count * sizeof *at_ms);
        breaker_release(b);
        *b = (struct breaker){ .at_ms = at_ms, .count = count, .size = count };
        return true;
}

/* The one place beside process_feed that writes `state`: it carries a state over from another
 * life, it does not decide on one. What is starting has no spawnerr. */
bool process_recall(struct process *p, const struct process_memory *m)
{
        if (!process_memory_makes_sense(m))
                return false;
        if (!recall_failures(&p->breaker, m))
                return false;
        p->has_spawnerr = false;
        if (m->spawnerr[0] && m->state != PS_STARTING && !process_set_spawnerr(p, m->spawnerr))
                return false;
        p->state = (enum pstate)m->state;
        p->waiting = (enum pwait)m->waiting;
        p->due.due_ms = m->due_ms;
        p->pid = m->pid;
        p->recalled = true;
        p->remains = m->remains;
        p->tries = m->tries;
        p->crashes = m->crashes;
        p->restarts = m->restarts;
        p->spawned_ms = m->spawned_ms;
        p->spawned_wall_ms = m->spawned_wall_ms;
        p->tried_wall_ms = m->tried_wall_ms;
        p->calm_ms = m->calm_ms;
        p->stopped_wall_ms = m->stopped_wall_ms;
        p->ending = (struct ending){ .known = m->known,
                                     .happened = m->happened,
                                     .code = m->code,
                                     .sig = m->sig,
                                     .core = m->core,
                                     .expected = m->expected,
                                     .unhealthy = m->unhealthy,
                                     .raw = m->raw,
                                     .at_wall_ms = m->ended_wall_ms };
        p->health = (struct health){ .status = (enum health_status)m->health,
                                     .ever_ok = m->ever_ok,
                                     .failures = m->check_failures,
                                     .successes = m->check_successes };
        if (p->state == PS_STARTING && p->pid > 0 && p->waiting == WAIT_NONE)
                process_await_up(p); /* it was not known yet what came of its start */
        return true;
}
