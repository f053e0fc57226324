/* Operations: one order to many processes, given in slices, with an observer that is told of each.
 * Whether a process may have its order is decided by what gives it, never here. */
#include "engine/order/operations.h"

#include <ev.h>
#include <limits.h>
#include <stdlib.h>
#include <utlist.h>

#include "engine/order/searches.h"

#define SLICE_MS 1
/* So long, in all, those behind wait for programs that are looked for, so that starts keep their
 * order. A disk that works needs milliseconds; one that hangs holds up the others no longer. */
#define PATIENCE_MS 1000
#define AHEAD       16 /* so many further ones are prepared */

/* One that still has to have its turn. */
struct turn {
        struct process *process; /* borrowed */
        enum fault instead;      /* NONE: the order is given */
};

struct operation {
        struct operation *next;
        struct supervisor *sup;
        const struct operation_kind *kind;
        struct turn *turns;   /* owned */
        int at, count;        /* before `at`: they have had their turn */
        int through;          /* before it: they have stopped; of kinds with ranks */
        int rank;             /* of those that had the last turns */
        bool hurried;         /* ranks do not matter any more */
        int prepared;         /* before it: they were prepared */
        bool giving;          /* what its order does concerns no other of the list */
        struct caller caller; /* if by */
        const struct caller *by;
        struct operation_observer observer; /* told NULL: none */
        ev_timer more;                      /* the loop does not wait while a process is left */
        const struct process *held; /* whose program is looked for before the next one's turn */
        int64_t held_ms;            /* mono: since when */
        int64_t patience_ms;        /* how much is left of it */
};

/* What the component has for itself: the head of its list. */
static struct operation **operation_first(const struct supervisor *s)
{
        return component_own(s, COMPONENT_operations);
}

static void operation_tell(const struct operation_observer *to, int i, struct process *p,
                           enum fault f, const struct err *detail)
{
        if (to->told)
                to->told(to->arg, i, p, f, detail);
}

/* ---- kinds that are orders */

static enum fault operation_give_stop(struct supervisor *s, struct process *p,
                                      const struct caller *by, struct err *detail)
{
        (void)detail;
        return order_stop(s, p, by);
}

const struct operation_kind operation_start = { .give = order_start,
                                                .until = WAIT_FOR_STARTED,
                                                .first_count = OPERATION_AT_ONCE };
const struct operation_kind operation_restart = { .give = order_restart,
                                                  .until = WAIT_FOR_STARTED,
                                                  .first_count = OPERATION_AT_ONCE };
/* A signal each: it takes no time. */
const struct operation_kind operation_stop = { .give = operation_give_stop,
                                               .until = WAIT_FOR_STOPPED,
                                               .first_count = INT_MAX };

/* ---- getting ready */

static void operation_prepare(struct operation *op)
{
        for (; op->prepared < op->count && op->prepared <= op->at + AHEAD; op->prepared++)
                if (op->turns[op->prepared].instead == FAULT_NONE)
                        op->kind->prepare(op->sup, op->turns[op->prepared].process);
}

/* Nothing comes of it. */
static void operation_abandon(struct operation *op, int i)
{
        if (i < op->prepared && op->turns[i].instead == FAULT_NONE)
                op->kind->abandon(op->sup, op->turns[i].process);
}

/* ---- turns */

/* False: there is nothing to wait for, or none that would. */
static bool operation_hold(struct operation *op, const struct process *p)
{
        if (op->patience_ms <= 0 || op->at == op->count || !searches_has(op->sup, p))
                return false;
        op->held = p;
        op->held_ms = clock_mono_ms();
        ev_now_update(op->sup->loop);
        ev_timer_set(&op->more, (double)op->patience_ms / 1000, 0.);
        ev_timer_start(op->sup->loop, &op->more);
        return true;
}

static bool turn_is_through(const struct turn *t)
{
        return !t->process || process_is_stopped(t->process);
}

