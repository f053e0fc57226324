/* The tree of event types, and the payload that Supervisor's listeners get for each (compat 17.1).
 * Renders, and never sends. */
#include "model/unit/event.h"

#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "model/fleet/registry.h"

/* ---- the tree */

/* What comes behind the name of a type in Supervisor's payload. */
enum shape {
        SHAPE_EMPTY,
        SHAPE_STATE, /* the prefix that all states share, and nothing more */
        SHAPE_TRIES,
        SHAPE_PID,
        SHAPE_EXPECTED,
        SHAPE_LOG,
        SHAPE_COMMUNICATION,
        SHAPE_REMOTE,
        SHAPE_TICK,
        SHAPE_GROUP,
};

static const struct event_row {
        const char *name; /* NULL: ours */
        enum event_type parent;
        enum shape shape;
} rows[EV_TYPE_COUNT] = {
/* clang-format off */
#define ROW(type, parent, shape) [EV_##type] = { #type, EV_##parent, SHAPE_##shape }
        ROW(EVENT,                            EVENT,                    EMPTY),
        ROW(PROCESS_STATE,                    EVENT,                    STATE),
        ROW(PROCESS_STATE_STARTING,           PROCESS_STATE,            TRIES),
        ROW(PROCESS_STATE_RUNNING,            PROCESS_STATE,            PID),
        ROW(PROCESS_STATE_BACKOFF,            PROCESS_STATE,            TRIES),
        ROW(PROCESS_STATE_STOPPING,           PROCESS_STATE,            PID),
        ROW(PROCESS_STATE_EXITED,             PROCESS_STATE,            EXPECTED),
        ROW(PROCESS_STATE_STOPPED,            PROCESS_STATE,            PID),
        ROW(PROCESS_STATE_FATAL,              PROCESS_STATE,            STATE),
        ROW(PROCESS_STATE_UNKNOWN,            PROCESS_STATE,            STATE),
        ROW(PROCESS_LOG,                      EVENT,                    LOG),
        ROW(PROCESS_LOG_STDOUT,               PROCESS_LOG,              LOG),
        ROW(PROCESS_LOG_STDERR,               PROCESS_LOG,              LOG),
        ROW(PROCESS_COMMUNICATION,            EVENT,                    COMMUNICATION),
        ROW(PROCESS_COMMUNICATION_STDOUT,     PROCESS_COMMUNICATION,    COMMUNICATION),
        ROW(PROCESS_COMMUNICATION_STDERR,     PROCESS_COMMUNICATION,    COMMUNICATION),
        ROW(REMOTE_COMMUNICATION,             EVENT,                    REMOTE),
        ROW(SUPERVISOR_STATE_CHANGE,          EVENT,                    EMPTY),
        ROW(SUPERVISOR_STATE_CHANGE_RUNNING,  SUPERVISOR_STATE_CHANGE,  EMPTY),
        ROW(SUPERVISOR_STATE_CHANGE_STOPPING, SUPERVISOR_STATE_CHANGE,  EMPTY),
        ROW(TICK,                             EVENT,                    TICK),
        ROW(TICK_5,                           TICK,                     TICK),
        ROW(TICK_60,                          TICK,                     TICK),
        ROW(TICK_3600,                        TICK,                     TICK),
        ROW(PROCESS_GROUP,                    EVENT,                    GROUP),
        ROW(PROCESS_GROUP_ADDED,              PROCESS_GROUP,            GROUP),
        ROW(PROCESS_GROUP_REMOVED,            PROCESS_GROUP,            GROUP),
#undef ROW
        /* ours hang below no name of Supervisor's, so that not even EVENT brings them to listeners */
        [EV_HEALTH]         = { NULL, EV_HEALTH,         SHAPE_EMPTY },
        [EV_SCALED]         = { NULL, EV_SCALED,         SHAPE_EMPTY },
        [EV_CONFIG_APPLIED] = { NULL, EV_CONFIG_APPLIED, SHAPE_EMPTY },
        [EV_CONFIG_REFUSED] = { NULL, EV_CONFIG_REFUSED, SHAPE_EMPTY },
        [EV_LOG_DROPPED]    = { NULL, EV_LOG_DROPPED,    SHAPE_EMPTY },
        [EV_LOG_ERROR]      = { NULL, EV_LOG_ERROR,      SHAPE_EMPTY },
        [EV_LOG_RECOVERED]  = { NULL, EV_LOG_RECOVERED,  SHAPE_EMPTY },
        [EV_ADOPTED]        = { NULL, EV_ADOPTED,        SHAPE_EMPTY },
        /* clang-format on */
};

const char *event_name(enum event_type t)
{
        return rows[t].name;
}

