/* POST /RPC2 (compat 19, 20.1): from a request to a method of the table and back. */
#include <stdlib.h>
#include <string.h>

#include "api/http/conn.h"
#include "api/http/server.h"
#include "api/rpc/methods.h"

struct exchange {
        struct request *request; /* borrowed */
        struct rpc_call call;
        struct buf out; /* the answer; the result's <value> is put behind its beginning */
};

static void exchange_free(struct exchange *x)
{
        method_release(&x->call);
        buf_release(&x->out);
        free(x);
}

static void xmlrpc_on_gone(struct request *r)
{
        exchange_free(r->state);
        r->state = NULL;
}

#define ANSWER_BYTES 2000 /* as many as most of them have */
#define PROLOGUE     "<?xml version='1.0'?>\n<methodResponse>\n"
#define EPILOGUE     "</methodResponse>\n"
#define TOO_LONG     "the answer is too long, or memory is short: ask for a part of it"

/* The result stands between them already: a list of all processes is not copied once more. */
static void wrap_up(struct exchange *x)
{
        struct buf *out = &x->out;

        if (x->call.fault == FAULT_NONE) {
                buf_lit(out, "</param>\n</params>\n" EPILOGUE);
                return;
        }
        buf_reset(out);
        buf_lit(out, PROLOGUE "<fault>\n");
        xml_fault(out, (int)x->call.fault, buf_str(&x->call.fault_text));
        buf_lit(out, "</fault>\n" EPILOGUE);
}

static void xmlrpc_answer(struct exchange *x)
{
        struct request *r = x->request;
        bool ok = !x->call.fault_text.failed;

        if (x->out.failed)
                rpc_fault(&x->call, FAULT_FAILED, TOO_LONG);
        if (ok)
                wrap_up(x);
        AUTO_BUF body = x->out;
        x->out = BUF_INIT;
        body.most = 0;
        r->state = NULL;
        r->on_gone = NULL;
        exchange_free(x);
        if (ok && !body.failed)
                reply_body(r, 200, "text/xml", NULL, &body);
        else
                reply_error_page(r, 503);
}

static void xmlrpc_on_done(struct rpc_call *c)
{
        xmlrpc_answer(c->arg);
}

static struct exchange *exchange_new(struct request *r)
{
        struct exchange *x = calloc(1, sizeof *x);

        if (!x)
                return NULL;
        x->request = r;
        x->call = (struct rpc_call){ .sup = r->sup,
                                     .by = &r->caller,
                                     .granted = r->granted,
                                     .out = &x->out,
                                     .on_done = xmlrpc_on_done,
                                     .arg = x };
        x->out.most = rpc_answer_max(r->sup);
        buf_reserve(&x->out, ANSWER_BYTES);
        buf_lit(&x->out, PROLOGUE "<params>\n<param>\n");
        if (x->out.failed) {
                exchange_free(x);
                return NULL;
        }
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
        if (!xml_read_call(buf_str(&r->body), r->body.len, r->api->xml_salt, &method, &params,
                           &e)) {
                log_line(r->sup->log, LVL_DEBUG, "XML-RPC request refused: %s", e.text);
                reply_error_page(r, e.code == ERR_NOMEM ? 503 : 400);
                return;
        }
        struct exchange *x = exchange_new(r);
        if (!x) {
                reply_error_page(r, 503);
        } else {
                r->state = x;
                r->on_gone = xmlrpc_on_gone;
                buf_release(&r->body); /* it is in params now */
                log_line(r->sup->log, LVL_TRACE, "XML-RPC method called: %s()", method);
                if (method_call(&x->call, method, params) == RPC_DONE)
                        xmlrpc_answer(x);
        }
        free(method);
        value_free(params);
}
