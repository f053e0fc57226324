/* The worker of an earlier daemon, held by its pidfd. */
#ifndef ENGINE_PERSIST_ADOPTED_H
#define ENGINE_PERSIST_ADOPTED_H

#include <stdbool.h>

#include "engine/core/supervisor.h"
#include "engine/core/worker.h"

/* kill(2) to the worker or its group: an adopted one is signalled through its pidfd, so that it can
 * be no other. */
int adopted_kill(struct supervisor *s, const struct process *p, bool group, int sig);

/* Adopted or not, its end is not waited for any more. Returns whether it is a child of ours, which
 * is to be reaped. */
bool adopted_let_go(struct process *p);

/* The worker has ended, or is freed: let go of it. NULL is fine. */
void adopted_free(struct adopted *a);

#endif
