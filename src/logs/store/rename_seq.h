/* Inside of logs/: whether names of log files are being moved, for a reader that goes from one name
 * to the next in another thread. There is one of these for all the files of a daemon: it is looked
 * at only where something seems to be missing. */
#ifndef LOGS_STORE_RENAME_SEQ_H
#define LOGS_STORE_RENAME_SEQ_H

#include <stdbool.h>
#include <stdint.h>

struct rename_seq;

struct rename_seq *rename_seq_new(void); /* NULL: no memory */
struct rename_seq *
rename_seq_ref(struct rename_seq *m);       /* a new reference; NULL is fine, as in all of these */
void rename_seq_drop(struct rename_seq *m); /* each of these two by any thread */

/* By the thread that renames. Names are on the move until all of them are in place, and the ledgers
 * say so: a second beginning in between is fine, and so is an end without one. */
void rename_seq_begin(struct rename_seq *m);
void rename_seq_end(struct rename_seq *m);

/* By any thread. It grows with each beginning and each end; odd: names are on the move now. */
uint32_t rename_seq_count(struct rename_seq *m);
/* Until they are not: false when that takes longer than a second, as on a disk that hangs. Not for
 * the thread that renames. */
bool rename_seq_wait(struct rename_seq *m);
bool rename_seq_is_awaited(struct rename_seq *m); /* a reader waits */

#endif
