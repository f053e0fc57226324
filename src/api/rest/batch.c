/* One order to one or several processes over /v1: gives it, waits for each with a waiter, and
 * answers once. The request may go first: then nothing is answered, and the orders stand. */
#include "api/rest/batch.h"

#include <stdlib.h>
#include <string.h>

#include "api/rest/rest.h"
#include "api/rest/view.h"
#include "model/fleet/registry.h"

#define BATCH_LINES "application/x-ndjson"

void batch_drop(struct batch *b)
{
        ev_timer_stop(b->loop, &b->timer);
        if (b->operation)
                operation_leave(b->operation);
        if (b->logged)
                logs_wait_cancel(b->logged);
        free(b->by_turn);
        for (int i = 0; i < b->count; i++) {
                waiter_cancel(&b->items[i].waiter);
                free(b->items[i].name);
                free(b->items[i].detail);
                free(b->items[i].spawnerr);
        }
        free(b->items);
        free(b->arg);
        free(b);
}

static void batch_on_gone(struct request *r)
{
        batch_drop(r->state);
        r->state = NULL;
}

/* ---- answering */

static void answer_process(struct batch *b)
{
        struct request *r = b->request;
        const struct batch_item *item = &b->items[0];
        const struct process *p =
            item->removed ? NULL : registry_process(&r->sup->registry, item->name);
        AUTO_BUF text = BUF_INIT;
        AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);

        if (item->fault != FAULT_NONE) {
                rest_fault(r, item->fault, item->detail ? item->detail : item->name);
        } else if (!p) {
                rest_fault(r, FAULT_BAD_NAME, item->name);
        } else {
                view_process(&j, r->sup, p, clock_now(), VIEW_ALL_FIELDS);
                rest_reply(r, b->wait ? 200 : 202, &text);
        }
}

static void batch_put_result(struct json_writer *j, const struct batch *b,
                             const struct batch_item *item)
{
        bool ok = item->fault == FAULT_NONE;

        json_writer_open(j, '{');
        view_key_text(j, "name", item->name);
        view_key_bool(j, "ok", ok);
        view_key_text(j, "code", ok ? "OK" : fault_name(item->fault));
        view_key_text(j, "detail", item->detail);
        if (b->restarts)
                view_key_bool(j, "was_running", item->was_running);
        json_writer_close(j, '}');
}

static int batch_by_place(const void *a, const void *b)
{
        const struct batch_item *const *x = a, *const *y = b;

        return ((*x)->place > (*y)->place) - ((*x)->place < (*y)->place);
}

/* Without memory for the order, in that of status. */
static void answer_lines(struct batch *b)
{
        const struct batch_item **sorted = calloc((size_t)b->count + 1, sizeof *sorted);
        AUTO_BUF text = BUF_INIT;

        for (int i = 0; sorted && i < b->count; i++)
                sorted[i] = &b->items[i];
        if (sorted && b->count)
                qsort(sorted, (size_t)b->count, sizeof *sorted, batch_by_place);
        for (int i = 0; i < b->count; i++) {
                AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);
                batch_put_result(&j, b, sorted ? sorted[i] : &b->items[i]);
                buf_putc(&text, '\n');
        }
        free(sorted);
        if (text.failed)
                reply_error_page(b->request, 503);
        else
                reply_body(b->request, b->wait ? 200 : 202, BATCH_LINES, NULL, &text);
}

static void answer_results(struct batch *b)
{
        AUTO_BUF text = BUF_INIT;
        AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);

        json_writer_open(&j, '{');
        json_writer_key(&j, "results");
        json_writer_open(&j, '[');
        for (int i = 0; i < b->count; i++)
                batch_put_result(&j, b, &b->items[i]);
        json_writer_close(&j, ']');
        json_writer_close(&j, '}');
        rest_reply(b->request, b->wait ? 200 : 202, &text);
}

/* The request may be gone as soon as it is answered: b does not look at it after that. */
static void batch_finish(struct batch *b)
{
        static void (*const answers[])(struct batch *) = {
                [BATCH_PROCESS] = answer_process, [BATCH_RESULTS] = answer_results
        };

        b->request->on_gone = NULL;
        b->request->state = NULL;
        if (b->answer == BATCH_OWN)
                b->on_finished(b);
        else if (b->lines)
                answer_lines(b);
        else
                answers[b->answer](b);
        batch_drop(b);
}

