/* Records that outlive us: one mapped file of slots, each with two copies of its record, so that
 * whatever a SIGKILL cuts short there is a whole one. Writing is a store into memory: no system
 * call. No protection against a power cut: after one, the boot is another and all is void.
 *
 * Who may read what is in it: the same boot, pid namespace, user, and a version that knows the
 * format. Anything else is set aside (renamed to "<path>.aside") and said. */
#ifndef SYS_STATETABLE_H
#define SYS_STATETABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

#define STATE_NO_SLOT UINT32_MAX

/* To whom a table belongs: pids mean something only there. */
struct state_owner {
        char boot_id[40];
        uint64_t pid_namespace; /* inode */
        uint32_t uid;
        uint32_t version;     /* of the records, by whoever writes them */
        uint32_t readable_by; /* oldest version that can read them: fields are only ever appended */
};

/* The present boot, namespace and effective user. False: no /proc to learn it from. */
bool state_owner_here(struct state_owner *out, struct err *e);

struct state_slot {
        uint64_t seq; /* of the good copy; 0: none */
        uint32_t len; /* of its record; 0: the slot is free */
        uint8_t at;   /* which copy it is */
};

struct statetable {
        char *path; /* owned */
        int fd;     /* owned; -1: closed */
        char *map;  /* owned mapping */
        size_t map_size;
        uint32_t record_max;      /* bytes that a record may have */
        struct state_slot *slots; /* owned */
        uint32_t slot_count;
        uint32_t first_free; /* no free slot below this one */
        uint32_t damaged;    /* slots that held something, but nothing whole */
};

/* Open or make. What cannot be used is set aside and `said` gets a line why. record_max is rounded
 * up to 8. False: *e, nothing is open. */
bool statetable_open(struct statetable *t, const char *path, uint32_t record_max,
                     const struct state_owner *who, struct buf *said, struct err *e);
/* Unmap; the file stays for a successor. Fine when not open. */
void statetable_close(struct statetable *t);
/* Nothing is to be kept: the file goes. */
void statetable_remove(struct statetable *t);

/* A slot's record: bytes copied (at most `size`), 0: free. What an older version did not write is
 * zero. */
size_t statetable_read(const struct statetable *t, uint32_t slot, void *out, size_t size);

/* A free slot, now taken by a first record; grows the file. STATE_NO_SLOT: *e. */
uint32_t statetable_add(struct statetable *t, const void *record, uint32_t len, struct err *e);
/* Plain stores only: also from a vfork child. len is within 1 and record_max. */
void statetable_write(struct statetable *t, uint32_t slot, const void *record, uint32_t len);
void statetable_drop(struct statetable *t, uint32_t slot);

#endif
