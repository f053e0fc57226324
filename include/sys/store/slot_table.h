/* Records of a fixed size that outlive us: a mapped file of slots (sys/store/mapped.h), each with
 * two copies of its record, so that whatever a SIGKILL cuts short there is a whole one. Only slots
 * that are in use are ever touched: the others cost disk, not memory. */
#ifndef SYS_STORE_SLOT_TABLE_H
#define SYS_STORE_SLOT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "sys/store/mapped.h"

#define STATE_NO_SLOT UINT32_MAX

struct state_slot {
        uint16_t len; /* of its record; 0: the slot is free */
        uint8_t at;   /* which copy is the good one */
};

struct slot_table {
        struct mapped file;
        uint32_t record_max;      /* bytes that a record may have */
        struct state_slot *slots; /* owned */
        uint32_t slot_count;
        uint32_t used;       /* slots that hold a record */
        uint32_t first_free; /* no free slot below this one */
        uint32_t top;        /* slots below it have been written */
        uint32_t damaged;    /* slots that held something, but nothing whole */
        uint32_t older;      /* slots with a whole copy and a damaged one */
        uint64_t written;    /* records, since it was opened */
};

/* Open or make; see mapped_open. record_max, below 64 KiB, is rounded up to 8. False: *e, nothing
 * is open. */
bool slot_table_open(struct slot_table *t, const char *path, uint32_t record_max,
                     const struct state_owner *who, struct buf *said, struct err *e);
/* As mapped_is_past and mapped_is_readable. */
bool slot_table_is_past(const char *path, uint32_t record_max, const struct state_owner *who);
bool slot_table_is_readable(const char *path, uint32_t record_max, const struct state_owner *who);
/* As mapped_read: to be read and closed, nothing else. */
bool slot_table_look(struct slot_table *t, const char *path, uint32_t record_max, uint32_t version,
                     struct state_owner *owner_out, struct buf *damage, struct err *e);
/* The file stays for the next instance. Fine when not open. */
void slot_table_close(struct slot_table *t);
/* Nothing is left to be persisted: the file is removed. */
void slot_table_remove(struct slot_table *t);

/* A slot's record: bytes copied (at most `size`), 0: free. What an older version did not write is
 * zero. */
size_t slot_table_read(const struct slot_table *t, uint32_t slot, void *out, size_t size);

/* A free slot, now taken by a first record; grows the file. STATE_NO_SLOT: *e. */
uint32_t slot_table_add(struct slot_table *t, const void *record, uint32_t len, struct err *e);
/* Plain stores only: also from a vfork child. len is within 1 and record_max. */
void slot_table_write(struct slot_table *t, uint32_t slot, const void *record, uint32_t len);
/* A child of ours, on a copy of our memory, has written to this slot: which copy is the newer one?
 */
void slot_table_refresh(struct slot_table *t, uint32_t slot);
void slot_table_drop(struct slot_table *t, uint32_t slot);

#endif
