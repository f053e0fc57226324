/* A worker's log streams: made from its program's settings, used over its restarts. compat 15. */
#ifndef ENGINE_RUN_STREAMS_H
#define ENGINE_RUN_STREAMS_H

#include <stdbool.h>

#include "base/err.h"
#include "engine/core/worker.h"
#include "model/config/recipe.h"

struct supervisor;

/* Make or re-configure both streams for a start by p->program. There is none for output that goes
 * nowhere (program_discards), which then needs no pipe. */
bool streams_prepare(struct supervisor *s, struct worker *w, struct err *e);

/* Settings changed while it runs (or not): live. */
bool streams_update(struct supervisor *s, struct process *p, struct err *e);

/* It is started soon, and others before it: their files are opened meanwhile. NULL is fine. */
void streams_await(struct worker *w);

/* It runs: under this pid. */
void streams_started(struct worker *w, pid_t pid);

/* The start failed: read what the pipes hold, if they were attached, and let go. */
void streams_abandon(struct worker *w);

/* The names of AUTO logs that the previous image has claimed stay claimed, and under what name it
 * hands that over. Before AUTO logs of others are removed. */
#define STREAMS_CLAIMS "auto-logs"
void streams_inherit_claims(struct supervisor *s);
struct auto_claims *
streams_claims(const struct supervisor *s); /* names of AUTO logs that are ours */

#endif