/* ---- waiting */

static void batch_settle(struct batch *b)
{
        if (--b->pending == 0)
                batch_finish(b);
}

/* Without memory for the words the code alone has to do. */
void batch_done(struct batch *b, int i, const struct process *p, enum fault f, const char *detail)
{
        struct batch_item *item = &b->items[i];

        item->done = true;
        item->fault = f;
        if (!item->place)
                item->place = item->turn + 1;
        if (detail && *detail && !item->detail)
                item->detail = strdup(detail);
        if (f == FAULT_NONE || !p)
                return;
        item->state = pstate_name(p->state);
        if (p->spawnerr && !item->spawnerr)
                item->spawnerr = strdup(p->spawnerr);
}

/* What is known as soon as it is executed is told in the order of the orders, whatever is executed
 * first; what takes longer comes behind it, as it comes (compat 20.3). */
static void batch_place_later(struct batch_item *item, bool at_once)
{
        if (!at_once)
                item->place = item->batch->count + ++item->batch->waited;
}

static void batch_on_done(void *arg, struct process *p, enum fault f)
{
        struct batch_item *item = arg;

        batch_place_later(item, item->waiter.refusal || item->waiter.what == WAIT_FOR_EXECUTED ||
                                    (item->waiter.what == WAIT_FOR_STARTED && f == FAULT_NONE &&
                                     p->program->startsecs <= 0));
        item->removed = f == FAULT_BAD_NAME;
        if (item->removed && item->waiter.what == WAIT_FOR_STOPPED)
                f = FAULT_NONE; /* what was to be stopped is */
        if (f == FAULT_ABNORMAL_TERMINATION &&
            item->batch->request->sup->daemon_state != DAEMON_RUNNING)
                f = FAULT_SHUTDOWN_STATE;
        batch_done(item->batch, (int)(item - item->batch->items), item->removed ? NULL : p, f,
                   f == FAULT_SPAWN_ERROR ? process_spawnerr(p) : item->waiter.refusal);
        batch_settle(item->batch);
}

void batch_await(struct batch *b, int i, struct process *p, enum wait_for what)
{
        struct batch_item *item = &b->items[i];
        enum fault f;

        item->waiter.on_done = batch_on_done;
        item->waiter.arg = item;
        if (waiter_add(b->request->sup, &item->waiter, p, what, &f))
                batch_done(b, i, p, f, f == FAULT_SPAWN_ERROR ? process_spawnerr(p) : NULL);
        else
                b->pending++;
}

static void on_timeout(EV_P_ ev_timer *w, int revents)
{
        struct batch *b = w->data;

        (void)loop, (void)revents;
        b->timed_out = true;
        for (int i = 0; i < b->count; i++)
                if (!b->items[i].done) {
                        waiter_cancel(&b->items[i].waiter);
                        batch_place_later(&b->items[i], false);
                        batch_done(b, i, NULL, FAULT_TIMEOUT, "not there yet; the order stands");
                }
        batch_finish(b);
}

void batch_run(struct batch *b, bool wait, double timeout_s)
{
        struct request *r = b->request;

        b->wait = wait;
        r->state = b;
        r->on_gone = batch_on_gone;
        if (b->pending > 1 || (wait && b->operation)) {
                ev_timer_set(&b->timer, timeout_s, 0.);
                ev_timer_start(r->sup->loop, &b->timer);
        }
        if (!b->operation)
                batch_settle(b); /* the order-giver's own share */
}

static void batch_on_logs(void *arg)
{
        struct batch *b = arg;

        b->logged = NULL;
        batch_settle(b);
}

/* The disk hangs: what was asked for is done when it goes on, and that may be never. */
static void batch_on_logs_late(void *arg)
{
        struct batch *b = arg;

        for (int i = 0; i < b->count; i++)
                if (b->items[i].fault == FAULT_NONE)
                        batch_done(b, i, NULL, FAULT_FAILED,
                                   "the log thread has not answered for five seconds: it is done "
                                   "when the disk answers");
        batch_on_logs(b);
}

void batch_await_logs(struct batch *b)
{
        b->logged = logs_wait(b->request->sup->logs, batch_on_logs, batch_on_logs_late, b);
        if (b->logged)
                b->pending++;
}

