/* Programs, the daemon, plans and diagnostics as JSON. */
#include <unistd.h>

#include "api/rest/view.h"
#include "engine/core/configuration.h"
#include "engine/core/startup.h"
#include "engine/core/worker.h"
#include "engine/persist/state.h"
#include "version.h"

/* ---- programs and the daemon */

void view_program(struct json_writer *j, const struct fleet *f)
{
        const struct program *p = f->program;
        int running = 0, healthy = 0;

        for (int i = 0; i < f->count; i++) {
                running += process_shown(f->procs[i]->state) == PS_RUNNING;
                healthy += f->procs[i]->health.status == HEALTH_HEALTHY;
        }
        json_writer_open(j, '{');
        view_key_text(j, "name", p->name);
        view_key_text(j, "group", f->group->name);
        view_key_int(j, "numprocs", p->numprocs);
        view_key_int(j, "replicas", f->replicas);
        view_key_int(j, "numprocs_min", p->numprocs_min);
        json_writer_key(j, "numprocs_max");
        view_int_if(j, p->numprocs_max >= 0, p->numprocs_max);
        view_key_int(j, "running", running);
        json_writer_key(j, "healthy");
        view_int_if(j, p->healthcheck.kind != CHECK_NONE, healthy);
        json_writer_close(j, '}');
}

const char *view_daemon_state(enum daemon_state m)
{
        if (m == DAEMON_RUNNING)
                return "RUNNING";
        return m == DAEMON_RESTARTING ? "RESTARTING" : "SHUTDOWN";
}

static void put_counts(struct json_writer *j, const struct registry *r)
{
        static const enum pstate shown[] = { PS_STOPPED,  PS_STARTING, PS_RUNNING, PS_BACKOFF,
                                             PS_STOPPING, PS_EXITED,   PS_FATAL,   PS_UNKNOWN };
        int counts[PS_COUNT] = { 0 };

        for (int g = 0; g < r->group_count; g++)
                for (int i = 0; i < r->groups[g]->count; i++)
                        counts[process_shown(r->groups[g]->procs[i]->state)]++;
        json_writer_open(j, '{');
        for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
                view_key_int(j, pstate_name(shown[i]), counts[shown[i]]);
        json_writer_close(j, '}');
}

/* Logs that are in trouble: all is well when the list is empty. */
static void view_daemon_put_log_error(struct json_writer *j, const char *name, const char *stream,
                                      const struct buf *why)
{
        json_writer_open(j, '{');
        view_key_text(j, "name", name);
        view_key_text(j, "stream", stream);
        view_key_text(j, "detail", buf_str(why));
        json_writer_close(j, '}');
}

static void put_stream_error(struct json_writer *j, const struct process *p, const struct stream *s,
                             const char *stream)
{
        AUTO_BUF name = BUF_INIT;
        AUTO_BUF why = BUF_INIT;

        if (!s || !stream_trouble(s, &why))
                return;
        process_namespec(p, &name);
        view_daemon_put_log_error(j, buf_str(&name), stream, &why);
}

static void put_log_errors(struct json_writer *j, const struct supervisor *s)
{
        const struct registry *r = &s->registry;
        AUTO_BUF why = BUF_INIT;

        json_writer_key(j, "log_errors");
        json_writer_open(j, '[');
        if (startup_of(s)->mainlog && mainlog_trouble(startup_of(s)->mainlog, &why))
                view_daemon_put_log_error(j, NULL, "main", &why);
        for (int g = 0; g < r->group_count; g++)
                for (int i = 0; i < r->groups[g]->count; i++) {
                        const struct process *p = r->groups[g]->procs[i];
                        if (!p->worker)
                                continue;
                        put_stream_error(j, p, p->worker->out, "stdout");
                        put_stream_error(j, p, p->worker->err, "stderr");
                }
        json_writer_close(j, ']');
}

/* Beside the list: what is wrong with all of them. */
void view_logs_error(struct json_writer *j, const struct supervisor *s, bool always)
{
        AUTO_BUF why = BUF_INIT;
        bool any = s->logs && logs_trouble(s->logs, &why);

        if (any || always)
                view_key_text(j, "logs_error", any ? buf_str(&why) : NULL);
}

