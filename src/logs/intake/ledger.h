/* Inside of logs/: what a stream counts, for its writer and for readers in other threads. */
#ifndef LOGS_INTAKE_LEDGER_H
#define LOGS_INTAKE_LEDGER_H

#include <stdatomic.h>

#include "base/buf.h"
#include "logs/logs.h"

struct rename_seq;

/* What nearly no stream has to say. */
struct ledger_rest {
        uint64_t syslog_sent, syslog_dropped, syslog_buffered;
        char *trouble; /* owned; NULL: none */
};

/* Counters that other threads read: those of one moment, always; and what is wrong. */
struct ledger_box {
        atomic_flag lock;    /* held while they are copied */
        atomic_bool at_rest; /* all that was taken from the worker's pipe is in its file, or where
                              * else it belongs, and nothing is held back */
        atomic_uint holders; /* the stream, and others that reference it */
        uint64_t written, dropped, inode; /* see struct stream_ledger */
        int64_t base;
        uint32_t buffered, rotations;
        uint64_t life, next_life; /* 0: it is not known yet whether a count goes on */
        struct ledger_rest *rest; /* owned; NULL: nothing of it, ever */
        struct rename_seq *moves; /* a reference; NULL: not known yet */
};
/* NULL: no memory. next_life 0: there is nothing to count, which is the main log's case. */
struct ledger_box *ledger_box_new(uint64_t next_life);
bool ledger_box_counts(const struct ledger_box *b);
/* The files that it is about are renamed by their writer, which says so there. Called before any
 * reader looks. */
void ledger_box_heed(struct ledger_box *b, struct rename_seq *moves);
uint64_t ledger_box_life(struct ledger_box *b);
void ledger_box_begin(struct ledger_box *b, uint64_t life); /* 0: the next one, a count begins */
/* now may be NULL: as before. trouble NULL: none. */
void ledger_box_put(struct ledger_box *b, const struct stream_ledger *now, const char *trouble);
bool ledger_box_trouble(struct ledger_box *b, struct buf *out); /* appended; false: none */

#endif
