/* What the outside may order, in one vocabulary for XML-RPC and JSON. Each is checked here (state,
 * daemon_state, names) and carried out through the machine; answers that take time come through a
 * waiter. Nothing blocks. */
#ifndef ENGINE_ORDER_ORDERS_H
#define ENGINE_ORDER_ORDERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/fault.h"
#include "engine/core/supervisor.h"
#include "model/config/diag.h"
#include "model/fleet/plan.h"

/* Who asks: every order that changes something is logged with it. */
struct caller {
        bool known; /* uid and pid are from SO_PEERCRED */
        uid_t uid;
        pid_t pid;
        char peer[64]; /* "127.0.0.1:4711" on TCP */
        char request_id[64];
};

/* ---- waiting */

enum wait_for {
        WAIT_FOR_EXECUTED, /* it is known what came of the start itself: FAULT_NONE, SPAWN_ERROR */
        WAIT_FOR_STARTED,
        WAIT_FOR_STOPPED
};

struct waiter {
        struct waiter *next;     /* engine's own */
        struct process *process; /* NULL once answered */
        enum wait_for what;
        bool awaits_order; /* set by the caller: its order_start or order_restart was FAULT_LATER */
        /* During on_done: it is that order which was refused, and this goes behind the fault's name
         * (""). NULL: it was given, and this came of it. */
        const char *refusal;
        /* Called once, never from within waiter_add: FAULT_NONE, SPAWN_ERROR, ABNORMAL_TERMINATION,
         * BAD_NAME (the process was removed meanwhile). compat 20.3, `wait=true`. Of an order that
         * was refused, whatever it may say. */
        void (*on_done)(void *arg, struct process *p, enum fault f);
        void *arg;
};
/* Already so? Then *f_out is set, true is returned and nothing is added. `w` is the caller's memory
 * until on_done or waiter_cancel. */
bool waiter_add(struct supervisor *s, struct waiter *w, struct process *p, enum wait_for what,
                enum fault *f_out);
void waiter_cancel(struct waiter *w); /* fine when answered */

/* ---- one process. `detail` (may be NULL) gets what goes behind the fault's name: the spawnerr
 * text for NO_FILE and NOT_EXECUTABLE; else nothing. */

/* FAULT_LATER: its program is being looked for, and what comes of the order is told to the waiters
 * that are added at once; nothing has changed so far. */
enum fault order_start(struct supervisor *s, struct process *p, const struct caller *by,
                       struct err *detail);
/* The same for one whose program is there, or could not be looked for in time. */
enum fault order_start_found(struct supervisor *s, struct process *p, const struct caller *by);
/* Is there something to stop: does it run, or would it by itself? */
bool order_can_stop(const struct process *p);
enum fault order_stop(struct supervisor *s, struct process *p, const struct caller *by);
/* Running: stop, then start by itself; not running: start. To wait: WAIT_FOR_STARTED. */
enum fault order_restart(struct supervisor *s, struct process *p, const struct caller *by,
                         struct err *detail);
enum fault order_signal(struct supervisor *s, struct process *p, int sig, const struct caller *by);
/* Queued and written as the pipe takes it; at most 16 MiB wait. NO_FILE: closed, or a FastCGI
 * program. */
enum fault order_stdin(struct supervisor *s, struct process *p, const char *data, size_t len,
                       const struct caller *by);
enum fault order_clear_log(struct supervisor *s, struct process *p, const struct caller *by);
/* Both logs, each now or at the end of its present line. NO_FILE: it has none. */
enum fault order_rotate_log(struct supervisor *s, struct process *p, const struct caller *by);

/* ---- fleets and configuration */

struct scale_answer {
        int was, replicas;
};
/* To `replicas`, or `by` more when relative. OUT_OF_RANGE and FAILED (cannot number its workers: *e
 * says which line to add) change nothing. Call supervisor_settle before f is looked up: who has
 * gone must not hold its number any more, and its group may go with it. */
enum fault order_scale(struct supervisor *s, struct fleet *f, bool relative, int value,
                       const struct caller *by, struct scale_answer *out, struct err *e);

/* These read the configuration: to be called from on_read of a reading (engine/order/lookup.h),
 * which looks its names up; only a plan needs none. */

/* reloadConfig: read, check, keep as the last-read one; nothing is applied. CANT_REREAD: diags say
 * why. */
enum fault order_reread(struct supervisor *s, const struct caller *by, struct group_diff *out,
                        struct diags *diags);
enum fault order_add_group(struct supervisor *s, const char *name, const struct caller *by,
                           struct err *e);
enum fault order_remove_group(struct supervisor *s, const char *name, const struct caller *by);
/* Read, check, plan, and unless plan_only carry it out per process. *out must be released. */
enum fault order_apply(struct supervisor *s, bool plan_only, const struct caller *by,
                       struct plan *out, struct diags *diags);

/* ---- the daemon */

/* Begins the orderly end (engine/order/shutdown). Refused with SHUTDOWN_STATE when under way. */
enum fault order_shutdown(struct supervisor *s, const struct caller *by, const char *why);
/* Supervisor's restart: the file is checked first (CANT_REREAD), then everything stops and begins
 * anew in this process. */
enum fault order_restart_all(struct supervisor *s, const struct caller *by, struct diags *diags);
void order_reopen_logs(struct supervisor *s);
enum fault order_remote_event(struct supervisor *s, const char *type, const char *data, size_t len);

#endif