/* For those before to stop. What is through stays so, so the walk never goes back. */
static bool operation_waits(struct operation *op)
{
        if (!op->kind->rank)
                return false;
        while (op->through < op->at && turn_is_through(&op->turns[op->through]))
                op->through++;
        if (op->through == op->at || op->at == op->count)
                return op->through < op->at;
        const struct process *next = op->turns[op->at].process;
        return !op->hurried && next && op->kind->rank(next) != op->rank;
}

static bool operation_is_over(struct operation *op)
{
        return op->at == op->count && !operation_waits(op);
}

/* False: the next one's has to wait. */
static bool operation_turn(struct operation *op)
{
        struct err detail = { 0 };

        if (op->kind->prepare)
                operation_prepare(op);
        int i = op->at++;
        struct process *p = op->turns[i].process;
        enum fault f = op->turns[i].instead;
        bool is_here = f == FAULT_NONE;
        if (is_here) {
                op->rank = op->kind->rank ? op->kind->rank(p) : 0;
                op->giving = true;
                f = op->kind->give(op->sup, p, op->by, &detail);
                op->giving = false;
        }
        operation_tell(&op->observer, i, is_here ? p : NULL, f, &detail);
        return f != FAULT_LATER || !operation_hold(op, p);
}

/* The rest has its turn as soon as the loop has looked at everything else. */
static void operation_go_on(struct operation *op)
{
        op->held = NULL;
        ev_timer_stop(op->sup->loop, &op->more);
        ev_timer_set(&op->more, 0., 0.);
        ev_timer_start(op->sup->loop, &op->more);
}

static void operation_free(struct operation *op)
{
        for (int i = op->at; i < op->prepared; i++)
                operation_abandon(op, i);
        LL_DELETE(*operation_first(op->sup), op);
        ev_timer_stop(op->sup->loop, &op->more);
        free(op->turns);
        free(op);
}

static void operation_end(struct operation *op)
{
        struct operation_observer observer = op->observer;

        operation_free(op);
        if (observer.over)
                observer.over(observer.arg);
}

/* At least `count` of them and whatever is possible in `ms`. False: the next has to wait. */
static bool operation_slice(struct operation *op, int count, int64_t ms)
{
        int64_t begun_ms = clock_mono_ms();

        while (op->at < op->count && (op->at < count || clock_mono_ms() - begun_ms < ms))
                if (operation_waits(op) || !operation_turn(op))
                        return false;
        return true;
}

static void operation_on_more(struct ev_loop *loop, ev_timer *timer, int revents)
{
        struct operation *op = timer->data;

        (void)loop, (void)revents;
        if (op->held)
                op->patience_ms = 0;
        op->held = NULL;
        if (!operation_slice(op, 0, SLICE_MS))
                return;
        if (op->at < op->count)
                operation_go_on(op);
        else if (operation_is_over(op))
                operation_end(op);
}

/* ---- begin and end */

struct operation *operation_new(struct supervisor *s, const struct operation_kind *kind,
                                struct process *const *list, int count)
{
        struct operation *op = calloc(1, sizeof *op);

        if (!op || !(op->turns = calloc((size_t)count + 1, sizeof *op->turns))) {
                free(op);
                return NULL;
        }
        for (int i = 0; i < count; i++)
                op->turns[i].process = list[i];
        op->sup = s;
        op->kind = kind;
        op->count = count;
        op->patience_ms = PATIENCE_MS;
        ev_timer_init(&op->more, operation_on_more, 0., 0.);
        op->more.data = op;
        LL_APPEND(*operation_first(s), op);
        return op;
}

struct operation *operation_run(struct operation *op, const struct caller *by,
                                const struct operation_observer *observer)
{
        op->caller = by ? *by : op->caller;
        op->by = by ? &op->caller : NULL;
        op->observer = observer ? *observer : op->observer;
        bool goes_on = operation_slice(op, op->kind->first_count, op->kind->first_ms);
        if (operation_is_over(op)) {
                operation_free(op);
                return NULL;
        }
        if (goes_on && op->at < op->count)
                operation_go_on(op);
        return op;
}

