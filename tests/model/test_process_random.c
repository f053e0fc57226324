/* A million random facts over several programs, with what must always hold looked at after each. A
 * small engine carries the work out: it spawns (or fails to), and forgets. */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "model/unit/backoff.h"
#include "subject.h"

#define FACTS     1000000
#define PROCESSES 24
#define PROGRAMS  8
#define REMEMBER  64 /* failures per process, for the restart limit */

struct seat {
        struct process *p;
        bool forbidden;    /* stopped by order: no start of its own */
        bool gave_up;      /* the order, as opposed to the machine */
        int64_t *failures; /* ring of the last REMEMBER ones, mono */
        unsigned failed;
        unsigned spawns;
};

struct host_of_chance {
        uint64_t x;
        int64_t now;
        struct program programs[PROGRAMS];
        struct seat seats[PROCESSES];
        pid_t next_pid;
        const char *broken; /* the first rule that did not hold */
        unsigned visits[PS_COUNT];
        unsigned on_fatal, forgotten;
};

static unsigned roll(struct host_of_chance *w, unsigned below)
{
        w->x = w->x * 6364136223846793005u + 1442695040888963407u;
        return (unsigned)(w->x >> 33) % below;
}

static struct moment now_of(const struct host_of_chance *w)
{
        return (struct moment){ .mono_ms = w->now, .wall_ms = w->now + WALL_OF };
}

static void hold(struct host_of_chance *w, bool true_always, const char *rule)
{
        if (!true_always && !w->broken)
                w->broken = rule;
}

/* ---- the rules */

#define BIT(s) (1u << (s))

static const unsigned with_pid = BIT(PS_STARTING) | BIT(PS_RUNNING) | BIT(PS_STOPPING) |
                                 BIT(PS_RESTARTING) | BIT(PS_RETIRING) | BIT(PS_SICK) |
                                 BIT(PS_LATE) | BIT(PS_UNKNOWN);
static const unsigned always_due = BIT(PS_BACKOFF) | BIT(PS_RESPAWN) | BIT(PS_STOPPING) |
                                   BIT(PS_RESTARTING) | BIT(PS_RETIRING) | BIT(PS_SICK) |
                                   BIT(PS_LATE);

static bool needs_deadline(const struct process *p)
{
        const struct program *g = p->program;
        bool probed = g->ready == READY_HEALTHCHECK && g->healthcheck.kind != CHECK_NONE;

        if (p->state == PS_STARTING)
                return !probed || p->health.ever_ok || g->start_timeout_ms > 0;
        return always_due & BIT(p->state);
}

/* Failures within the window up to the last one, which is when it is judged; counted one by one. */
static int failures_within(const struct seat *s)
{
        int64_t window = s->p->program->restart_limit.window_ms;
        int64_t last = s->failed ? s->failures[(s->failed - 1) % REMEMBER] : 0;
        int n = 0;

        for (unsigned i = s->failed; i > 0 && s->failed - i < REMEMBER; i--)
                n += last - s->failures[(i - 1) % REMEMBER] <= window;
        return n;
}

static void check_rest(struct host_of_chance *w, const struct seat *s)
{
        const struct process *p = s->p;
        int64_t due, starts_at;
        bool awaits = process_due(p, &due);

        hold(w, (p->pid != 0) == !!(with_pid & BIT(p->state)), "a pid where one belongs");
        hold(w, awaits == needs_deadline(p), "every wait has a deadline, nothing else has");
        hold(w, !awaits || due <= w->now + 100000, "no deadline is out of reach");
        hold(w, p->tries <= p->program->startretries + 1, "tries <= startretries + 1");
        hold(w, p->state != PS_RUNNING || p->tries == 0, "RUNNING forgets tries");
        hold(w, p->calm_ms < 0 || p->state == PS_RUNNING, "calm only in RUNNING");
        hold(w, p->pid != 0 || p->health.status == HEALTH_NONE, "health only with a pid");
        hold(w, !process_will_start(p, &starts_at) || !s->forbidden, "stopped stays stopped");
        hold(w, p->state != PS_WAITING || !s->forbidden, "what was stopped waits for no start");
        hold(w, p->tries >= 0 && p->crashes >= 0 && p->restarts >= 0, "counts are counts");
}

