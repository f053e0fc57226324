/* PROCESS: one table of fields, and what they are made of. Every field that is asked for is always
 * there; what does not apply is null. */
#include "api/rest/view.h"

#include <string.h>
#include <time.h>

#include "base/signame.h"
#include "engine/core/worker.h"
#include "engine/order/conditions.h"

/* ---- parts */

void view_int_if(struct json_writer *j, bool applies, int64_t n)
{
        if (applies)
                json_writer_int(j, n);
        else
                json_writer_null(j);
}

void view_key_text(struct json_writer *j, const char *key, const char *text)
{
        json_writer_key(j, key);
        json_writer_text(j, text);
}

void view_key_int(struct json_writer *j, const char *key, int64_t n)
{
        json_writer_key(j, key);
        json_writer_int(j, n);
}

void view_key_bool(struct json_writer *j, const char *key, bool b)
{
        json_writer_key(j, key);
        json_writer_bool(j, b);
}

void view_key_time(struct json_writer *j, const char *key, int64_t wall_ms)
{
        json_writer_key(j, key);
        view_time(j, wall_ms);
}

static char *view_put_digits(char *at, int n, int count)
{
        for (int i = count; i-- > 0; n /= 10)
                at[i] = (char)('0' + n % 10);
        return at + count;
}

/* By hand: strftime and printf were a third of what a list of processes cost. */
void view_time(struct json_writer *j, int64_t wall_ms)
{
        time_t t = (time_t)(wall_ms / 1000);
        struct tm tm;
        char text[32], *at = text;

        if (wall_ms <= 0 || !gmtime_r(&t, &tm) || tm.tm_year > 9999 - 1900) {
                json_writer_null(j);
                return;
        }
        const struct {
                int n, count;
                char after;
        } parts[] = {
                { tm.tm_year + 1900, 4, '-' },    { tm.tm_mon + 1, 2, '-' }, { tm.tm_mday, 2, 'T' },
                { tm.tm_hour, 2, ':' },           { tm.tm_min, 2, ':' },     { tm.tm_sec, 2, '.' },
                { (int)(wall_ms % 1000), 3, 'Z' }
        };
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
                at = view_put_digits(at, parts[i].n, parts[i].count);
                *at++ = parts[i].after;
        }
        json_writer_text_n(j, text, (size_t)(at - text));
}

void view_strings(struct json_writer *j, const struct strlist *v)
{
        json_writer_open(j, '[');
        for (size_t i = 0; v && i < v->count; i++)
                json_writer_text(j, v->items[i]);
        json_writer_close(j, ']');
}

void view_ending(struct json_writer *j, const struct ending *e)
{
        char name[16];

        if (!e->happened) {
                json_writer_null(j);
                return;
        }
        bool signalled = e->known && e->sig != 0;
        json_writer_open(j, '{');
        json_writer_key(j, "code");
        view_int_if(j, e->known && !signalled, e->code);
        view_key_text(j, "signal", signalled ? signame_of(e->sig, name, sizeof name) : NULL);
        view_key_bool(j, "core", e->core);
        view_key_bool(j, "expected", e->expected);
        json_writer_key(j, "text");
        if (e->known) {
                ending_text(e, json_writer_scratch(j));
                json_writer_put_scratch(j);
        } else {
                json_writer_text(j, "unknown (ended while unsupervised)");
        }
        view_key_time(j, "at", e->at_wall_ms);
        json_writer_close(j, '}');
}

static void put_check(struct json_writer *j, const struct process *p)
{
        struct probe_last last;

        if (p->program->healthcheck.kind == CHECK_NONE) {
                json_writer_null(j);
                return;
        }
        worker_probe_last(p->worker, &last);
        json_writer_open(j, '{');
        view_key_text(j, "status", health_word(p->health.status));
        view_key_int(j, "failures", p->health.failures);
        view_key_time(j, "last_at", last.any ? last.at_wall_ms : 0);
        json_writer_key(j, "last_ok");
        if (last.any)
                json_writer_bool(j, last.ok);
        else
                json_writer_null(j);
        json_writer_key(j, "duration_s");
        if (last.any)
                json_writer_thousandths(j, last.duration_ms);
        else
                json_writer_null(j);
        json_writer_key(j, "output");
        if (last.any)
                json_writer_text_n(j, last.output, last.output_len);
        else
                json_writer_null(j);
        json_writer_close(j, '}');
}

