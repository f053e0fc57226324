/* The machine in words and numbers: names of states, endings, descriptions (compat sections 12 and
 * 12.2). */
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "base/signame.h"
#include "base/state.h"
#include "model/unit/process.h"

/* ---- states */

static const struct state_words {
        const char *inner;
        enum pstate shown;    /* one of Supervisor's eight; only their rows have a code */
        enum state_code code; /* of those that are shown as themselves */
} words[PS_COUNT] = {
        [PS_NONE] = { "NONE", PS_UNKNOWN, STATE_UNKNOWN },
        [PS_STOPPED] = { "STOPPED", PS_STOPPED, STATE_STOPPED },
        [PS_STARTING] = { "STARTING", PS_STARTING, STATE_STARTING },
        [PS_RUNNING] = { "RUNNING", PS_RUNNING, STATE_RUNNING },
        [PS_BACKOFF] = { "BACKOFF", PS_BACKOFF, STATE_BACKOFF },
        [PS_STOPPING] = { "STOPPING", PS_STOPPING, STATE_STOPPING },
        [PS_EXITED] = { "EXITED", PS_EXITED, STATE_EXITED },
        [PS_FATAL] = { "FATAL", PS_FATAL, STATE_FATAL },
        [PS_UNKNOWN] = { "UNKNOWN", PS_UNKNOWN, STATE_UNKNOWN },
        [PS_RESPAWN] = { "RESPAWN", PS_EXITED, 0 },
        [PS_RESTARTING] = { "RESTARTING", PS_STOPPING, 0 },
        [PS_RETIRING] = { "RETIRING", PS_STOPPING, 0 },
        [PS_SICK] = { "SICK", PS_STOPPING, 0 },
        [PS_LATE] = { "LATE", PS_STOPPING, 0 },
        [PS_GONE] = { "GONE", PS_STOPPED, 0 },
        [PS_WAITING] = { "WAITING", PS_STOPPED, 0 },
};

#define BIT(s)      (1u << (s))
#define UP_SET      (BIT(PS_RUNNING) | BIT(PS_STARTING) | BIT(PS_BACKOFF))
#define STOPPED_SET (BIT(PS_STOPPED) | BIT(PS_EXITED) | BIT(PS_FATAL) | BIT(PS_UNKNOWN))
#define SIGNAL_SET  (BIT(PS_RUNNING) | BIT(PS_STARTING) | BIT(PS_STOPPING))

static bool shown_in(const struct process *p, unsigned set)
{
        return set & BIT(process_shown(p->state));
}

enum pstate process_shown(enum pstate s)
{
        return words[s].shown;
}

int pstate_code(enum pstate s)
{
        return words[words[s].shown].code;
}

const char *pstate_name(enum pstate s)
{
        return words[words[s].shown].inner;
}

const char *pstate_inner_name(enum pstate s)
{
        return words[s].inner;
}

bool process_is_up(const struct process *p)
{
        return shown_in(p, UP_SET);
}

bool process_is_stopped(const struct process *p)
{
        return shown_in(p, STOPPED_SET);
}

bool process_can_signal(const struct process *p)
{
        return shown_in(p, SIGNAL_SET);
}

/* ---- endings */

struct ending ending_of(int wait_status, const struct program *p, int64_t wall_ms)
{
        struct ending e = { .known = true,
                            .happened = true,
                            .code = -1,
                            .raw = wait_status,
                            .at_wall_ms = wall_ms };

        if (WIFEXITED(wait_status)) {
                e.code = WEXITSTATUS(wait_status);
                e.expected = p && code_set_has(&p->exitcodes, e.code);
        } else if (WIFSIGNALED(wait_status)) {
                e.sig = WTERMSIG(wait_status);
                e.core = WCOREDUMP(wait_status);
        }
        return e;
}

