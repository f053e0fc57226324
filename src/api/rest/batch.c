/* One order to one or several processes over /v1: what came of it is answered once. The request may
 * go first: then nothing is answered, and the orders stand. */
#include "api/rest/batch.h"

#include <stdlib.h>
#include <string.h>

#include "api/rest/rest.h"
#include "api/rest/view.h"
#include "model/fleet/registry.h"

#define BATCH_LINES "application/x-ndjson"

void batch_drop(struct batch *b)
{
        if (b->logged)
                logs_wait_cancel(b->logged);
        results_release(&b->results);
        free(b->arg);
        free(b);
}

static void batch_on_gone(struct request *r)
{
        batch_drop(r->state);
        r->state = NULL;
}

/* ---- answering */

enum fault batch_fault(const struct result *item)
{
        if (item->removed && item->waiter.what == WAIT_FOR_STOPPED)
                return FAULT_NONE; /* what was to be stopped is */
        if (item->fault == FAULT_ABNORMAL_TERMINATION && item->ending)
                return FAULT_SHUTDOWN_STATE;
        return item->fault;
}

static void answer_process(struct batch *b)
{
        struct request *r = b->request;
        const struct result *item = &b->results.items[0];
        enum fault f = batch_fault(item);
        const struct process *p =
            item->removed ? NULL : registry_process(&r->sup->registry, item->name);
        AUTO_BUF text = BUF_INIT;
        AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);

        if (f != FAULT_NONE) {
                rest_fault(r, f, item->detail ? item->detail : item->name);
        } else if (!p) {
                rest_fault(r, FAULT_BAD_NAME, item->name);
        } else {
                view_process(&j, r->sup, p, clock_now(), VIEW_ALL_FIELDS);
                rest_reply(r, b->results.wait ? 200 : 202, &text);
        }
}

static void batch_put_result(struct json_writer *j, const struct batch *b,
                             const struct result *item)
{
        enum fault f = batch_fault(item);
        bool ok = f == FAULT_NONE;

        json_writer_open(j, '{');
        view_key_text(j, "name", item->name);
        view_key_bool(j, "ok", ok);
        view_key_text(j, "code", ok ? "OK" : fault_name(f));
        view_key_text(j, "detail", item->detail);
        if (b->restarts)
                view_key_bool(j, "was_running", item->was_running);
        json_writer_close(j, '}');
}

/* Without memory for the order, in that of the turns. */
static void answer_lines(struct batch *b)
{
        const struct results *r = &b->results;
        const struct result **sorted = results_sorted(r, result_by_place);
        AUTO_BUF text = BUF_INIT;

        for (int i = 0; i < r->count; i++) {
                AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);
                batch_put_result(&j, b, sorted ? sorted[i] : &r->items[i]);
                buf_putc(&text, '\n');
        }
        free(sorted);
        if (text.failed)
                reply_error_page(b->request, 503);
        else
                reply_body(b->request, r->wait ? 200 : 202, BATCH_LINES, NULL, &text);
}

static void answer_results(struct batch *b)
{
        const struct results *r = &b->results;
        const struct result **sorted = results_sorted(r, result_by_name);
        AUTO_BUF text = BUF_INIT;
        AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);

        json_writer_open(&j, '{');
        json_writer_key(&j, "results");
        json_writer_open(&j, '[');
        for (int i = 0; i < r->count; i++)
                batch_put_result(&j, b, sorted ? sorted[i] : &r->items[i]);
        free(sorted);
        json_writer_close(&j, ']');
        json_writer_close(&j, '}');
        rest_reply(b->request, b->results.wait ? 200 : 202, &text);
}

/* The request may be gone as soon as it is answered: b does not look at it after that. */
static void batch_finish(void *arg)
{
        static void (*const answers[])(struct batch *) = {
                [BATCH_PROCESS] = answer_process, [BATCH_RESULTS] = answer_results
        };
        struct batch *b = arg;

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

void batch_run(struct batch *b, bool wait, double timeout_s)
{
        struct request *r = b->request;

        b->results.wait = wait;
        r->state = b;
        r->on_gone = batch_on_gone;
        results_run(&b->results, timeout_s);
}

static void batch_on_logs(void *arg)
{
        struct batch *b = arg;

        b->logged = NULL;
        results_settle(&b->results);
}

/* The disk hangs: what was asked for is done when it goes on, and that may be never. */
static void batch_on_logs_late(void *arg)
{
        struct batch *b = arg;
        struct results *r = &b->results;

        for (int i = 0; i < r->count; i++)
                if (r->items[i].fault == FAULT_NONE)
                        results_done(r, i, NULL, FAULT_FAILED,
                                     "the log thread has not answered for five seconds: it is done "
                                     "when the disk answers");
        batch_on_logs(b);
}

void batch_await_logs(struct batch *b)
{
        b->logged = logs_wait(b->request->sup->logs, batch_on_logs, batch_on_logs_late, b);
        if (b->logged)
                b->results.pending++;
}

/* The names in the order of turns: by priority, stops the other way round. procs is sorted by
 * names; without memory they stay so. */
static void batch_set_turns(const struct request *r, struct process **procs, int n, bool reversed)
{
        int count = 0, turn = 0;
        struct process **all = n > 1 ? registry_start_order(&r->sup->registry, &count) : NULL;

        for (int i = 0; i < count; i++) /* those of procs come to the front */
                if (bsearch(&all[i], procs, (size_t)n, sizeof *procs, batch_by_name))
                        all[turn++] = all[i];
        for (int i = 0; turn == n && i < n; i++)
                procs[i] = all[reversed ? n - 1 - i : i];
        free(all);
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

struct batch *batch_new(struct request *r, enum batch_answer answer, struct process **procs,
                        int count)
{
        struct batch *b = calloc(1, sizeof *b);

        if (!b || !results_init(&b->results, r->sup, procs, count)) {
                free(b);
                return NULL;
        }
        b->results.on_known = batch_finish;
        b->results.arg = b;
        b->request = r;
        b->answer = answer;
        b->lines = batch_takes_lines(r);
        return b;
}

void batch_order(struct request *r, enum batch_answer answer, const struct operation_kind *kind,
                 struct process **procs, int count, bool wait, double timeout_s)
{
        batch_set_turns(r, procs, count, kind == &operation_stop);
        struct batch *b = batch_new(r, answer, procs, count);

        if (!b) {
                rest_error(r, 503, "BUSY", "out of memory");
                return;
        }
        b->restarts = kind == &operation_restart;
        for (int i = 0; i < count; i++)
                b->results.items[i].was_running = order_can_stop(procs[i]);
        results_give(&b->results, kind, procs, &r->caller, wait);
        batch_run(b, wait, timeout_s);
}
