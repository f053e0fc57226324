/* What happened, as server-sent events: GET /v1/events. From the first listener on, every event
 * that the JSON API knows is stored for a while, so that a client that was away goes on where it
 * was (Last-Event-ID). When there was no listener for ten minutes it is forgotten: a supervisor
 * without listeners neither writes nor holds JSON. */
#ifndef API_REST_EVENTS_H
#define API_REST_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "api/http/server.h"

#define EVENTS_STORED       1024
#define EVENTS_STORED_BYTES (512u << 10)
#define EVENTS_AWAY_MS      (10 * 60 * 1000)

struct events;

/* Listens to the supervisor's bus from now on. NULL: no memory. */
struct events *events_new(struct supervisor *s, uint64_t instance);
void events_free(struct events *ev); /* no client may be connected; NULL is fine */

void events_handle(struct request *r); /* the route's handler */

/* ---- what a client that names `last` is owed; pure, for the handler and its tests */

struct resume {
        bool gap;        /* something it asked for is not stored any more */
        bool counted;    /* `missed` is exact */
        uint64_t missed; /* how many */
        uint64_t after;  /* send what is stored with a greater number */
};
/* last: the header's value. oldest..newest: numbers that are stored (oldest > newest: none). */
struct resume events_resume(const char *last, uint64_t instance, uint64_t oldest, uint64_t newest);

#endif
