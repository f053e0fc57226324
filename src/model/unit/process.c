/* The state machine of one process. A fact is judged, becomes an event of the matrix, and gives
 * the next state, a deadline and work for the engine. Only process_feed writes the state. Nothing
 * here asks for the time, makes a system call or logs. */
#include "model/unit/process.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/hash.h"
#include "model/unit/backoff.h"

#define SECOND_MS     1000
#define TOO_QUICK     "Exited too quickly (process log may have details)"
#define UNHEALTHY     "Stopped as unhealthy"
#define KILL_PAUSE_MS 1000 /* between two SIGKILLs when stopwaitsecs is shorter, even 0 */

/* The machine. What is not written here is ignored. In states with a pid that is going to die
 * (STOPPING, RESTARTING, RETIRING, SICK, LATE) one order may change what comes after the death, but
 * never the deadline of the SIGKILL. RETIRING ignores a failed signal: were it UNKNOWN, the
 * process would not be forgotten when it does end. */
static const struct step {
        enum pstate to;
        unsigned todo;
        enum pwait wait;
} steps[PS_COUNT][PE_COUNT] = {
        /* clang-format off */
        [PS_STOPPED]   [PE_START]          = { PS_STARTING,   DO_SPAWN,    WAIT_UP },
        [PS_STOPPED]   [PE_RESTART]        = { PS_STARTING,   DO_SPAWN,    WAIT_UP },
        [PS_STOPPED]   [PE_RETIRE]         = { PS_GONE,       DO_FORGET,   WAIT_NONE },
        [PS_STOPPED]   [PE_WAIT]           = { PS_WAITING,    0,           WAIT_NONE },

        [PS_WAITING]   [PE_START]          = { PS_STARTING,   DO_SPAWN,    WAIT_UP },
        [PS_WAITING]   [PE_STOP]           = { PS_STOPPED,    0,           WAIT_NONE },
        [PS_WAITING]   [PE_RESTART]        = { PS_STARTING,   DO_SPAWN,    WAIT_UP },
        [PS_WAITING]   [PE_RETIRE]         = { PS_GONE,       DO_FORGET,   WAIT_NONE },

        [PS_STARTING]  [PE_STOP]           = { PS_STOPPING,   DO_TERM,     WAIT_KILL },
        [PS_STARTING]  [PE_RESTART]        = { PS_RESTARTING, DO_TERM,     WAIT_KILL },
        [PS_STARTING]  [PE_RETIRE]         = { PS_RETIRING,   DO_TERM,     WAIT_KILL },
        [PS_STARTING]  [PE_SPAWN_FAILED]   = { PS_BACKOFF,    0,           WAIT_RETRY },
        [PS_STARTING]  [PE_UP]             = { PS_RUNNING,    0,           WAIT_NONE },
        [PS_STARTING]  [PE_DIED_EARLY]     = { PS_BACKOFF,    0,           WAIT_RETRY },
        [PS_STARTING]  [PE_DIED_OFTEN]     = { PS_BACKOFF,    0,           WAIT_GIVE_UP },
        [PS_STARTING]  [PE_NOT_READY]      = { PS_LATE,       DO_TERM,     WAIT_KILL },
        [PS_STARTING]  [PE_UNHEALTHY]      = { PS_LATE,       DO_TERM,     WAIT_KILL },
        [PS_STARTING]  [PE_UNHEALTHY_KILL] = { PS_LATE,       DO_KILL,     WAIT_KILLED },
        [PS_STARTING]  [PE_SIGNAL_FAILED]  = { PS_UNKNOWN,    0,           WAIT_NONE },

        [PS_RUNNING]   [PE_STOP]           = { PS_STOPPING,   DO_TERM,     WAIT_KILL },
        [PS_RUNNING]   [PE_RESTART]        = { PS_RESTARTING, DO_TERM,     WAIT_KILL },
        [PS_RUNNING]   [PE_RETIRE]         = { PS_RETIRING,   DO_TERM,     WAIT_KILL },
        [PS_RUNNING]   [PE_DIED]           = { PS_EXITED,     0,           WAIT_NONE },
        [PS_RUNNING]   [PE_DIED_AGAIN]     = { PS_RESPAWN,    0,           WAIT_RETRY },
        [PS_RUNNING]   [PE_DIED_OFTEN]     = { PS_RESPAWN,    0,           WAIT_GIVE_UP },
        [PS_RUNNING]   [PE_UNHEALTHY]      = { PS_SICK,       DO_TERM,     WAIT_KILL },
        [PS_RUNNING]   [PE_UNHEALTHY_KILL] = { PS_SICK,       DO_KILL,     WAIT_KILLED },
        [PS_RUNNING]   [PE_SIGNAL_FAILED]  = { PS_UNKNOWN,    0,           WAIT_NONE },

        [PS_BACKOFF]   [PE_START]          = { PS_STARTING,   DO_SPAWN,    WAIT_UP },
        [PS_BACKOFF]   [PE_STOP]           = { PS_STOPPED,    0,           WAIT_NONE },
        [PS_BACKOFF]   [PE_RESTART]        = { PS_STARTING,   DO_SPAWN,    WAIT_UP },
        [PS_BACKOFF]   [PE_RETIRE]         = { PS_GONE,       DO_FORGET,   WAIT_NONE },
        [PS_BACKOFF]   [PE_GIVE_UP]        = { PS_FATAL,      DO_ON_FATAL, WAIT_NONE },
        [PS_BACKOFF]   [PE_RETRY]          = { PS_STARTING,   DO_SPAWN,    WAIT_UP },
        [PS_BACKOFF]   [PE_KILL_DUE]       = { PS_BACKOFF,    DO_KILL,     WAIT_KILLED },

        [PS_STOPPING]  [PE_RESTART]        = { PS_RESTARTING, 0,           WAIT_KEEP },
        [PS_STOPPING]  [PE_RETIRE]         = { PS_RETIRING,   0,           WAIT_KEEP },
        [PS_STOPPING]  [PE_DIED]           = { PS_STOPPED,    0,           WAIT_NONE },
        [PS_STOPPING]  [PE_KILL_DUE]       = { PS_STOPPING,   DO_KILL,     WAIT_KILLED },
        [PS_STOPPING]  [PE_SIGNAL_FAILED]  = { PS_UNKNOWN,    0,           WAIT_NONE },

        [PS_EXITED]    [PE_START]          = { PS_STARTING,   DO_SPAWN,    WAIT_UP },
        [PS_EXITED]    [PE_RESTART]        = { PS_STARTING,   DO_SPAWN,    WAIT_UP },
        [PS_EXITED]    [PE_RETIRE]         = { PS_GONE,       DO_FORGET,   WAIT_NONE },

        [PS_FATAL]     [PE_START]          = { PS_STARTING,   DO_SPAWN,    WAIT_UP },
        [PS_FATAL]     [PE_RESTART]        = { PS_STARTING,   DO_SPAWN,    WAIT_UP },
        [PS_FATAL]     [PE_RETIRE]         = { PS_GONE,       DO_FORGET,   WAIT_NONE },

        [PS_UNKNOWN]   [PE_START]          = { PS_RESTARTING, DO_TERM,     WAIT_KILL },
        [PS_UNKNOWN]   [PE_STOP]           = { PS_STOPPING,   DO_TERM,     WAIT_KILL },
        [PS_UNKNOWN]   [PE_RESTART]        = { PS_RESTARTING, DO_TERM,     WAIT_KILL },
        [PS_UNKNOWN]   [PE_RETIRE]         = { PS_RETIRING,   DO_TERM,     WAIT_KILL },
        [PS_UNKNOWN]   [PE_DIED]           = { PS_EXITED,     0,           WAIT_NONE },

        [PS_RESPAWN]   [PE_START]          = { PS_STARTING,   DO_SPAWN,    WAIT_UP },
        [PS_RESPAWN]   [PE_STOP]           = { PS_STOPPED,    0,           WAIT_NONE },
        [PS_RESPAWN]   [PE_RESTART]        = { PS_STARTING,   DO_SPAWN,    WAIT_UP },
        [PS_RESPAWN]   [PE_RETIRE]         = { PS_GONE,       DO_FORGET,   WAIT_NONE },
        [PS_RESPAWN]   [PE_GIVE_UP]        = { PS_FATAL,      DO_ON_FATAL, WAIT_NONE },
        [PS_RESPAWN]   [PE_RETRY]          = { PS_STARTING,   DO_SPAWN,    WAIT_UP },
        [PS_RESPAWN]   [PE_KILL_DUE]       = { PS_RESPAWN,    DO_KILL,     WAIT_KILLED },

        [PS_RESTARTING][PE_STOP]           = { PS_STOPPING,   0,           WAIT_KEEP },
        [PS_RESTARTING][PE_RETIRE]         = { PS_RETIRING,   0,           WAIT_KEEP },
        [PS_RESTARTING][PE_DIED]           = { PS_STOPPED,    DO_START,    WAIT_NONE },
        [PS_RESTARTING][PE_KILL_DUE]       = { PS_RESTARTING, DO_KILL,     WAIT_KILLED },
        [PS_RESTARTING][PE_SIGNAL_FAILED]  = { PS_UNKNOWN,    0,           WAIT_NONE },

        [PS_RETIRING]  [PE_START]          = { PS_RESTARTING, 0,           WAIT_KEEP },
        [PS_RETIRING]  [PE_RESTART]        = { PS_RESTARTING, 0,           WAIT_KEEP },
        [PS_RETIRING]  [PE_DIED]           = { PS_GONE,       DO_FORGET,   WAIT_NONE },
        [PS_RETIRING]  [PE_KILL_DUE]       = { PS_RETIRING,   DO_KILL,     WAIT_KILLED },

        [PS_SICK]      [PE_STOP]           = { PS_STOPPING,   0,           WAIT_KEEP },
        [PS_SICK]      [PE_RESTART]        = { PS_RESTARTING, 0,           WAIT_KEEP },
        [PS_SICK]      [PE_RETIRE]         = { PS_RETIRING,   0,           WAIT_KEEP },
        [PS_SICK]      [PE_DIED]           = { PS_EXITED,     0,           WAIT_NONE },
        [PS_SICK]      [PE_DIED_AGAIN]     = { PS_RESPAWN,    0,           WAIT_RETRY },
        [PS_SICK]      [PE_DIED_OFTEN]     = { PS_RESPAWN,    0,           WAIT_GIVE_UP },
        [PS_SICK]      [PE_KILL_DUE]       = { PS_SICK,       DO_KILL,     WAIT_KILLED },
        [PS_SICK]      [PE_SIGNAL_FAILED]  = { PS_UNKNOWN,    0,           WAIT_NONE },

        [PS_LATE]      [PE_STOP]           = { PS_STOPPING,   0,           WAIT_KEEP },
        [PS_LATE]      [PE_RESTART]        = { PS_RESTARTING, 0,           WAIT_KEEP },
        [PS_LATE]      [PE_RETIRE]         = { PS_RETIRING,   0,           WAIT_KEEP },
        [PS_LATE]      [PE_DIED_EARLY]     = { PS_BACKOFF,    0,           WAIT_RETRY },
        [PS_LATE]      [PE_DIED_OFTEN]     = { PS_BACKOFF,    0,           WAIT_GIVE_UP },
        [PS_LATE]      [PE_KILL_DUE]       = { PS_LATE,       DO_KILL,     WAIT_KILLED },
        [PS_LATE]      [PE_SIGNAL_FAILED]  = { PS_UNKNOWN,    0,           WAIT_NONE },
        /* clang-format on */
};

