/* Records of a fixed size in a mapped file, two copies of each. Writing makes stores only, no
 * system call, and may be done by the child's side of a start. */
#include "sys/store/slot_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault_point.h"
#include "base/hash.h"

#define FIRST_SLOTS 16u
#define GROW_BYTES  65536u /* and a quarter of what is there */

/* One copy of a record. sum 0: it is being written. */
struct copy {
        uint64_t sum, seq; /* seq 0: never written */
        uint32_t len, spare;
        char data[];
};

/* All slots below it have been written at least once. Beside the extent; in one store. */
struct top {
        uint32_t slot, inverse;
};

static size_t copy_size(const struct slot_table *t)
{
        return sizeof(struct copy) + t->record_max;
}

static struct copy *copy_at(const struct slot_table *t, uint32_t slot, unsigned which)
{
        return (struct copy *)(t->file.map + MAPPED_HEADER +
                               ((size_t)slot * 2 + which) * copy_size(t));
}

static uint64_t copy_sum(uint32_t slot, uint64_t seq, uint32_t len, const void *data)
{
        uint64_t sum = hash_word(hash_word(slot + UINT64_C(1), seq), len);

        return hash_bytes(sum, data, len);
}

static bool copy_is_good(const struct slot_table *t, uint32_t slot, const struct copy *c)
{
        uint64_t sum = __atomic_load_n(&c->sum, __ATOMIC_ACQUIRE);

        return sum != 0 && c->len <= t->record_max &&
               sum == copy_sum(slot, c->seq, c->len, c->data);
}

/* The older copy is replaced; until its sum is there, the newer one counts. The fence is the
 * compiler's: a process that is killed has stored in this order for all later readers. */
static void slot_table_put(struct slot_table *t, uint32_t slot, const void *record, uint32_t len)
{
        struct state_slot *s = &t->slots[slot];
        uint8_t which = !s->at;
        struct copy *c = copy_at(t, slot, which);

        __atomic_store_n(&c->sum, 0, __ATOMIC_RELAXED);
        __atomic_signal_fence(__ATOMIC_RELEASE);
        c->seq = copy_at(t, slot, s->at)->seq + 1;
        c->len = len;
        fault_point("state.half");
        memcpy(c->data, record, len);
        __atomic_store_n(&c->sum, copy_sum(slot, c->seq, len, c->data), __ATOMIC_RELEASE);
        *s = (struct state_slot){ .len = (uint16_t)len, .at = which };
        t->written++;
        fault_point("state.written");
}

/* ---- opening */

static bool read_top(struct slot_table *t)
{
        struct top top;

        memcpy(&top, mapped_mark(&t->file), sizeof top);
        if (top.slot != ~top.inverse)
                return false;
        t->top = top.slot;
        return true;
}

static void set_top(struct slot_table *t, uint32_t slot)
{
        const struct top top = { slot, ~slot };
        uint64_t both;

        memcpy(&both, &top, sizeof both);
        __atomic_store_n(mapped_mark(&t->file), both, __ATOMIC_RELEASE);
        t->top = slot;
}

/* A first record that a kill cut short was never there, and the newer copy may be torn; a whole one
 * that changed, or that is not there any more, is damage. */
static void slot_table_look_at(struct slot_table *t, uint32_t slot)
{
        struct state_slot *s = &t->slots[slot];
        uint64_t newest = 0;
        bool bad = false, gone = false;

        for (uint8_t which = 0; which < 2; which++) {
                const struct copy *c = copy_at(t, slot, which);
                bool good = copy_is_good(t, slot, c);
                if (good && c->seq > newest) {
                        newest = c->seq;
                        *s = (struct state_slot){ .len = (uint16_t)c->len, .at = which };
                }
                bad = bad || (!good && c->sum != 0);
                gone = gone || (c->sum == 0 && c->seq == 0);
        }
        t->used += s->len != 0;
        if (newest) {
                t->older += bad || (gone && newest > 1);
                return;
        }
        if (!bad && !(gone && slot < t->top))
                return;
        t->damaged++;
        memset(copy_at(t, slot, 0), 0, 2 * copy_size(t)); /* the slot's next user begins anew */
        slot_table_put(t, slot, "", 0);
}

static bool slots_grow(struct slot_table *t, uint32_t count)
{
        struct state_slot *slots = realloc(t->slots, count * sizeof *slots);

        if (!slots)
                return false;
        memset(slots + t->slot_count, 0, (count - t->slot_count) * sizeof *slots);
        t->slots = slots;
        return true;
}

static struct mapped_form form_of(const struct slot_table *t)
{
        return (struct mapped_form){ .magic = { 'S', 'V', 'D', 'S', 'T', 'A', 'T', 'E' },
                                     .shape = t->record_max,
                                     .unit = (uint32_t)(2 * copy_size(t)),
                                     .first = FIRST_SLOTS };
}

bool slot_table_is_readable(const char *path, uint32_t record_max, const struct state_owner *who)
{
        const struct slot_table t = { .record_max = (record_max + 7) & ~7u };
        const struct mapped_form form = form_of(&t);

        return mapped_is_readable(path, &form, who);
}

bool slot_table_is_past(const char *path, uint32_t record_max, const struct state_owner *who)
{
        const struct slot_table t = { .record_max = (record_max + 7) & ~7u };
        const struct mapped_form form = form_of(&t);

        return mapped_is_past(path, &form, who);
}