/* It is there before the first order is given: what comes of that may concern the others. */
struct operation *operation_begin(struct supervisor *s, const struct operation_kind *kind,
                                  struct process *const *list, int count, const struct caller *by,
                                  const struct operation_observer *observer)
{
        static const struct operation_observer none;
        struct operation *op = count > 1 ? operation_new(s, kind, list, count) : NULL;

        if (op)
                return operation_run(op, by, observer);
        for (int i = 0; i < count; i++) {
                struct err detail = { 0 };
                enum fault f = kind->give(s, list[i], by, &detail);
                operation_tell(observer ? observer : &none, i, list[i], f, &detail);
        }
        return NULL;
}

/* The next turns of one without slices. */
static void operation_advance(struct operation *op)
{
        operation_slice(op, op->count, 0);
        if (operation_is_over(op))
                operation_end(op);
}

void operation_hurry(struct operation *op)
{
        op->hurried = true;
        operation_advance(op);
}

int operation_count(const struct operation *op)
{
        return op->count;
}

struct process *operation_target(const struct operation *op, int i)
{
        return op->turns[i].process;
}

void operation_leave(struct operation *op)
{
        op->observer = (struct operation_observer){ 0 };
}

static struct operation *operation_unfinished(const struct supervisor *s)
{
        struct operation *op = *operation_first(s);

        while (op && (op->kind->begins_anew || op->kind->rank))
                op = op->next;
        return op;
}

/* From the front again: what comes of one may begin others. */
void operations_finish(struct supervisor *s)
{
        struct operation *op;

        while ((op = operation_unfinished(s))) {
                op->patience_ms = 0;
                operation_hurry(op);
        }
}

static void operations_release(struct supervisor *s)
{
        while (*operation_first(s))
                operation_free(*operation_first(s));
}

/* ---- what happens to others meanwhile */

static void operation_skip(struct operation *op, const struct process *p, enum fault f)
{
        for (int i = op->at; i < op->count; i++)
                if (op->turns[i].process == p && op->turns[i].instead == FAULT_NONE) {
                        operation_abandon(op, i);
                        op->turns[i] = (struct turn){ .instead = f };
                        return;
                }
}

void operations_stopped(struct supervisor *s, const struct process *p)
{
        for (struct operation *op = *operation_first(s); op; op = op->next)
                if (!op->giving && op->kind->until != WAIT_FOR_STOPPED)
                        operation_skip(op, p, FAULT_ABNORMAL_TERMINATION);
}

static void operations_on_process_gone(struct supervisor *s, struct process *p)
{
        for (struct operation *op = *operation_first(s); op; op = op->next) {
                for (int i = op->through; op->kind->rank && i < op->at; i++)
                        if (op->turns[i].process == p)
                                op->turns[i].process = NULL;
                operation_skip(op, p, FAULT_BAD_NAME);
        }
}

static void operations_on_order(struct supervisor *s, struct process *p)
{
        for (struct operation *op = *operation_first(s); op; op = op->next)
                if (op->kind->gives_way && !op->giving)
                        operation_skip(op, p, FAULT_ABNORMAL_TERMINATION);
}

/* Has that let go the next rank? */
static void operations_on_step_done(struct supervisor *s, struct process *p,
                                    const struct step *step)
{
        struct operation *next = step_is_transition(p, step) ? *operation_first(s) : NULL;

        for (struct operation *op = next; op; op = next) {
                next = op->next;
                if (op->kind->rank && !op->giving)
                        operation_advance(op);
        }
}

void operations_go_on(struct supervisor *s, const struct process *p)
{
        for (struct operation *op = *operation_first(s); op; op = op->next)
                if (op->held == p) {
                        op->patience_ms -= clock_mono_ms() - op->held_ms;
                        operation_go_on(op);
                }
}

const struct component component_operations = { .name = "operations",
                                                .size = sizeof(struct operation *),
                                                .release = operations_release,
                                                .on_order = operations_on_order,
                                                .on_step_done = operations_on_step_done,
                                                .on_process_gone = operations_on_process_gone };