void view_info(struct json_writer *j, const struct supervisor *s, struct moment now)
{
        const struct config *c = s->config;

        json_writer_open(j, '{');
        view_key_text(j, "version", SUPERVISORD_VERSION);
        view_key_text(j, "supervisor_version", SUPERVISOR_SPOKEN);
        view_key_text(j, "rpc_version", c && c->has_rpcinterface ? RPC_API_VERSION : NULL);
        view_key_text(j, "identifier", c ? c->settings.identifier : NULL);
        view_key_int(j, "pid", getpid());
        view_key_text(j, "state", view_daemon_state(s->daemon_state));
        view_key_time(j, "started_at", startup_of(s)->started.wall_ms);
        json_writer_key(j, "uptime_s");
        json_writer_thousandths(j, now.mono_ms - startup_of(s)->started.mono_ms);
        view_key_text(j, "config", c ? c->path : NULL);
        view_key_int(j, "config_generation", configuration_of(s)->generation);
        view_key_text(j, "statedir", state_dir(s));
        view_key_text(j, "statedir_error", state_trouble(s));
        json_writer_key(j, "counts");
        put_counts(j, &s->registry);
        put_log_errors(j, s);
        view_logs_error(j, s, true);
        json_writer_close(j, '}');
}

/* ---- PLAN and DIAGNOSTIC */

static void put_diag(struct json_writer *j, const struct diag *d)
{
        json_writer_open(j, '{');
        view_key_text(j, "file", d->file);
        json_writer_key(j, "line");
        view_int_if(j, d->line > 0, d->line);
        view_key_text(j, "section", d->section);
        view_key_text(j, "key", d->key);
        view_key_text(j, "message", d->message);
        view_key_text(j, "hint", d->hint);
        json_writer_close(j, '}');
}

void view_diags(struct json_writer *j, const struct diags *d, enum severity severity)
{
        json_writer_open(j, '[');
        for (size_t i = 0; d && i < d->count; i++)
                if (d->items[i].severity == severity)
                        put_diag(j, &d->items[i]);
        json_writer_close(j, ']');
}

static void view_daemon_put_change(struct json_writer *j, const struct change_item *c)
{
        json_writer_open(j, '{');
        view_key_text(j, "name", c->name);
        view_key_text(j, "program", c->program);
        view_key_text(j, "action", plan_action_word(c->action));
        json_writer_key(j, "keys");
        view_strings(j, &c->keys);
        view_key_text(j, "why", c->why);
        json_writer_close(j, '}');
}

static void put_setting(struct json_writer *j, const struct setting_item *s)
{
        json_writer_open(j, '{');
        view_key_text(j, "section", s->section);
        view_key_text(j, "key", s->key);
        view_key_text(j, "from", s->from);
        view_key_text(j, "to", s->to);
        view_key_text(j, "action", setting_action_word(s->action));
        json_writer_close(j, '}');
}

void view_plan_members(struct json_writer *j, const struct plan *p, bool all,
                       const struct diags *warnings)
{
        view_key_bool(j, "applied", p->applied);
        view_key_int(j, "generation", p->generation);
        json_writer_key(j, "changes");
        json_writer_open(j, '[');
        for (int i = 0; i < p->count; i++)
                if (all || p->items[i].action != PLAN_KEEP)
                        view_daemon_put_change(j, &p->items[i]);
        json_writer_close(j, ']');
        json_writer_key(j, "settings");
        json_writer_open(j, '[');
        for (int i = 0; i < p->setting_count; i++)
                put_setting(j, &p->settings[i]);
        json_writer_close(j, ']');
        json_writer_key(j, "warnings");
        view_diags(j, warnings, DIAG_WARNING);
}

void view_plan(struct json_writer *j, const struct plan *p, bool all, const struct diags *warnings)
{
        json_writer_open(j, '{');
        view_plan_members(j, p, all, warnings);
        json_writer_close(j, '}');
}
