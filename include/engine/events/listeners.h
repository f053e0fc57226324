/* Event listener pools (compat section 17.2). A pool subscribes to the bus; its processes speak
 * READY / RESULT (model/unit/listener_proto). A listener that hangs, dies or talks nonsense harms
 * no other part. */
#ifndef ENGINE_EVENTS_LISTENERS_H
#define ENGINE_EVENTS_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/core/supervisor.h"
#include "engine/core/worker.h"

/* A group whose conf->kind is KIND_LISTENER was made / goes. Adding it again after its program was
 * changed reads events and buffer_size anew; what waits stays. Groups of other kinds: nothing to
 * do. False: no memory. */
bool listeners_add_group(struct supervisor *s, struct group *g);
void listeners_remove_group(struct supervisor *s, struct group *g);
/* Its process was spawned (protocol state ACKNOWLEDGED), wrote to stdout, or ended. Of what it
 * wrote so many bytes are done with, and the rest is to come again. */
void listener_spawned(struct supervisor *s, struct process *p);
size_t listener_output(struct supervisor *s, struct process *p, const char *data, size_t len);
void listener_ended(struct supervisor *s, struct process *p);

/* What the next instance has to know of one. */
struct listener_memory {
        int state;      /* its number, model/unit/listener_proto.h; 0: it has none */
        bool is_inside; /* it has said a part of a message */
};
void listener_remember(const struct listener *l, struct listener_memory *out); /* NULL is fine */
/* Of a previous instance, before its pipe is read: it goes on where that one had it, with the event
 * that it was busy with. */
void listener_recall(struct supervisor *s, struct process *p, const struct listener_memory *m);
/* It lives, and its pipes are there: one that was cut off inside of a message is restarted. */
void listener_adopted(struct supervisor *s, struct process *p);
struct strlist;
/* What it has said of a message that is not whole goes to the next image. False: no memory. */
bool listener_begun_hand_over(const struct listener *l, struct strlist *items); /* NULL is fine */
/* All of them go on: what is left of the previous instance waits for a listener that is ready. */
void listeners_settled(struct supervisor *s);
/* A worker's protocol state, when the worker itself is freed; what it was busy with goes back to
 * its pool. NULL is fine. */
void listener_free(struct listener *l);

#endif
