/* The members of a process that are recorded, and resumed by the next instance; values that make no
 * sense together are refused. */
#include "model/unit/process_memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

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

#define ROW(type, size, name, member) FIELD(0, type, size, name, struct process, member)

/* 69 bytes of the record's fixed part. What is new gets a tag. */
static const struct field process_rows[] = {
        ROW(FIELD_UINT, 1, "state", state),
        ROW(FIELD_UINT, 1, "waits for", waiting),
        ROW(FIELD_UINT, 1, "health", health.status),
        ROW(FIELD_BOOL, 1, "was healthy", health.ever_ok),
        ROW(FIELD_BOOL, 1, "remains", remains),
        ROW(FIELD_BOOL, 1, "has exited", ending.happened),
        ROW(FIELD_BOOL, 1, "exit is known", ending.known),
        ROW(FIELD_BOOL, 1, "exit was expected", ending.expected),
        ROW(FIELD_BOOL, 1, "exit for health", ending.unhealthy),
        ROW(FIELD_UINT, 2, "wait status", ending.raw),
        ROW(FIELD_INT, 4, "pid", pid),
        ROW(FIELD_UINT, 4, "restarts", restarts),
        ROW(FIELD_UINT, 2, "tries", tries),
        ROW(FIELD_UINT, 2, "crashes", crashes),
        ROW(FIELD_UINT, 2, "checks failed", health.failures),
        ROW(FIELD_UINT, 2, "checks passed", health.successes),
        ROW(FIELD_INT, 6, "until, ms of this boot", due.due_ms),
        ROW(FIELD_INT, 6, "started, ms of this boot", spawned_ms),
        ROW(FIELD_INT, 6, "started, ms since 1970", spawned_wall_ms),
        ROW(FIELD_INT, 6, "tried, ms since 1970", tried_wall_ms),
        ROW(FIELD_INT, 6, "calm since, ms of this boot", calm_ms),
        ROW(FIELD_INT, 6, "stopped, ms since 1970", stopped_wall_ms),
        ROW(FIELD_INT, 6, "exited, ms since 1970", ending.at_wall_ms),
};

const struct fields process_fields = FIELDS(process_rows);

void process_failures(const struct process *p, struct field_times *out)
{
        const struct breaker *b = &p->breaker;
        int count = b->count < FIELD_TIMES_MAX ? b->count : FIELD_TIMES_MAX;

        out->count = (uint8_t)count;
        for (int i = 0; i < count; i++)
                out->ms[i] = b->at_ms[(b->next - count + i + b->size) % b->size];
}

static bool process_memory_makes_sense(const struct process *m, const struct field_times *failures)
{
        if (m->state == PS_NONE || m->state >= PS_COUNT || m->waiting >= WAIT_KEEP ||
            m->health.status > HEALTH_UNHEALTHY || failures->count > FIELD_TIMES_MAX || m->pid < 0)
                return false;
        bool waits =
            m->remains && m->pid == 0 &&
            (m->state == PS_STOPPING || m->state == PS_RESTARTING || m->state == PS_RETIRING);
        if (pstate_has_pid(m->state) != (m->pid > 0) && m->state != PS_STARTING && !waits)
                return false;
        return m->tries >= 0 && m->crashes >= 0 && m->restarts >= 0 && m->health.failures >= 0 &&
               m->health.successes >= 0;
}

/* The ring is made anew by the next failure when restart_limit asks for another size. */
static bool recall_failures(struct breaker *b, const struct field_times *failures)
{
        int count = failures->count;

        if (count == 0)
                return true;
        int64_t *at_ms = calloc((size_t)count, sizeof *at_ms);
        if (!at_ms)
                return false;
        memcpy(at_ms, failures->ms, (size_t)count * sizeof *at_ms);
        breaker_release(b);
        *b = (struct breaker){ .at_ms = at_ms, .count = count, .size = count };
        return true;
}

/* The rest follows from its wait status. */
static void recall_ending(struct ending *e)
{
        e->code = e->known && WIFEXITED(e->raw) ? WEXITSTATUS(e->raw) : e->happened ? -1 : 0;
        e->sig = e->known && WIFSIGNALED(e->raw) ? (uint8_t)WTERMSIG(e->raw) : 0;
        e->core = e->sig && WCOREDUMP(e->raw);
}

/* The one place beside process_feed that writes `state`: it carries a state over from another
 * life, it does not decide on one. What is starting has no spawnerr. */
bool process_recall(struct process *p, const struct process *image,
                    const struct field_times *failures, const char *spawnerr)
{
        if (!process_memory_makes_sense(image, failures))
                return false;
        if (!recall_failures(&p->breaker, failures))
                return false;
        p->has_spawnerr = false;
        if (*spawnerr && image->state != PS_STARTING && !process_set_spawnerr(p, spawnerr))
                return false;
        fields_copy(&process_fields, image, p);
        recall_ending(&p->ending);
        p->recalled = true;
        if (p->state == PS_STARTING && p->pid > 0 && p->waiting == WAIT_NONE)
                process_await_up(p); /* it was not known yet what came of its start */
        return true;
}