/* The same where something of the last run is still there and has to be stopped first (`remains`):
 * an order is carried out as for a process that lives, and one that is due for its next start waits
 * where it is. */
static const struct step steps_of_remains[PE_COUNT] = {
        /* clang-format off */
        [PE_START]   = { PS_RESTARTING, DO_TERM, WAIT_KILL },
        [PE_STOP]    = { PS_STOPPING,   DO_TERM, WAIT_KILL },
        [PE_RESTART] = { PS_RESTARTING, DO_TERM, WAIT_KILL },
        [PE_RETIRE]  = { PS_RETIRING,   DO_TERM, WAIT_KILL },
        [PE_RETRY]   = { PS_NONE,       DO_TERM, WAIT_KILL },
        /* clang-format on */
};

static bool process_rests(const struct process *p)
{
        return p->state == PS_STOPPED || p->state == PS_EXITED || p->state == PS_FATAL ||
               p->state == PS_BACKOFF || p->state == PS_RESPAWN || p->state == PS_WAITING;
}

static bool is_clearing(const struct process *p)
{
        return process_rests(p) && (p->waiting == WAIT_KILL || p->waiting == WAIT_KILLED);
}

static struct step step_of(const struct process *p, enum pevent ev)
{
        struct step st = steps_of_remains[ev];

