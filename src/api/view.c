/* The objects of the JSON API. Every field is always there; what does not apply is null. */
#include "api/view.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/signame.h"
#include "engine/hold.h"
#include "engine/state.h"
#include "engine/worker.h"
#include "version.h"

#define TEXT(b) view_text((b)->data ? (b)->data : "", (b)->len)

static json_t *or_null(json_t *v, bool applies)
{
        if (applies)
                return v;
        json_decref(v);
        return json_null();
}

static json_t *text_or_null(const char *s)
{
        return s ? view_text(s, strlen(s)) : json_null();
}

static json_t *seconds(int64_t ms)
{
        return json_real((double)ms / 1000.);
}

static json_t *strings(const struct strs *v)
{
        json_t *list = json_array();

        for (size_t i = 0; list && i < v->count; i++)
                if (json_array_append_new(list, view_text(v->items[i], strlen(v->items[i]))) < 0) {
                        json_decref(list);
                        return NULL;
                }
        return list;
}

json_t *view_time(int64_t wall_ms)
{
        time_t t = (time_t)(wall_ms / 1000);
        struct tm tm;
        char text[64];

        if (wall_ms <= 0 || !gmtime_r(&t, &tm))
                return json_null();
        size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(text + n, sizeof text - n, ".%03dZ", (int)(wall_ms % 1000));
        return json_string(text);
}

/* ---- text that may be anything */

/* Length of the UTF-8 sequence at p, 0 when it is none. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
        static const struct {
                unsigned char mask, lead;
                size_t len;
                unsigned min;
        } kinds[] = { { 0x80, 0x00, 1, 0 },
                      { 0xe0, 0xc0, 2, 0x80 },
                      { 0xf0, 0xe0, 3, 0x800 },
                      { 0xf8, 0xf0, 4, 0x10000 } };

        for (size_t k = 0; k < 4; k++) {
                if ((p[0] & kinds[k].mask) != kinds[k].lead)
                        continue;
                unsigned point = p[0] & (unsigned char)~kinds[k].mask;
                if (kinds[k].len > left)
                        return 0;
                for (size_t i = 1; i < kinds[k].len; i++) {
                        if ((p[i] & 0xc0) != 0x80)
                                return 0;
                        point = point << 6 | (p[i] & 0x3f);
                }
                bool fine = point >= kinds[k].min && point <= 0x10ffff &&
                            !(point >= 0xd800 && point <= 0xdfff);
                return fine ? kinds[k].len : 0;
        }
        return 0;
}

json_t *view_text(const char *data, size_t len)
{
        json_t *whole = json_stringn(data, len); /* NULL also when it is not UTF-8 */
        AUTO_BUF fixed = BUF_INIT;

        for (size_t i = 0; !whole && i < len;) {
                size_t n = utf8_length((const unsigned char *)data + i, len - i);
                if (n > 0)
                        buf_put(&fixed, data + i, n);
                else
                        buf_puts(&fixed, "\xef\xbf\xbd");
                i += n > 0 ? n : 1;
        }
        if (whole || fixed.failed)
                return whole;
        return json_stringn(fixed.data, fixed.len);
}

/* ---- PROCESS */

static json_t *ending_view(const struct ending *e)
{
        AUTO_BUF text = BUF_INIT;
        char name[16];

        if (!e->happened)
                return json_null();
        if (e->known)
                ending_text(e, &text);
        else
                buf_puts(&text, "unknown (ended while unsupervised)");
        bool exited = e->known && e->sig == 0;
        bool signalled = e->known && e->sig != 0;
        return json_pack(
            "{s:o, s:o, s:b, s:b, s:o, s:o}", "code", or_null(json_integer(e->code), exited),
            "signal", signalled ? json_string(signame_of(e->sig, name, sizeof name)) : json_null(),
            "core", e->core, "expected", e->expected, "text", TEXT(&text), "at",
            view_time(e->at_wall_ms));
}

static json_t *check_view(const struct process *p)
{
        struct probe_last last;

        if (p->program->healthcheck.kind == CHECK_NONE)
                return json_null();
        worker_probe_last(p->worker, &last);
        return json_pack("{s:s, s:i, s:o, s:o, s:o, s:o}", "status", health_word(p->health.status),
                         "failures", p->health.failures, "last_at",
                         last.any ? view_time(last.at_wall_ms) : json_null(), "last_ok",
                         last.any ? json_boolean(last.ok) : json_null(), "duration_s",
                         last.any ? seconds(last.duration_ms) : json_null(), "output",
                         last.any ? view_text(last.output, last.output_len) : json_null());
}

