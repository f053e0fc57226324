/* Events as JSON: one table of what the API calls them and what each tells. */
#include "api/rest/view.h"

static void view_event_put_name(struct json_writer *j, const struct process *p)
{
        json_writer_key(j, "name");
        if (p) {
                process_namespec(p, json_writer_scratch(j));
                json_writer_put_scratch(j);
        } else {
                json_writer_null(j);
        }
}

static void view_event_put_data(struct json_writer *j, const char *key, const char *data,
                                size_t len)
{
        json_writer_key(j, key);
        if (data)
                json_writer_text_n(j, data, len);
        else
                json_writer_null(j);
}

static void view_event_put_state(struct json_writer *j, const struct event *e)
{
        static const struct ending none;
        const struct process *p = e->process;
        bool counts = e->type == EV_PROCESS_STATE_STARTING || e->type == EV_PROCESS_STATE_BACKOFF;
        bool ended = e->type == EV_PROCESS_STATE_EXITED || e->type == EV_PROCESS_STATE_STOPPED ||
                     e->type == EV_PROCESS_STATE_BACKOFF || e->type == EV_PROCESS_STATE_FATAL;

        /* an ending of an earlier start is no part of this event */
        ended = ended && p && p->ending.at_wall_ms >= p->spawned_wall_ms;
        view_event_put_name(j, p);
        view_key_text(j, "from", pstate_name(e->from));
        view_key_text(j, "to", pstate_name(e->to));
        json_writer_key(j, "pid");
        view_int_if(j, e->pid > 0, e->pid);
        json_writer_key(j, "exit");
        view_ending(j, ended ? &p->ending : &none);
        json_writer_key(j, "tries");
        view_int_if(j, counts, e->tries);
        json_writer_key(j, "expected");
        if (e->type == EV_PROCESS_STATE_EXITED)
                json_writer_bool(j, e->expected);
        else
                json_writer_null(j);
}

static void view_event_put_adopted(struct json_writer *j, const struct event *e)
{
        view_event_put_name(j, e->process);
        view_key_int(j, "pid", e->pid);
        json_writer_key(j, "uptime_s");
        json_writer_thousandths(j, e->process ? e->at.mono_ms - e->process->spawned_ms : 0);
}

static void view_event_put_health(struct json_writer *j, const struct event *e)
{
        view_event_put_name(j, e->process);
        view_key_text(j, "from", health_word((enum health_status)e->was));
        view_key_text(j, "to", health_word((enum health_status)e->now));
        view_key_int(j, "failures", e->failures);
        view_event_put_data(j, "output", e->data, e->len);
}

static void put_scaled(struct json_writer *j, const struct event *e)
{
        view_key_text(j, "program", e->name);
        view_key_int(j, "was", e->was);
        view_key_int(j, "replicas", e->now);
        view_key_text(j, "by", e->by);
}

static void put_applied(struct json_writer *j, const struct event *e)
{
        if (e->plan)
                view_plan_members(j, e->plan, false, e->diags);
}

static void put_refused(struct json_writer *j, const struct event *e)
{
        json_writer_key(j, "errors");
        view_diags(j, e->diags, DIAG_ERROR);
}

static void put_log(struct json_writer *j, const struct event *e)
{
        view_event_put_name(j, e->process);
        view_key_text(j, "stream", e->is_stderr ? "stderr" : "stdout");
        json_writer_key(j, "bytes");
        view_int_if(j, e->type == EV_LOG_DROPPED, (int64_t)e->len);
        view_event_put_data(j, "detail", e->len > 0 ? e->data : NULL, e->len);
}

static void view_event_put_daemon_state(struct json_writer *j, const struct event *e)
{
        bool running = e->type == EV_SUPERVISOR_STATE_CHANGE_RUNNING;

        view_key_text(j, "state", running ? "RUNNING" : "STOPPING");
        view_key_text(j, "why", e->name);
}

static const struct view {
        enum event_type below; /* this one and what is below it in the tree */
        const char *type;
        void (*put)(struct json_writer *j, const struct event *e);
} views[] = {
        { EV_PROCESS_STATE, "process.state", view_event_put_state },
        { EV_ADOPTED, "process.adopted", view_event_put_adopted },
        { EV_HEALTH, "process.health", view_event_put_health },
        { EV_SCALED, "program.scaled", put_scaled },
        { EV_CONFIG_APPLIED, "config.applied", put_applied },
        { EV_CONFIG_REFUSED, "config.refused", put_refused },
        { EV_LOG_DROPPED, "log.dropped", put_log },
        { EV_LOG_ERROR, "log.error", put_log },
        { EV_LOG_RECOVERED, "log.recovered", put_log },
        { EV_SUPERVISOR_STATE_CHANGE, "supervisor.state", view_event_put_daemon_state },
};
#define VIEW_COUNT (sizeof views / sizeof *views)

static const struct view *view_event_find(const struct event *e)
{
        for (size_t i = 0; i < VIEW_COUNT; i++)
                if (event_is_a(e->type, views[i].below))
                        return &views[i];
        return NULL;
}

const char *view_event_type(const struct event *e)
{
        const struct view *v = view_event_find(e);

        return v ? v->type : NULL;
}

const char *view_event_types(size_t n)
{
        return n < VIEW_COUNT ? views[n].type : NULL;
}

void view_event(struct json_writer *j, const struct event *e, uint64_t seq)
{
        const struct view *v = view_event_find(e);

        json_writer_open(j, '{');
        view_key_int(j, "seq", (int64_t)seq);
        view_key_time(j, "at", e->at.wall_ms);
        view_key_text(j, "type", v->type);
        v->put(j, e);
        json_writer_close(j, '}');
}
