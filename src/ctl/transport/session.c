#include "ctl/transport/session.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- replies */

void reply_release(struct reply *r)
{
        xval_free(r->value);
        json_decref(r->json);
        buf_release(&r->text);
        *r = REPLY_INIT;
}

bool reply_is_fault(const struct reply *r, int code)
{
        return r->kind == REPLY_FAULT && r->code == code;
}

static bool reply_set(struct reply *r, enum reply_kind kind, int code, const char *text)
{
        reply_release(r);
        r->kind = kind;
        r->code = code;
        buf_puts(&r->text, text);
        return kind == REPLY_VALUE;
}

static bool reply_failed(struct reply *r, const struct err *e)
{
        if (e->sys == EINTR)
                return reply_set(r, REPLY_INTERRUPTED, 0, "interrupted");
        if (e->code == ERR_SYS)
                return reply_set(r, REPLY_DOWN, e->sys, e->text);
        return reply_set(r, REPLY_BROKEN, 0, e->text);
}

/* ---- the session */

void session_release(struct session *s)
{
        url_release(&s->url);
        free(s->user);
        free(s->password);
        s->user = s->password = NULL;
}

bool session_init(struct session *s, const char *url, const char *user, const char *password,
                  struct err *e)
{
        *s = (struct session){ .wait.interrupt_fd = -1 };
        if (!url_parse(url, &s->url, e))
                return false;
        s->user = user ? strdup(user) : NULL;
        s->password = password ? strdup(password) : NULL;
        if ((s->user || !user) && (s->password || !password))
                return true;
        session_release(s);
        return err_nomem(e);
}

bool session_open(struct session *s, const char *url, struct err *e)
{
        struct url next;

        if (!url_parse(url, &next, e))
                return false;
        url_release(&s->url);
        s->url = next;
        return true;
}

/* True when there is a new name and password to try. */
static bool ask_again(struct session *s)
{
        char *user = NULL, *password = NULL;

        if (!s->ask || !s->ask(s->ask_arg, &user, &password))
                return false;
        free(s->user);
        free(s->password);
        s->user = user;
        s->password = password;
        return true;
}

static struct http *session_start(struct session *s, struct http_request *rq, struct reply *out)
{
        struct err e = { 0 };

        rq->user = s->user;
        rq->password = s->password;
        struct http *h = http_start(&s->url, rq, &s->wait, &e);
        if (!h)
                reply_failed(out, &e);
        return h;
}

static bool judge_status(int status, struct reply *out)
{
        char text[64];

        if (status == 401)
                return reply_set(out, REPLY_AUTH, 401, "Server requires authentication");
        snprintf(text, sizeof text, "HTTP status %d", status);
        return reply_set(out, REPLY_HTTP, status, text);
}

/* ---- XML-RPC */

struct http *session_send(struct session *s, struct reply *out, const char *method,
                          const struct xarg *args, size_t count)
{
        AUTO_BUF body = BUF_INIT;

        xmlrpc_write(&body, method, args, count);
        if (body.failed) {
                reply_set(out, REPLY_BROKEN, 0, "out of memory");
                return NULL;
        }
        struct http_request rq = { .method = "POST",
                                   .path = "/RPC2",
                                   .type = "text/xml",
                                   .body = body.data,
                                   .body_len = body.len };
        return session_start(s, &rq, out);
}

static bool judge_xml(const struct http_answer *a, struct reply *out)
{
        struct xanswer x;
        struct err e = { 0 };

        if (a->status != 200)
                return judge_status(a->status, out);
        if (!xmlrpc_parse(buf_str(&a->body), a->body.len, &x, &e)) {
                xanswer_release(&x);
                return reply_failed(out, &e);
        }
        reply_set(out, x.is_fault ? REPLY_FAULT : REPLY_VALUE, x.fault_code,
                  buf_str(&x.fault_text));
        out->value = x.value;
        x.value = NULL;
        xanswer_release(&x);
        return out->kind == REPLY_VALUE;
}

bool session_receive(struct http *h, struct reply *out)
{
        struct err e = { 0 };

        bool ok = http_finish(h, &e) ? judge_xml(http_answer(h), out) : reply_failed(out, &e);
        http_free(h);
        return ok;
}

bool session_call(struct session *s, struct reply *out, const char *method, const struct xarg *args,
                  size_t count)
{
        do {
                struct http *h = session_send(s, out, method, args, count);
                if (!h)
                        return false;
                if (session_receive(h, out))
                        return true;
        } while (out->kind == REPLY_AUTH && ask_again(s));
        return false;
}

/* ---- JSON */

static bool judge_json(const struct http_answer *a, struct reply *out)
{
        bool problem = strcmp(a->type, "application/problem+json") == 0;
        bool plain = strcmp(a->type, "application/json") == 0;
        json_error_t why;

        if (a->status == 401)
                return judge_status(401, out);
        if (!problem && !plain && a->status != 204)
                return reply_set(out, REPLY_FOREIGN, a->status, "no JSON API");
        reply_set(out, problem || a->status >= 400 ? REPLY_PROBLEM : REPLY_VALUE, a->status, "");
        if (a->status == 204)
                return true;
        out->json = json_loadb(buf_str(&a->body), a->body.len, JSON_REJECT_DUPLICATES, &why);
        if (!out->json)
                return reply_set(out, REPLY_BROKEN, 0, why.text);
        return out->kind == REPLY_VALUE;
}

static bool json_once(struct session *s, struct reply *out, struct http_request *rq)
{
        struct err e = { 0 };
        struct http *h = session_start(s, rq, out);

        if (!h)
                return false;
        bool ok = http_finish(h, &e) ? judge_json(http_answer(h), out) : reply_failed(out, &e);
        http_free(h);
        return ok;
}

bool session_json(struct session *s, struct reply *out, const char *path, json_t *body)
{
        char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
        struct http_request rq = { .method = body ? "POST" : "GET",
                                   .path = path,
                                   .type = body ? "application/json" : NULL,
                                   .body = text,
                                   .body_len = text ? strlen(text) : 0 };
        bool ok;

        if (body && !text)
                return reply_set(out, REPLY_BROKEN, 0, "out of memory");
        do
                ok = json_once(s, out, &rq);
        while (!ok && out->kind == REPLY_AUTH && ask_again(s));
        free(text);
        return ok;
}

/* ---- streams */

struct http *session_get(struct session *s, struct reply *out, const char *path,
                         const char *headers)
{
        struct http_request rq = {
                .method = "GET", .path = path, .streams = true, .headers = headers
        };

        return session_start(s, &rq, out);
}

void session_judge_stream(const struct http *h, struct reply *out)
{
        const struct http_answer *a = http_answer(h);

        if (strcmp(a->type, "application/problem+json") == 0)
                judge_json(a, out);
        else
                judge_status(a->status, out);
}

void url_encode(struct buf *out, const char *text, bool soft)
{
        for (; *text; text++) {
                unsigned char c = (unsigned char)*text;
                bool plain = isalnum(c) || strchr("-._~", c) || (soft && strchr(":*", c));
                if (plain && c < 0x80)
                        buf_putc(out, (char)c);
                else
                        buf_printf(out, "%%%02X", c);
        }
}