static json_t *stream_view(const struct stream *s)
{
        struct stream_ledger l;
        const char *path = s ? stream_path(s) : NULL;

        if (!path)
                return json_null();
        stream_ledger(s, &l);
        return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I}", "logfile", view_text(path, strlen(path)),
                         "read", (json_int_t)l.read, "written", (json_int_t)l.written, "dropped",
                         (json_int_t)l.dropped, "buffered", (json_int_t)l.buffered, "rotations",
                         (json_int_t)l.rotations);
}

/* One field after the other: jansson keeps their order. */
struct fields {
        json_t *object;
        bool failed;
};

static void put(struct fields *f, const char *key, json_t *value)
{
        if (json_object_set_new(f->object, key, value) < 0)
                f->failed = true;
}

static json_t *finish(struct fields *f)
{
        if (!f->failed)
                return f->object;
        json_decref(f->object);
        return NULL;
}

static void put_identity(struct fields *f, const struct process *p)
{
        AUTO_BUF name = BUF_INIT;

        process_namespec(p, &name);
        put(f, "name", TEXT(&name));
        put(f, "group", text_or_null(p->group->name));
        put(f, "process", text_or_null(p->name));
        put(f, "program", text_or_null(p->program->name));
        put(f, "number", json_integer(p->number));
}

static void put_state(struct fields *f, const struct process *p, struct moment now)
{
        AUTO_BUF description = BUF_INIT;

        process_describe(p, now, &description);
        put(f, "state", json_string(pstate_name(p->state)));
        put(f, "statecode", json_integer(pstate_code(p->state)));
        put(f, "health", json_string(health_word(p->health.status)));
        put(f, "ready", json_boolean(process_shown(p->state) == PS_RUNNING));
        put(f, "pid", or_null(json_integer(p->pid), p->pid > 0));
        put(f, "description", TEXT(&description));
        put(f, "started_at", view_time(p->spawned_wall_ms));
        put(f, "stopped_at", view_time(p->stopped_wall_ms));
        put(f, "uptime_s", or_null(seconds(now.mono_ms - p->spawned_ms), p->pid > 0));
        put(f, "exit", ending_view(&p->ending));
}

static void put_future(struct fields *f, const struct supervisor *s, const struct process *p,
                       struct moment now)
{
        AUTO_BUF why = BUF_INIT;
        int64_t at_ms = 0;
        bool will = process_will_start(p, &at_ms);

        if (will)
                process_next_why(p, &why);
        else
                hold_why(s, p, &why);
        put(f, "restarts", json_integer(p->restarts));
        put(f, "tries", json_integer(p->tries));
        put(f, "next_start_at", will ? view_time(now.wall_ms + at_ms - now.mono_ms) : json_null());
        put(f, "next_start_why", or_null(TEXT(&why), why.len > 0));
        put(f, "crashes", json_integer(process_crashes(p, now.mono_ms)));
        put(f, "spawn_error", text_or_null(p->spawnerr && *p->spawnerr ? p->spawnerr : NULL));
}

json_t *view_process(const struct supervisor *s, const struct process *p, struct moment now)
{
        const struct worker *w = p->worker;
        struct fields f = { .object = json_object() };

        (void)s;
        put_identity(&f, p);
        put_state(&f, p, now);
        put_future(&f, s, p, now);
        bool adopted = w && w->mark.adopted && p->pid > 0;
        put(&f, "adopted", json_boolean(adopted));
        put(&f, "adopted_logs", or_null(json_boolean(w && w->mark.adopted_logs), adopted));
        put(&f, "healthcheck", check_view(p));
        put(&f, "stdout", stream_view(w ? w->out : NULL));
        put(&f, "stderr", stream_view(w ? w->err : NULL));
        put(&f, "leftovers", w ? strings(&w->leftovers) : json_array());
        return finish(&f);
}

/* ---- programs and the daemon */

json_t *view_program(const struct fleet *f)
{
        const struct program *p = f->program;
        int running = 0, healthy = 0;

        for (int i = 0; i < f->count; i++) {
                running += process_shown(f->procs[i]->state) == PS_RUNNING;
                healthy += f->procs[i]->health.status == HEALTH_HEALTHY;
        }
        return json_pack("{s:o, s:o, s:i, s:i, s:i, s:o, s:i, s:o}", "name", text_or_null(p->name),
                         "group", text_or_null(f->group->name), "numprocs", p->numprocs, "replicas",
                         f->replicas, "numprocs_min", p->numprocs_min, "numprocs_max",
                         or_null(json_integer(p->numprocs_max), p->numprocs_max >= 0), "running",
                         running, "healthy",
                         or_null(json_integer(healthy), p->healthcheck.kind != CHECK_NONE));
}

