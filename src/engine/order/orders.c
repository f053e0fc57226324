/* Orders to one process and to the daemon, as both APIs give them: checks that the state and the
 * daemon allow it, says in the log who gave it, and hands it to the machine. Answers at once; what
 * takes time is a waiter's. */
#include "engine/order/orders.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/signame.h"
#include "engine/core/audit.h"
#include "engine/core/startup.h"
#include "engine/core/worker.h"
#include "engine/order/operations.h"
#include "engine/order/searches.h"
#include "engine/order/shutdown.h"
#include "engine/persist/adopt_pipes.h"
#include "engine/persist/adopted.h"
#include "engine/run/launcher.h"
#include "engine/run/stdin_pipe.h"

/* ---- start and stop */

enum fault order_start(struct supervisor *s, struct process *p, const struct caller *by,
                       struct err *detail)
{
        if (s->daemon_state != DAEMON_RUNNING)
                return FAULT_SHUTDOWN_STATE;
        if (searches_has(s, p))
                return FAULT_LATER; /* both are answered by what comes of it */
        enum fault f = launcher_check(s, p, detail);
        if (f == FAULT_LATER && search_begin(s, p, by))
                return FAULT_LATER;
        return f == FAULT_NONE || f == FAULT_LATER ? order_start_found(s, p, by) : f;
}

enum fault order_start_found(struct supervisor *s, struct process *p, const struct caller *by)
{
        if (s->daemon_state != DAEMON_RUNNING)
                return FAULT_SHUTDOWN_STATE;
        if (process_is_up(p))
                return FAULT_ALREADY_STARTED;
        if (process_shown(p->state) == PS_UNKNOWN)
                return FAULT_FAILED;
        if (!process_is_stopped(p) || p->state == PS_GONE) {
                log_line(s->log, LVL_WARN, "process '%s' already running", p->name);
                return FAULT_ABNORMAL_TERMINATION;
        }
        audit_order(s, by, p, "start");
        supervisor_order(s, p, PE_START);
        return p->state == PS_BACKOFF && process_spawnerr(p) ? FAULT_SPAWN_ERROR : FAULT_NONE;
}

/* Stopping by itself (unhealthy, late, being restarted): a stop order changes what comes after. */
bool order_can_stop(const struct process *p)
{
        return process_is_up(p) || p->state == PS_RESPAWN || p->state == PS_RESTARTING ||
               p->state == PS_SICK || p->state == PS_LATE || (p->remains && process_is_stopped(p));
}

enum fault order_stop(struct supervisor *s, struct process *p, const struct caller *by)
{
        bool was_wanted = searches_has(s, p) || p->state == PS_WAITING;

        operations_stopped(s, p);
        if (!was_wanted && !order_can_stop(p))
                return FAULT_NOT_RUNNING;
        audit_order(s, by, p, "stop");
        searches_stopped(s, p);
        supervisor_order(s, p, PE_STOP);
        return process_shown(p->state) == PS_UNKNOWN ? FAULT_FAILED : FAULT_NONE;
}

enum fault order_restart(struct supervisor *s, struct process *p, const struct caller *by,
                         struct err *detail)
{
        if (s->daemon_state != DAEMON_RUNNING)
                return FAULT_SHUTDOWN_STATE;
        if (process_is_stopped(p))
                return order_start(s, p, by, detail);
        if (p->state == PS_RETIRING)
                return FAULT_ABNORMAL_TERMINATION;
        audit_order(s, by, p, "restart");
        supervisor_order(s, p, PE_RESTART);
        return process_shown(p->state) == PS_UNKNOWN ? FAULT_FAILED : FAULT_NONE;
}

/* ---- signal, stdin, logs */

enum fault order_signal(struct supervisor *s, struct process *p, int sig, const struct caller *by)
{
        char name[16], what[32];

        if (!process_can_signal(p) || p->pid <= 0 || (p->worker && p->worker->reaped))
                return FAULT_NOT_RUNNING;
        signame_of(sig, name, sizeof name);
        log_line(s->log, LVL_DEBUG, "sending %s (pid %d) sig %s", p->name, (int)p->pid, name);
        if (adopted_kill(s, p, false, sig) == 0 || errno == ESRCH) {
                snprintf(what, sizeof what, "signal %s", name);
                audit_order(s, by, p, what);
                return FAULT_NONE;
        }
        struct err e;
        err_set(&e, ERR_SYS, "unknown problem sending sig %s (%d)", p->name, (int)p->pid);
        log_line(s->log, LVL_CRITICAL, "%s", e.text);
        enum pstate from = p->state;
        supervisor_act(s, p, from, process_signal_failed(p, e.text, clock_now()));
        return FAULT_FAILED;
}

enum fault order_stdin(struct supervisor *s, struct process *p, const char *data, size_t len,
                       const struct caller *by)
{
        if (p->pid <= 0 || !process_can_signal(p) || p->state == PS_STOPPING)
                return FAULT_NOT_RUNNING;
        if (!adopt_stdin(s, p))
                return errno == ENOENT ? FAULT_NO_FILE : FAULT_FAILED;
        switch (stdin_pipe_write(p->worker->in, data, len)) {
        case STDIN_OK:
                audit_order(s, by, p, "write to the standard input of");
                return FAULT_NONE;
        case STDIN_CLOSED:
                return FAULT_NO_FILE;
        default:
                return FAULT_FAILED;
        }
}

enum fault order_clear_log(struct supervisor *s, struct process *p, const struct caller *by)
{
        struct stream *streams[2] = { p->worker ? p->worker->out : NULL,
                                      p->worker ? p->worker->err : NULL };

        for (int i = 0; i < 2; i++)
                if (streams[i] && stream_path(streams[i]))
                        stream_clear(streams[i]);
        audit_order(s, by, p, "clear the logs of");
        return FAULT_NONE;
}

enum fault order_rotate_log(struct supervisor *s, struct process *p, const struct caller *by)
{
        struct stream *streams[2] = { p->worker ? p->worker->out : NULL,
                                      p->worker ? p->worker->err : NULL };
        bool any = false;

        for (int i = 0; i < 2; i++)
                if (streams[i] && stream_path(streams[i])) {
                        stream_rotate(streams[i]);
                        any = true;
                }
        if (!any)
                return FAULT_NO_FILE;
        audit_order(s, by, p, "rotate the logs of");
        return FAULT_NONE;
}

/* ---- the daemon */

enum fault order_shutdown(struct supervisor *s, const struct caller *by, const char *why)
{
        if (s->daemon_state != DAEMON_RUNNING)
                return FAULT_SHUTDOWN_STATE;
        audit_order(s, by, NULL, "shutdown");
        shutdown_request(s, why);
        return FAULT_NONE;
}

void order_reopen_logs(struct supervisor *s)
{
        for (int i = 0; i < s->registry.group_count; i++) {
                struct group *g = s->registry.groups[i];
                for (int j = 0; j < g->count; j++) {
                        struct worker *w = g->procs[j]->worker;
                        if (w && w->out)
                                stream_reopen(w->out);
                        if (w && w->err)
                                stream_reopen(w->err);
                }
        }
        if (startup_of(s)->mainlog)
                mainlog_reopen(startup_of(s)->mainlog);
}

enum fault order_remote_event(struct supervisor *s, const char *type, const char *data, size_t len)
{
        struct event e = { .type = EV_REMOTE_COMMUNICATION,
                           .at = clock_now(),
                           .name = type,
                           .data = data,
                           .len = len };

        bus_publish(&s->bus, &e);
        return FAULT_NONE;
}
