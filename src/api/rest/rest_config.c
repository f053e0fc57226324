/* /v1/config, /v1/reload, /v1/groups: the configuration is taken into service, as a whole or group
 * by group as Supervisor does; /v1/shutdown, /v1/restart and /v1/upgrade: the daemon itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/rest/config_rows.h"
#include "api/rest/rest.h"
#include "api/rest/routes.h"
#include "api/rest/view.h"
#include "engine/order/lookup.h"
#include "engine/order/upgrade.h"

/* ---- what is configured */

static void config_put_channel(struct json_writer *j, const struct config_row *row, bool is_stderr)
{
        const struct channel_conf *c = is_stderr ? &row->program->err : &row->program->out;
        const struct {
                const char *name;
                int64_t value;
        } numbers[] = { { "capture_maxbytes", c->capture_maxbytes },
                        { "logfile_backups", c->backups },
                        { "logfile_maxbytes", c->maxbytes } };
        const char *side = is_stderr ? "stderr" : "stdout";
        char key[64];

        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
                snprintf(key, sizeof key, "%s_%s", side, numbers[i].name);
                view_key_int(j, key, numbers[i].value);
        }
        snprintf(key, sizeof key, "%s_logfile", side);
        view_key_text(j, key, config_row_log(row, is_stderr));
        snprintf(key, sizeof key, "%s_events_enabled", side);
        view_key_bool(j, key, c->events_enabled);
        snprintf(key, sizeof key, "%s_syslog", side);
        view_key_bool(j, key, c->syslog);
}

static void config_put_codes(struct json_writer *j, const struct code_set *set)
{
        json_writer_key(j, "exitcodes");
        json_writer_open(j, '[');
        for (int i = 0; i < set->count; i++)
                json_writer_int(j, set->named[i]);
        json_writer_close(j, ']');
}

static void config_put_row(struct json_writer *j, const struct config_row *row)
{
        const struct program *g = row->program;

        json_writer_open(j, '{');
        view_key_text(j, "name", row->recipe.name);
        view_key_text(j, "group", row->group->name);
        view_key_bool(j, "inuse", row->process != NULL);
        view_key_bool(j, "autostart", g->autostart);
        view_key_int(j, "group_prio", row->group->priority);
        view_key_int(j, "process_prio", g->priority);
        view_key_text(j, "command", row->recipe.command);
        view_key_text(j, "directory", row->recipe.directory);
        json_writer_key(j, "uid");
        view_int_if(j, g->user.set, g->user.who.uid);
        config_put_codes(j, &g->exitcodes);
        view_key_bool(j, "killasgroup", g->killasgroup);
        view_key_bool(j, "redirect_stderr", g->redirect_stderr);
        view_key_int(j, "startretries", g->startretries);
        view_key_int(j, "startsecs", g->startsecs);
        view_key_int(j, "stopsignal", g->stopsignal);
        view_key_int(j, "stopwaitsecs", g->stopwaitsecs);
        config_put_channel(j, row, false);
        config_put_channel(j, row, true);
        view_key_text(j, "serverurl", g->serverurl);
        json_writer_close(j, '}');
}

void rest_config_processes(struct request *r, const char *name)
{
        struct config_rows rows;
        struct err e = { 0 };
        AUTO_BUF text = BUF_INIT;
        AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);

        (void)name;
        if (config_rows_make(r->sup, &rows, &e)) {
                json_writer_open(&j, '{');
                json_writer_key(&j, "processes");
                json_writer_open(&j, '[');
                for (int i = 0; i < rows.count; i++)
                        config_put_row(&j, &rows.items[i]);
                json_writer_close(&j, ']');
                json_writer_close(&j, '}');
                rest_reply(r, 200, &text);
        } else {
                rest_fault(r, FAULT_FAILED, e.text);
        }
        config_rows_release(&rows);
}

/* ---- reading it anew */

/* A request whose answer needs the configuration read, and waits for its names to be looked up. */
struct read_job {
        struct reading reading;
        struct request *request;
        void (*run)(struct request *r);
};

static void read_job_gone(struct request *r)
{
        struct read_job *job = r->state;

        r->state = NULL;
        reading_cancel(&job->reading);
        free(job);
}

static void read_job_done(void *arg)
{
        struct read_job *job = arg;
        struct request *r = job->request;
        void (*run)(struct request * r) = job->run;

        r->on_gone = NULL;
        r->state = NULL;
        free(job);
        run(r);
}

/* Calls `run` when the configuration was read and its names are known; not when the client has gone
 * by then. */
static void config_after_reading(struct request *r, void (*run)(struct request *r))
{
        struct read_job *job = calloc(1, sizeof *job);

        if (!job) {
                reply_error_page(r, 503);
                return;
        }
        *job = (struct read_job){ .reading = { .on_read = read_job_done, .arg = job },
                                  .request = r,
                                  .run = run };
        r->state = job;
        r->on_gone = read_job_gone;
        reading_begin(r->sup, &job->reading);
}

/* Answers what was refused; the diagnostics are released. */
static void config_refuse(struct request *r, enum fault f, struct diags *diags)
{
        if (f == FAULT_CANT_REREAD)
                rest_diags(r, diags);
        else
                rest_fault(r, f, NULL);
        diags_release(diags);
}

static void config_put_groups(struct json_writer *j, const char *key, const struct strlist *names)
{
        json_writer_key(j, key);
        view_strings(j, names);
}