static void batch_on_order(void *arg, int turn, struct process *p, enum fault f,
                           const struct err *detail)
{
        struct batch *b = arg;
        int i = b->by_turn ? b->by_turn[turn] : turn;

        bool is_on = f == FAULT_NONE || f == FAULT_LATER;

        b->items[i].removed = p == NULL;
        b->items[i].waiter.awaits_order = f == FAULT_LATER;
        if (is_on && b->wait)
                batch_await(b, i, p, b->until);
        else if (is_on && b->until == WAIT_FOR_STARTED)
                batch_await(b, i, p, WAIT_FOR_EXECUTED); /* also where nothing is waited for */
        else
                batch_done(b, i, p, f, f == FAULT_SPAWN_ERROR ? process_spawnerr(p) : detail->text);
}

static void batch_on_ordered(void *arg)
{
        struct batch *b = arg;

        b->operation = NULL;
        batch_settle(b);
}

/* The processes in the order in which they get theirs: by priority, stops the other way round.
 * NULL: no memory, then it is that of the items. Owned by the caller. */
static struct process **batch_by_turn(struct batch *b, struct process **procs, bool reversed)
{
        struct process **list = calloc((size_t)b->count + 1, sizeof(struct process *));

        b->by_turn = list ? calloc((size_t)b->count + 1, sizeof *b->by_turn) : NULL;
        for (int i = 0; b->by_turn && i < b->count; i++) {
                struct batch_item *item = &b->items[i];
                if (reversed)
                        item->turn = b->count - 1 - item->turn;
                list[item->turn] = procs[i];
                b->by_turn[item->turn] = i;
        }
        if (b->by_turn)
                return list;
        free(list);
        return NULL;
}

void batch_give(struct batch *b, const struct operation_kind *kind, struct process **procs,
                bool wait, double timeout_s)
{
        struct request *r = b->request;
        struct operation_observer observer = { batch_on_order, batch_on_ordered, b };
        struct process **sorted = batch_by_turn(b, procs, kind == &operation_stop);

        b->wait = wait;
        b->until = kind->until;
        b->operation =
            operation_begin(r->sup, kind, sorted ? sorted : procs, b->count, &r->caller, &observer);
        free(sorted);
        batch_run(b, wait, timeout_s);
}

static bool batch_takes_lines(const struct request *r)
{
        const char *accept = request_header(r, "Accept");

        return accept && strstr(accept, BATCH_LINES);
}

int batch_by_name(const void *a, const void *b)
{
        const struct process *x = *(struct process *const *)a, *y = *(struct process *const *)b;
        int groups = strcmp(x->group->name, y->group->name);

        return groups ? groups : strcmp(x->name, y->name);
}

/* procs is sorted by names; where it is not, each has its turn in that order. */
static void batch_set_turns(struct batch *b, struct process *const *procs)
{
        int count = 0, turn = 0;
        size_t n = (size_t)b->count;
        struct process **all =
            n > 1 ? registry_start_order(&b->request->sup->registry, &count) : NULL;

        for (int i = 0; i < b->count; i++)
                b->items[i].turn = -1;
        for (int i = 0; i < count; i++) {
                struct process *const *at =
                    bsearch(&all[i], procs, n, sizeof *procs, batch_by_name);
                if (at)
                        b->items[at - procs].turn = turn++;
        }
        for (int i = 0; turn < b->count && i < b->count; i++)
                b->items[i].turn = i;
        free(all);
}

struct batch *batch_new(struct request *r, enum batch_answer answer, struct process **procs,
                        int count)
{
        struct batch *b = calloc(1, sizeof *b);

        if (!b)
                return NULL;
        b->request = r;
        b->loop = r->sup->loop;
        b->answer = answer;
        b->lines = batch_takes_lines(r);
        b->pending = 1; /* until all orders are given */
        ev_timer_init(&b->timer, on_timeout, 0., 0.);
        b->timer.data = b;
        b->items = calloc(count ? (size_t)count : 1, sizeof *b->items);
        for (int i = 0; b->items && i < count; i++) {
                struct buf name = BUF_INIT;
                process_namespec(procs[i], &name);
                b->items[i] = (struct batch_item){ .batch = b, .name = buf_take(&name) };
                b->count = i + 1;
                if (!b->items[i].name)
                        break;
        }
        if (b->items && b->count == count && (count == 0 || b->items[count - 1].name)) {
                batch_set_turns(b, procs);
                return b;
        }
        batch_drop(b);
        return NULL;
}
