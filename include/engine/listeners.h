/* Event listener pools (compat section 17.2). A pool subscribes to the bus; its processes speak
 * READY / RESULT (model/listener_proto). A listener that hangs, dies or talks nonsense harms nobody
 * else. */
#ifndef ENGINE_LISTENERS_H
#define ENGINE_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/supervisor.h"
#include "engine/worker.h"

/* A group whose conf->kind is KIND_LISTENER was made / goes. Adding it again after its program was
 * changed reads events and buffer_size anew; what waits stays. Groups of other kinds: nothing to
 * do. False: no memory. */
bool listeners_add_group(struct supervisor *s, struct group *g);
void listeners_remove_group(struct supervisor *s, struct group *g);
/* Its process was spawned (protocol state ACKNOWLEDGED), wrote to stdout, or ended. */
void listener_spawned(struct supervisor *s, struct process *p);
void listener_output(struct supervisor *s, struct process *p, const char *data, size_t len);
void listener_ended(struct supervisor *s, struct process *p);
/* Another daemon's process goes on here, in the state in which that one had it (its number,
 * model/listener_proto.h). What it was busy with is not known any more: its answer is taken, a
 * rejected event does not come back. */
void listener_adopted(struct supervisor *s, struct process *p, int state);
int listener_state_of(const struct listener *l);
/* A worker's protocol state, when the worker itself is freed; what it was busy with goes back to
 * its pool. NULL is fine. */
void listener_free(struct listener *l);
void listeners_free(struct supervisor *s);

#endif
