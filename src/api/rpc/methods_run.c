/* Starting and stopping, one or many, answered when they have got there. */
#include <stdlib.h>
#include <string.h>

#include "api/rpc/methods.h"
#include "engine/order/results.h"
#include "engine/order/searches.h"

struct job {
        struct rpc_call *call;
        struct results results;
        char *asked; /* owned: the name as asked for, in faults; NULL: many, and the answer is an
                      * array of status structs */
        bool later;  /* the call was answered RPC_LATER */
};

static void run_methods_job_free(struct job *j)
{
        results_release(&j->results);
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

/* What goes behind the fault's name; NULL: the process's own. */
static const char *run_methods_why(const struct result *item)
{
        bool says = item->fault == FAULT_NO_FILE || item->fault == FAULT_NOT_EXECUTABLE;

        return says ? item->detail : NULL;
}

static void run_methods_put_status(struct buf *out, const struct result *item)
{
        const char *why = run_methods_why(item);
        AUTO_BUF text = BUF_INIT;

        buf_printf(&text, "%s: %s", fault_name(item->fault), why ? why : item->name);
        rpc_status_struct(out, item->own, item->group, item->fault, buf_str(&text));
}

/* Without memory for the order, in that of the list. */
static void run_methods_put_many(struct buf *out, const struct results *r)
{
        const struct result **sorted = results_sorted(r, result_by_place);

        xml_array_begin(out);
        for (int i = 0; i < r->count; i++)
                run_methods_put_status(out, sorted ? sorted[i] : &r->items[i]);
        xml_array_end(out);
        free(sorted);
}

static void run_methods_put_one(const struct job *j)
{
        const struct result *item = &j->results.items[0];
        const char *why = run_methods_why(item);

        if (item->fault == FAULT_NONE)
                xml_bool(j->call->out, true);
        else
                rpc_fault(j->call, item->fault, why ? why : j->asked);
}

static void run_methods_on_known(void *arg)
{
        struct job *j = arg;
        struct rpc_call *c = j->call;
        bool later = j->later;

        if (j->asked)
                run_methods_put_one(j);
        else
                run_methods_put_many(c->out, &j->results);
        c->job = NULL;
        run_methods_job_free(j);
        if (later)
                c->on_done(c);
}

static struct job *run_methods_job(struct rpc_call *c, const char *asked, struct process **list,
                                   int count)
{
        struct job *j = calloc(1, sizeof *j);

        if (!j || (asked && !(j->asked = strdup(asked))) ||
            !results_init(&j->results, c->sup, list, count)) {
                free(j ? j->asked : NULL);
                free(j);
                return NULL;
        }
        j->results.on_known = run_methods_on_known;
        j->results.arg = j;
        j->call = c;
        return j;
}

/* asked NULL: many. */
static enum rpc_status run_methods_run(struct rpc_call *c, const struct operation_kind *kind,
                                       bool wait, const char *asked, struct process **list,
                                       int count)
{
        struct job *j = run_methods_job(c, asked, list, count);

        if (!j)
                return rpc_fault(c, FAULT_FAILED, "out of memory");
        c->job = j;
        c->cancel_job = run_methods_cancel;
        results_give(&j->results, kind, list, c->by, wait);
        results_run(&j->results, 0);
        if (!c->job)
                return RPC_DONE;
        j->later = true;
        return RPC_LATER;
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
        int left = 0;

        for (int i = 0; i < count; i++)
                if (process_is_up(list[i]) == stops || (stops && will_start(s, list[i])))
                        list[left++] = list[i];
        for (int i = 0; stops && i < left / 2; i++) {
                struct process *p = list[i];
                list[i] = list[left - 1 - i];
                list[left - 1 - i] = p;
        }
        return left;
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
