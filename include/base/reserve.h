/* A reserve of memory for libev, which ends the process where it gets none: what its tables need to
 * grow by is taken from the reserve when the system has no more. So is what an orderly end needs.
 */
#ifndef BASE_RESERVE_H
#define BASE_RESERVE_H

#include <stdbool.h>

/* From here on libev, of all threads, allocates by it. */
void reserve_begin(void);
/* Make it whole again. False: memory is short; begin nothing that needs another watcher. */
bool reserve_refill(void);
/* A part of it becomes free memory: what has just failed may be tried again. False: nothing is
 * left. */
bool reserve_spend(void);
void *reserve_allocate(void *old, long size); /* what libev calls */

#endif