static void check_fatal(struct host_of_chance *w, struct seat *s, unsigned work)
{
        const struct process *p = s->p;
        int limit = p->program->restart_limit.count;
        bool broke = limit > 0 && failures_within(s) > limit;

        hold(w, s->gave_up != !!(work & DO_ON_FATAL), "on_fatal when it came by itself");
        hold(w, s->gave_up || p->tries > p->program->startretries || broke,
             "FATAL from tries, the breaker or an order only");
}

/* ---- the engine */

static void act(struct host_of_chance *w, struct seat *s, enum pstate from, unsigned work);

static void note_failure(struct host_of_chance *w, struct seat *s)
{
        s->failures[s->failed++ % REMEMBER] = w->now;
}

static void spawn(struct host_of_chance *w, struct seat *s)
{
        struct process *p = s->p;

        hold(w, p->pid == 0 && p->state == PS_STARTING, "never a second pid");
        hold(w, !s->forbidden, "no start after a stop");
        hold(w, process_spawnerr(p) == NULL, "a spawn clears spawnerr");
        s->spawns++;
        if (roll(w, 5) == 0) {
                note_failure(w, s);
                act(w, s, p->state, process_spawn_failed(p, "no luck", now_of(w)));
                return;
        }
        act(w, s, p->state, process_spawned(p, w->next_pid++, now_of(w)));
}

static struct process *newcomer(struct host_of_chance *w, int i)
{
        char name[8] = { 'w', (char)('a' + i) };
        struct process *p = process_new(name, NULL, &w->programs[i % PROGRAMS], i);

        cr_assert(p);
        return p;
}

static void forget(struct host_of_chance *w, struct seat *s)
{
        hold(w, s->p->pid == 0 && s->p->state == PS_GONE, "only what is gone is forgotten");
        process_free(s->p);
        s->p = newcomer(w, (int)(s - w->seats));
        s->forbidden = false;
        s->failed = 0;
        w->forgotten++;
}

static void act(struct host_of_chance *w, struct seat *s, enum pstate from, unsigned work)
{
        enum pstate to = s->p->state;

        w->visits[to]++;
        hold(w, !(work & (DO_TERM | DO_KILL)) || s->p->pid != 0, "signals go to a pid");
        hold(w, (to == PS_GONE) == !!(work & DO_FORGET), "gone and forgotten");
        if (to == PS_FATAL && from != PS_FATAL)
                check_fatal(w, s, work);
        w->on_fatal += !!(work & DO_ON_FATAL);
        if (work & DO_SPAWN)
                spawn(w, s);
        if (work & DO_START)
                act(w, s, s->p->state, process_order(s->p, PE_START, now_of(w)));
        if (work & DO_FORGET)
                forget(w, s);
}

/* ---- chance */

static void some_order(struct host_of_chance *w, struct seat *s)
{
        static const enum pevent orders[] = { PE_START,   PE_START,  PE_START,   PE_STOP, PE_STOP,
                                              PE_RESTART, PE_RETIRE, PE_GIVE_UP, PE_WAIT };
        enum pevent order = orders[roll(w, 9)];
        enum pstate from = s->p->state;

        s->gave_up = order == PE_GIVE_UP;
        unsigned work = process_order(s->p, order, now_of(w));
        if (order == PE_STOP || order == PE_RETIRE)
                s->forbidden = true;
        bool starts = order == PE_START || order == PE_RESTART || order == PE_WAIT;
        if (starts && (work || s->p->state != from)) {
                s->forbidden = false;
                s->failed = work & DO_SPAWN ? 0 : s->failed;
        }
        act(w, s, from, work);
        s->gave_up = false;
}

static int some_status(struct host_of_chance *w)
{
        static const int statuses[] = { EXITED(0), EXITED(0), EXITED(1), KILLED(SIGSEGV),
                                        KILLED(SIGTERM) };

        return statuses[roll(w, 5)];
}

static bool counts_as_failure(const struct process *p, int status)
{
        bool expected = status == EXITED(0);

        switch (p->state) {
        case PS_STARTING:
        case PS_SICK:
        case PS_LATE:
                return true;
        case PS_RUNNING:
                return !expected;
        default:
                return false;
        }
}

