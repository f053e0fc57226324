/* A log as one stream: its present file and, before that, its backups, compressed or not. */
#ifndef READLOG_READBACK_H
#define READLOG_READBACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "logs/logs.h"
#include "readlog/tail.h"

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
