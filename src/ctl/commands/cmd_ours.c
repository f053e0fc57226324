/* scale, rotate, apply, health: what Supervisor has no command for. They speak /v1. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/sanitize.h"
#include "ctl/render/render.h"
#include "ctl/transport/json_get.h"
#include "ctl/transport/v1.h"

/* ---- scale */

/* "8", "+2", "-2" */
static json_t *scale_body(const char *text)
{
        bool relative = *text == '+' || *text == '-';
        char *end;

        if (!isdigit((unsigned char)text[relative]))
                return NULL;
        errno = 0;
        long n = strtol(text, &end, 10);
        if (*end || errno || n > INT_MAX || n < -INT_MAX)
                return NULL;
        return json_pack("{s:i, s:b}", relative ? "by" : "replicas", (int)n, "wait", 1);
}

static void say_scaled(struct ctl *c, const json_t *doc)
{
        long long was = json_int(doc, "was"), now = json_int(doc, "replicas");
        const char *name = json_text(doc, "program");

        if (was == now)
                ctl_say(c, "%s: has %lld process%s already", name, now, now == 1 ? "" : "es");
        else
                ctl_say(c, "%s: scaled from %lld to %lld process%s", name, was, now,
                        now == 1 ? "" : "es");
}

/* "web:web_04: ERROR (spawn error): FATAL, cannot execute": the fleet has the size that was asked
 * for, and not all of it works. */
static void say_failed(struct ctl *c, const json_t *failed)
{
        for (size_t i = 0; i < json_array_size(failed); i++) {
                const json_t *one = json_array_get(failed, i);
                const char *state = json_text(one, "state"), *detail = json_text(one, "detail");
                bool spawn = strcmp(json_text(one, "code"), "SPAWN_ERROR") == 0;
                ctl_say(c, "%s: ERROR (%s): %s%s%s", json_text(one, "name"),
                        spawn ? "spawn error" : "abnormal termination", *state ? state : "gone",
                        *detail ? ", " : "", detail);
        }
}

void cmd_scale(struct ctl *c, const struct args *a)
{
        AUTO_REPLY r = REPLY_INIT;
        json_t *body = scale_body(a->words.items[1]);

        if (!body) {
                ctl_fail(c, EXIT_USAGE, "Error: '%s' is no number of processes: 8, +2 or -2",
                         a->words.items[1]);
                return;
        }
        if (!v1_post(c, &r, "programs", a->words.items[0], "scale", body))
                v1_fail(c, &r, "scale");
        else if (a->json)
                v1_print(c, r.json);
        else
                say_scaled(c, r.json);
        const json_t *failed = r.kind == REPLY_VALUE ? json_object_get(r.json, "failed") : NULL;
        if (json_array_size(failed) > 0) {
                if (!a->json)
                        say_failed(c, failed);
                c->exit_code = EXIT_NOT_RUNNING;
        }
}

/* ---- rotate */

/* why NULL: it was rotated. */
static void say_rotated(struct ctl *c, const char *name, const char *why)
{
        if (!why)
                ctl_say(c, "%s: log rotated", name);
        else
                ctl_fail(c, EXIT_GENERIC, "%s: ERROR (%s)", name,
                         strcmp(why, "NO_FILE") == 0 ? "no log file" : why);
}

static void say_all_rotated(struct ctl *c, const json_t *doc)
{
        const json_t *results = json_object_get(doc, "results");
        size_t i;
        json_t *one;

        if (!results)
                say_rotated(c, json_text(doc, "name"), NULL);
        json_array_foreach(results, i, one)
            say_rotated(c, json_text(one, "name"),
                        json_is_true(json_object_get(one, "ok")) ? NULL : json_text(one, "code"));
}

static void rotate_one(struct ctl *c, const char *name)
{
        AUTO_REPLY r = REPLY_INIT;

        if (v1_post(c, &r, "logs", name, "rotate", NULL))
                say_all_rotated(c, r.json);
        else if (reply_is(&r, "NO_FILE"))
                say_rotated(c, name, "NO_FILE");
        else
                v1_fail(c, &r, "rotate");
}

void cmd_rotate(struct ctl *c, const struct args *a)
{
        for (size_t i = 0; i < a->words.count; i++)
                rotate_one(c, a->words.items[i]);
}

/* ---- apply */

static const struct {
        const char *action, *done;
} actions[] = {
        { "start", "started" }, { "stop", "stopped" }, { "restart", "restarted" },
        { "live", "changed" },  { "keep", "kept" },    { "open", "opened" },
        { "close", "closed" },
};

static const char *action_word(const char *action, bool applied)
{
        for (size_t i = 0; applied && i < sizeof actions / sizeof *actions; i++)
                if (strcmp(actions[i].action, action) == 0)
                        return actions[i].done;
        return action;
}

static void add_changes(struct table *t, const json_t *changes, bool applied)
{
        for (size_t i = 0; i < json_array_size(changes); i++) {
                const json_t *change = json_array_get(changes, i);
                table_add(t, action_word(json_text(change, "action"), applied));
                table_add(t, json_text(change, "name"));
                table_add(t, json_text(change, "why"));
        }
}

static const char *or_nothing(const char *value)
{
        return *value ? value : "nothing";
}

