/* Starting and stopping, one or many, answered when they have got there. */
#include <stdlib.h>
#include <string.h>

#include "api/rpc/methods.h"
#include "engine/order/operations.h"
#include "engine/order/searches.h"

/* One process of a job. Names are copies: a process may go while it is waited for. */
struct log_command {
        struct job *job;
        struct waiter waiter;
        char *name, *group; /* owned */
        struct buf answer;  /* owned: its status struct */
        int place;          /* among the answers: from 1 on; 0: none yet */
};

struct job {
        struct rpc_call *call;
        const struct operation_kind *kind;
        bool wait, many;             /* many: the answer is an array of status structs */
        char *asked;                 /* owned: the name as asked for, in faults of a single one */
        struct log_command *errands; /* owned */
        struct operation *operation; /* orders that are still to be given; NULL: none */
        int count, open; /* open: errands without an answer, and one while orders are being given */
        int waited;      /* so many answers came later than at once */
};

static void run_methods_job_free(struct job *j)
{
        if (j->operation)
                operation_leave(j->operation);
        for (int i = 0; i < j->count; i++) {
                waiter_cancel(&j->errands[i].waiter);
                free(j->errands[i].name);
                free(j->errands[i].group);
                buf_release(&j->errands[i].answer);
        }
        free(j->errands);
        free(j->asked);
        free(j);
}

static void run_methods_cancel(struct rpc_call *c)
{
        run_methods_job_free(c->job);
        c->job = NULL;
}

void rpc_status_struct(struct buf *out, const char *name, const char *group, enum fault f,
                       const char *text)
{
        xml_struct_begin(out);
        xml_member_string(out, "name", name);
        xml_member_string(out, "group", group);
        xml_member_int(out, "status", f == FAULT_NONE ? FAULT_SUCCESS : (int)f);
        xml_member_string(out, "description", f == FAULT_NONE ? "OK" : text);
        xml_struct_end(out);
}

/* What is known as soon as it is executed is answered in the order of the list, not in that of the
 * executions; what takes longer comes behind it, as it comes (compat 20.3). */
static int run_methods_place_of(const struct log_command *a, bool at_once)
{
        struct job *j = a->job;

        return at_once ? (int)(a - j->errands) + 1 : j->count + ++j->waited;
}

static void run_methods_put_answer(struct log_command *a, bool at_once, enum fault f,
                                   const char *extra)
{
        struct rpc_call *c = a->job->call;
        AUTO_BUF text = BUF_INIT;

        a->place = run_methods_place_of(a, at_once);
        a->job->open--;
        if (!a->job->many) {
                if (f == FAULT_NONE)
                        xml_bool(c->out, true);
                else
                        rpc_fault(c, f, extra ? extra : a->job->asked);
                return;
        }
        buf_puts(&text, fault_name(f));
        if (extra)
                buf_printf(&text, ": %s", extra);
        else if (strcmp(a->name, a->group) == 0)
                buf_printf(&text, ": %s", a->name);
        else
                buf_printf(&text, ": %s:%s", a->group, a->name);
        rpc_status_struct(&a->answer, a->name, a->group, f, buf_str(&text));
}

static int by_place(const void *a, const void *b)
{
        const struct log_command *const *x = a, *const *y = b;

        return ((*x)->place > (*y)->place) - ((*x)->place < (*y)->place);
}

/* Without memory for the order, in that of the list. */
static void put_answers(struct job *j)
{
        struct buf *out = j->call->out;
        struct log_command **sorted = calloc((size_t)j->count + 1, sizeof *sorted);

        for (int i = 0; sorted && i < j->count; i++)
                sorted[i] = &j->errands[i];
        if (sorted && j->count)
                qsort(sorted, (size_t)j->count, sizeof *sorted, by_place);
        for (int i = 0; i < j->count; i++) {
                const struct buf *one = sorted ? &sorted[i]->answer : &j->errands[i].answer;
                buf_put(out, buf_str(one), one->len);
                out->failed |= one->failed;
        }
        free(sorted);
}

static enum rpc_status run_methods_finish(struct job *j)
{
        if (j->many) {
                put_answers(j);
                xml_array_end(j->call->out);
        }
        j->call->job = NULL;
        run_methods_job_free(j);
        return RPC_DONE;
}

static void run_methods_finish_later(struct job *j)
{
        struct rpc_call *c = j->call;

        if (j->open > 0)
                return;
        run_methods_finish(j);
        c->on_done(c);
}

static bool says_why(enum fault f)
{
        return f == FAULT_NO_FILE || f == FAULT_NOT_EXECUTABLE;
}

static void run_methods_on_done(void *arg, struct process *p, enum fault f)
{
        struct log_command *a = arg;
        bool at_once =
            a->waiter.refusal || a->waiter.what == WAIT_FOR_EXECUTED ||
            (a->waiter.what == WAIT_FOR_STARTED && f == FAULT_NONE && p->program->startsecs <= 0);

        run_methods_put_answer(a, at_once, f, says_why(f) ? a->waiter.refusal : NULL);
        run_methods_finish_later(a->job);
}

static void run_methods_on_order(void *arg, int i, struct process *p, enum fault f,
                                 const struct err *e)
{
        struct job *j = arg;
        struct log_command *a = &j->errands[i];

        /* Whether it could be executed is a part of the answer, also where nothing is waited for.
         */
        enum wait_for what = j->wait ? j->kind->until : WAIT_FOR_EXECUTED;
        bool waits = j->wait || j->kind->until == WAIT_FOR_STARTED;
        a->waiter.awaits_order = f == FAULT_LATER;
        waits &= f == FAULT_NONE || f == FAULT_LATER;
        if (waits && !waiter_add(j->call->sup, &a->waiter, p, what, &f))
                return;
        run_methods_put_answer(a, true, f, says_why(f) ? e->text : NULL);
}