bool slot_table_open(struct slot_table *t, const char *path, uint32_t record_max,
                     const struct state_owner *who, struct buf *said, struct err *e)
{
        *t = (struct slot_table){ .record_max = (record_max + 7) & ~7u };
        const struct mapped_form form = form_of(t);

        if (!mapped_open(&t->file, path, &form, who, said, e))
                return false;
        if (!slots_grow(t, t->file.units)) {
                mapped_close(&t->file);
                return err_nomem(e);
        }
        t->slot_count = t->file.units;
        t->damaged = t->file.lost;
        bool has_top = read_top(t);
        if (!has_top || t->top > t->slot_count)
                set_top(t, has_top ? t->slot_count : 0);
        for (uint32_t i = 0; i < t->slot_count; i++)
                slot_table_look_at(t, i);
        if (!has_top && !t->file.fresh)
                mapped_damaged(&t->file, said);
        return true;
}

static void slot_table_judge(struct slot_table *t, uint32_t slot, struct buf *damage)
{
        const uint32_t damaged = t->damaged, older = t->older;
        size_t at = (size_t)((char *)copy_at(t, slot, 0) - t->file.map);
        char how[96];

        slot_table_look_at(t, slot);
        if (t->damaged == damaged && t->older == older)
                return;
        snprintf(how, sizeof how, "slot %u: %s (checksum)", slot,
                 t->damaged != damaged ? "the record is damaged"
                                       : "one copy of the record is damaged, the good one is used");
        mapped_say(&t->file, damage, at, how);
}

bool slot_table_look(struct slot_table *t, const char *path, uint32_t record_max, uint32_t version,
                     struct state_owner *owner_out, struct buf *damage, struct err *e)
{
        *t = (struct slot_table){ .record_max = (record_max + 7) & ~7u };
        const struct mapped_form form = form_of(t);

        if (!mapped_read(&t->file, path, &form, version, owner_out, damage, e))
                return false;
        if (!t->file.units)
                return true;
        if (!slots_grow(t, t->file.units)) {
                mapped_close(&t->file);
                return err_nomem(e);
        }
        t->slot_count = t->file.units;
        if (!read_top(t))
                mapped_say(&t->file, damage, (size_t)((char *)mapped_mark(&t->file) - t->file.map),
                           "the number of used slots is damaged (does not match its inverse)");
        for (uint32_t i = 0; i < t->slot_count; i++)
                slot_table_judge(t, i, damage);
        return true;
}

static void slot_table_let_go(struct slot_table *t)
{
        free(t->slots);
        t->slots = NULL;
        t->slot_count = t->first_free = t->used = t->top = t->damaged = t->older = 0;
}

void slot_table_close(struct slot_table *t)
{
        mapped_close(&t->file);
        slot_table_let_go(t);
}

void slot_table_remove(struct slot_table *t)
{
        mapped_remove(&t->file);
        slot_table_let_go(t);
}

/* ---- records */

size_t slot_table_read(const struct slot_table *t, uint32_t slot, void *out, size_t size)
{
        memset(out, 0, size);
        if (slot >= t->slot_count || t->slots[slot].len == 0)
                return 0;
        const struct state_slot *s = &t->slots[slot];
        size_t len = s->len < size ? s->len : size;
        memcpy(out, copy_at(t, slot, s->at)->data, len);
        return len;
}

void slot_table_write(struct slot_table *t, uint32_t slot, const void *record, uint32_t len)
{
        if (slot >= t->slot_count || len == 0 || len > t->record_max)
                return;
        const struct state_slot *s = &t->slots[slot];
        if (s->len != len || memcmp(copy_at(t, slot, s->at)->data, record, len) != 0)
                slot_table_put(t, slot, record, len);
}

void slot_table_refresh(struct slot_table *t, uint32_t slot)
{
        uint64_t newest = 0;

        if (slot >= t->slot_count)
                return;
        for (uint8_t which = 0; which < 2; which++) {
                const struct copy *c = copy_at(t, slot, which);
                if (c->seq > newest && copy_is_good(t, slot, c)) {
                        newest = c->seq;
                        t->slots[slot] =
                            (struct state_slot){ .len = (uint16_t)c->len, .at = which };
                }
        }
}

void slot_table_drop(struct slot_table *t, uint32_t slot)
{
        if (slot >= t->slot_count || t->slots[slot].len == 0)
                return;
        slot_table_put(t, slot, "", 0);
        t->used--;
        if (slot < t->first_free)
                t->first_free = slot;
}

static bool slot_table_grow(struct slot_table *t, struct err *e)
{
        uint32_t more = t->slot_count / 4 + GROW_BYTES / t->file.unit + 1;

        if (!slots_grow(t, t->slot_count + more))
                return err_nomem(e);
        if (!mapped_grow(&t->file, more, e))
                return false;
        t->slot_count += more;
        return true;
}

uint32_t slot_table_add(struct slot_table *t, const void *record, uint32_t len, struct err *e)
{
        uint32_t slot = t->first_free;

        if (len == 0 || len > t->record_max) {
                err_set(e, ERR_USAGE, "a record of %u bytes does not fit", len);
                return STATE_NO_SLOT;
        }
        while (slot < t->slot_count && t->slots[slot].len)
                slot++;
        t->first_free = slot;
        if (slot == t->slot_count && !slot_table_grow(t, e))
                return STATE_NO_SLOT;
        slot_table_put(t, slot, record, len);
        if (slot >= t->top)
                set_top(t, slot + 1);
        t->used++;
        t->first_free = slot + 1;
        return slot;
}
