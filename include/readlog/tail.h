/* Reading logs back, for the control protocols. compat section 20.5 and 19.1. These read files
 * where they are, and wait for the disk as long as it takes: readlog/reader.h has the thread for
 * it.
 */
#ifndef READLOG_TAIL_H
#define READLOG_TAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "logs/logs.h"

#define TAIL_MOST        (16 * 1024 * 1024) /* bytes that one call reads */
#define TAIL_FOLLOW_MOST (512 * 1024)       /* the same ahead of what is followed */
#define TAIL_READ_MS     4000 /* so long one call looks for what is asked for, at most */

enum tail_result {
        TAIL_OK,
        TAIL_NO_FILE,
        TAIL_BAD_ARGUMENTS,
        TAIL_FAILED,
        TAIL_BUSY,       /* its files are renamed faster than they can be opened, or that hangs */
        TAIL_ASTRAY,     /* another program renamed or removed the file that is written to */
        TAIL_OTHER_LIFE, /* the offset is one of another count */
        TAIL_LATE,       /* it takes too long to find, as in a file that never ends */
        TAIL_SILENT,     /* the disk does not answer (READ_ANSWER_S) */
};

/* Between two pieces of what takes long, others may be given their turn. False: give it up. */
struct read_turn {
        bool (*go_on)(struct read_turn *t);
        bool holds; /* text that was found: it is soon through, and others wait for that */
};

/* readLog semantics. Of a file that may also belong to owner (sys/store/guarded.h). At most
 * TAIL_MOST bytes are read. */
enum tail_result tail_read(const char *path, uid_t owner, int64_t offset, int64_t length,
                           struct buf *out);

/* tailProcess...Log semantics: *size_out is the offset to return. A missing file is "", 0, false.
 */
enum tail_result tail_window(const char *path, uid_t owner, int64_t offset, int64_t length,
                             struct buf *out, int64_t *size_out, bool *overflow_out);

/* ---- a log as one stream: its present file and, before that, its backups, compressed or not */

enum log_from {
        FROM_BEGINNING, /* of the present file; the newest TAIL_MOST bytes unless followed */
        FROM_OFFSET,    /* in the stream, counted as the ledger does */
        FROM_TAIL,      /* the last so many bytes */
        FROM_LINES,     /* the last so many lines */
        FROM_TIME,      /* the first line that is not known to be older, ms since the epoch */
};

struct log_ask {
        enum log_from from;
        int64_t value;
        uint64_t life;  /* FROM_OFFSET: of the count that it is from; 0: not known */
        uid_t owner;    /* whose files they may be, too: sys/store/guarded.h */
        bool here_only; /* of the present file, whatever came before */
        bool follow;
        int within_ms;          /* 0: TAIL_READ_MS */
        struct read_turn *turn; /* borrowed; NULL: no other question waits */
};

struct log_part {
        enum tail_result result;
        int64_t offset;   /* in the stream: of text's first byte; or refused: to go on with */
        uint64_t life;    /* of the stream's count; 0: there is no ledger */
        struct buf text;  /* owned. To go on, ask with offset + text.len */
        bool is_vague;    /* FROM_TIME: no stamps, so lines may be older: as new as its file is */
        int64_t mtime_ms; /* of the present file */
        uint64_t inode;   /* of it */
        int64_t end;      /* in the stream: where its bytes ended */

        /* To be followed: text ends where `at` in this file is. -1: there is more in between. */
        int fd; /* owned */
        int64_t at;
};

/* Read a part of at most TAIL_MOST bytes. Without a ledger (NULL) offsets are the present file's.
 * With follow, text is only what stands in backups, at most TAIL_FOLLOW_MOST. */
void log_part_read(const char *path, struct ledger_box *ledger, const struct log_ask *ask,
                   struct log_part *out);
void log_part_release(struct log_part *p);

#endif
