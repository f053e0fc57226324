/* Inside of the listeners: pools, and what a listener is to them. */
#ifndef ENGINE_EVENTS_POOL_H
#define ENGINE_EVENTS_POOL_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/core/bus.h"
#include "engine/events/event_queue.h"
#include "engine/events/listeners.h"
#include "engine/persist/state.h"
#include "model/unit/listener_proto.h"

struct listener {
        struct listener_proto proto;
        struct pool *pool;       /* borrowed; NULL: the pool is gone */
        struct process *process; /* borrowed */
        struct listener *next;   /* the pool's list */
        struct entry *busy_with; /* owned; NULL: nothing */
        bool is_cut;             /* inside of a message, when the previous instance was killed */
        struct buf begun;        /* what it has said of a message that is not whole */

        unsigned refusals;              /* since it last accepted an event */
        ev_timer pause;                 /* active: it is given no event until then */
        int64_t told_ms;                /* when a refusal was last said; -1: never */
        unsigned long long unpublished; /* refusals since then */

        struct buf body;                /* of the result, where its text is wanted */
        struct listener_stdout *output; /* owned; NULL: none was wanted yet */
};

struct pool {
        struct pool *next;
        struct group *group;        /* borrowed */
        struct program *program;    /* reference */
        uint64_t wanted;            /* a bit per event type */
        struct listener *listeners; /* borrowed: each is its worker's */
        struct event_queue queue;   /* owned: what waits */
        uint64_t next_serial;
        uint32_t slot; /* of next_serial in the record store; 0: none */
        bool stuck;    /* its next event cannot be written, which was said */
};

struct listeners {
        struct supervisor *sup;
        struct subscriber subscriber;
        struct pool *pools;
        uint64_t wanted; /* by any pool */
        uint64_t next_serial;
};
struct listeners *listeners_own(const struct supervisor *s); /* NULL: there was no pool yet */

/* listeners.c. NULL: no memory, or its pool is gone. */
struct listener *listener_of(struct supervisor *s, struct process *p);
void pool_deliver(struct supervisor *s, struct pool *p);

/* What it has answered is not known: it begins anew, and what it was busy with is given again. */
void listener_restart(struct supervisor *s, struct listener *l, const char *why);

/* listener_stdout.c: the text of its answer to standard output. */
void listener_stdout_put(struct supervisor *s, struct listener *l);
void listener_stdout_free(struct listener_stdout *o); /* NULL is fine */

void listener_prepare(struct listener *l); /* before it is heard */

/* listeners_adopt.c: what the previous instance had for this pool is taken up. */
void pool_take_persisted(struct listeners *ls, struct pool *p);

#endif
