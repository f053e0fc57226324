/* Inside of the listeners: events as they are sent, and a pool's queue of them. Each entry is
 * persisted for the next instance (engine/persist/state.h), with what has become of it. */
#ifndef ENGINE_EVENTS_EVENT_QUEUE_H
#define ENGINE_EVENTS_EVENT_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "engine/core/supervisor.h"
#include "engine/persist/state.h"
#include "model/unit/event.h"

/* An event as the listeners see it, made once and shared by all pools that want it. */
struct notice {
        unsigned refs;
        uint64_t serial;
        const char *name; /* static */
        size_t len, chars;
        char payload[];
};

/* Its place in one pool's queue, or with a listener that is busy with it. */
struct entry {
        struct entry *next;
        struct notice *notice; /* reference */
        uint64_t poolserial;
        uint32_t slot; /* in the record store, by state_event_put; 0: none */
        /* What became of it, until that listener is adopted: as in struct persisted_event. */
        enum event_phase phase;
        int listener;
};

struct event_queue {
        struct entry *first, *last; /* owned: what waits */
        int waiting;
        int told; /* overflows that were logged since told_ms */
        int64_t told_ms;
        uint64_t unpublished; /* those that were not */
};

struct notice *notice_new(const char *name, uint64_t serial, const char *payload, size_t len);
void notice_unref(struct notice *n); /* NULL is fine */

/* With one more reference to the notice; not persisted yet. NULL: no memory. */
struct entry *entry_new(struct notice *n, uint64_t poolserial);
/* It is over. NULL is fine. */
void entry_free(struct supervisor *s, struct entry *e);

void queue_push_back(struct event_queue *q, struct entry *e);
void queue_push_sorted(struct event_queue *q, struct entry *e); /* where its number belongs */
struct entry *queue_pop(struct event_queue *q);                 /* NULL: empty */
/* What the previous instance had sent to this listener, out of the queue. NULL: nothing. */
struct entry *queue_take_sent(struct event_queue *q, int listener);

/* Room for one more of at most `most`; what is discarded for it is said, the first few of a minute
 * one by one. */
void queue_make_room(struct supervisor *s, struct event_queue *q, const char *pool, int most,
                     int64_t now_ms);
/* The rest of what was discarded, once there is nothing to discard any more. */
void queue_tell_rest(struct supervisor *s, struct event_queue *q, const char *pool, int64_t now_ms);

#endif
