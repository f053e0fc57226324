/* What FATAL means (on_fatal=): nothing, the end of the daemon with exit code 3, or a command. */
#ifndef ENGINE_ORDER_FATAL_H
#define ENGINE_ORDER_FATAL_H

#include <stdbool.h>
#include <sys/types.h>

#include "engine/core/supervisor.h"

/* It has ended, and is not started again: does the daemon end with it (container_main)? */
void fatal_main_ended(struct supervisor *s, const struct process *p);
void fatal_happened(struct supervisor *s, struct process *p);
/* A reaped pid that is no worker: was it an on_fatal command? Its failure is in the log. */
bool fatal_reaped(struct supervisor *s, pid_t pid, int status);
bool fatal_owns(const struct supervisor *s, pid_t pid);
void fatal_free(struct supervisor *s);

#endif