enum event_type event_parse(const char *name)
{
        for (int t = 0; t < EV_TYPE_COUNT; t++)
                if (rows[t].name && strcasecmp(rows[t].name, name) == 0)
                        return (enum event_type)t;
        return EV_TYPE_COUNT;
}

bool event_is_a(enum event_type t, enum event_type ancestor)
{
        while (t != ancestor && rows[t].parent != t)
                t = rows[t].parent;
        return t == ancestor;
}

enum event_type event_of_state(enum pstate to)
{
        static const enum event_type types[PS_COUNT] = {
                [PS_STOPPED] = EV_PROCESS_STATE_STOPPED,
                [PS_STARTING] = EV_PROCESS_STATE_STARTING,
                [PS_RUNNING] = EV_PROCESS_STATE_RUNNING,
                [PS_BACKOFF] = EV_PROCESS_STATE_BACKOFF,
                [PS_STOPPING] = EV_PROCESS_STATE_STOPPING,
                [PS_EXITED] = EV_PROCESS_STATE_EXITED,
                [PS_FATAL] = EV_PROCESS_STATE_FATAL,
                [PS_UNKNOWN] = EV_PROCESS_STATE_UNKNOWN,
        };

        return to == PS_NONE ? EV_TYPE_COUNT : types[process_shown(to)];
}

/* ---- data as text */

static bool is_utf8(const char *data, size_t len)
{
        const unsigned char *s = (const unsigned char *)data;
        size_t n;

        for (size_t at = 0; at < len; at += n) {
                n = utf8_length(s + at, len - at);
                if (n == 0)
                        return false;
        }
        return true;
}

/* As Python writes bytes: single quotes, unless only double ones can go without a backslash. */
static void put_bytes_repr(const char *data, size_t len, struct buf *out)
{
        bool dq = len && memchr(data, '\'', len) && !memchr(data, '"', len);
        char quote = dq ? '"' : '\'';

        buf_printf(out, "b%c", quote);
        for (size_t i = 0; i < len; i++) {
                unsigned char c = (unsigned char)data[i];
                if (c == (unsigned char)quote || c == '\\')
                        buf_printf(out, "\\%c", c);
                else if (c == '\t')
                        buf_puts(out, "\\t");
                else if (c == '\n')
                        buf_puts(out, "\\n");
                else if (c == '\r')
                        buf_puts(out, "\\r");
                else if (c < 0x20 || c >= 0x7f)
                        buf_printf(out, "\\x%02x", c);
                else
                        buf_putc(out, (char)c);
        }
        buf_putc(out, quote);
}

static void event_put_data(const struct event *e, struct buf *out)
{
        if (e->len == 0)
                return;
        if (is_utf8(e->data, e->len)) {
                buf_put(out, e->data, e->len);
                return;
        }
        buf_puts(out, "Undecodable: ");
        put_bytes_repr(e->data, e->len, out);
}

/* ---- payloads */

static void event_put_names(const struct event *e, struct buf *out)
{
        buf_printf(out, "processname:%s groupname:%s", e->process->name, e->process->group->name);
}

static void event_put_state(const struct event *e, struct buf *out)
{
        event_put_names(e, out);
        buf_printf(out, " from_state:%s", pstate_name(e->from));
}

void event_payload(const struct event *e, struct buf *out)
{
        switch (rows[e->type].shape) {
        case SHAPE_EMPTY:
                break;
        case SHAPE_STATE:
                event_put_state(e, out);
                break;
        case SHAPE_TRIES:
                event_put_state(e, out);
                buf_printf(out, " tries:%d", e->tries);
                break;
        case SHAPE_PID:
                event_put_state(e, out);
                buf_printf(out, " pid:%d", (int)e->pid);
                break;
        case SHAPE_EXPECTED:
                event_put_state(e, out);
                buf_printf(out, " expected:%d pid:%d", e->expected, (int)e->pid);
                break;
        case SHAPE_LOG:
                event_put_names(e, out);
                buf_printf(out, " pid:%d channel:%s\n", (int)e->pid,
                           e->is_stderr ? "stderr" : "stdout");
                event_put_data(e, out);
                break;
        case SHAPE_COMMUNICATION:
                event_put_names(e, out);
                buf_printf(out, " pid:%d\n", (int)e->pid);
                event_put_data(e, out);
                break;
        case SHAPE_REMOTE:
                buf_printf(out, "type:%s\n", e->name);
                event_put_data(e, out);
                break;
        case SHAPE_TICK:
                buf_printf(out, "when:%lld", (long long)e->when_s);
                break;
        case SHAPE_GROUP:
                buf_printf(out, "groupname:%s\n", e->name);
                break;
        }
}