static const char *mood_word(enum mood m)
{
        if (m == MOOD_RUNNING)
                return "RUNNING";
        return m == MOOD_RESTARTING ? "RESTARTING" : "SHUTDOWN";
}

static json_t *counts_view(const struct registry *r)
{
        static const enum pstate shown[] = { PS_STOPPED,  PS_STARTING, PS_RUNNING, PS_BACKOFF,
                                             PS_STOPPING, PS_EXITED,   PS_FATAL,   PS_UNKNOWN };
        int counts[PS_COUNT] = { 0 };
        struct fields f = { .object = json_object() };

        for (int g = 0; g < r->group_count; g++)
                for (int i = 0; i < r->groups[g]->count; i++)
                        counts[process_shown(r->groups[g]->procs[i]->state)]++;
        for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
                put(&f, pstate_name(shown[i]), json_integer(counts[shown[i]]));
        return finish(&f);
}

json_t *view_info(const struct supervisor *s, struct moment now)
{
        const struct config *c = s->config;
        struct fields f = { .object = json_object() };

        put(&f, "version", json_string(SUPERVISORD_VERSION));
        put(&f, "identifier", text_or_null(c ? c->settings.identifier : NULL));
        put(&f, "pid", json_integer(getpid()));
        put(&f, "state", json_string(mood_word(s->mood)));
        put(&f, "started_at", view_time(s->started.wall_ms));
        put(&f, "uptime_s", seconds(now.mono_ms - s->started.mono_ms));
        put(&f, "config", text_or_null(c ? c->path : NULL));
        put(&f, "config_generation", json_integer(s->generation));
        put(&f, "statedir", text_or_null(state_dir(s)));
        put(&f, "counts", counts_view(&s->registry));
        return finish(&f);
}

/* ---- PLAN and DIAGNOSTIC */

static json_t *diag_view(const struct diag *d)
{
        return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "file", text_or_null(d->file), "line",
                         or_null(json_integer(d->line), d->line > 0), "section",
                         text_or_null(d->section), "key", text_or_null(d->key), "message",
                         text_or_null(d->message), "hint", text_or_null(d->hint));
}

json_t *view_diags(const struct diags *d, enum severity severity)
{
        json_t *list = json_array();

        for (size_t i = 0; list && d && i < d->count; i++) {
                if (d->items[i].severity != severity)
                        continue;
                if (json_array_append_new(list, diag_view(&d->items[i])) < 0) {
                        json_decref(list);
                        return NULL;
                }
        }
        return list;
}

static json_t *change_view(const struct change_item *c)
{
        return json_pack("{s:o, s:o, s:s, s:o, s:o}", "name", text_or_null(c->name), "program",
                         text_or_null(c->program), "action", plan_action_word(c->action), "keys",
                         strings(&c->keys), "why", text_or_null(c->why));
}

json_t *view_plan(const struct plan *p, bool all, const struct diags *warnings)
{
        json_t *changes = json_array();

        for (int i = 0; changes && i < p->count; i++) {
                if (p->items[i].action == PLAN_KEEP && !all)
                        continue;
                if (json_array_append_new(changes, change_view(&p->items[i])) < 0) {
                        json_decref(changes);
                        return NULL;
                }
        }
        return json_pack("{s:b, s:i, s:o, s:o}", "applied", p->applied, "generation", p->generation,
                         "changes", changes, "warnings", view_diags(warnings, DIAG_WARNING));
}

/* ---- events */

static void put_name(struct fields *f, const struct process *p)
{
        AUTO_BUF name = BUF_INIT;

        if (p)
                process_namespec(p, &name);
        put(f, "name", or_null(TEXT(&name), p));
}

static void put_data(struct fields *f, const char *key, const struct event *e)
{
        put(f, key, e->data ? view_text(e->data, e->len) : json_null());
}