        if (!p->remains || !process_rests(p) || !st.todo)
                return steps[p->state][ev];
        if (st.to == PS_NONE)
                st.to = p->state;
        if (is_clearing(p)) { /* what remains was told already, and its time runs */
                st.todo = 0;
                st.wait = WAIT_KEEP;
        }
        return st;
}

/* ---- deadlines */

static bool waits_for_check(const struct process *p)
{
        return p->program->ready == READY_HEALTHCHECK && p->program->healthcheck.kind != CHECK_NONE;
}

static int64_t startsecs_ms(const struct process *p)
{
        return (int64_t)p->program->startsecs * SECOND_MS;
}

/* Ten starts a second are enough for anybody. */
static int64_t pace_ms(const struct process *p, int64_t now_ms)
{
        int64_t left = p->spawned_ms + RESPAWN_PACE_MS - now_ms;

        return left > 0 ? left : 0;
}

static int64_t retry_ms(struct process *p, int64_t now_ms)
{
        if (p->program->restart_delay_ms == 0)
                return 0;
        if (p->state == PS_BACKOFF)
                return backoff_ms(p->program, p->tries, &p->seed);
        if (p->ending.expected)
                return pace_ms(p, now_ms);
        if (p->crashes > 1)
                return backoff_ms(p->program, p->crashes - 1, &p->seed);
        /* The first crash: at once. But with a tiny restart_reset every crash is the first. */
        return p->restarts > 0 ? pace_ms(p, now_ms) : 0;
}

