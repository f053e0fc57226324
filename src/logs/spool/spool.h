/* The spool: what was taken out of a worker's pipe, until it is in the log as lines. One file for
 * each pipe whose text has to be looked at (formats, capture tokens, escapes, events, syslog), in
 * the state directory. It makes such a log exact over a SIGKILL at any moment: no byte lost, none
 * written twice, no line torn. Nothing is synced: a power cut is no aim.
 *
 * Why that holds, step by step; a kill may come before, in and after each:
 * 1. Taking is one splice from the pipe to the file's end. The kernel moves a byte or it does not,
 *    and the file's size tells which: no record of ours says how much was taken.
 * 2. A batch begins at a neutral point (`src`: outside of tokens and lines but for what `inside`
 *    and `goes_on` say) and ends at one (`to`), so what is made of it depends on nothing but its
 *    bytes, the label and the fields of the position: the same batch always gives the same output.
 * 3. Before a piece of that output is appended to the log, the position says which batch, which
 *    part of its output (`skip`, `take`), which file (`dev`, `ino`), and at which size of it
 *    (`at`). No other stream of ours writes to that file before the piece is whole.
 * 4. A next instance that finds a batch under way makes the output again, finds the file (by its
 *    inode, since a rotation may have given it another name), looks how much of the piece stands
 *    there already, and appends the rest: it does nothing where all of it is there, however often
 *    it is killed itself. It does so before anybody writes to that log. A file that is gone was
 *    rotated out, which happens only once the piece is whole.
 * 5. Then `src` becomes `to`. Until that is recorded 4 applies, after it the batch is over.
 * 6. The file is cut when most of it is used up. What is left at its end is first copied to its
 *    beginning, over bytes that are used up; then the position says where the cut will be (`cut`)
 *    and that the next batch begins at the beginning; then the file is cut; then the position says
 *    that no cut is due. Nothing is taken in between, so to cut once more changes nothing.
 *
 * The position has two places that are written in turn, each with a checksum: the newer good one
 * counts. */
#ifndef LOGS_SPOOL_SPOOL_H
#define LOGS_SPOOL_SPOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "logs/logs.h"
#include "sys/sys.h"

struct buf;

#define SPOOL_PREFIX "spool-" /* of the names in the state directory */
#define SPOOL_HEAD   4096     /* where the bytes begin */

enum spool_end {
        SPOOL_GOES_ON, /* the batch ends at a neutral point */
        SPOOL_PART,    /* too much without one: what was begun goes out as a piece */
        SPOOL_LAST,    /* nothing follows: what was begun is ended */
};

/* A file format: fields are only ever appended. */
struct spool_pos {
        uint64_t seq;
        uint64_t src, to;        /* what is before src is in the log; where the batch ends */
        int64_t stamp_ms;        /* the batch's, wall clock */
        uint64_t skip, take, at; /* this part of its output goes where the log is so long */
        uint64_t dev, ino;       /* the log that is meant */
        uint64_t cut;            /* the spool is to be cut to this size first; 0: not */
        int32_t pid;
        uint8_t under_way; /* there is a batch, and all of the fields above count */
        uint8_t end;       /* enum spool_end */
        uint8_t format, strips, captures;
        uint8_t inside, goes_on; /* at src: within a capture, within a line that was begun */
        uint8_t label;           /* which of the two labels counts */
        uint32_t spare;
        uint64_t sum;
};

/* Whose it is. */
struct spool_label {
        char boot[40];           /* boot id: a pipe's number means something only there */
        uint64_t pipe;           /* inode */
        pid_t pid;               /* not part of it: where the position begins */
        struct stream_conf conf; /* what writing needs; strings owned */
};

struct spool {
        struct sys *sys; /* borrowed */
        char *path;      /* owned */
        int fd;          /* owned */
        uint64_t pipe;
        uint64_t size;
        uint64_t scanned;  /* no batch ends before here */
        bool scan_inside;  /* a capture is under way there */
        uint64_t flush_at; /* what is before this is to be ended there; 0: nothing */
        struct spool_pos pos;
        bool broken;        /* the position could not be recorded: to be given up */
        bool label_old;     /* the label does not say what is so */
        bool to_be_claimed; /* of a previous instance; its batch stays under way until it is */
        bool redone;        /* and is in the log */
        uint8_t next_inside, next_goes_on; /* at pos.to */
        struct buf *into;                  /* borrowed: while its output is made, where that goes */
        size_t out_len;                    /* of the output of the batch under way */
};

/* A new file. NULL: *e. */
struct spool *spool_new(struct sys *sys, const char *dir, const struct spool_label *label,
                        struct err *e);
/* What a previous instance left. label_out->conf is the caller's to release. NULL: *e, and with
 * ERR_NOENT there is nothing in it. */
struct spool *spool_open(struct sys *sys, const char *path, struct spool_label *label_out,
                         struct err *e);
void spool_close(struct spool *sp);  /* the file stays. NULL is fine */
void spool_remove(struct spool *sp); /* the file goes, too */

/* As read(2): from the pipe to the file's end. */
ssize_t spool_take(struct spool *sp, int pipe, size_t most);
bool spool_read(struct spool *sp, uint64_t at, char *data, size_t len);
size_t spool_waiting(const struct spool *sp); /* bytes that no batch has had */

/* Record the position. Where that fails the spool is `broken`. */
void spool_record(struct spool *sp);
bool spool_relabel(struct spool *sp, const struct spool_label *label);
/* The batch is in the log. */
void spool_done(struct spool *sp);
/* Give back the place of what is used up, where that is worth it. */
void spool_trim(struct spool *sp);

#endif
