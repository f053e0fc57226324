/* The orderly end: groups by descending priority, equal ones together, each wave after the one
 * before it has stopped (compat section 9 and 10); bounded by shutdown_timeout; at the very end the
 * sweep of descendants that are left. */
#ifndef ENGINE_SHUTDOWN_H
#define ENGINE_SHUTDOWN_H

#include <stdbool.h>

#include "engine/supervisor.h"

/* mood must already say what for. done is called from the loop when nothing is left. */
bool shutdown_begin(struct supervisor *s, void (*done)(struct supervisor *s));
/* A transition happened: go on to the next wave when this one is through. */
void shutdown_step(struct supervisor *s);
/* SIGKILL to everything now (second Ctrl-C on a terminal, shutdown_timeout). */
void shutdown_hurry(struct supervisor *s);
void shutdown_free(struct supervisor *s);

#endif
