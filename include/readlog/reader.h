/* Reading logs back without waiting for a disk: questions go to a thread of its own, answers come
 * to the loop. A disk that hangs holds up clients that read logs, and nothing else.
 *
 * Without the thread (before reader_run, and in tests) the loop itself does the reading, also later
 * than the call: what is asked for never comes from within the call. */
#ifndef READLOG_READER_H
#define READLOG_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "readlog/readback.h"

struct ev_loop;
struct reader;

struct reader *reader_new(struct ev_loop *loop); /* NULL: no memory */
void reader_run(struct reader *r); /* from here on in a thread, which begins with the first job */
/* Everything has been cancelled. A disk that hangs is waited for a moment. NULL is fine. */
void reader_free(struct reader *r);

/* ---- one question, one answer */

struct read_work {
        /* In the thread: looks at nothing but arg. What takes long asks `turn` now and then; then
         * others are read for, from within that call. */
        void (*work)(void *arg, struct read_turn *turn);
        void (*done)(void *owner, void *arg); /* in the loop; not when it was cancelled */
        void (*drop)(void *arg);              /* in the loop, at the end, in any case: frees arg */
        /* In the loop, instead of `done`: the disk has not answered within READ_ANSWER_S. It counts
         * as cancelled, and arg is not to be looked at: it may be in use. */
        void (*late)(void *owner);
};

#define READ_ANSWER_S  5 /* so long a disk is waited for: what takes longer hangs */
#define READ_LATE_TEXT "the disk with the log has not answered for five seconds"

struct read_job;
/* Takes arg over, also when it fails. NULL: too many wait already (ERR_BUSY), or no memory or no
 * thread. The job is gone when `done` returns. */
struct read_job *reader_ask(struct reader *r, const struct read_work *w, void *arg, void *owner,
                            struct err *e);
void reader_cancel(struct read_job *j);

/* ---- a log that is followed */

struct follow_ask {
        const char *path;          /* copied */
        struct ledger_box *ledger; /* referenced as long as it is followed; NULL: none */
        struct log_ask from;       /* its `follow` is set */
        bool marks;                /* say in the text when the file was cut (compat 19.1) */
};

struct follow_news_handler {
        void *arg;
        /* First. part is borrowed, its fd not to be looked at. If its result is not TAIL_OK, or
         * there is more in between than it holds, on_end follows. */
        void (*on_begin)(void *arg, const struct log_part *part);
        void (*on_text)(void *arg, const char *data, size_t len);
        /* It cannot go on: the follower asks again, with the offset that it has reached. */
        void (*on_end)(void *arg);
        /* Instead of on_begin: READ_ANSWER_S are over. It is to be let go of. */
        void (*on_late)(void *arg);
};

struct read_stream;
/* NULL: *e as above. */
struct read_stream *reader_follow(struct reader *r, const struct follow_ask *ask,
                                  const struct follow_news_handler *h, struct err *e);
/* The reader of the text has room for so many bytes more: those that it got. When some 256 KiB are
 * on their way, nothing more is read. */
void reader_taken(struct read_stream *s, size_t bytes);
/* No more news, also from within one. After on_end, too. */
void reader_unfollow(struct read_stream *s);

#endif
