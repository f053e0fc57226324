/* One open log file (or pipe, terminal, device): appending, rotation, reopening. Nothing here
 * waits; what could not be written stays with the caller. */
#ifndef LOGS_STORE_SINK_FILE_H
#define LOGS_STORE_SINK_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "logs/store/outfd.h"
#include "logs/store/rename_seq.h"
#include "logs/store/rotate.h"
#include "sys/sys.h"

/* Told before each piece of what sink_file_put was given: `done` bytes of it are out, the next
 * `take` go to the end of this file. */
struct put_watch {
        void (*fn)(void *arg, const struct stat *file, size_t done, size_t take);
        void *arg;
};

struct sink_file {
        struct sys *sys; /* borrowed */
        struct rename_seq
            *moves;       /* borrowed; to be told of renaming. NULL: no other thread looks */
        const char *path; /* borrowed; NULL: not open */
        char *failure;    /* owned: why; NULL: no memory to say so, or nothing failed */
        char *refused; /* owned: what is at the path and why it is not opened; NULL: nothing is */
        int64_t maxbytes;
        int64_t limit; /* size at which to rotate; above maxbytes after a rotation that failed */
        int backups;
        struct outfd out;
        uint32_t due_bytes;         /* written since `due` without a line end */
        uint32_t generation;        /* grows with each file, or emptying of it */
        uint32_t rotations, shifts; /* shifts: those that made a new .1 */
        uid_t owner;                /* whose file it may be, too: sys/store/guarded.h */
        uint16_t mode;              /* what new files are made with */
        int16_t stuck;              /* errno of the last rotation, that failed: it grows; 0 */
        bool due;                   /* rotate at the next line end, whatever the size */
        bool appends;               /* O_APPEND is set at present */
        bool no_splice;             /* the kernel refused once */
        bool rotation_failed;       /* and it was not told yet */
        bool doubtful; /* refused, and not for want of room: perhaps it is not the file that
                        * the path means any more */
};

enum put {
        PUT_ALL,
        PUT_LATER,   /* a pipe is full: wait until it is writable */
        PUT_REFUSED, /* the disk is full or broken, errno says how: try again */
        PUT_GONE,    /* it will never be read, errno says why */
};

enum move {
        MOVE_SOME,
        MOVE_EMPTY, /* nothing in the pipe now */
        MOVE_END,   /* end of file */
        MOVE_REFUSED,
        MOVE_CANNOT, /* not between these two: copy instead */
};

/* A pipe to look ahead with, and memory for what is seen: made when first needed. */
struct scratch {
        int fds[2]; /* owned; -1: none */
        char *data; /* owned */
        bool more;  /* the last move left bytes in the pipe, that the look ahead did not reach */
};
#define SCRATCH_NONE ((struct scratch){ .fds = { -1, -1 } })
void scratch_release(struct scratch *s);
/* The first bytes of a pipe, which stay in it. As read(2), and ENOMEM where there is no scratch. */
ssize_t scratch_look(struct scratch *s, int pipe, char *data, size_t most);

/* A file on a disk, with a name of its own: what is rotated, reopened and cleared. */
bool sink_file_is_regular(const struct sink_file *f);

/* path is borrowed until it is closed. Where something is there that must not be opened it is open
 * all the same, and refuses until that has gone. */
bool sink_file_open(struct sink_file *f, struct sys *sys, const char *path, uid_t owner,
                    mode_t mode, struct err *e);
void sink_file_close(struct sink_file *f); /* empties *f; fine when it is empty */
void sink_file_set_rotation(struct sink_file *f, int64_t maxbytes, int backups);
/* Rotate now, or at the end of the line that was begun. Nothing happens to an empty file and to
 * what is never rotated. */
void sink_file_rotate(struct sink_file *f);

/* Why a rotation has failed since this was last asked; the caller frees it. NULL: none did. */
char *sink_file_failure(struct sink_file *f);

/* A rotation, and clearing, begins a move (rename_seq.h). It is the caller's to end, once what he
 * tells others about the file is true again. */

/* Something is at the path that must not be opened, still: it is looked at once more. */
bool sink_file_is_refused(struct sink_file *f);

/* Append, rotating where due. *done: how many bytes were written, also when not all were. watch may
 * be NULL. */
enum put sink_file_put(struct sink_file *f, const char *data, size_t len,
                       const struct put_watch *watch, size_t *done);

/* Move up to `most` bytes from the pipe to the file's end without their passing through here: a
 * kill at any moment leaves each byte in the one or in the other. */
enum move sink_file_move(struct sink_file *f, int pipe, size_t most, struct scratch *scratch,
                         size_t *done);

/* Both leave the present file in use when they fail, and do nothing to what is not a regular file
 * with a name of its own. */
bool sink_file_reopen(struct sink_file *f, struct err *e);
bool sink_file_clear(struct sink_file *f, struct err *e);

#endif