static void run_methods_on_ordered(void *arg)
{
        struct job *j = arg;

        j->operation = NULL;
        j->open--;
        run_methods_finish_later(j);
}

static void run_methods_give_orders(struct job *j, struct process **list, int count)
{
        struct rpc_call *c = j->call;
        struct operation_observer observer = { run_methods_on_order, run_methods_on_ordered, j };

        j->operation = operation_begin(c->sup, j->kind, list, count, c->by, &observer);
}

static bool add_errand(struct job *j, const struct process *p)
{
        struct log_command *a = &j->errands[j->count];

        *a = (struct log_command){ .job = j,
                                   .name = strdup(p->name),
                                   .group = strdup(p->group->name) };
        a->waiter.on_done = run_methods_on_done;
        a->waiter.arg = a;
        j->count++;
        j->open++;
        return a->name && a->group;
}

static struct job *make_job(struct rpc_call *c, const struct operation_kind *kind, bool wait,
                            const char *asked, struct process **list, int count)
{
        struct job *j = calloc(1, sizeof *j);

        if (!j)
                return NULL;
        *j =
            (struct job){ .call = c, .kind = kind, .wait = wait, .many = asked == NULL, .open = 1 };
        j->errands = calloc((size_t)count + 1, sizeof *j->errands);
        j->asked = strdup(asked ? asked : "");
        bool ok = j->errands && j->asked;
        for (int i = 0; i < count && ok; i++)
                ok = add_errand(j, list[i]);
        if (ok)
                return j;
        run_methods_job_free(j);
        return NULL;
}

/* asked NULL: many. */
static enum rpc_status run_methods_run(struct rpc_call *c, const struct operation_kind *kind,
                                       bool wait, const char *asked, struct process **list,
                                       int count)
{
        struct job *j = make_job(c, kind, wait, asked, list, count);

        if (!j)
                return rpc_fault(c, FAULT_FAILED, "out of memory");
        c->job = j;
        c->cancel_job = run_methods_cancel;
        if (j->many)
                xml_array_begin(c->out);
        run_methods_give_orders(j, list, count);
        if (j->operation || --j->open > 0)
                return RPC_LATER;
        return run_methods_finish(j);
}

static bool will_start(const struct supervisor *s, const struct process *p)
{
        return p->state == PS_RESPAWN || p->state == PS_WAITING || searches_has(s, p);
}

/* Only those that the order means something to (compat 20.3), stops in the reverse order of starts.
 */
static int run_methods_choose(const struct supervisor *s, struct process **list, int count,
                              const struct operation_kind *kind)
{
        bool stops = kind == &operation_stop;
        int kept = 0;

        for (int i = 0; i < count; i++)
                if (process_is_up(list[i]) == stops || (stops && will_start(s, list[i])))
                        list[kept++] = list[i];
        for (int i = 0; stops && i < kept / 2; i++) {
                struct process *p = list[i];
                list[i] = list[kept - 1 - i];
                list[kept - 1 - i] = p;
        }
        return kept;
}

/* Frees the list. */
static enum rpc_status run_many(struct rpc_call *c, const struct operation_kind *kind, bool wait,
                                struct process **list, int count)
{
        enum rpc_status status;

        if (count < 0)
                status = rpc_fault(c, FAULT_FAILED, "out of memory");
        else
                status = run_methods_run(c, kind, wait, NULL, list,
                                         run_methods_choose(c->sup, list, count, kind));
        free(list);
        return status;
}

static enum rpc_status run_group(struct rpc_call *c, const struct operation_kind *kind, bool wait,
                                 struct group *g)
{
        int count;
        struct process **list = group_start_order(g, &count);

        return run_many(c, kind, wait, list, count);
}

static enum rpc_status run_all(struct rpc_call *c, const struct operation_kind *kind, bool wait)
{
        int count;
        struct process **list = registry_start_order(&c->sup->registry, &count);

        return run_many(c, kind, wait, list, count);
}

static enum rpc_status run_named(struct rpc_call *c, const struct operation_kind *kind,
                                 const struct value *params)
{
        const char *name = param_string(params, 0);
        bool wait = param_bool(params, 1, true);
        struct target t;

        if (!rpc_target(c, name, true, &t))
                return RPC_DONE;
        if (!t.process)
                return run_group(c, kind, wait, t.group);
        return run_methods_run(c, kind, wait, name, &t.process, 1);
}

static enum rpc_status run_named_group(struct rpc_call *c, const struct operation_kind *kind,
                                       const struct value *params)
{
        const char *name = param_string(params, 0);
        struct group *g = registry_group(&c->sup->registry, name);

        if (!g)
                return rpc_fault(c, FAULT_BAD_NAME, name);
        return run_group(c, kind, param_bool(params, 1, true), g);
}

enum rpc_status rpc_start(struct rpc_call *c, const struct value *params)
{
        return run_named(c, &operation_start, params);
}

enum rpc_status rpc_stop(struct rpc_call *c, const struct value *params)
{
        return run_named(c, &operation_stop, params);
}

enum rpc_status rpc_start_group(struct rpc_call *c, const struct value *params)
{
        return run_named_group(c, &operation_start, params);
}

enum rpc_status rpc_stop_group(struct rpc_call *c, const struct value *params)
{
        return run_named_group(c, &operation_stop, params);
}

enum rpc_status rpc_start_all(struct rpc_call *c, const struct value *params)
{
        return run_all(c, &operation_start, param_bool(params, 0, true));
}

enum rpc_status rpc_stop_all(struct rpc_call *c, const struct value *params)
{
        return run_all(c, &operation_stop, param_bool(params, 0, true));
}
