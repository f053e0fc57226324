/* Ledgers that outlive us: of each stream that has a key, in a mapped file of the core's
 * (sys/store/slot_table.h). Written with every batch, by stores. What a SIGKILL parts, a batch that
 * is in the file but not in the ledger yet, is seen by the file's size. */
#ifndef LOGS_INTAKE_PERSISTENT_LEDGER_H
#define LOGS_INTAKE_PERSISTENT_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "logs/logs.h"
#include "sys/store/slot_table.h"

struct found; /* a ledger that a daemon before us left */

struct keeper {
        struct statetable table;
        struct found *found; /* owned, sorted by key; NULL once all of them are settled */
        size_t found_count;
        bool settled; /* streams that go are over: their ledgers go, too */
};

struct keeper *keeper_new(const char *path, const struct state_owner *who, struct buf *said,
                          struct err *e);
void keeper_free(struct keeper *k); /* the file stays. NULL is fine */
/* No more streams go on: what was not taken is dropped. */
void keeper_settle(struct keeper *k);

/* What a daemon before us kept for this key, and where: from now on the stream's. False: nothing.
 * *shared_out: others wrote to the same file. k may be NULL. */
bool keeper_take(struct keeper *k, uint64_t key, uint32_t *slot_out, struct stream_ledger *out,
                 bool *shared_out);
/* slot is counted from 1; 0: it has none yet. A ledger in which nothing ever happened takes none.
 */
void keeper_put(struct keeper *k, uint64_t key, uint32_t *slot, const struct stream_ledger *l,
                bool shared);
void keeper_drop(struct keeper *k, uint32_t slot);

#endif
