/* One daemon at the other end of a URL. A call is a connection of its own; what came of it is told
 * as a value, prints nothing and ends nothing. */
#include "ctl/transport/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/transport/json_get.h"

/* ---- replies */

void reply_release(struct reply *r)
{
        json_decref(r->json);
        buf_release(&r->text);
        *r = REPLY_INIT;
}

bool reply_is(const struct reply *r, const char *code)
{
        return r->kind == REPLY_PROBLEM && strcmp(json_text(r->json, "code"), code) == 0;
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

/* ---- judging answers */

/* Other servers know no /v1: they find nothing, or do not take a POST. */
static bool session_judge_status(int status, struct reply *out)
{
        char text[64];
        bool trouble = status >= 500 && status != 501;

        if (status == 401)
                return reply_set(out, REPLY_AUTH, 401, "Server requires authentication");
        snprintf(text, sizeof text, "HTTP status %d", status);
        return reply_set(out, trouble ? REPLY_HTTP : REPLY_FOREIGN, status, text);
}

/* A document for each line: {"results":[...]}. NULL: one of them is none. */
static json_t *session_load_lines(const struct buf *body, json_error_t *why)
{
        json_t *list = json_array(), *doc = json_pack("{s:o}", "results", list);
        const char *end = buf_str(body) + body->len;

        for (const char *at = buf_str(body); doc && at < end; at += strcspn(at, "\n") + 1)
                if (json_array_append_new(list, json_loadb(at, strcspn(at, "\n"), 0, why)) < 0) {
                        json_decref(doc);
                        return NULL;
                }
        return doc;
}

static bool session_judge_json(const struct http_answer *a, struct reply *out)
{
        bool problem = strcmp(a->type, "application/problem+json") == 0;
        bool lines = strcmp(a->type, "application/x-ndjson") == 0;
        bool plain = strcmp(a->type, "application/json") == 0;
        json_error_t why = { .text = "out of memory" };

        if (a->status == 401 || (!problem && !plain && !lines && a->status != 204))
                return session_judge_status(a->status, out);
        reply_set(out, problem || a->status >= 400 ? REPLY_PROBLEM : REPLY_VALUE, a->status, "");
        if (a->status == 204)
                return true;
        out->json = lines
                        ? session_load_lines(&a->body, &why)
                        : json_loadb(buf_str(&a->body), a->body.len, JSON_REJECT_DUPLICATES, &why);
        if (!out->json)
                return reply_set(out, REPLY_BROKEN, 0, why.text);
        if (out->kind == REPLY_PROBLEM && !*json_text(out->json, "code")) /* none of ours */
                return session_judge_status(a->status, out);
        return out->kind == REPLY_VALUE;
}

static bool session_judge_text(const struct http_answer *a, struct reply *out)
{
        if (a->status != 200)
                return session_judge_json(a, out);
        reply_set(out, REPLY_VALUE, 200, "");
        buf_put(&out->text, buf_str(&a->body), a->body.len);
        return !out->text.failed || reply_set(out, REPLY_BROKEN, 0, "out of memory");
}

/* ---- questions and orders */

typedef bool (*session_judge)(const struct http_answer *a, struct reply *out);

static bool session_finish(struct http *h, struct reply *out, session_judge judge)
{
        struct err e = { 0 };

        if (!h)
                return false;
        bool ok = http_finish(h, &e) ? judge(http_answer(h), out) : reply_failed(out, &e);
        http_free(h);
        return ok;
}

static bool session_call(struct session *s, struct reply *out, struct http_request *rq,
                         session_judge judge)
{
        bool ok;

        do
                ok = session_finish(session_start(s, rq, out), out, judge);
        while (!ok && out->kind == REPLY_AUTH && ask_again(s));
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

        if (body && !text)
                return reply_set(out, REPLY_BROKEN, 0, "out of memory");
        bool ok = session_call(s, out, &rq, session_judge_json);
        free(text);
        return ok;
}

bool session_text(struct session *s, struct reply *out, const char *path)
{
        struct http_request rq = { .method = "GET", .path = path };

        return session_call(s, out, &rq, session_judge_text);
}

struct http *session_send(struct session *s, struct reply *out, const char *path, const char *body)
{
        struct http_request rq = { .method = "POST",
                                   .path = path,
                                   .accept = "application/x-ndjson",
                                   .type = "application/json",
                                   .body = body,
                                   .body_len = strlen(body) };

        return session_start(s, &rq, out);
}

bool session_receive(struct http *h, struct reply *out)
{
        return session_finish(h, out, session_judge_json);
}

/* ---- streams */

struct http *session_get(struct session *s, struct reply *out, const char *path, const char *accept)
{
        struct http_request rq = { .method = "GET", .path = path, .accept = accept };

        return session_start(s, &rq, out);
}

void session_judge_stream(const struct http *h, struct reply *out)
{
        session_judge_json(http_answer(h), out);
}
