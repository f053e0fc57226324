/* Inside of logs/: whether names of log files are being moved, for whoever goes from one name to
 * the next in another thread. There is one of these for all the files of a daemon: it is looked at
 * only where something seems to be missing. */
#ifndef LOGS_STORE_RENAME_SEQ_H
#define LOGS_STORE_RENAME_SEQ_H

#include <stdbool.h>
#include <stdint.h>

struct moves;

struct moves *moves_new(void);             /* NULL: no memory */
struct moves *moves_keep(struct moves *m); /* once more; NULL is fine, as in all of these */
void moves_drop(struct moves *m);          /* each of these two by any thread */

/* By the thread that renames. Names are on the move until all of them are in place, and the ledgers
 * say so: a second beginning in between is fine, and so is an end without one. */
void moves_begin(struct moves *m);
void moves_end(struct moves *m);

/* By any thread. It grows with each beginning and each end; odd: names are on the move now. */
uint32_t moves_count(struct moves *m);
/* Until they are not: false when that takes longer than a second, as on a disk that hangs. Not for
 * the thread that renames. */
bool moves_wait(struct moves *m);
bool moves_is_awaited(struct moves *m); /* somebody waits */

#endif