/* "live  [supervisord]  loglevel info -> debug" */
static void add_settings(struct table *t, const json_t *settings, bool applied)
{
        for (size_t i = 0; i < json_array_size(settings); i++) {
                const json_t *s = json_array_get(settings, i);
                const char *action = json_text(s, "action"), *key = json_text(s, "key");
                const char *from = json_text(s, "from"), *to = json_text(s, "to");
                AUTO_BUF section = BUF_INIT, what = BUF_INIT;
                buf_printf(&section, "[%s]", json_text(s, "section"));
                if (*key)
                        buf_printf(&what, "%s %s -> %s", key, or_nothing(from), or_nothing(to));
                else
                        buf_puts(&what, *to ? to : from);
                if (strcmp(action, "later") == 0)
                        buf_puts(&what, " (when supervisord is started anew)");
                table_add(t, action_word(action, applied));
                table_add(t, buf_str(&section));
                table_add(t, buf_str(&what));
        }
}

/* Is there a setting that is taken at once? */
static bool any_now(const json_t *settings)
{
        for (size_t i = 0; i < json_array_size(settings); i++)
                if (strcmp(json_text(json_array_get(settings, i), "action"), "later") != 0)
                        return true;
        return false;
}

static void say_plan(struct ctl *c, const json_t *plan)
{
        const json_t *changes = json_object_get(plan, "changes");
        const json_t *settings = json_object_get(plan, "settings");
        const json_t *warnings = json_object_get(plan, "warnings");
        bool applied = json_is_true(json_object_get(plan, "applied"));
        struct table t = { .columns = 3 };
        AUTO_BUF out = BUF_INIT;

        for (size_t i = 0; i < json_array_size(warnings); i++)
                v1_put_diagnostic(&out, "warning: ", json_array_get(warnings, i));
        add_settings(&t, settings, applied);
        add_changes(&t, changes, applied);
        table_put(&out, &t, c->colour ? 0 : -1);
        strlist_release(&t.cells);
        bool none = json_array_size(changes) == 0, quiet = !any_now(settings);
        if (applied)
                buf_printf(&out, "Applied as generation %lld%s\n",
                           (long long)json_int(plan, "generation"),
                           none ? ": no process is touched" : "");
        else if (none && quiet)
                buf_puts(&out, "No process would be touched\n");
        else
                buf_printf(&out, "Nothing was touched: \"apply\" carries this out%s\n",
                           none ? "; no process would be touched" : "");
        fputs(buf_str(&out), c->out);
}

void cmd_apply(struct ctl *c, const struct args *a)
{
        AUTO_REPLY r = REPLY_INIT;
        json_t *body = json_pack("{s:b}", "plan", a->plan);

        if (!session_json(&c->session, &r, "/v1/reload", body))
                v1_fail(c, &r, "apply");
        else if (a->json)
                v1_print(c, r.json);
        else
                say_plan(c, r.json);
        json_decref(body);
}

/* ---- health */

#define OUTPUT_MAX 60

static void ours_put_result(struct buf *out, const json_t *check, int64_t now_ms)
{
        int64_t at = stamp_parse(json_text(check, "last_at"));
        int64_t failures = json_int(check, "failures");

        if (at < 0) {
                buf_puts(out, "-");
                return;
        }
        buf_puts(out, json_is_true(json_object_get(check, "last_ok")) ? "ok " : "failed ");
        age_put(out, now_ms > at ? (now_ms - at) / 1000 : 0);
        buf_puts(out, " ago");
        if (failures > 1)
                buf_printf(out, " (%lld in a row)", (long long)failures);
}

static void add_health(struct table *t, const json_t *process, int64_t now_ms)
{
        const json_t *check = json_object_get(process, "healthcheck");
        AUTO_BUF result = BUF_INIT;
        AUTO_BUF said = BUF_INIT;

        ours_put_result(&result, check, now_ms);
        first_line_put(&said, json_text(check, "output"), OUTPUT_MAX);
        table_add(t, json_text(process, "name"));
        table_add(t, json_text(process, "health"));
        table_add(t, buf_str(&result));
        table_add(t, buf_str(&said));
}

/* Why output is not where it belongs. */
static void ours_put_log_error(struct buf *out, const json_t *process)
{
        const char *error = json_text(process, "log_error");

        if (*error)
                buf_printf(out, "%s: log of %s\n", json_text(process, "name"), error);
}

void cmd_health(struct ctl *c, const struct args *a)
{
        struct table t = { .columns = 4 };
        json_t *doc = v1_processes(c, &a->words, NULL, EXIT_UNREACHABLE);
        AUTO_BUF out = BUF_INIT;
        AUTO_BUF errors = BUF_INIT;
        int64_t now = clock_wall_ms();

        if (!doc)
                return;
        static const char *const heads[] = { "NAME", "HEALTH", "LAST CHECK", "OUTPUT" };
        for (size_t i = 0; i < 4; i++)
                table_add(&t, heads[i]);
        const json_t *list = json_object_get(doc, "processes");
        for (size_t i = 0; i < json_array_size(list); i++) {
                const json_t *process = json_array_get(list, i);
                add_health(&t, process, now);
                ours_put_log_error(&errors, process);
                if (strcmp(json_text(process, "health"), "unhealthy") == 0)
                        c->exit_code = EXIT_NOT_UP;
        }
        if (*json_text(doc, "statedir_error"))
                buf_printf(&errors, "statedir: %s\n", json_text(doc, "statedir_error"));
        if (*json_text(doc, "logs_error"))
                buf_printf(&errors, "logs: %s\n", json_text(doc, "logs_error"));
        if (t.cells.count > t.columns)
                table_put(&out, &t, c->colour ? 1 : -1);
        fputs(buf_str(&out), c->out);
        fputs(buf_str(&errors), c->out);
        strlist_release(&t.cells);
        json_decref(doc);
}
