/* The orderly end: groups by descending priority, equal ones together, each wave after the one
 * before it has stopped (compat section 9 and 10); bounded by shutdown_timeout; at the very end the
 * sweep of descendants that are left. */
#ifndef ENGINE_ORDER_SHUTDOWN_H
#define ENGINE_ORDER_SHUTDOWN_H

#include <stdbool.h>

#include "engine/core/supervisor.h"

/* The orderly end of the daemon (daemon_state SHUTDOWN); also turns a restart that is under way
 * into one. s->on_end is called from the loop when nothing is left. */
void shutdown_request(struct supervisor *s, const char *why);
/* The same for a restart of everything (daemon_state RESTARTING). */
void shutdown_for_restart(struct supervisor *s, const char *why);
/* SIGKILL to everything now (second Ctrl-C on a terminal, shutdown_timeout). */
void shutdown_hurry(struct supervisor *s);

#endif
