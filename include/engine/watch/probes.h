/* Running health checks: exec, http, tcp, unix. One probe at a time per process, none ever blocks,
 * each is cut off at healthcheck_timeout. What results mean is model/unit/health's business. */
#ifndef ENGINE_WATCH_PROBES_H
#define ENGINE_WATCH_PROBES_H

#include <stdbool.h>
#include <sys/types.h>

#include "engine/core/supervisor.h"
#include "engine/core/worker.h"

/* The process was started: begin probing it when its program has a check (replacing what runs).
 * False: no memory. */
bool probe_begin(struct supervisor *s, struct process *p);
/* The process has another program with the same check: its times and thresholds count from now on,
 * and what is known of its health stays. NULL is fine. */
void probe_follow(struct worker *w);
/* It ended or is being stopped: cut off and forget; the last result stays readable until the next
 * probe_begin. */
void probe_end(struct worker *w);
void probe_free(struct probe *p); /* NULL is fine */

/* A reaped pid that is no worker: was it an exec probe? */
bool probe_reaped(struct supervisor *s, pid_t pid, int status);
/* Is this pid an exec probe that is not reaped yet? */
bool probe_owns(const struct supervisor *s, pid_t pid);

/* Does a check of this worker run, or one that was cut off and is not reaped yet? */
bool probe_runs(const struct worker *w);

/* What probes call with each result; implemented by engine/core/supervisor.c (counts, publishes
 * EV_HEALTH, feeds the machine). */
void supervisor_probed(struct supervisor *s, struct process *p, bool ok, const char *output,
                       size_t len);

#endif
