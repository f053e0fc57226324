/* PROCESS: one table of fields, and what they are made of. Every field that is asked for is always
 * there; what does not apply is null. */
#include "api/rest/view.h"

#include <string.h>
#include <time.h>

#include "base/signame.h"
#include "engine/core/worker.h"
#include "engine/order/start_conflicts.h"

/* ---- parts */

void view_int_if(struct jout *j, bool applies, int64_t n)
{
        if (applies)
                jout_int(j, n);
        else
                jout_null(j);
}

void view_key_text(struct jout *j, const char *key, const char *text)
{
        jout_key(j, key);
        jout_text(j, text);
}

void view_key_int(struct jout *j, const char *key, int64_t n)
{
        jout_key(j, key);
        jout_int(j, n);
}

void view_key_bool(struct jout *j, const char *key, bool b)
{
        jout_key(j, key);
        jout_bool(j, b);
}

void view_key_time(struct jout *j, const char *key, int64_t wall_ms)
{
        jout_key(j, key);
        view_time(j, wall_ms);
}

static char *put_digits(char *at, int n, int count)
{
        for (int i = count; i-- > 0; n /= 10)
                at[i] = (char)('0' + n % 10);
        return at + count;
}

/* By hand: strftime and printf were a third of what a list of processes cost. */
void view_time(struct jout *j, int64_t wall_ms)
{
        time_t t = (time_t)(wall_ms / 1000);
        struct tm tm;
        char text[32], *at = text;

        if (wall_ms <= 0 || !gmtime_r(&t, &tm) || tm.tm_year > 9999 - 1900) {
                jout_null(j);
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
                at = put_digits(at, parts[i].n, parts[i].count);
                *at++ = parts[i].after;
        }
        jout_text_n(j, text, (size_t)(at - text));
}

void view_strings(struct jout *j, const struct strs *v)
{
        jout_open(j, '[');
        for (size_t i = 0; v && i < v->count; i++)
                jout_text(j, v->items[i]);
        jout_close(j, ']');
}

void view_ending(struct jout *j, const struct ending *e)
{
        char name[16];

        if (!e->happened) {
                jout_null(j);
                return;
        }
        bool signalled = e->known && e->sig != 0;
        jout_open(j, '{');
        jout_key(j, "code");
        view_int_if(j, e->known && !signalled, e->code);
        view_key_text(j, "signal", signalled ? signame_of(e->sig, name, sizeof name) : NULL);
        view_key_bool(j, "core", e->core);
        view_key_bool(j, "expected", e->expected);
        jout_key(j, "text");
        if (e->known) {
                ending_text(e, jout_scratch(j));
                jout_put_scratch(j);
        } else {
                jout_text(j, "unknown (ended while unsupervised)");
        }
        view_key_time(j, "at", e->at_wall_ms);
        jout_close(j, '}');
}

static void put_check(struct jout *j, const struct process *p)
{
        struct probe_last last;

        if (p->program->healthcheck.kind == CHECK_NONE) {
                jout_null(j);
                return;
        }
        worker_probe_last(p->worker, &last);
        jout_open(j, '{');
        view_key_text(j, "status", health_word(p->health.status));
        view_key_int(j, "failures", p->health.failures);
        view_key_time(j, "last_at", last.any ? last.at_wall_ms : 0);
        jout_key(j, "last_ok");
        if (last.any)
                jout_bool(j, last.ok);
        else
                jout_null(j);
        jout_key(j, "duration_s");
        if (last.any)
                jout_thousandths(j, last.duration_ms);
        else
                jout_null(j);
        jout_key(j, "output");
        if (last.any)
                jout_text_n(j, last.output, last.output_len);
        else
                jout_null(j);
        jout_close(j, '}');
}

static void put_syslog(struct jout *j, bool wanted, const struct stream_ledger *l)
{
        jout_key(j, "syslog");
        if (!wanted) {
                jout_null(j);
                return;
        }
        jout_open(j, '{');
        view_key_int(j, "sent", (int64_t)l->syslog_sent);
        view_key_int(j, "dropped", (int64_t)l->syslog_dropped);
        view_key_int(j, "buffered", (int64_t)l->syslog_buffered);
        jout_close(j, '}');
}

static void put_stream(struct jout *j, const struct stream *s, const struct channel_conf *c)
{
        struct stream_ledger l;
        const char *path = s ? stream_path(s) : NULL;

        if (!path && !(s && c->syslog)) {
                jout_null(j);
                return;
        }
        stream_ledger(s, &l);
        jout_open(j, '{');
        view_key_text(j, "logfile", path);
        view_key_int(j, "read", (int64_t)l.read);
        view_key_int(j, "written", (int64_t)l.written);
        view_key_int(j, "dropped", (int64_t)l.dropped);
        view_key_int(j, "buffered", (int64_t)l.buffered);
        view_key_int(j, "rotations", (int64_t)l.rotations);
        put_syslog(j, c->syslog, &l);
        jout_close(j, '}');
}

/* ---- fields */

/* What is looked at. */
struct look { /* within one call */
        const struct supervisor *s;
        const struct process *p;
        const struct worker *w; /* NULL: never had one */
        struct moment now;
};

static void put_name(struct jout *j, const struct look *l)
{
        process_namespec(l->p, jout_scratch(j));
        jout_put_scratch(j);
}

static void put_group(struct jout *j, const struct look *l)
{
        jout_text(j, l->p->group->name);
}

static void put_process(struct jout *j, const struct look *l)
{
        jout_text(j, l->p->name);
}

