/* Gives one order to many processes, in slices, and notifies the observer of each. Goes on when
 * the observer has left. */
#include "engine/order/operations.h"

#include <ev.h>
#include <stdlib.h>

#include "engine/order/searches.h"

#define SLICE_MS 1
/* So long, in all, those behind wait for programs that are looked for, so that starts keep their
 * order. A disk that works needs milliseconds; one that hangs holds up the others no longer. */
#define PATIENCE_MS 1000

/* One that still has to have its turn. */
struct turn {
        struct process *process;
        enum fault instead; /* NONE: the order is given */
};

struct operation {
        struct operation *next;
        struct supervisor *sup;
        order_fn *give;
        struct turn *turns; /* owned */
        int at, count;
        struct caller by;
        struct operation_observer ear; /* told NULL: no observer */
        ev_timer more;                 /* the loop does not wait while a process is left */
        const struct process *held;    /* whose program is looked for before the next one's turn */
        int64_t held_ms;               /* mono: since when */
        int64_t patience_ms;           /* how much is left of it */
};

/* What the component has for itself: the head of its list. */
static struct operation **operation_first(const struct supervisor *s)
{
        return component_own(s, COMPONENT_operations);
}

/* False: what comes of it is not known yet. */
static bool operation_one(struct supervisor *s, order_fn *give, struct process *p, int i,
                          const struct caller *by, const struct operation_observer *ear)
{
        struct err detail = { 0 };
        enum fault f = give(s, p, by, &detail);

        if (ear->told)
                ear->told(ear->arg, i, p, f, &detail);
        return f != FAULT_LATER;
}

/* False: there is nothing to wait for, or none that would. */
static bool operation_hold(struct operation *w, const struct process *p)
{
        if (w->at == w->count || !searches_has(w->sup, p))
                return false;
        w->held = p;
        w->held_ms = clock_mono_ms();
        ev_now_update(w->sup->loop);
        ev_timer_set(&w->more, (double)w->patience_ms / 1000, 0.);
        ev_timer_start(w->sup->loop, &w->more);
        return true;
}

/* False: the next one's has to wait. */
static bool next_turn(struct operation *w)
{
        static const struct err nothing;
        int i = w->at++;
        const struct turn *t = &w->turns[i];

        if (t->instead == FAULT_NONE) {
                struct process *p = t->process;
                bool is_known = operation_one(w->sup, w->give, p, i, &w->by, &w->ear);
                return is_known || w->patience_ms <= 0 || !operation_hold(w, p);
        }
        if (w->ear.told)
                w->ear.told(w->ear.arg, i, NULL, t->instead, &nothing);
        return true;
}

/* The rest has its turn as soon as the loop has looked at everything else. */
static void go_on_soon(struct operation *w)
{
        ev_timer_stop(w->sup->loop, &w->more);
        ev_timer_set(&w->more, 0., 0.);
        ev_timer_start(w->sup->loop, &w->more);
}

static void operation_drop(struct operation *w)
{
        struct operation **at = operation_first(w->sup);

        while (*at != w)
                at = &(*at)->next;
        *at = w->next;
        ev_timer_stop(w->sup->loop, &w->more);
        free(w->turns);
        free(w);
}

static void operation_end(struct operation *w)
{
        struct operation_observer ear = w->ear;

        operation_drop(w);
        if (ear.over)
                ear.over(ear.arg);
}

static void operation_on_more(struct ev_loop *loop, ev_timer *timer, int revents)
{
        struct operation *w = timer->data;
        int64_t begun_ms = clock_mono_ms();

        (void)loop, (void)revents;
        if (w->held) {
                w->held = NULL;
                w->patience_ms = 0;
        }
        while (w->at < w->count) {
                if (clock_mono_ms() - begun_ms >= SLICE_MS) {
                        go_on_soon(w);
                        return;
                }
                if (!next_turn(w))
                        return;
        }
        operation_end(w);
}

static struct operation *operation_new(struct supervisor *s, struct process *const *list, int count)
{
        struct operation *w = calloc(1, sizeof *w);
        struct turn *turns = w ? calloc((size_t)count, sizeof *turns) : NULL;

        if (!turns) {
                free(w);
                return NULL;
        }
        for (int i = 0; i < count; i++)
                turns[i].process = list[i];
        w->sup = s;
        w->turns = turns;
        w->count = count;
        w->patience_ms = PATIENCE_MS;
        ev_timer_init(&w->more, operation_on_more, 0., 0.);
        w->more.data = w;
        w->next = *operation_first(s);
        *operation_first(s) = w;
        return w;
}

static bool first_turns(struct operation *w)
{
        while (w->at < w->count && w->at < OPERATION_AT_ONCE)
                if (!next_turn(w))
                        return false;
        return true;
}

/* It is there before the first order is given: what comes of that may concern the others. */
struct operation *operation_begin(struct supervisor *s, order_fn *give, struct process *const *list,
                                  int count, const struct caller *by,
                                  const struct operation_observer *ear)
{
        struct operation *w = count > 1 ? operation_new(s, list, count) : NULL;

        if (!w) {
                for (int i = 0; i < count; i++)
                        operation_one(s, give, list[i], i, by, ear);
                return NULL;
        }
        w->give = give;
        w->by = *by;
        w->ear = *ear;
        bool waits = !first_turns(w);
        if (w->at == w->count) {
                operation_drop(w);
                return NULL;
        }
        if (!waits)
                go_on_soon(w);
        return w;
}

void operation_leave(struct operation *w)
{
        w->ear = (struct operation_observer){ 0 };
}

static void operation_instead(struct supervisor *s, const struct process *p, enum fault f)
{
        for (struct operation *w = *operation_first(s); w; w = w->next)
                for (int i = w->at; i < w->count; i++)
                        if (w->turns[i].process == p) {
                                w->turns[i] = (struct turn){ .instead = f };
                                break;
                        }
}

void operations_stopped(struct supervisor *s, const struct process *p)
{
        operation_instead(s, p, FAULT_ABNORMAL_TERMINATION);
}

static void operation_on_process_gone(struct supervisor *s, struct process *p)
{
        operation_instead(s, p, FAULT_BAD_NAME);
}

void operations_go_on(struct supervisor *s, const struct process *p)
{
        for (struct operation *w = *operation_first(s); w; w = w->next)
                if (w->held == p) {
                        w->held = NULL;
                        w->patience_ms -= clock_mono_ms() - w->held_ms;
                        go_on_soon(w);
                }
}

void operations_finish(struct supervisor *s)
{
        while (*operation_first(s)) {
                struct operation *w = *operation_first(s);
                w->patience_ms = 0;
                while (w->at < w->count)
                        next_turn(w);
                operation_end(w);
        }
}

static void operation_release(struct supervisor *s)
{
        while (*operation_first(s))
                operation_drop(*operation_first(s));
}

const struct component component_operations = { .name = "operations",
                                                .size = sizeof(struct operation *),
                                                .release = operation_release,
                                                .on_process_gone = operation_on_process_gone };
