/* Records of any length that outlive us: a mapped file (sys/store/mapped.h) that hands out runs of
 * small units, each record with a tag of its user and a checksum. A record is written once and
 * never changed, except for its mark: replacing it is writing another one and, once that one is
 * referred to, dropping this one. Only what is in use is touched. */
#ifndef SYS_STORE_RECORD_STORE_H
#define SYS_STORE_RECORD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "sys/store/mapped.h"

#define VAULT_NONE UINT32_MAX
#define VAULT_UNIT 32u

struct record_store {
        struct mapped file;
        uint64_t *taken; /* owned: a bit per unit */
        uint32_t hint;   /* where to look for room first */
        uint64_t salt;   /* so that no text looks like a record */
};

/* Open or make; see mapped_open. Nothing in it is taken: what is to stay has to be claimed before
 * the first record_store_put. */
bool record_store_open(struct record_store *v, const char *path, const struct state_owner *who,
                       struct buf *said, struct err *e);
/* As mapped_read: to be looked through and closed, nothing else. What begins as a record and is not
 * whole is a line of `damage`, too. */
bool record_store_read(struct record_store *v, const char *path, uint32_t version,
                       struct state_owner *owner_out, struct buf *damage, struct err *e);
/* Where in the file that unit begins. */
size_t record_store_place(uint32_t at);
void record_store_close(struct record_store *v);  /* the file stays. Fine when not open */
void record_store_remove(struct record_store *v); /* the file goes */

/* The record that is at this place and has this tag. Borrowed: until the next record_store_put.
 * NULL: there is no such record, or it is not whole. */
const void *record_store_look(const struct record_store *v, uint32_t at, uint32_t tag,
                              size_t *len_out);
/* One that record_store_look has shown is taken from now on. False: another one's already. */
bool record_store_claim(struct record_store *v, uint32_t at);
/* The first whole record at or behind `from`, whatever its tag; VAULT_NONE: no more. To go through
 * all of them, go on behind *next_out. */
uint32_t record_store_find(const struct record_store *v, uint32_t from, uint32_t *tag_out,
                           uint32_t *next_out);

/* Room for `len` bytes; grows the file. VAULT_NONE: *e. mark is what record_store_mark changes. */
uint32_t record_store_put(struct record_store *v, uint32_t tag, uint32_t mark, const void *data,
                          size_t len, struct err *e);
/* Of a record that is taken. */
const void *record_store_get(const struct record_store *v, uint32_t at, size_t *len_out);
void record_store_mark(struct record_store *v, uint32_t at, uint32_t mark);
uint32_t record_store_marked(const struct record_store *v, uint32_t at); /* 0: it is not whole */
void record_store_drop(struct record_store *v, uint32_t at);

#endif
