/* Gives one order to one or several processes, waits for each with a waiter, and tells once, when
 * the last result is known. Says nothing of how results are written: that is the interfaces'. */
#include "engine/order/results.h"

#include <stdlib.h>
#include <string.h>

/* ---- life */

static bool result_init(struct result *item, struct results *r, const struct process *p)
{
        struct buf name = BUF_INIT;

        process_namespec(p, &name);
        *item = (struct result){ .results = r,
                                 .group = strdup(p->group->name),
                                 .name = buf_take(&name) };
        if (item->name)
                item->own = item->name + strlen(item->name) - strlen(p->name);
        return item->name && item->group;
}

static void results_on_timeout(struct ev_loop *loop, ev_timer *w, int revents);

bool results_init(struct results *r, struct supervisor *s, struct process *const *procs, int count)
{
        *r = (struct results){ .sup = s, .pending = 1 };
        ev_timer_init(&r->timer, results_on_timeout, 0., 0.);
        r->timer.data = r;
        r->items = calloc((size_t)count + 1, sizeof *r->items);
        bool fine = r->items;
        for (; fine && r->count < count; r->count++)
                fine = result_init(&r->items[r->count], r, procs[r->count]);
        if (!fine)
                results_release(r);
        return fine;
}

void results_release(struct results *r)
{
        ev_timer_stop(r->sup->loop, &r->timer);
        if (r->operation)
                operation_leave(r->operation);
        for (int i = 0; i < r->count; i++) {
                waiter_cancel(&r->items[i].waiter);
                free(r->items[i].name);
                free(r->items[i].group);
                free(r->items[i].detail);
                free(r->items[i].spawnerr);
        }
        free(r->items);
}

/* ---- what becomes known */

void results_settle(struct results *r)
{
        if (--r->pending == 0)
                r->on_known(r->arg);
}

/* What is known as soon as it is executed has its place in the order of the orders, whatever is
 * executed first; what takes longer comes behind it, as it comes (compat 20.3). */
static void result_place_later(struct result *item)
{
        item->place = item->results->count + ++item->results->waited;
}

/* Without memory for the words the code alone has to do. */
void results_done(struct results *r, int i, const struct process *p, enum fault f,
                  const char *detail)
{
        struct result *item = &r->items[i];

        item->done = true;
        item->fault = f;
        if (!item->place)
                item->place = i + 1;
        if (f == FAULT_SPAWN_ERROR && p)
                detail = process_spawnerr(p);
        if (detail && *detail && !item->detail)
                item->detail = strdup(detail);
        if (f == FAULT_NONE || !p)
                return;
        item->state = pstate_name(p->state);
        if (p->spawnerr && !item->spawnerr)
                item->spawnerr = strdup(p->spawnerr);
}

static void result_on_done(void *arg, struct process *p, enum fault f)
{
        struct result *item = arg;
        struct results *r = item->results;
        const struct waiter *w = &item->waiter;
        bool at_once =
            w->refusal || w->what == WAIT_FOR_EXECUTED ||
            (w->what == WAIT_FOR_STARTED && f == FAULT_NONE && p->program->startsecs <= 0);

        if (!at_once)
                result_place_later(item);
        item->removed = f == FAULT_BAD_NAME;
        item->ending = r->sup->daemon_state != DAEMON_RUNNING;
        results_done(r, (int)(item - r->items), item->removed ? NULL : p, f, w->refusal);
        results_settle(r);
}

void results_await(struct results *r, int i, struct process *p, enum wait_for what)
{
        struct result *item = &r->items[i];
        enum fault f;

        item->waiter.on_done = result_on_done;
        item->waiter.arg = item;
        if (waiter_add(r->sup, &item->waiter, p, what, &f))
                results_done(r, i, p, f, NULL);
        else
                r->pending++;
}

static void results_on_timeout(struct ev_loop *loop, ev_timer *w, int revents)
{
        struct results *r = w->data;

        (void)loop, (void)revents;
        r->timed_out = true;
        for (int i = 0; i < r->count; i++)
                if (!r->items[i].done) {
                        waiter_cancel(&r->items[i].waiter);
                        result_place_later(&r->items[i]);
                        results_done(r, i, NULL, FAULT_TIMEOUT, "not there yet; the order stands");
                }
        r->on_known(r->arg);
}

/* ---- giving */

/* Whether it could be executed is known also where nothing is waited for. */
static void results_on_order(void *arg, int i, struct process *p, enum fault f,
                             const struct err *detail)
{
        struct results *r = arg;
        bool is_on = f == FAULT_NONE || f == FAULT_LATER;

        r->items[i].removed = p == NULL;
        r->items[i].waiter.awaits_order = f == FAULT_LATER;
        if (is_on && (r->wait || r->until == WAIT_FOR_STARTED))
                results_await(r, i, p, r->wait ? r->until : WAIT_FOR_EXECUTED);
        else
                results_done(r, i, p, f, detail->text);
}

static void results_on_ordered(void *arg)
{
        struct results *r = arg;

        r->operation = NULL;
        results_settle(r);
}

void results_give(struct results *r, const struct operation_kind *kind,
                  struct process *const *procs, const struct caller *by, bool wait)
{
        struct operation_observer observer = { results_on_order, results_on_ordered, r };

        r->wait = wait;
        r->until = kind->until;
        r->operation = operation_begin(r->sup, kind, procs, r->count, by, &observer);
}

void results_run(struct results *r, double timeout_s)
{
        if (timeout_s > 0 && (r->pending > 1 || (r->wait && r->operation))) {
                ev_timer_set(&r->timer, timeout_s, 0.);
                ev_timer_start(r->sup->loop, &r->timer);
        }
        if (!r->operation)
                results_settle(r); /* the share of the one who gives orders */
}

/* ---- reading */

int result_by_place(const void *a, const void *b)
{
        const struct result *const *x = a, *const *y = b;

        return ((*x)->place > (*y)->place) - ((*x)->place < (*y)->place);
}

int result_by_name(const void *a, const void *b)
{
        const struct result *const *x = a, *const *y = b;
        int groups = strcmp((*x)->group, (*y)->group);

        return groups ? groups : strcmp((*x)->own, (*y)->own);
}

const struct result **results_sorted(const struct results *r,
                                     int (*compare)(const void *a, const void *b))
{
        const struct result **sorted = calloc((size_t)r->count + 1, sizeof *sorted);

        for (int i = 0; sorted && i < r->count; i++)
                sorted[i] = &r->items[i];
        if (sorted && r->count)
                qsort(sorted, (size_t)r->count, sizeof *sorted, compare);
        return sorted;
}
