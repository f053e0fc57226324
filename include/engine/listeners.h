/* Event listener pools (compat section 17.2). A pool subscribes to the bus; its processes speak
 * READY / RESULT. A listener that hangs, dies or talks nonsense harms nobody else. */
#ifndef ENGINE_LISTENERS_H
#define ENGINE_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/supervisor.h"
#include "engine/worker.h"

/* A group whose conf->kind is KIND_LISTENER was made / goes. */
bool listeners_add_group(struct supervisor *s, struct group *g);
void listeners_remove_group(struct supervisor *s, struct group *g);
/* Its process was spawned (protocol state ACKNOWLEDGED), wrote to stdout, or ended. */
void listener_spawned(struct supervisor *s, struct process *p);
void listener_output(struct supervisor *s, struct process *p, const char *data, size_t len);
void listener_ended(struct supervisor *s, struct process *p);
void listeners_free(struct supervisor *s);

#endif