static void put_program(struct jout *j, const struct look *l)
{
        jout_text(j, l->p->program->name);
}

static void put_number(struct jout *j, const struct look *l)
{
        jout_int(j, l->p->number);
}

static void put_state(struct jout *j, const struct look *l)
{
        jout_text(j, pstate_name(l->p->state));
}

static void put_statecode(struct jout *j, const struct look *l)
{
        jout_int(j, pstate_code(l->p->state));
}

static void put_health(struct jout *j, const struct look *l)
{
        jout_text(j, health_word(l->p->health.status));
}

static void put_ready(struct jout *j, const struct look *l)
{
        jout_bool(j, process_shown(l->p->state) == PS_RUNNING);
}

static void put_pid(struct jout *j, const struct look *l)
{
        view_int_if(j, l->p->pid > 0, l->p->pid);
}

static void put_description(struct jout *j, const struct look *l)
{
        process_describe(l->p, l->now, jout_scratch(j));
        jout_put_scratch(j);
}

static void put_started_at(struct jout *j, const struct look *l)
{
        view_time(j, l->p->spawned_wall_ms);
}

static void put_stopped_at(struct jout *j, const struct look *l)
{
        view_time(j, l->p->stopped_wall_ms);
}

static void put_uptime(struct jout *j, const struct look *l)
{
        if (l->p->pid > 0)
                jout_thousandths(j, l->now.mono_ms - l->p->spawned_ms);
        else
                jout_null(j);
}

static void put_exit(struct jout *j, const struct look *l)
{
        view_ending(j, &l->p->ending);
}

static void put_restarts(struct jout *j, const struct look *l)
{
        jout_int(j, l->p->restarts);
}

static void put_tries(struct jout *j, const struct look *l)
{
        jout_int(j, l->p->tries);
}

static void put_next_start(struct jout *j, const struct look *l)
{
        int64_t at_ms = 0;
        bool will = process_will_start(l->p, &at_ms);

        view_time(j, will ? l->now.wall_ms + at_ms - l->now.mono_ms : 0);
}

static void put_next_why(struct jout *j, const struct look *l)
{
        int64_t at_ms = 0;
        struct buf *why = jout_scratch(j);

        if (process_will_start(l->p, &at_ms))
                process_next_why(l->p, why);
        else
                hold_why(l->s, l->p, why);
        if (why->len || why->failed)
                jout_put_scratch(j);
        else
                jout_null(j);
}

static void put_crashes(struct jout *j, const struct look *l)
{
        jout_int(j, process_crashes(l->p, l->now.mono_ms));
}

static void put_spawn_error(struct jout *j, const struct look *l)
{
        const char *why = process_spawnerr(l->p);

        jout_text(j, why && *why ? why : NULL);
}

static bool is_adopted(const struct look *l)
{
        return l->w && l->w->mark.adopted && l->p->pid > 0;
}

static void put_adopted(struct jout *j, const struct look *l)
{
        jout_bool(j, is_adopted(l));
}

static void put_adopted_logs(struct jout *j, const struct look *l)
{
        if (is_adopted(l))
                jout_bool(j, l->w->mark.adopted_logs);
        else
                jout_null(j);
}

static void put_healthcheck(struct jout *j, const struct look *l)
{
        put_check(j, l->p);
}

static void put_stdout(struct jout *j, const struct look *l)
{
        put_stream(j, l->w ? l->w->out : NULL, &l->p->program->out);
}

static void put_stderr(struct jout *j, const struct look *l)
{
        put_stream(j, l->w ? l->w->err : NULL, &l->p->program->err);
}

/* "stdout: write /log: No space left on device"; null while all is well. */
static void put_log_error(struct jout *j, const struct look *l)
{
        struct buf *text = jout_scratch(j);
        AUTO_BUF why = BUF_INIT;

        if (l->w && l->w->out && stream_trouble(l->w->out, &why))
                buf_printf(text, "stdout: %s", buf_str(&why));
        buf_reset(&why);
        if (l->w && l->w->err && stream_trouble(l->w->err, &why))
                buf_printf(text, "%sstderr: %s", text->len ? "; " : "", buf_str(&why));
        if (text->len)
                jout_put_scratch(j);
        else
                jout_null(j);
}

static void put_leftovers(struct jout *j, const struct look *l)
{
        view_strings(j, l->w && l->w->remains ? &l->w->remains->leftovers : NULL);
}

/* In the order in which they are shown. */
static const struct {
        const char *name;
        void (*put)(struct jout *j, const struct look *l);
} fields[] = {
        { "name", put_name },
        { "group", put_group },
        { "process", put_process },
        { "program", put_program },
        { "number", put_number },
        { "state", put_state },
        { "statecode", put_statecode },
        { "health", put_health },
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
        { "adopted", put_adopted },
        { "adopted_logs", put_adopted_logs },
        { "healthcheck", put_healthcheck },
        { "stdout", put_stdout },
        { "stderr", put_stderr },
        { "leftovers", put_leftovers },
        { "log_error", put_log_error },
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

void view_process(struct jout *j, const struct supervisor *s, const struct process *p,
                  struct moment now, uint64_t wanted)
{
        const struct look l = { s, p, p->worker, now };

        jout_open(j, '{');
        for (size_t i = 0; i < FIELD_COUNT; i++)
                if (wanted >> i & 1) {
                        jout_key(j, fields[i].name);
                        fields[i].put(j, &l);
                }
        jout_close(j, '}');
}