static void state_fields(struct fields *f, const struct event *e)
{
        const struct process *p = e->process;
        bool counts = e->type == EV_PROCESS_STATE_STARTING || e->type == EV_PROCESS_STATE_BACKOFF;
        bool ended = e->type == EV_PROCESS_STATE_EXITED || e->type == EV_PROCESS_STATE_STOPPED ||
                     e->type == EV_PROCESS_STATE_BACKOFF || e->type == EV_PROCESS_STATE_FATAL;

        /* an ending of an earlier start is no part of this event */
        ended = ended && p && p->ending.happened && p->ending.at_wall_ms >= p->spawned_wall_ms;
        put_name(f, p);
        put(f, "from", json_string(pstate_name(e->from)));
        put(f, "to", json_string(pstate_name(e->to)));
        put(f, "pid", or_null(json_integer(e->pid), e->pid > 0));
        put(f, "exit", ended ? ending_view(&p->ending) : json_null());
        put(f, "tries", or_null(json_integer(e->tries), counts));
        put(f, "expected", or_null(json_boolean(e->expected), e->type == EV_PROCESS_STATE_EXITED));
}

static void adopted_fields(struct fields *f, const struct event *e)
{
        int64_t up_ms = e->process ? e->at.mono_ms - e->process->spawned_ms : 0;

        put_name(f, e->process);
        put(f, "pid", json_integer(e->pid));
        put(f, "uptime_s", seconds(up_ms));
}

static void health_fields(struct fields *f, const struct event *e)
{
        put_name(f, e->process);
        put(f, "from", json_string(health_word((enum health_status)e->was)));
        put(f, "to", json_string(health_word((enum health_status)e->now)));
        put(f, "failures", json_integer(e->failures));
        put_data(f, "output", e);
}

static void scaled_fields(struct fields *f, const struct event *e)
{
        put(f, "program", text_or_null(e->name));
        put(f, "was", json_integer(e->was));
        put(f, "replicas", json_integer(e->now));
        put(f, "by", text_or_null(e->by));
}

static void applied_fields(struct fields *f, const struct event *e)
{
        json_t *plan = e->plan ? view_plan(e->plan, false, e->diags) : json_object();

        if (!plan || json_object_update(f->object, plan) < 0)
                f->failed = true;
        json_decref(plan);
}

static void refused_fields(struct fields *f, const struct event *e)
{
        put(f, "errors", view_diags(e->diags, DIAG_ERROR));
}

static void log_fields(struct fields *f, const struct event *e)
{
        bool dropped = e->type == EV_LOG_DROPPED;

        put_name(f, e->process);
        put(f, "stream", json_string(e->is_stderr ? "stderr" : "stdout"));
        put(f, "bytes", or_null(json_integer((json_int_t)e->len), dropped));
        put(f, "detail", e->data && e->len > 0 ? view_text(e->data, e->len) : json_null());
}

static void mood_fields(struct fields *f, const struct event *e)
{
        bool running = e->type == EV_SUPERVISOR_STATE_CHANGE_RUNNING;

        put(f, "state", json_string(running ? "RUNNING" : "STOPPING"));
        put(f, "why", text_or_null(e->name));
}

static const struct {
        enum event_type below; /* this one and what is below it in the tree */
        const char *type;
        void (*put)(struct fields *f, const struct event *e);
} event_views[] = {
        { EV_PROCESS_STATE, "process.state", state_fields },
        { EV_ADOPTED, "process.adopted", adopted_fields },
        { EV_HEALTH, "process.health", health_fields },
        { EV_SCALED, "program.scaled", scaled_fields },
        { EV_CONFIG_APPLIED, "config.applied", applied_fields },
        { EV_CONFIG_REFUSED, "config.refused", refused_fields },
        { EV_LOG_DROPPED, "log.dropped", log_fields },
        { EV_LOG_ERROR, "log.error", log_fields },
        { EV_LOG_RECOVERED, "log.recovered", log_fields },
        { EV_SUPERVISOR_STATE_CHANGE, "supervisor.state", mood_fields },
};

json_t *view_event(const struct event *e, uint64_t seq, const char **type_out)
{
        *type_out = NULL;
        for (size_t i = 0; i < sizeof event_views / sizeof *event_views; i++) {
                if (!event_is_a(e->type, event_views[i].below))
                        continue;
                struct fields f = { .object = json_object() };
                *type_out = event_views[i].type;
                put(&f, "seq", json_integer((json_int_t)seq));
                put(&f, "at", view_time(e->at.wall_ms));
                put(&f, "type", json_string(*type_out));
                event_views[i].put(&f, e);
                return finish(&f);
        }
        return NULL;
}
