/* Carrying out DO_SPAWN, DO_TERM and DO_KILL: pipes, PATH look-up, environment, spawn, signals.
 * compat sections 13, 14. */
#ifndef ENGINE_RUN_LAUNCHER_H
#define ENGINE_RUN_LAUNCHER_H

#include <stdbool.h>

#include "engine/core/supervisor.h"
#include "engine/order/orders.h"

/* Begin its start: on success *pid_out, and where it takes its time the worker's `launching`; else
 * *e has the spawnerr text of compat 12.1. */
bool launcher_spawn(struct supervisor *s, struct process *p, pid_t *pid_out, struct err *e);
/* That has failed later on; the worker's own stderr is told, too. */
void launcher_refused(struct supervisor *s, struct process *p, const struct spawned *r,
                      struct err *e);
/* What was made for a start is let go of again: it has failed later on. */
void launcher_give_up(struct supervisor *s, struct process *p);

/* Did it fail because no descriptors are left? */
bool launcher_was_short(const struct err *e);

/* Could it be started? FAULT_NO_FILE or FAULT_NOT_EXECUTABLE with the text, else FAULT_NONE. For
 * orders only, which are refused before anything changes. FAULT_LATER: that cannot be said without
 * waiting for a file system (engine/order/searches). */
enum fault launcher_check(struct supervisor *s, struct process *p, struct err *e);
/* What it would be started by. Borrowed. */
struct program *launcher_program(const struct process *p);
/* Begin a child that only looks for `g`, p's program. False: there is none. */
bool launcher_search(struct supervisor *s, const struct process *p, struct program *g,
                     struct spawned *out);
/* What launcher_check would have said, by what that child has said. */
enum fault launcher_searched(struct supervisor *s, const struct process *p, struct program *g,
                             const struct spawned *r, struct err *e);

/* A log could not be opened: what it says of its file goes to the main log, and *e becomes what the
 * process gets, in Supervisor's words. Returns false. */
bool launcher_no_log(struct supervisor *s, const struct process *p, struct err *e);

/* The stop signal or SIGKILL, to the process or its group as configured. False: kill failed, and
 * not with ESRCH. */
bool launcher_signal(struct supervisor *s, struct process *p, bool kill_it, struct err *e);

/* Where argv[0] may be (compat 13), for struct launch. `path_env` is PATH's value or NULL. Else the
 * fault; never FAULT_NONE with an empty list. */
enum fault launcher_places(const struct strlist *argv, const char *path_env, struct strlist *out,
                           struct err *e);
/* Why STEP_FIND failed for `name`, in Supervisor's words. */
enum fault launcher_not_found(const char *name, const struct strlist *places,
                              const struct spawned *r, struct err *e);

#endif