static void put_syslog(struct json_writer *j, bool wanted, const struct stream_ledger *l)
{
        json_writer_key(j, "syslog");
        if (!wanted) {
                json_writer_null(j);
                return;
        }
        json_writer_open(j, '{');
        view_key_int(j, "sent", (int64_t)l->syslog_sent);
        view_key_int(j, "dropped", (int64_t)l->syslog_dropped);
        view_key_int(j, "buffered", (int64_t)l->syslog_buffered);
        json_writer_close(j, '}');
}

static void put_stream(struct json_writer *j, const struct stream *s, const struct channel_conf *c)
{
        struct stream_ledger l;
        const char *path = s ? stream_path(s) : NULL;

        if (!path && !(s && c->syslog)) {
                json_writer_null(j);
                return;
        }
        stream_ledger(s, &l);
        json_writer_open(j, '{');
        view_key_text(j, "logfile", path);
        view_key_int(j, "read", (int64_t)l.read);
        view_key_int(j, "written", (int64_t)l.written);
        view_key_int(j, "dropped", (int64_t)l.dropped);
        view_key_int(j, "buffered", (int64_t)l.buffered);
        view_key_int(j, "rotations", (int64_t)l.rotations);
        put_syslog(j, c->syslog, &l);
        json_writer_close(j, '}');
}

/* ---- fields */

/* What is looked at. */
struct look { /* within one call */
        const struct supervisor *s;
        const struct process *p;
        const struct worker *w; /* NULL: never had one */
        struct moment now;
};

static void view_put_name(struct json_writer *j, const struct look *l)
{
        process_namespec(l->p, json_writer_scratch(j));
        json_writer_put_scratch(j);
}

static void put_group(struct json_writer *j, const struct look *l)
{
        json_writer_text(j, l->p->group->name);
}

static void put_process(struct json_writer *j, const struct look *l)
{
        json_writer_text(j, l->p->name);
}

static void put_program(struct json_writer *j, const struct look *l)
{
        json_writer_text(j, l->p->program->name);
}

static void view_put_number(struct json_writer *j, const struct look *l)
{
        json_writer_int(j, l->p->number);
}

static void view_put_state(struct json_writer *j, const struct look *l)
{
        json_writer_text(j, pstate_name(l->p->state));
}

static void put_statecode(struct json_writer *j, const struct look *l)
{
        json_writer_int(j, pstate_code(l->p->state));
}

static void view_put_health(struct json_writer *j, const struct look *l)
{
        json_writer_text(j, health_word(l->p->health.status));
}

static void put_ready(struct json_writer *j, const struct look *l)
{
        json_writer_bool(j, process_shown(l->p->state) == PS_RUNNING);
}

static void put_pid(struct json_writer *j, const struct look *l)
{
        view_int_if(j, l->p->pid > 0, l->p->pid);
}

static void put_description(struct json_writer *j, const struct look *l)
{
        process_describe(l->p, l->now, json_writer_scratch(j));
        json_writer_put_scratch(j);
}

static void put_started_at(struct json_writer *j, const struct look *l)
{
        view_time(j, l->p->spawned_wall_ms);
}

static void put_stopped_at(struct json_writer *j, const struct look *l)
{
        view_time(j, l->p->stopped_wall_ms);
}

static void put_uptime(struct json_writer *j, const struct look *l)
{
        if (l->p->pid > 0)
                json_writer_thousandths(j, l->now.mono_ms - l->p->spawned_ms);
        else
                json_writer_null(j);
}

static void put_exit(struct json_writer *j, const struct look *l)
{
        view_ending(j, &l->p->ending);
}

static void put_restarts(struct json_writer *j, const struct look *l)
{
        json_writer_int(j, l->p->restarts);
}

static void put_tries(struct json_writer *j, const struct look *l)
{
        json_writer_int(j, l->p->tries);
}

static void put_next_start(struct json_writer *j, const struct look *l)
{
        int64_t at_ms = 0;
        bool will = process_will_start(l->p, &at_ms);

        view_time(j, will ? l->now.wall_ms + at_ms - l->now.mono_ms : 0);
}

static void put_next_why(struct json_writer *j, const struct look *l)
{
        int64_t at_ms = 0;
        struct buf *why = json_writer_scratch(j);

        if (process_will_start(l->p, &at_ms))
                process_next_why(l->p, why);
        else
                conditions_why(l->s, l->p, why);
        if (why->len || why->failed)
                json_writer_put_scratch(j);
        else
                json_writer_null(j);
}

static void put_crashes(struct json_writer *j, const struct look *l)
{
        json_writer_int(j, process_crashes(l->p, l->now.mono_ms));
}

