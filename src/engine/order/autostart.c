/* Starts what has to run at the daemon's beginning, in slices, so that clients and children that
 * ended have their turn in between. A process that is ordered something else meanwhile is left
 * out. */
#include "engine/order/autostart.h"

#include <stdlib.h>

#include "engine/core/worker.h"
#include "engine/run/streams.h"

#define FIRST_MS   20 /* what is usual is through before anybody can ask */
#define SLICE_MS   1
#define LOGS_AHEAD 16 /* of so many further starts the logs are being opened */

struct autostart {
        struct process **list; /* owned list of borrowed; NULL: does not wait any more */
        int count, at;
        int awaited;   /* before it: the logs have been asked to open their files */
        bool busy;     /* the process that is started now has left the list */
        ev_timer more; /* the loop does not wait while a process is left */
};

static struct autostart *autostart_own(const struct supervisor *s)
{
        return component_own(s, COMPONENT_autostart);
}

static void autostart_on_more(struct ev_loop *loop, ev_timer *w, int revents)
{
        struct supervisor *s = w->data;

        (void)revents;
        ev_prepare_start(loop, &s->settle);
}

static bool starts_itself(const struct process *p)
{
        return p && p->program->autostart && p->state == PS_STOPPED && !p->recalled;
}

/* Nothing comes of the files that were to be opened for it. */
static void leave_out(struct autostart *st, int i)
{
        struct process *p = st->list[i];

        if (p && i < st->awaited && p->worker)
                streams_abandon(p->worker);
        st->list[i] = NULL;
}

/* None of the rest is started. */
static void autostart_drop(struct supervisor *s)
{
        struct autostart *st = autostart_own(s);

        if (!st)
                return;
        component_set(s, COMPONENT_autostart, NULL);
        for (int i = st->at; i < st->awaited; i++)
                leave_out(st, i);
        ev_timer_stop(s->loop, &st->more);
        free(st->list);
        free(st);
}

void autostart_forget(struct supervisor *s, const struct process *p)
{
        struct autostart *st = autostart_own(s);

        if (!st || st->busy)
                return;
        for (int i = st->at; i < st->count; i++)
                if (st->list[i] == p)
                        leave_out(st, i);
}

static void await_logs(struct autostart *st)
{
        for (; st->awaited < st->count && st->awaited <= st->at + LOGS_AHEAD; st->awaited++)
                if (starts_itself(st->list[st->awaited]))
                        streams_await(st->list[st->awaited]->worker);
}

static void start_next(struct supervisor *s)
{
        struct autostart *st = autostart_own(s);

        await_logs(st);
        struct process *p = st->list[st->at++];
        if (!starts_itself(p))
                return;
        st->busy = true;
        supervisor_order(s, p, PE_START);
        if (autostart_own(s))
                autostart_own(s)->busy = false;
}

/* A start may end everything (on_fatal), also this. */
static void autostart_go(struct supervisor *s, int64_t budget_ms)
{
        int64_t begun_ms = clock_mono_ms();

        while (autostart_own(s) && autostart_own(s)->at < autostart_own(s)->count &&
               s->daemon_state == DAEMON_RUNNING) {
                if (clock_mono_ms() - begun_ms >= budget_ms) {
                        ev_timer_start(s->loop, &autostart_own(s)->more);
                        return;
                }
                start_next(s);
        }
        autostart_drop(s);
}

static void autostart_on_turn(struct supervisor *s)
{
        if (autostart_own(s))
                autostart_go(s, SLICE_MS);
}

static void autostart_begin_slices(struct supervisor *s, struct process **list, int count,
                                   int64_t budget_ms)
{
        struct autostart *st = calloc(1, sizeof *st);

        autostart_drop(s);
        if (!st) {
                log_line(s->log, LVL_ERROR, "out of memory: nothing is started");
                free(list);
                return;
        }
        *st = (struct autostart){ .list = list, .count = count };
        ev_timer_init(&st->more, autostart_on_more, 0., 0.);
        st->more.data = s;
        component_set(s, COMPONENT_autostart, st);
        autostart_go(s, budget_ms);
}

static void autostart_begin(struct supervisor *s, struct process **list, int count)
{
        autostart_begin_slices(s, list, count, FIRST_MS);
}

static void autostart_now(struct supervisor *s, struct process **list, int count)
{
        struct autostart *others = autostart_own(s);

        component_set(s, COMPONENT_autostart, NULL);
        autostart_begin_slices(s, list, count, INT64_MAX);
        component_set(s, COMPONENT_autostart, others);
}

static void autostart_start(struct supervisor *s, struct group *g)
{
        int count;
        struct process **list =
            g ? group_start_order(g, &count) : registry_start_order(&s->registry, &count);

        if (count < 0)
                log_line(s->log, LVL_ERROR, "out of memory: nothing is started");
        else if (g)
                autostart_now(s, list, count);
        else
                autostart_begin(s, list, count);
}

void autostart_group(struct supervisor *s, struct group *g)
{
        autostart_start(s, g);
}

static void autostart_on_begin(struct supervisor *s)
{
        autostart_start(s, NULL);
}

static void autostart_on_order(struct supervisor *s, struct process *p)
{
        autostart_forget(s, p);
}

const struct component component_autostart = { .name = "autostart",
                                               .release = autostart_drop,
                                               .on_turn = autostart_on_turn,
                                               .on_begin = autostart_on_begin,
                                               .on_order = autostart_on_order,
                                               .on_process_gone = autostart_on_order };