void ending_text(const struct ending *e, struct buf *out)
{
        char name[32];

        if (!e->happened)
                return;
        if (!e->known)
                buf_puts(out, "unknown (ended while unsupervised)");
        else if (e->sig)
                buf_printf(out, "terminated by %s%s", signame_of(e->sig, name, sizeof name),
                           e->core ? " (core dumped)" : "");
        else if (e->code >= 0)
                buf_printf(out, "exit status %d", e->code);
        else
                buf_printf(out, "unknown termination cause 0x%04x", (unsigned)e->raw);
}

/* ---- what comes next, and why */

static void why_backoff(const struct process *p, struct buf *out)
{
        static const char quick[] = "Exited too quickly";

        buf_printf(out, "failed start %d of %d", p->tries, p->program->startretries + 1);
        const char *text = process_spawnerr(p);
        if (!text)
                return;
        /* Supervisor's hint behind it says nothing here. */
        bool is_quick = strncmp(text, quick, sizeof quick - 1) == 0;
        buf_printf(out, ": %s", is_quick ? quick : text);
}

static void why_respawn(const struct process *p, struct buf *out)
{
        bool unhealthy = p->ending.unhealthy;

        if (p->ending.expected)
                buf_puts(out, "ended as expected: ");
        else if (p->crashes == 1)
                buf_puts(out, "crashed once: ");
        else
                buf_printf(out, "crashed %d times, last: ", p->crashes);
        if (unhealthy)
                buf_puts(out, "stopped as unhealthy, ");
        ending_text(&p->ending, out);
}

void process_next_why(const struct process *p, struct buf *out)
{
        bool clearing = p->waiting == WAIT_KILL || p->waiting == WAIT_KILLED;

        if (clearing && p->remains && (p->state == PS_BACKOFF || p->state == PS_RESPAWN))
                buf_puts(out, "waits until what its last run left behind has ended");
        if (p->waiting != WAIT_RETRY)
                return;
        if (p->state == PS_BACKOFF)
                why_backoff(p, out);
        else
                why_respawn(p, out);
}

/* ---- description */

static void describe_uptime(const struct process *p, struct moment at, struct buf *out)
{
        int64_t s = (at.mono_ms - p->spawned_ms) / 1000;

        if (s < 0)
                s = 0;
        buf_printf(out, "pid %d, uptime ", (int)p->pid);
        if (s >= 86400)
                buf_printf(out, "%lld day%s, ", (long long)(s / 86400), s < 2 * 86400 ? "" : "s");
        s %= 86400;
        buf_printf(out, "%d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
}

/* strftime's "%b %d %I:%M %p", but in the C locale whatever the process's own is. */
static void describe_stop(const struct process *p, struct buf *out)
{
        static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
        time_t when = (time_t)(p->stopped_wall_ms / 1000);
        struct tm t;

        if (p->spawned_ms == 0) {
                buf_puts(out, "Not started");
                return;
        }
        if (!localtime_r(&when, &t))
                return;
        int hour = t.tm_hour % 12 ? t.tm_hour % 12 : 12;
        buf_printf(out, "%s %02d %02d:%02d %s", months[t.tm_mon], t.tm_mday, hour, t.tm_min,
                   t.tm_hour < 12 ? "AM" : "PM");
}

static void describe_failure(const struct process *p, struct buf *out)
{
        if (process_spawnerr(p))
                buf_puts(out, process_spawnerr(p));
        else
                buf_printf(out, "unknown error (try \"tail %s\")", p->name);
}

void process_describe(const struct process *p, struct moment at, struct buf *out)
{
        switch (process_shown(p->state)) {
        case PS_RUNNING:
                describe_uptime(p, at, out);
                return;
        case PS_FATAL:
        case PS_BACKOFF:
                describe_failure(p, out);
                return;
        case PS_STOPPED:
        case PS_EXITED:
                describe_stop(p, out);
                return;
        default: /* STARTING, STOPPING, UNKNOWN: empty */
                return;
        }
}
