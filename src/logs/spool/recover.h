/* Inside of logs/: what a previous instance left in its spools, and what of ours outlives its
 * stream.
 *
 * A detached_stream is a channel without an owner, which publishes nothing: it
 * lives until what its spools hold is written. Each spool that is found in the state directory gets
 * one. It does what was under way at once, before anybody else writes to that log; the rest waits
 * for the stream that goes on with the same pipe, and when no such stream comes it is written, too.
 */
#ifndef LOGS_SPOOL_RECOVER_H
#define LOGS_SPOOL_RECOVER_H

#include <stdbool.h>

#include "base/buf.h"

struct channel;
struct core;
struct pipe_in;

struct recovery {
        char *dir;                        /* owned */
        char boot[40];                    /* the present one's id */
        bool told;                        /* that there are no spools */
        bool claims;                      /* pipes may still be claimed */
        struct channel *detached_streams; /* owned */
        struct buf in, out;               /* spooled.c's: kept while batches are large */
};

/* Spools that cannot be emptied now stay, for the next instance. */
void recovery_free(struct core *core);

/* A new pipe: if it is one that an earlier daemon had, its spool is this one's. */
void recovery_claim(struct pipe_in *p);
/* A detached_stream's, whose spool may still be claimed: nothing happens to it. */
bool recovery_awaits(const struct pipe_in *p);
/* The channel is to be freed, but not yet: it becomes a detached_stream. */
void recovery_haunt(struct channel *s);
/* It is one no more; fine if it never was. */
void recovery_exorcise(struct channel *s);

#endif
