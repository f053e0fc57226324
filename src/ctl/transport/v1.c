/* /v1 for commands: refusals in words and exit codes, lists of processes, printing. */
#include "ctl/transport/v1.h"

#include <string.h>

#include "ctl/commands/names.h"
#include "ctl/transport/json_get.h"
#include "wire/percent.h"

/* ---- printing */

void v1_print(struct ctl *c, const json_t *doc)
{
        if (json_dumpf(doc, c->out, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) ==
            0)
                fputc('\n', c->out);
        fflush(c->out);
}

/* ---- refusals */

static const struct {
        const char *what, *code; /* what NULL: for every command */
        int exit;
} exits[] = {
        { "start", "ALREADY_STARTED", 0 },
        { "add", "ALREADY_ADDED", 0 },
        { "stop", "NOT_RUNNING", 0 },
        { NULL, "NOT_RUNNING", EXIT_NOT_RUNNING },
        { NULL, "SPAWN_ERROR", EXIT_NOT_RUNNING },
        { NULL, "ABNORMAL_TERMINATION", EXIT_NOT_RUNNING },
};

int v1_exit_code(const char *what, const char *code)
{
        for (size_t i = 0; i < sizeof exits / sizeof *exits; i++)
                if (strcmp(exits[i].code, code) == 0 &&
                    (!exits[i].what || strcmp(exits[i].what, what) == 0))
                        return exits[i].exit;
        return EXIT_GENERIC;
}

void v1_put_diagnostic(struct buf *out, const char *prefix, const json_t *d)
{
        const char *file = json_text(d, "file"), *hint = json_text(d, "hint");
        const char *section = json_text(d, "section"), *key = json_text(d, "key");
        int64_t line = json_int(d, "line");

        buf_puts(out, prefix);
        if (*file && line > 0)
                buf_printf(out, "%s:%lld: ", file, (long long)line);
        else if (*file)
                buf_printf(out, "%s: ", file);
        if (*section)
                buf_printf(out, "[%s] ", section);
        if (*key)
                buf_printf(out, "%s: ", key);
        buf_printf(out, "%s\n", json_text(d, "message"));
        if (*hint)
                buf_printf(out, "%*s%s\n", (int)strlen(prefix), "", hint);
}

static void say_problem(struct ctl *c, const struct reply *r, const char *what)
{
        const json_t *errors = json_object_get(r->json, "errors");
        const char *code = json_text(r->json, "code"), *detail = json_text(r->json, "detail");
        AUTO_BUF text = BUF_INIT;

        if (!*detail)
                detail = json_text(r->json, "title");
        if (strcmp(code, "BAD_NAME") == 0) /* the detail is the name and nothing else */
                code = "no such name";
        for (size_t i = 0; i < json_array_size(errors); i++)
                v1_put_diagnostic(&text, "ERROR: ", json_array_get(errors, i));
        if (!text.len)
                buf_printf(&text, "ERROR: %s%s%s\n", *code ? code : what, *detail ? ": " : "",
                           detail);
        fputs(buf_str(&text), c->talk);
}

void v1_fail(struct ctl *c, const struct reply *r, const char *what)
{
        if (r->kind != REPLY_PROBLEM) {
                ctl_say_failed(c, r);
                return;
        }
        if (c->talk != c->out)
                v1_print(c, r->json);
        else
                say_problem(c, r, what);
        int code = v1_exit_code(what, json_text(r->json, "code"));
        if (code)
                c->exit_code = code;
}

/* ---- processes */

#define PATH_MAX_V1 8192 /* with more names than that everything is asked for */

static void v1_put_list_path(struct buf *out, const struct strlist *words, const char *fields)
{
        buf_printf(out, "/v1/processes%s%s", fields ? "?fields=" : "", fields ? fields : "");
        size_t all = out->len;

        for (size_t i = 0; words && i < words->count; i++) {
                buf_puts(out, i || fields ? "&name=" : "?name=");
                percent_encode(words->items[i], out);
        }
        if (out->len > PATH_MAX_V1 || (words && strlist_has(words, "all")))
                buf_cut(out, all);
}

json_t *v1_list(struct ctl *c, const struct strlist *words, const char *fields)
{
        AUTO_REPLY r = REPLY_INIT;
        AUTO_BUF path = BUF_INIT;

        v1_put_list_path(&path, words, fields);
        if (path.failed)
                ctl_fail(c, EXIT_GENERIC, "error: out of memory");
        else if (session_json(&c->session, &r, buf_str(&path), NULL))
                return json_incref(r.json);
        else
                v1_fail(c, &r, "");
        return NULL;
}

const json_t *v1_items(const json_t *doc)
{
        return json_object_get(doc, "processes");
}

void v1_put_process_path(struct buf *out, const char *name)
{
        buf_puts(out, "/v1/processes/");
        percent_encode(name, out);
}

json_t *v1_patience(void)
{
        return json_pack("{s:i}", "timeout_s", 24 * 60 * 60);
}

bool v1_post(struct ctl *c, struct reply *r, const char *area, const char *name, const char *what,
             json_t *body)
{
        json_t *whole = body ? body : json_object();
        AUTO_BUF path = BUF_INIT;

        buf_printf(&path, "/v1/%s/", area);
        percent_encode(name, &path);
        buf_printf(&path, "/%s", what);
        bool ok = session_json(&c->session, r, buf_str(&path), whole);
        json_decref(whole);
        return ok;
}

static bool v1_select_word(struct ctl *c, const json_t *items, const char *word, int bad_exit,
                           json_t *to)
{
        AUTO_NAMESPEC n = { 0 };
        size_t before = json_array_size(to);

        if (!namespec_split(word, &n) || !processes_select(items, word, to))
                return false;
        if (json_array_size(to) > before)
                return true;
        if (n.process)
                ctl_fail(c, bad_exit, "%s: ERROR (no such process)", word);
        else
                ctl_fail(c, bad_exit, "%s: ERROR (no such group)", n.group);
        return true;
}

json_t *v1_select(struct ctl *c, json_t *doc, const struct strlist *words, int bad_exit)
{
        json_t *meant = json_array();
        bool all = !words->count || strlist_has(words, "all"), ok = meant != NULL;

        for (size_t i = 0; ok && doc && !all && i < words->count; i++)
                ok = v1_select_word(c, v1_items(doc), words->items[i], bad_exit, meant);
        ok = ok && (all || !doc || json_object_set(doc, "processes", meant) == 0);
        json_decref(meant);
        if (ok)
                return doc;
        ctl_fail(c, EXIT_GENERIC, "error: out of memory");
        json_decref(doc);
        return NULL;
}

json_t *v1_processes(struct ctl *c, const struct strlist *words, const char *fields, int bad_exit)
{
        return v1_select(c, v1_list(c, words, fields), words, bad_exit);
}
