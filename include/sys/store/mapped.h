/* A file that is memory, for the next instance: mapped, grown with its blocks reserved
 * beforehand, marked with whose it is. Writing is a store: no system call, and a SIGKILL loses none
 * of it. No protection against a power cut: after one, the boot is another and all is void.
 *
 * Who may read what is in it: the same boot, pid namespace, user, and a version that knows the
 * format. Anything else is set aside (renamed to "<path>.aside") and said. */
#ifndef SYS_STORE_MAPPED_H
#define SYS_STORE_MAPPED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define MAPPED_HEADER 4096u /* bytes before the first unit */
#define MAPPED_MARGIN 64u   /* bytes of it that the user may have */

/* Whose a file is: pids mean something only there. */
struct state_owner {
        char boot_id[40];
        uint64_t pid_namespace; /* inode */
        uint32_t uid;
        uint32_t version;     /* of the records, by their writer */
        uint32_t readable_by; /* oldest version that can read them: fields are only ever appended */
        uint32_t namespace_init; /* which process is the first of the namespace; 0: not known */
};

/* The present boot, namespace and effective user. False: no /proc to learn it from. */
bool state_owner_here(struct state_owner *out, struct err *e);

/* What kind of file it is. */
struct mapped_form {
        char magic[8];
        uint32_t shape; /* another one is another version */
        uint32_t unit;  /* bytes; the file is a header and whole units */
        uint32_t first; /* units of a fresh one */
};

struct mapped {
        char *path; /* owned; NULL: closed */
        int fd;     /* owned */
        char *map;  /* owned mapping; moves when it grows */
        size_t size;
        uint32_t unit, units;
        uint32_t lost; /* units that were cut off since it was last grown */
        bool fresh;    /* made by this opening */
        bool copy;     /* on a read-only file system: nothing is persisted, and nothing grows */
};

/* Open or make. What cannot be used is set aside and `said` gets a line why. False: *e, nothing is
 * open; a file that was there stays as it is where descriptors, memory or the disk were what
 * failed. */
bool mapped_open(struct mapped *m, const char *path, const struct mapped_form *form,
                 const struct state_owner *who, struct buf *said, struct err *e);
/* Without touching it: false where it is ours, of this boot and namespace, but of a version that
 * `who` cannot read. */
bool mapped_is_readable(const char *path, const struct mapped_form *form,
                        const struct state_owner *who);
/* Without touching it: its writer lived before this boot, or in another pid namespace, so
 * that nothing that it speaks of lives here. False, too, where that cannot be told. */
bool mapped_is_past(const char *path, const struct mapped_form *form,
                    const struct state_owner *who);
/* For words about it, whatever its state: a private copy of its bytes; the file is not changed or
 * locked, and may be another user's. Each piece that is wrong is a line of `damage` (mapped_say),
 * and what can be read is there all the same. owner_out: of its header; no boot id where that is
 * not whole. version: the newest that the caller knows. False: *e, nothing is open. */
bool mapped_read(struct mapped *m, const char *path, const struct mapped_form *form,
                 uint32_t version, struct state_owner *owner_out, struct buf *damage,
                 struct err *e);
/* A line of what is damaged: which file, the place in it, how it was noticed. */
void mapped_say(const struct mapped *m, struct buf *damage, size_t at, const char *how);
/* Say that something of it has been destroyed that was there beforehand. */
void mapped_damaged(const struct mapped *m, struct buf *said);

/* So many units more, zero. False: *e, all is as it was. */
bool mapped_grow(struct mapped *m, uint32_t more, struct err *e);
/* Will the next instance find it? Not when it was removed. */
bool mapped_is_there(const struct mapped *m);

/* It has been removed, or is a copy: what is in it is written to a new file, which is the one that
 * is mapped from then on, and which no next instance finds before mapped_put_in_place. False: *e,
 * all is as it was. */
bool mapped_write_anew(struct mapped *m, struct err *e);
/* The file that mapped_write_anew has made gets its name. False: *e, and it has to be written anew
 * once more. */
bool mapped_put_in_place(struct mapped *m, struct err *e);

/* Unmap; the file stays for the next instance. Fine when not open. */
void mapped_close(struct mapped *m);
/* Nothing is left to be persisted: the file is removed. */
void mapped_remove(struct mapped *m);

/* A word for the one who divides the units up. Zero in a fresh file; what is written there stays.
 */
uint64_t *mapped_mark(const struct mapped *m);

/* The same for the file's user. */
void *mapped_margin(const struct mapped *m);
/* The same bytes once more, where they stay when the file grows. NULL: errno. */
void *mapped_margin_keep(const struct mapped *m);
void mapped_margin_drop(void *margin); /* NULL is fine */

#endif
