/* status, pid, avail, version: what there is (compat 21.4). */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/state.h"
#include "base/utf8.h"
#include "ctl/commands/commands.h"
#include "ctl/commands/names.h"
#include "ctl/render/render.h"
#include "ctl/transport/json_get.h"
#include "ctl/transport/v1.h"

/* ---- status */

#define FIELDS  NAME_FIELDS ",state,statecode,description"
#define DETAILS ",health,healthcheck,next_start_at,next_start_why,log_error"

static bool status_is_down(int64_t state)
{
        return state == STATE_STOPPED || state == STATE_EXITED || state == STATE_FATAL ||
               state == STATE_UNKNOWN;
}

static bool put_listing(struct ctl *c, const json_t *listing, bool details)
{
        size_t count = json_array_size(listing);
        struct status_row *rows = calloc(count + 1, sizeof *rows);
        AUTO_STRLIST names = STRLIST_INIT;
        AUTO_BUF text = BUF_INIT;

        for (size_t i = 0; rows && i < count; i++) {
                const json_t *p = json_array_get(listing, i);
                AUTO_BUF name = BUF_INIT;
                process_put_name(&name, p);
                if (!strlist_add(&names, buf_str(&name)))
                        break;
                rows[i] = (struct status_row){ names.items[i], json_text(p, "state"),
                                               json_text(p, "description"), p };
        }
        int width = rows ? status_width(rows, names.count) : 0;
        int64_t now = clock_wall_ms();
        for (size_t i = 0; i < names.count; i++) {
                status_line(&text, &rows[i], width, c->colour);
                if (details)
                        status_detail(&text, rows[i].more, width, now);
        }
        fputs(buf_str(&text), c->out);
        free(rows);
        return names.count == count && !text.failed;
}

void cmd_status(struct ctl *c, const struct args *a)
{
        bool details = a->verbose || c->tty_out;
        json_t *doc = v1_list(c, &a->words, details ? FIELDS DETAILS : FIELDS);
        bool fine = doc && ctl_is_served(c, doc);

        if (!fine && (c->exit_code == EXIT_NOT_RUNNING || c->exit_code == EXIT_NOT_UP))
                c->exit_code = EXIT_UNREACHABLE;
        if (fine)
                doc = v1_select(c, doc, &a->words, EXIT_UNREACHABLE);
        const json_t *items = fine ? v1_items(doc) : NULL;
        if (items && !put_listing(c, items, details))
                ctl_fail(c, EXIT_GENERIC, "error: out of memory");
        for (size_t i = 0; i < json_array_size(items); i++)
                if (status_is_down(json_int(json_array_get(items, i), "statecode")))
                        c->exit_code = EXIT_NOT_UP;
        json_decref(doc);
}

/* ---- pid */

static void pid_of_all(struct ctl *c)
{
        json_t *doc = v1_list(c, NULL, "pid");
        const json_t *items = v1_items(doc);

        for (size_t i = 0; i < json_array_size(items); i++)
                ctl_say(c, "%lld", (long long)json_int(json_array_get(items, i), "pid"));
        json_decref(doc);
}

static void pid_of(struct ctl *c, const char *name)
{
        AUTO_REPLY r = REPLY_INIT;
        AUTO_BUF path = BUF_INIT;

        v1_put_process_path(&path, name);
        buf_puts(&path, "?fields=pid");
        if (session_json(&c->session, &r, buf_str(&path), NULL)) {
                int64_t pid = json_int(r.json, "pid");
                ctl_fail(c, pid ? 0 : EXIT_NOT_RUNNING, "%lld", (long long)pid);
        } else if (reply_is(&r, "BAD_NAME")) {
                ctl_fail(c, EXIT_GENERIC, "No such process %s", name);
        } else {
                ctl_report(c, &r);
        }
}

/* What /v1/info says; NULL: failed, and said so. Owned by the caller. */
static json_t *info_fetch(struct ctl *c)
{
        AUTO_REPLY r = REPLY_INIT;

        if (session_json(&c->session, &r, "/v1/info", NULL))
                return json_incref(r.json);
        ctl_report(c, &r);
        return NULL;
}

void cmd_pid(struct ctl *c, const struct args *a)
{
        AUTO_STRLIST names = STRLIST_INIT;

        if (strlist_has(&a->words, "all")) {
                pid_of_all(c);
        } else if (a->words.count) {
                if (ctl_expand(c, &a->words, true, &names))
                        for (size_t i = 0; i < names.count; i++)
                                pid_of(c, names.items[i]);
        } else {
                json_t *info = info_fetch(c);
                if (info)
                        ctl_say(c, "%lld", (long long)json_int(info, "pid"));
                json_decref(info);
        }
}

/* ---- avail, version */

void cmd_avail(struct ctl *c, const struct args *a)
{
        AUTO_REPLY r = REPLY_INIT;

        (void)a;
        if (!session_json(&c->session, &r, "/v1/config/processes", NULL)) {
                if (reply_is(&r, "SHUTDOWN_STATE"))
                        ctl_fail(c, EXIT_GENERIC, "ERROR: supervisor shutting down");
                else
                        ctl_report(c, &r);
                return;
        }
        const json_t *items = v1_items(r.json);
        for (size_t i = 0; i < json_array_size(items); i++) {
                const json_t *p = json_array_get(items, i);
                AUTO_BUF name = BUF_INIT;
                namespec_put(&name, json_text(p, "group"), json_text(p, "name"));
                ctl_say(
                    c, "%-*s %-9s %-9s %lld:%lld", utf8_padding(buf_str(&name), 32), buf_str(&name),
                    json_is_true(json_object_get(p, "inuse")) ? "in use" : "avail",
                    json_is_true(json_object_get(p, "autostart")) ? "auto" : "manual",
                    (long long)json_int(p, "group_prio"), (long long)json_int(p, "process_prio"));
        }
}

void cmd_version(struct ctl *c, const struct args *a)
{
        json_t *info = info_fetch(c);

        (void)a;
        if (info)
                ctl_say(c, "%s", json_text(info, "supervisor_version"));
        json_decref(info);
}
