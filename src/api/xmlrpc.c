/* POST /RPC2 (compat 19, 20.1): from a request to a method of the table and back. */
#include <stdlib.h>
#include <string.h>

#include "api/methods.h"
#include "api/server.h"

struct exchange {
        struct request *request; /* borrowed */
        struct rpc_call call;
        struct buf out; /* the result's <value> */
};

static void exchange_free(struct exchange *x)
{
        method_release(&x->call);
        buf_release(&x->out);
        free(x);
}

static void on_gone(struct request *r)
{
        exchange_free(r->state);
        r->state = NULL;
}

static void put_answer(const struct exchange *x, struct buf *body)
{
        buf_reserve(body, x->out.len + 200);
        buf_puts(body, "<?xml version='1.0'?>\n<methodResponse>\n");
        if (x->call.fault != FAULT_NONE) {
                buf_puts(body, "<fault>\n");
                xml_fault(body, (int)x->call.fault, buf_str(&x->call.fault_text));
                buf_puts(body, "</fault>\n");
        } else {
                buf_puts(body, "<params>\n<param>\n");
                buf_put(body, x->out.data, x->out.len);
                buf_puts(body, "</param>\n</params>\n");
        }
        buf_puts(body, "</methodResponse>\n");
}

static void answer(struct exchange *x)
{
        struct request *r = x->request;
        AUTO_BUF body = BUF_INIT;

        put_answer(x, &body);
        bool ok = !body.failed && !x->out.failed && !x->call.fault_text.failed;
        r->state = NULL;
        r->on_gone = NULL;
        exchange_free(x);
        if (ok)
                reply(r, 200, "text/xml", NULL, body.data, body.len);
        else
                reply_error_page(r, 500);
}

static void on_done(struct rpc_call *c)
{
        answer(c->arg);
}

static struct exchange *exchange_new(struct request *r)
{
        struct exchange *x = calloc(1, sizeof *x);

        if (!x)
                return NULL;
        x->request = r;
        x->call = (struct rpc_call){
                .sup = r->sup, .by = &r->caller, .out = &x->out, .on_done = on_done, .arg = x
        };
        return x;
}

void xmlrpc_handle(struct request *r)
{
        struct err e = { 0 };
        struct value *params = NULL;
        char *method = NULL;

        if (strcmp(r->method, "POST") != 0) {
                reply_error_page(r, 400);
                return;
        }
        if (!xml_read_call(buf_str(&r->body), r->body.len, &method, &params, &e)) {
                log_line(r->sup->log, LVL_DEBUG, "XML-RPC request refused: %s", e.text);
                reply_error_page(r, 400);
                return;
        }
        struct exchange *x = exchange_new(r);
        if (!x) {
                reply_error_page(r, 500);
        } else {
                r->state = x;
                r->on_gone = on_gone;
                log_line(r->sup->log, LVL_TRACE, "XML-RPC method called: %s()", method);
                if (method_call(&x->call, method, params) == RPC_DONE)
                        answer(x);
        }
        free(method);
        value_free(params);
}