/* From now; -1: no deadline. */
static int64_t wait_up_ms(const struct process *p)
{
        if (!waits_for_check(p) || p->health.ever_ok)
                return startsecs_ms(p);
        return p->program->start_timeout_ms > 0 ? p->program->start_timeout_ms : -1;
}

static int64_t wait_ms(struct process *p, enum pwait wait, int64_t now_ms)
{
        int secs = p->program->stopwaitsecs;
        int64_t stop_ms =
            secs > 0 ? (int64_t)secs * SECOND_MS : 0; /* Supervisor takes -1 as well */

        switch (wait) {
        case WAIT_UP:
                return wait_up_ms(p);
        case WAIT_RETRY:
                return retry_ms(p, now_ms);
        case WAIT_KILL:
                return stop_ms;
        case WAIT_KILLED:
                return stop_ms > KILL_PAUSE_MS ? stop_ms : KILL_PAUSE_MS;
        case WAIT_GIVE_UP:
                return 0;
        default:
                return -1;
        }
}

/* from_ms: what the wait is counted from. */
static void process_arm(struct process *p, enum pwait wait, int64_t from_ms)
{
        if (wait == WAIT_KEEP)
                return;
        int64_t ms = wait_ms(p, wait, from_ms);
        p->waiting = (uint8_t)(ms < 0 ? WAIT_NONE : wait);
        p->due.due_ms = ms < 0 ? 0 : from_ms + ms;
}

