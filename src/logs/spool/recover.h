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

struct recovery {
        char *dir;                        /* owned */
        char boot[40];                    /* the present one's id */
        bool told;                        /* that there are no spools */
        bool claims;                      /* pipes may still be claimed */
        struct channel *detached_streams; /* owned */
        struct buf in, out;               /* spooled.c's: not freed while batches are large */
};

/* Spools that cannot be emptied now stay, for the next instance. */
void recovery_free(struct core *core);

#endif
