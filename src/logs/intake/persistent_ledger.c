/* The counters of each log in a table of the state directory, so that offsets hold over instances.
 * Writing is a store, with every batch. */
#include "logs/intake/persistent_ledger.h"

#include <stdlib.h>

#define LEDGER_VERSION 2

/* A file format: another layout is another LEDGER_VERSION. */
struct record {
        uint64_t key, inode;
        uint64_t written, dropped;
        int64_t base;
        uint64_t life; /* 0: not known */
        uint64_t buffered;
        uint64_t syslog_sent, syslog_dropped;
        uint32_t rotations;
        uint32_t shared;
};
_Static_assert(sizeof(struct record) == 80, "no gaps");

struct found {
        uint64_t key;
        uint32_t slot;
        bool taken;
};

static int persistent_ledger_by_key(const void *a, const void *b)
{
        const struct found *x = a, *y = b;

        return (x->key > y->key) - (x->key < y->key);
}

static bool find_all(struct persistent_ledgers *k)
{
        const struct slot_table *t = &k->table;

        k->found = calloc((size_t)t->used + 1, sizeof *k->found);
        if (!k->found)
                return false;
        for (uint32_t i = 0; i < t->slot_count; i++) {
                struct record r;
                if (slot_table_read(t, i, &r, sizeof r))
                        k->found[k->found_count++] = (struct found){ .key = r.key, .slot = i };
        }
        qsort(k->found, k->found_count, sizeof *k->found, persistent_ledger_by_key);
        return true;
}

struct persistent_ledgers *persistent_ledger_new(const char *path, const struct state_owner *who,
                                                 struct buf *said, struct err *e)
{
        struct persistent_ledgers *k = calloc(1, sizeof *k);
        struct state_owner ours = *who;

        ours.version = ours.readable_by = LEDGER_VERSION;
        if (!k) {
                err_nomem(e);
                return NULL;
        }
        if (slot_table_open(&k->table, path, sizeof(struct record), &ours, said, e)) {
                if (find_all(k))
                        return k;
                err_nomem(e);
        }
        persistent_ledger_free(k);
        return NULL;
}

bool persistent_ledger_look(struct slot_table *t, const char *path, struct state_owner *owner_out,
                            struct buf *damage, struct err *e)
{
        return slot_table_look(t, path, sizeof(struct record), LEDGER_VERSION, owner_out, damage,
                               e);
}

void persistent_ledger_free(struct persistent_ledgers *k)
{
        if (!k)
                return;
        slot_table_close(&k->table);
        free(k->found);
        free(k);
}

void persistent_ledger_settle(struct persistent_ledgers *k)
{
        for (size_t i = 0; i < k->found_count; i++)
                if (!k->found[i].taken)
                        slot_table_drop(&k->table, k->found[i].slot);
        free(k->found);
        k->found = NULL;
        k->found_count = 0;
        k->settled = true;
}

bool persistent_ledger_read(const struct slot_table *t, uint32_t slot, uint64_t *key_out,
                            struct stream_ledger *out, bool *shared_out)
{
        struct record r;

        if (!slot_table_read(t, slot, &r, sizeof r))
                return false;
        *key_out = r.key;
        *shared_out = r.shared;
        *out = (struct stream_ledger){ .read = r.written + r.dropped + r.buffered,
                                       .written = r.written,
                                       .dropped = r.dropped,
                                       .buffered = r.buffered,
                                       .rotations = r.rotations,
                                       .base = r.base,
                                       .inode = r.inode,
                                       .life = r.life,
                                       .syslog_sent = r.syslog_sent,
                                       .syslog_dropped = r.syslog_dropped };
        return true;
}

bool persistent_ledger_take(struct persistent_ledgers *k, uint64_t key, uint32_t *slot_out,
                            struct stream_ledger *out, bool *shared_out)
{
        const struct found wanted = { .key = key };
        uint64_t ignored;
        struct found *f = k && key && k->found_count ? bsearch(&wanted, k->found, k->found_count,
                                                               sizeof *f, persistent_ledger_by_key)
                                                     : NULL;

        if (!f || f->taken)
                return false;
        f->taken = true;
        *slot_out = f->slot + 1;
        return persistent_ledger_read(&k->table, f->slot, &ignored, out, shared_out);
}

void persistent_ledger_put(struct persistent_ledgers *k, uint64_t key, uint32_t *slot,
                           const struct stream_ledger *l, bool shared)
{
        const struct record r = { .key = key,
                                  .inode = l->inode,
                                  .written = l->written,
                                  .shared = shared,
                                  .dropped = l->dropped,
                                  .base = l->base,
                                  .life = l->life,
                                  .buffered = l->buffered,
                                  .rotations = (uint32_t)l->rotations,
                                  .syslog_sent = l->syslog_sent,
                                  .syslog_dropped = l->syslog_dropped + l->syslog_buffered };
        struct err ignored; /* without room it begins at 0 after a crash */

        if (!k || !key)
                return;
        if (*slot) {
                slot_table_write(&k->table, *slot - 1, &r, sizeof r);
        } else if (l->read || l->rotations || l->syslog_sent || l->syslog_buffered) {
                uint32_t got = slot_table_add(&k->table, &r, sizeof r, &ignored);
                *slot = got == STATE_NO_SLOT ? 0 : got + 1;
        }
}

void persistent_ledger_drop(struct persistent_ledgers *k, uint32_t slot)
{
        if (k && slot && k->settled)
                slot_table_drop(&k->table, slot - 1);
}