void process_await_up(struct process *p)
{
        process_arm(p, WAIT_UP, p->spawned_ms);
}

/* ---- what goes with a transition */

const char *process_spawnerr(const struct process *p)
{
        return p->has_spawnerr ? p->spawnerr : NULL;
}

/* The memory of the last one is used again where that is enough: what crashes all the time says
 * the same all the time. */
bool process_set_spawnerr(struct process *p, const char *text)
{
        size_t size = strlen(text) + 1;

        p->has_spawnerr = false;
        if (size > p->spawnerr_size) {
                char *grown = realloc(p->spawnerr, size);
                if (!grown)
                        return false;
                p->spawnerr = grown;
                p->spawnerr_size = size > UINT16_MAX ? UINT16_MAX : (uint16_t)size;
        }
        memcpy(p->spawnerr, text, size);
        return p->has_spawnerr = true;
}

static void spawnerr_set(struct process *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* NULL fmt: none. Without memory there is none either: people then read "unknown error". */
static void spawnerr_set(struct process *p, const char *fmt, ...)
{
        char room[256];
        va_list ap;

        p->has_spawnerr = false;
        if (!fmt)
                return;
        va_start(ap, fmt);
        int len = vsnprintf(room, sizeof room, fmt, ap);
        va_end(ap);
        if (len < 0)
                return;
        if ((size_t)len < sizeof room) {
                process_set_spawnerr(p, room);
                return;
        }
        struct buf text = BUF_INIT;
        va_start(ap, fmt);
        buf_vprintf(&text, fmt, ap);
        va_end(ap);
        if (!text.failed)
                process_set_spawnerr(p, text.data);
        buf_release(&text);
}

/* From here on it is up and healthy. */
static void calm_begin(struct process *p, int64_t now_ms)
{
        bool calm = p->state == PS_RUNNING && p->health.status != HEALTH_UNHEALTHY;

        if (calm && p->calm_ms < 0)
                p->calm_ms = now_ms;
}

static void calm_end(struct process *p, int64_t now_ms)
{
        p->crashes = process_crashes(p, now_ms);
        p->calm_ms = -1;
}

unsigned process_feed(struct process *p, enum pevent ev, struct moment at)
{
        const struct step st = step_of(p, ev);

        if (st.to == PS_NONE) /* empty cell: ignored on purpose */
                return 0;
        p->state = st.to;
        if (st.todo & DO_SPAWN)
                spawnerr_set(p, NULL);
        if (ev == PE_UP) {
                p->tries = 0;
                calm_begin(p, at.mono_ms);
        }
        if (ev == PE_RETRY && p->state == PS_STARTING)
                p->restarts++;
        if (p->state != PS_RUNNING)
                calm_end(p, at.mono_ms);
        process_arm(p, st.wait, at.mono_ms);
        return st.todo;
}

/* ---- orders */

static void forget_failures(struct process *p)
{
        p->tries = 0;
        p->crashes = 0;
        p->restarts = 0;
        breaker_reset(&p->breaker);
}

unsigned process_order(struct process *p, enum pevent order, struct moment at)
{
        enum pstate from = p->state;

        if (order < PE_START || order > PE_GIVE_UP || (from == PS_STARTING && p->pid == 0))
                return 0;
        unsigned todo = process_feed(p, order, at);
        if (todo & DO_SPAWN)
                forget_failures(p);
        if (order == PE_STOP && p->state != from)
                p->tries = 0;
        return todo & ~(unsigned)DO_ON_FATAL; /* an order is no accident */
}

/* ---- the outcome of a start */

bool process_promote_first(const struct process *p, struct moment at)
{
        return p->state == PS_STARTING && p->pid != 0 && !p->launching &&
               (!waits_for_check(p) || p->health.ever_ok) &&
               at.mono_ms - p->spawned_ms >= startsecs_ms(p);
}

/* Up already, or else until when. */
static unsigned promote_or_wait(struct process *p, struct moment at)
{
        if (process_promote_first(p, at))
                return process_feed(p, PE_UP, at);
        process_arm(p, WAIT_UP, p->spawned_ms);
        return 0;
}

/* It is the number of failures that makes it FATAL; the last one stands behind it. */
static void often_spawnerr(struct process *p)
{
        const struct rate *limit = &p->program->restart_limit;
        AUTO_BUF last = BUF_INIT;
        AUTO_BUF window = BUF_INIT;

        duration_format(limit->window_ms, &window);
        buf_puts(&last, p->has_spawnerr ? p->spawnerr : "unknown");
        if (last.failed || window.failed)
                return;
        spawnerr_set(p, "More than %d failure%s within %s (restart_limit), last: %s", limit->count,
                     limit->count == 1 ? "" : "s", window.data, last.data);
}

/* Does that make one failure too many? */
static bool count_failure(struct process *p, struct moment at)
{
        bool often = breaker_failed(&p->breaker, &p->program->restart_limit, at.mono_ms);

        if (often)
                often_spawnerr(p);
        return often;
}

/* Every failed start passes here once. */
static enum pevent judge_start(struct process *p, enum pevent failure, struct moment at)
{
        bool often = count_failure(p, at);

        p->tries++;
        return often || p->tries > p->program->startretries ? PE_DIED_OFTEN : failure;
}

static void note_start(struct process *p, pid_t pid, struct moment at)
{
        p->pid = pid;
        p->spawned_ms = at.mono_ms;
        p->spawned_wall_ms = p->tried_wall_ms = at.wall_ms;
}

void process_begun(struct process *p, pid_t pid, struct moment at)
{
        assert(p->state == PS_STARTING && p->pid == 0 && pid > 0);
        note_start(p, pid, at);
        p->launching = true;
        process_arm(p, WAIT_NONE, 0);
}

void process_under_way(struct process *p)
{
        assert(p->state == PS_STARTING && p->pid > 0);
        p->launching = true;
        process_arm(p, WAIT_NONE, 0);
}

unsigned process_spawned(struct process *p, pid_t pid, struct moment at)
{
        bool was_begun = p->launching && p->pid == pid;

        assert(pid > 0 && (was_begun || (p->state == PS_STARTING && p->pid == 0)));
        p->launching = false;
        if (p->state != PS_STARTING)
                return 0; /* it was told to stop meanwhile */
        note_start(p, pid, at);
        health_begin(&p->health, p->program);
        if (p->program->ready == READY_HEALTHCHECK)
                health_await(&p->health);
        return promote_or_wait(p, at);
}

/* False: no order asks for that. */
static bool note_refused(struct process *p, const char *why, struct moment at)
{
        if (p->state != PS_STARTING || (p->pid != 0 && !p->launching))
                return false;
        p->pid = 0;
        p->launching = false;
        p->tried_wall_ms = at.wall_ms;
        spawnerr_set(p, "%s", why);
        return true;
}

unsigned process_spawn_failed(struct process *p, const char *why, struct moment at)
{
        if (!note_refused(p, why, at))
                return 0;
        return process_feed(p, judge_start(p, PE_SPAWN_FAILED, at), at);
}

unsigned process_spawn_short(struct process *p, const char *why, struct moment at)
{
        if (!note_refused(p, why, at))
                return 0;
        unsigned todo = process_feed(p, PE_SPAWN_FAILED, at);
        int64_t ms = backoff_ms(p->program, p->tries + 1, &p->seed);
        p->due.due_ms = at.mono_ms + (ms > SECOND_MS ? ms : SECOND_MS);
        return todo;
}

/* ---- deaths */

static enum pevent judge_run(struct process *p, struct moment at)
{
        bool expected = p->ending.expected, often = false;
        enum autorestart policy = p->program->autorestart;

        if (!expected) {
                if (p->ending.unhealthy)
                        spawnerr_set(p, UNHEALTHY "%s",
                                     policy == RESTART_NEVER
                                         ? ", and not started again (autorestart=false)"
                                         : "");
                else if (p->ending.known)
                        spawnerr_set(p, "Bad exit code %d", p->ending.code);
                else
                        spawnerr_set(p, "Ended while unsupervised");
                p->crashes++;
                often = policy != RESTART_NEVER && count_failure(p, at);
        }
        if (policy == RESTART_NEVER || (policy == RESTART_UNEXPECTED && expected))
                return PE_DIED;
        return often ? PE_DIED_OFTEN : PE_DIED_AGAIN;
}

static void late_spawnerr(struct process *p)
{
        AUTO_BUF limit = BUF_INIT;

        if (p->ending.unhealthy) {
                spawnerr_set(p, UNHEALTHY " before it was ready");
                return;
        }
        duration_format(p->program->start_timeout_ms, &limit);
        spawnerr_set(p, "Not ready within %s (start_timeout)", buf_str(&limit));
}

static enum pevent judge_death(struct process *p, struct moment at)
{
        switch (p->state) {
        case PS_STARTING: /* too early: not expected, whatever its exit code */
                p->ending.expected = false;
                spawnerr_set(p, TOO_QUICK);
                return judge_start(p, PE_DIED_EARLY, at);
        case PS_LATE:
                p->ending.expected = false;
                late_spawnerr(p);
                return judge_start(p, PE_DIED_EARLY, at);
        case PS_SICK:
                p->ending.expected = false;
                p->ending.unhealthy = true;
                return judge_run(p, at);
        case PS_RUNNING:
                return judge_run(p, at);
        default: /* it was to end */
                return PE_DIED;
        }
}

/* While it starts the action is taken as soon as it is unhealthy: what is so then was stopped for
 * that, not for start_timeout. */
static bool was_too_ill(const struct process *p)
{
        return p->health.status == HEALTH_UNHEALTHY &&
               p->program->healthcheck_action != CHECK_ACT_NONE;
}

static unsigned process_ended(struct process *p, struct ending how, struct moment at)
{
        if (p->pid == 0)
                return 0;
        if (process_promote_first(p, at))
                process_feed(p, PE_UP, at);
        p->pid = 0;
        p->launching = false;
        p->ending = how;
        p->ending.unhealthy = p->state == PS_LATE && was_too_ill(p);
        p->stopped_wall_ms = at.wall_ms;
        calm_end(p, at.mono_ms);
        health_end(&p->health);
        return process_feed(p, judge_death(p, at), at);
}

void process_explain(struct process *p, const char *why)
{
        if (p->has_spawnerr)
                spawnerr_set(p, "%s", why);
}

unsigned process_died(struct process *p, int status, struct moment at)
{
        return process_ended(p, ending_of(status, p->program, at.wall_ms), at);
}

unsigned process_lost(struct process *p, struct moment at)
{
        struct ending how = { .happened = true, .code = -1, .at_wall_ms = at.wall_ms };

        return process_ended(p, how, at);
}

unsigned process_cleared(struct process *p, struct moment at)
{
        p->remains = false;
        if (p->pid != 0)
                return 0;
        if (is_clearing(p))
                return process_feed(p, PE_RETRY, at);
        if (p->state != PS_STOPPING && p->state != PS_RESTARTING && p->state != PS_RETIRING)
                return 0;
        return process_feed(p, PE_DIED, at);
}

/* ---- the clock, the probe, the kernel's refusal */

/* The program may have been exchanged for one with other times since the deadline was set. */
static unsigned tick_start(struct process *p, struct moment at)
{
        int64_t due_ms;

        if (p->pid == 0 || p->launching)
                return 0;
        unsigned todo = promote_or_wait(p, at);
        if (p->state == PS_STARTING && process_due(p, &due_ms) && at.mono_ms >= due_ms)
                return process_feed(p, PE_NOT_READY, at);
        return todo;
}

unsigned process_tick(struct process *p, struct moment at)
{
        static const enum pevent due_event[] = {
                [WAIT_RETRY] = PE_RETRY,
                [WAIT_KILL] = PE_KILL_DUE,
                [WAIT_KILLED] = PE_KILL_DUE,
                [WAIT_GIVE_UP] = PE_GIVE_UP,
        };
        int64_t due_ms;

        if (p->state == PS_STARTING)
                return tick_start(p, at);
        if (!process_due(p, &due_ms) || at.mono_ms < due_ms)
                return 0;
        return process_feed(p, due_event[p->waiting], at);
}

unsigned process_verdict(struct process *p, enum health_news news, struct moment at)
{
        static const enum pevent events[] = {
                [CHECK_ACT_RESTART] = PE_UNHEALTHY,
                [CHECK_ACT_KILL] = PE_UNHEALTHY_KILL,
                [CHECK_ACT_NONE] = PE_NONE,
        };

        switch (news) {
        case NEWS_FIRST_SUCCESS:
        case NEWS_HEALTHY:
                if (p->state == PS_STARTING && p->pid != 0 && !p->launching)
                        return promote_or_wait(p, at);
                calm_begin(p, at.mono_ms);
                return 0;
        case NEWS_UNHEALTHY:
        case NEWS_STILL_UNHEALTHY:
                calm_end(p, at.mono_ms);
                if (p->state == PS_STARTING && !waits_for_check(p))
                        return 0; /* it is up first: what stays so is acted on then */
                return process_feed(p, events[p->program->healthcheck_action], at);
        default:
                return 0;
        }
}

unsigned process_signal_failed(struct process *p, const char *why, struct moment at)
{
        if (p->pid == 0)
                return 0;
        unsigned todo = process_feed(p, PE_SIGNAL_FAILED, at);
        if (p->state == PS_UNKNOWN)
                spawnerr_set(p, "%s", why);
        return todo;
}

/* ---- birth and end */

struct process *process_new(const char *name, struct group *group, struct program *program,
                            int number)
{
        size_t size = strlen(name) + 1;
        struct process *p = calloc(1, sizeof *p + size);

        if (!p)
                return NULL;
        p->name = memcpy(p + 1, name, size);
        p->group = group;
        p->program = program_ref(program);
        p->number = number;
        p->state = PS_STOPPED;
        p->calm_ms = -1;
        /* Processes that fail together must not retry together: each has a jitter of its own. */
        p->seed = hash_text((uint64_t)number, name);
        return p;
}

void process_free(struct process *p)
{
        if (!p)
                return;
        breaker_release(&p->breaker);
        program_unref(p->program);
        program_unref(p->next_program);
        free(p->spawnerr);
        free(p);
}

/* ---- questions about time */

bool process_due(const struct process *p, int64_t *due_ms_out)
{
        if (p->waiting == WAIT_NONE)
                return false;
        *due_ms_out = p->due.due_ms;
        return true;
}

bool process_will_start(const struct process *p, int64_t *at_ms_out)
{
        if (p->waiting != WAIT_RETRY)
                return false;
        *at_ms_out = p->due.due_ms;
        return true;
}

int process_crashes(const struct process *p, int64_t now_ms)
{
        bool forgotten = p->calm_ms >= 0 && now_ms - p->calm_ms >= p->program->restart_reset_ms;

        return forgotten ? 0 : p->crashes;
}
