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

struct found; /* a ledger that a previous instance left */

struct persistent_ledgers {
        struct slot_table table;
        struct found *found; /* owned, sorted by key; NULL once all of them are settled */
        size_t found_count;
        bool settled; /* streams that go are over: their ledgers go, too */
};

struct persistent_ledgers *persistent_ledger_new(const char *path, const struct state_owner *who,
                                                 struct buf *said, struct err *e);
void persistent_ledger_free(struct persistent_ledgers *k); /* the file stays. NULL is fine */
/* No more streams go on: what was not taken is dropped. */
void persistent_ledger_settle(struct persistent_ledgers *k);

/* What a previous instance persisted for this key, and where; from now on the stream's. False:
 * nothing. *shared_out: others wrote to the same file. k may be NULL. */
bool persistent_ledger_take(struct persistent_ledgers *k, uint64_t key, uint32_t *slot_out,
                            struct stream_ledger *out, bool *shared_out);
/* slot is counted from 1; 0: it has none yet. A ledger in which nothing ever happened takes none.
 */
void persistent_ledger_put(struct persistent_ledgers *k, uint64_t key, uint32_t *slot,
                           const struct stream_ledger *l, bool shared);
void persistent_ledger_drop(struct persistent_ledgers *k, uint32_t slot);

#endif
