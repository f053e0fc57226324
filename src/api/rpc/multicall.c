/* system.multicall: one call after another, each deferred one completing before the next
 * (compat 20.8). */
#include <ev.h>
#include <stdlib.h>
#include <string.h>

#include "api/rpc/methods.h"

#define FAULT_BYTES 512 /* of one, in the answer */

struct multicall {
        struct rpc_call *outer;
        struct value *calls; /* owned: taken out of the parameters */
        int at;
        size_t room; /* that the results together may have, beside a fault for each call */
        size_t mark; /* where the present one's begins */
        bool full;
        bool broken; /* memory was short for a fault, too: there is no answer any more */
        struct rpc_call inner;
        ev_timer next; /* the loop does not wait before it */
};

static void multicall_drop(struct multicall *m)
{
        ev_timer_stop(m->outer->sup->loop, &m->next);
        method_release(&m->inner);
        value_free(m->calls);
        free(m);
}

static void multicall_cancel(struct rpc_call *c)
{
        multicall_drop(c->job);
        c->job = NULL;
}

/* Its result does not fit: a fault in its place, and no call after it is carried out, so that
 * none is of which the answer does not tell. */
static void cut_result(struct multicall *m)
{
        buf_cut(m->outer->out, m->mark);
        m->full = true;
        rpc_fault(&m->inner, FAULT_FAILED,
                  "the answers together are too long, or memory is short: this one is left out");
}

static void multicall_put_result(struct multicall *m)
{
        if (m->outer->out->failed && !m->broken)
                cut_result(m);
        m->outer->out->most = rpc_answer_max(m->outer->sup);
        if (m->inner.fault != FAULT_NONE)
                xml_fault(m->outer->out, (int)m->inner.fault, buf_str(&m->inner.fault_text));
        m->broken = m->outer->out->failed;
        m->full = m->full || m->broken;
        method_release(&m->inner);
        m->at++;
}

static enum rpc_status call_next(struct multicall *m)
{
        static const struct value none = { .kind = VALUE_ARRAY };
        const struct value *call = m->calls->items[m->at];
        const struct value *name = value_member(call, "methodName");
        const struct value *params = value_member(call, "params");

        m->inner.fault = FAULT_NONE;
        m->outer->out->most = m->room;
        m->mark = m->outer->out->len;
        if (m->full)
                return rpc_fault(
                    &m->inner, FAULT_FAILED,
                    "the answers together are too long: this call was not carried out");
        if (!name || name->kind != VALUE_STRING)
                return rpc_fault(&m->inner, FAULT_INCORRECT_PARAMETERS, "No methodName");
        if (strcmp(name->text, "system.multicall") == 0)
                return rpc_fault(&m->inner, FAULT_INCORRECT_PARAMETERS,
                                 "Recursive system.multicall forbidden");
        if (params && params->kind != VALUE_ARRAY)
                return rpc_fault(&m->inner, FAULT_INCORRECT_PARAMETERS, NULL);
        return method_call(&m->inner, name->text, params ? params : &none);
}

static enum rpc_status multicall_step(struct multicall *m)
{
        while (m->at < m->calls->count) {
                if (call_next(m) == RPC_LATER)
                        return RPC_LATER;
                multicall_put_result(m);
        }
        struct rpc_call *c = m->outer;
        xml_array_end(c->out);
        c->job = NULL;
        multicall_drop(m);
        return RPC_DONE;
}

static void on_next(struct ev_loop *loop, ev_timer *timer, int revents)
{
        struct multicall *m = timer->data;
        struct rpc_call *outer = m->outer;

        (void)loop, (void)revents;
        if (multicall_step(m) == RPC_DONE)
                outer->on_done(outer);
}

/* Who answers may be deep in the engine, with the process in hand that the next call removes: that
 * one has its turn from the loop. */
static void on_inner_done(struct rpc_call *inner)
{
        struct multicall *m = inner->arg;

        multicall_put_result(m);
        ev_timer_start(m->outer->sup->loop, &m->next);
}

/* The calls outlive the request's parameters when one is deferred. */
static struct value *take_calls(const struct value *params)
{
        struct value *calls = params->items[0];
        struct value *empty = calloc(1, sizeof *empty);

        if (!empty)
                return NULL;
        empty->kind = VALUE_ARRAY;
        params->items[0] = empty;
        return calls;
}

enum rpc_status rpc_multicall(struct rpc_call *c, const struct value *params)
{
        struct multicall *m = calloc(1, sizeof *m);

        xml_array_begin(c->out);
        if (c->out->failed || !m || !(m->calls = take_calls(params))) {
                free(m);
                return rpc_fault(c, FAULT_FAILED, "out of memory");
        }
        size_t most = rpc_answer_max(c->sup), faults = (size_t)m->calls->count * FAULT_BYTES;
        if (faults > most / 2) {
                value_free(m->calls);
                free(m);
                return rpc_fault(c, FAULT_FAILED, "too many calls at once");
        }
        m->room = most - faults;
        m->outer = c;
        ev_timer_init(&m->next, on_next, 0., 0.);
        m->next.data = m;
        m->inner = (struct rpc_call){ .sup = c->sup,
                                      .by = c->by,
                                      .granted = c->granted,
                                      .out = c->out,
                                      .nested = true,
                                      .on_done = on_inner_done,
                                      .arg = m };
        c->job = m;
        c->cancel_job = multicall_cancel;
        return multicall_step(m);
}