static void put_spawn_error(struct json_writer *j, const struct look *l)
{
        const char *why = process_spawnerr(l->p);

        json_writer_text(j, why && *why ? why : NULL);
}

static bool is_adopted(const struct look *l)
{
        return l->w && l->w->mark.adopted && l->p->pid > 0;
}

static void view_put_adopted(struct json_writer *j, const struct look *l)
{
        json_writer_bool(j, is_adopted(l));
}

static void put_adopted_logs(struct json_writer *j, const struct look *l)
{
        if (is_adopted(l))
                json_writer_bool(j, l->w->mark.adopted_logs);
        else
                json_writer_null(j);
}

static void put_healthcheck(struct json_writer *j, const struct look *l)
{
        put_check(j, l->p);
}

static void put_stdout(struct json_writer *j, const struct look *l)
{
        put_stream(j, l->w ? l->w->out : NULL, &l->p->program->out);
}

static void put_stderr(struct json_writer *j, const struct look *l)
{
        put_stream(j, l->w ? l->w->err : NULL, &l->p->program->err);
}

/* "stdout: write /log: No space left on device"; null while all is well. */
static void view_put_log_error(struct json_writer *j, const struct look *l)
{
        struct buf *text = json_writer_scratch(j);
        AUTO_BUF why = BUF_INIT;

        if (l->w && l->w->out && stream_trouble(l->w->out, &why))
                buf_printf(text, "stdout: %s", buf_str(&why));
        buf_reset(&why);
        if (l->w && l->w->err && stream_trouble(l->w->err, &why))
                buf_printf(text, "%sstderr: %s", text->len ? "; " : "", buf_str(&why));
        if (text->len)
                json_writer_put_scratch(j);
        else
                json_writer_null(j);
}

static void put_leftovers(struct json_writer *j, const struct look *l)
{
        view_strings(j, l->w && l->w->remains ? &l->w->remains->leftovers : NULL);
}

/* In the order in which they are shown. */
static const struct {
        const char *name;
        void (*put)(struct json_writer *j, const struct look *l);
} fields[] = {
        { "name", view_put_name },
        { "group", put_group },
        { "process", put_process },
        { "program", put_program },
        { "number", view_put_number },
        { "state", view_put_state },
        { "statecode", put_statecode },
        { "health", view_put_health },
        { "ready", put_ready },
        { "pid", put_pid },
        { "description", put_description },
        { "started_at", put_started_at },
        { "stopped_at", put_stopped_at },
        { "uptime_s", put_uptime },
        { "exit", put_exit },
        { "restarts", put_restarts },
        { "tries", put_tries },
        { "next_start_at", put_next_start },
        { "next_start_why", put_next_why },
        { "crashes", put_crashes },
        { "spawn_error", put_spawn_error },
        { "adopted", view_put_adopted },
        { "adopted_logs", put_adopted_logs },
        { "healthcheck", put_healthcheck },
        { "stdout", put_stdout },
        { "stderr", put_stderr },
        { "leftovers", put_leftovers },
        { "log_error", view_put_log_error },
};
#define FIELD_COUNT (sizeof fields / sizeof *fields)
_Static_assert(FIELD_COUNT <= 64, "each field has a bit");

/* FIELD_COUNT: none. */
static size_t find_field(const char *name, size_t len)
{
        size_t i = 0;

        while (i < FIELD_COUNT &&
               (strncmp(fields[i].name, name, len) != 0 || fields[i].name[len] != '\0'))
                i++;
        return i;
}

bool view_fields(const char *names, uint64_t *fields_out, struct buf *wrong_out)
{
        *fields_out = *names ? 0 : VIEW_ALL_FIELDS;
        while (*names) {
                size_t len = strcspn(names, ",");
                size_t i = find_field(names, len);
                if (i == FIELD_COUNT) {
                        buf_put(wrong_out, names, len);
                        return false;
                }
                *fields_out |= (uint64_t)1 << i;
                names += len + (names[len] == ',');
        }
        return true;
}

void view_field_names(struct buf *out)
{
        for (size_t i = 0; i < FIELD_COUNT; i++)
                buf_printf(out, "%s%s", i ? ", " : "", fields[i].name);
}

void view_process(struct json_writer *j, const struct supervisor *s, const struct process *p,
                  struct moment now, uint64_t wanted)
{
        const struct look l = { s, p, p->worker, now };

        json_writer_open(j, '{');
        for (size_t i = 0; i < FIELD_COUNT; i++)
                if (wanted >> i & 1) {
                        json_writer_key(j, fields[i].name);
                        fields[i].put(j, &l);
                }
        json_writer_close(j, '}');
}