static void some_death(struct host_of_chance *w, struct seat *s)
{
        int status = some_status(w);

        if (process_promote_first(s->p, now_of(w))) {
                act(w, s, PS_STARTING, process_tick(s->p, now_of(w)));
                hold(w, s->p->state == PS_RUNNING, "a tick promotes what asks for it");
        }
        if (s->p->pid != 0 && counts_as_failure(s->p, status))
                note_failure(w, s);
        enum pstate from = s->p->state;
        act(w, s, from, process_died(s->p, status, now_of(w)));
}

static void some_verdict(struct host_of_chance *w, struct seat *s)
{
        struct process *p = s->p;
        enum pstate from = p->state;
        bool ok = roll(w, 3) == 0;

        if (p->pid == 0)
                return;
        enum health_news news = health_result(&p->health, p->program, ok, w->now - p->spawned_ms);
        act(w, s, from, process_verdict(p, news, now_of(w)));
}

static void some_refusal(struct host_of_chance *w, struct seat *s)
{
        enum pstate from = s->p->state;

        if (roll(w, 20) == 0)
                act(w, s, from, process_signal_failed(s->p, "no permission", now_of(w)));
}

static void some_tick(struct host_of_chance *w, struct seat *s)
{
        enum pstate from = s->p->state;
        int64_t due;

        if (process_due(s->p, &due) && roll(w, 4) != 0)
                w->now = due > w->now ? due : w->now; /* for the others it is late then */
        act(w, s, from, process_tick(s->p, now_of(w)));
}

static void some_fact(struct host_of_chance *w, struct seat *s)
{
        static void (*const facts[])(struct host_of_chance *, struct seat *) = {
                some_order,   some_death,   some_death, some_tick, some_tick,
                some_verdict, some_verdict, some_tick,  some_tick, some_refusal,
        };

        w->now += roll(w, 10) == 0 ? roll(w, 70000) : roll(w, 300);
        facts[roll(w, sizeof facts / sizeof *facts)](w, s);
        check_rest(w, s);
}

static void invent_programs(struct host_of_chance *w)
{
        for (int i = 0; i < PROGRAMS; i++) {
                struct program *g = &w->programs[i];
                *g = subject_program();
                g->startsecs = i % 3;
                g->startretries = i % 4;
                g->autorestart = (enum autorestart)(i % 3);
                g->stopwaitsecs = (i * 5) % 20;
                g->restart_jitter = 0.1 * i;
                g->restart_delay_ms = i == 5 ? 0 : 1000;
                g->restart_limit = (struct rate){ .count = i % 2 ? i : 0, .window_ms = 60000 };
                g->healthcheck.kind = i < 6 ? CHECK_EXEC : CHECK_NONE;
                g->healthcheck_action = (enum check_action)(i / 2 % 3);
                g->healthcheck_start_period_ms = i * 500;
                g->ready = i % 4 < 2 ? READY_HEALTHCHECK : READY_UPTIME;
                g->start_timeout_ms = i % 2 ? 5000 : 0;
        }
}

Test(process_random, keeps_its_rules_over_a_million_facts)
{
        static struct host_of_chance w = { .x = 20251120, .now = BORN_MS, .next_pid = 1 };
        static int64_t failures[PROCESSES][REMEMBER];
        unsigned spawns = 0;

        invent_programs(&w);
        for (int i = 0; i < PROCESSES; i++)
                w.seats[i] = (struct seat){ .p = newcomer(&w, i), .failures = failures[i] };
        for (int n = 0; n < FACTS && !w.broken; n++) {
                struct seat *s = &w.seats[roll(&w, PROCESSES)];
                enum pstate from = s->p->state;
                some_fact(&w, s);
                cr_assert(!w.broken, "fact %d, %s from %s to %s: broken: %s", n, s->p->name,
                          pstate_inner_name(from), pstate_inner_name(s->p->state), w.broken);
        }
        for (int i = 0; i < PROCESSES; i++) {
                spawns += w.seats[i].spawns;
                process_free(w.seats[i].p);
        }
        for (int state = PS_NONE + 1; state < PS_COUNT; state++)
                cr_expect_gt(w.visits[state], 1000, "%s was hardly seen: %u",
                             pstate_inner_name((enum pstate)state), w.visits[state]);
        cr_expect_gt(spawns, 10000);
        cr_expect_gt(w.on_fatal, 1000);
        cr_expect_gt(w.forgotten, 1000);
}