static void config_reread(struct request *r)
{
        struct diags diags = { 0 };
        struct group_diff diff = { 0 };
        enum fault f = order_reread(r->sup, &r->caller, &diff, &diags);
        AUTO_BUF text = BUF_INIT;
        AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);

        if (f != FAULT_NONE) {
                config_refuse(r, f, &diags);
                return;
        }
        json_writer_open(&j, '{');
        config_put_groups(&j, "added", &diff.added);
        config_put_groups(&j, "changed", &diff.changed);
        config_put_groups(&j, "removed", &diff.removed);
        json_writer_close(&j, '}');
        rest_reply(r, 200, &text);
        group_diff_release(&diff);
        diags_release(&diags);
}

void rest_config_reread(struct request *r, const char *name)
{
        (void)name;
        config_after_reading(r, config_reread);
}

/* ---- taking all of it into service */

static void reload_run(struct request *r, bool plan_only, bool all)
{
        struct plan plan = { 0 };
        struct diags diags = { 0 };
        enum fault f = order_apply(r->sup, plan_only, &r->caller, &plan, &diags);
        AUTO_BUF text = BUF_INIT;
        AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);

        if (f == FAULT_NONE) {
                view_plan(&j, &plan, all, &diags);
                rest_reply(r, 200, &text);
        } else {
                config_refuse(r, f, &diags);
        }
        plan_release(&plan);
        diags_release(&diags);
}

static void reload_all(struct request *r)
{
        reload_run(r, false, true);
}

static void reload_changes(struct request *r)
{
        reload_run(r, false, false);
}

void rest_reload(struct request *r, const char *name)
{
        bool plan_only = false, all = false;
        json_t *body = rest_body(r);

        (void)name;
        if (!body)
                return;
        bool fine = rest_bool(r, body, "plan", &plan_only) && rest_bool(r, body, "all", &all);
        json_decref(body);
        if (!fine)
                return;
        if (plan_only)
                reload_run(r, true, all);
        else
                config_after_reading(r, all ? reload_all : reload_changes);
}

/* ---- groups */

static void group_answer(struct request *r, const char *name, enum fault f, const char *detail)
{
        AUTO_BUF text = BUF_INIT;
        AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);

        if (f != FAULT_NONE) {
                rest_fault(r, f, f == FAULT_FAILED ? detail : name);
                return;
        }
        json_writer_open(&j, '{');
        view_key_text(&j, "group", name);
        json_writer_close(&j, '}');
        rest_reply(r, 200, &text);
}

void rest_group_add(struct request *r, const char *name)
{
        struct err e = { 0 };
        enum fault f = order_add_group(r->sup, name, &r->caller, &e);

        group_answer(r, name, f, e.text);
}

void rest_group_remove(struct request *r, const char *name)
{
        group_answer(r, name, order_remove_group(r->sup, name, &r->caller), NULL);
}

/* ---- the daemon */

static void daemon_answer(struct request *r)
{
        AUTO_BUF text = BUF_INIT;
        AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);

        json_writer_open(&j, '{');
        view_key_text(&j, "state", view_daemon_state(r->sup->daemon_state));
        json_writer_close(&j, '}');
        rest_reply(r, 202, &text);
}

void rest_shutdown(struct request *r, const char *name)
{
        enum fault f = order_shutdown(r->sup, &r->caller, "shutdown by request");

        (void)name;
        if (f == FAULT_NONE)
                daemon_answer(r);
        else
                rest_fault(r, f, NULL);
}

static void daemon_restart_all(struct request *r)
{
        struct diags diags = { 0 };
        enum fault f = order_restart_all(r->sup, &r->caller, &diags);

        if (f != FAULT_NONE) {
                config_refuse(r, f, &diags);
                return;
        }
        diags_release(&diags);
        daemon_answer(r);
}

void rest_restart(struct request *r, const char *name)
{
        (void)name;
        config_after_reading(r, daemon_restart_all);
}

/* ---- upgrade in place */

static void upgrade_checked(void *arg, bool ok, const char *why)
{
        struct request *r = arg;
        AUTO_BUF text = BUF_INIT;

        r->on_gone = NULL;
        if (!ok) {
                rest_error(r, 422, "CANT_UPGRADE", "%s", why);
                return;
        }
        buf_printf(&text, "{\"upgrading\":true,\"pid\":%d}", (int)getpid());
        rest_reply(r, 202, &text);
}

static void upgrade_gone(struct request *r)
{
        upgrade_forget(r->sup, r);
}

void rest_upgrade(struct request *r, const char *name)
{
        json_t *body = rest_body(r);
        struct err e = { 0 };

        (void)name;
        if (!body)
                return;
        const json_t *binary = json_object_get(body, "binary");
        bool given = binary && !json_is_null(binary);
        if (given && !json_is_string(binary)) {
                rest_error(r, 400, "BAD_REQUEST", "binary has to be a path");
        } else if (given && r->granted < RIGHT_OWNER) {
                rest_error(r, 403, "FORBIDDEN",
                           "only the daemon's own user and root may name a binary, over the Unix "
                           "socket");
        } else if (upgrade_begin(r->sup, json_string_value(binary), &r->caller, upgrade_checked, r,
                                 &e)) {
                r->on_gone = upgrade_gone;
        } else {
                rest_error(r, 409, "CANT_UPGRADE", "%s", e.text);
        }
        json_decref(body);
}
