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

struct vault {
        struct mapped file;
        uint64_t *taken; /* owned: a bit per unit */
        uint32_t hint;   /* where to look for room first */
        uint64_t salt;   /* so that nobody's text looks like a record */
};

/* Open or make; see mapped_open. Nothing in it is taken: what is to stay has to be claimed before
 * the first vault_put. */
bool vault_open(struct vault *v, const char *path, const struct state_owner *who, struct buf *said,
                struct err *e);
void vault_close(struct vault *v);  /* the file stays. Fine when not open */
void vault_remove(struct vault *v); /* the file goes */

/* The record that is at this place and has this tag. Borrowed: until the next vault_put. NULL:
 * there is no such record, or it is not whole. */
const void *vault_look(const struct vault *v, uint32_t at, uint32_t tag, size_t *len_out);
/* One that vault_look has shown is taken from now on. False: another one's already. */
bool vault_claim(struct vault *v, uint32_t at);
/* The first whole record at or behind `from`, whatever its tag; VAULT_NONE: no more. To go through
 * all of them, go on behind *next_out. */
uint32_t vault_find(const struct vault *v, uint32_t from, uint32_t *tag_out, uint32_t *next_out);

/* Room for `len` bytes; grows the file. VAULT_NONE: *e. mark is what vault_mark changes. */
uint32_t vault_put(struct vault *v, uint32_t tag, uint32_t mark, const void *data, size_t len,
                   struct err *e);
/* Of a record that is taken. */
const void *vault_get(const struct vault *v, uint32_t at, size_t *len_out);
void vault_mark(struct vault *v, uint32_t at, uint32_t mark);
uint32_t vault_marked(const struct vault *v, uint32_t at); /* 0: it is not whole */
void vault_drop(struct vault *v, uint32_t at);

#endif
