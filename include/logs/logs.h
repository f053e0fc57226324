/* Everything between a worker's pipe and the disk: a part that, from logs_run on, lives in a thread
 * of its own. Settings and descriptors go in, news come out, and no other part touches its files.
 * compat section 15.
 *
 * With the thread every call here is a message: none waits for a disk, none returns what depends on
 * the stream's present state, except `stream_ledger`, which copies counters. What goes wrong comes
 * as news, and as a line in the main log. Before logs_run (and in tests) there is no thread: what
 * would be a message, there or back, is run within the call that would send it. */
#ifndef LOGS_LOGS_H
#define LOGS_LOGS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "logs/commands.h"
#include "logs/quiesce.h"
#include "logs/store/auto_claims.h"
#include "logs/store/auto_path.h"
#include "sys/sys.h"

struct ev_loop;
struct logs;
struct mainlog;
struct stream;

enum rotate_every { ROTATE_BY_SIZE, ROTATE_HOURLY, ROTATE_DAILY };

/* How lines are written: byte by byte as they came; behind a stamp (RFC 3339, UTC) and the process
 * name; as one JSON object each, with time, process, stream, pid and message, in which a byte that
 * is no UTF-8 is \\xNN, and partial where a line is longer than 256 KiB. */
enum log_format { LOG_RAW, LOG_TEXT, LOG_JSON };

/* How lines go to syslog: framed as syslog(3) of the C library does it, or by RFC 5424. */
enum syslog_format { SYSLOG_BSD, SYSLOG_RFC5424 };

struct syslog_conf {
        const char *tag; /* NULL: none given */
        enum syslog_format format : 8;
        int facility : 8, level : 8; /* RFC 5424, tables 1 and 2 */
        bool on;
};

/* What a stream is for. Strings are copied. */
struct stream_conf {
        const char *process; /* process name: syslog lines, debug copies */
        const char *path;    /* NULL: no file (events, capture and tap still work) */
        int64_t maxbytes;    /* 0: never rotated. Anything but a regular file is never rotated */
        int64_t capture_maxbytes;
        struct syslog_conf syslog; /* never held up by it: see syslog_dropped */
        uint64_t key; /* of its ledger in the file of logs_persist_ledgers; of this stream only. 0:
                         it is not persisted */
        uid_t owner; /* the worker's user may own the file, besides root and us; 0: no other user */
        int backups;
        enum rotate_every rotate_every : 8; /* by the local clock, besides maxbytes */
        enum log_format format : 8; /* of the file. The ledger counts what is written there */
        bool is_stderr : 1;
        bool is_auto : 1;        /* path was generated: created 0600 */
        bool compress : 1;       /* what was rotated: <path>.1.gz */
        bool events_enabled : 1; /* on_text(TEXT_LOG) */
        bool tap : 1;            /* on_text(TEXT_RAW): event listeners' protocol channel */
        bool strip_ansi : 1;
        bool drops : 1; /* while the file takes nothing: lose output, do not let the worker wait */
};

/* Counters of one stream since it was made. read = written + dropped + buffered, always.
 *
 * read: what was accepted for the log; what the settings leave out of it (captured text, escapes)
 * is not counted. written: in the file, so that file offsets can be told from it; without a file,
 * all. dropped: lost: by the policy that was chosen, or because the pipe that is the log has no
 * reader, no memory, a capture that never ended. buffered: in memory because the disk refuses. */
struct stream_ledger {
        uint64_t read, written, dropped, buffered;
        uint64_t rotations; /* of its file while it was open for this stream, for whatever reason */
        /* Where in the stream (counted as `written` is) the present file's first byte stands, below
         * 0 when there was something in it before us; and which file that is. 0: none yet. What
         * others write to it or cut off is not known here. */
        int64_t base;
        uint64_t inode;
        uint64_t life; /* of this count: offsets of another one mean other bytes. Never 0 */
        /* What went to syslog, in bytes of the worker's. While its socket takes nothing 256 KiB
         * wait in memory, 4 MiB for all streams, and the rest is dropped. */
        uint64_t syslog_sent, syslog_dropped, syslog_buffered;
};

enum text_kind {
        TEXT_RAW,  /* what its pipe holds, which is looked at only (tap) */
        TEXT_LOG,  /* what was logged (events_enabled) */
        TEXT_COMM, /* between the capture tokens (compat 15.1) */
};

/* News. Called from the loop, or without the thread from within stream_finish, _reopen and _clear;
 * never after stream_free. data is borrowed for the call. Any call of this header may be made from
 * within, also stream_free. */
struct logs_news {
        void *arg;
        /* Returns, of TEXT_RAW, how many of the bytes it has done with: they are taken from the
         * pipe, and what follows is shown again. Until then a kill leaves them there. */
        size_t (*on_text)(void *arg, void *owner, bool is_stderr, enum text_kind kind,
                          const char *data, size_t len);
        /* After stream_finish: everything the worker wrote before its end is on its way to the
         * file. Or the disk has not answered for a second, and the log says so: the rest follows.
         */
        void (*on_finished)(void *arg, void *owner, bool is_stderr);
        /* The disk refuses (first of a run, then once a minute) or is well again (detail NULL); the
         * main log has a line for each already. Also, once, that a log is gone for good. */
        void (*on_trouble)(void *arg, void *owner, bool is_stderr, const char *detail);
        /* That much was lost, as `drops` says. First at once, then once a minute, and at the end.
         */
        void (*on_dropped)(void *arg, void *owner, bool is_stderr, uint64_t bytes);
        /* Start a child that compresses the one file into the other (takes both over), and tell
         * logs_compressed how it ended. False: it cannot be started. NULL: there is no compression.
         */
        bool (*compress)(void *arg, int from, int to);
        /* The pipe of the last stream_attach is closed, since its file could not be opened. Only
         * with the thread: without it the call itself says so. */
        void (*on_attach_failed)(void *arg, void *owner, bool is_stderr, const struct err *why);
        /* It could, where stream_attach had set *later. */
        void (*on_attached)(void *arg, void *owner, bool is_stderr);
};

struct logs *logs_new(struct ev_loop *loop, struct sys *sys, struct log *log,
                      const struct logs_news *news);
/* From here on in a thread of its own, the main log's files with it (mainlog may be NULL). After
 * daemonizing, while no pipe is attached. News come from the loop given to logs_new. */
bool logs_run(struct logs *l, struct mainlog *mainlog, struct err *e);
/* Where streams whose text has to be looked at keep what is not yet in their logs, so that a kill
 * at any moment neither loses nor doubles nor tears a line of them: files in this directory, which
 * is no other program's. What the previous instance left there is resumed: what was half written is
 * made whole now, before a worker writes to that log; the rest of a pipe comes in its turn when a
 * stream is attached to that pipe. Before the first pipe is attached. Without it, and where the
 * directory takes nothing, such streams are exact unless we are killed. */
void logs_recover(struct logs *l, const char *dir);
/* All pipes of the previous instance are attached: what it left of others is written now. */
void logs_recovered(struct logs *l);
/* All streams must be gone. What is accepted is written first; a disk that hangs is waited for some
 * seconds. */
void logs_free(struct logs *l);

/* Why no log is written: the thread has not answered for some seconds. Appended.
 * False: nothing, as far as is known. It is known of what was asked of the thread; to look is to
 * ask, too. */
bool logs_trouble(struct logs *l, struct buf *out);

struct state_owner;
/* The ledgers of streams that have a key are persisted in this file from here on, and those that a
 * previous instance persisted there go on where they were. Before the first stream and before
 * logs_run. What was wrong with the file is said. False: *e, ledgers begin at 0. */
bool logs_persist_ledgers(struct logs *l, const char *path, const struct state_owner *who,
                          struct buf *said, struct err *e);
/* Something was removed where that file is: if it was that, it is written again. A failure is said
 * in the log. */
void logs_rewrite_ledgers(struct logs *l);
/* Every stream that goes on has been made: other ledgers are over. Until then none is lost. */
void logs_settled(struct logs *l);

/* owner comes back in the news. The file is opened at stream_attach, except that an AUTO one is
 * created beforehand. NULL: no memory. */
struct stream *stream_new(struct logs *l, const struct stream_conf *conf, void *owner,
                          struct err *e);
void stream_free(struct stream *s); /* what is still in its pipe is read first; NULL is fine */

/* New settings, live: a changed path is opened at once when a pipe is attached. Where that fails
 * the old settings stay, the log says why, and so does the next stream_attach. False: no memory. */
bool stream_configure(struct stream *s, const struct stream_conf *conf, struct err *e);

/* Read from this pipe (takes it over, makes it non-blocking) into the file, which is opened for
 * appending. False: no memory, or (only without the thread) the file cannot be opened; the fd is
 * closed. With the thread that is told by on_attach_failed.
 * later (NULL: not wanted): *later is set where it is uncertain, because the file was never opened
 * for this stream, or could not be the last time; then on_attached or on_attach_failed follows.
 * An earlier pipe that left-over children hold is read on. While the disk refuses, pipes are not
 * read: they fill up, and workers wait. */
bool stream_attach(struct stream *s, int pipe_fd, bool *later, struct err *e);
/* Attached pipes whose files are still to be opened: so many descriptors more may be taken. */
unsigned logs_attaching(const struct logs *l);
/* A pipe that was attached opened both ways is used for the next worker, too; it has no end of
 * file. This is its descriptor, to open it anew by and for nothing else, and only until another is
 * attached or this one is let go; -1: none, or it is not known yet whether it could be attached. */
int stream_pipe(const struct stream *s);
/* No worker follows: what left-over children still write is read to the end of file. */
void stream_let_go(struct stream *s);
/* It is about to be started, and others before it: open the file meanwhile. stream_finish where
 * nothing comes of that. */
void stream_await(struct stream *s);
/* The worker has ended: read what its pipe holds, then on_finished. The pipe is read on to its end
 * of file after that, for children left over. */
void stream_finish(struct stream *s);

const char *stream_path(const struct stream *s); /* the real path; NULL: none. Borrowed */
uid_t stream_owner(const struct stream *s);      /* of its settings */
void stream_ledger(const struct stream *s, struct stream_ledger *out);
/* What is wrong with it now: its file is not written or cannot be rotated, or syslog takes nothing
 * of it. Appended. False: nothing. */
bool stream_trouble(const struct stream *s, struct buf *out);

/* The file of ledgers in a state directory, for words about it: as slot_table_look; then what is in
 * a slot. False: *e; it is free. */
struct slot_table;
struct state_owner;
bool persistent_ledger_look(struct slot_table *t, const char *path, struct state_owner *owner_out,
                            struct buf *damage, struct err *e);
bool persistent_ledger_read(const struct slot_table *t, uint32_t slot, uint64_t *key_out,
                            struct stream_ledger *out, bool *shared_out);

/* A spool of a state directory, for words about it; only read, and all zero where nothing is in it
 * yet. False: *e; ERR_PROTOCOL: it is damaged. */
struct spool_view {
        uint64_t pipe;  /* inode */
        uint64_t waits; /* bytes that are not known to be in the log */
        bool under_way; /* a batch of them may be in the log, whole or in part */
};
bool spool_look(const char *path, struct spool_view *out, struct err *e);

/* The ledger by itself: outlives its stream, and any thread may look at it. */
struct ledger_box;
struct ledger_box *stream_ledger_ref(const struct stream *s); /* never NULL */
struct ledger_box *ledger_ref(struct ledger_box *b);          /* a new reference */
void ledger_drop(struct ledger_box *b);                       /* NULL is fine */
void ledger_look(struct ledger_box *b, struct stream_ledger *out);

void stream_pid(struct stream *s, pid_t pid); /* of the worker: what JSON lines say */
void stream_reopen(struct stream *s);         /* for logrotate */
/* Now, or at the end of the line that was begun; nothing happens to an empty file. */
void stream_rotate(struct stream *s);
void logs_compressed(struct logs *l, bool fine); /* the child of logs_news.compress has ended */
/* compat 15 `clear`: a regular file is unlinked and made anew, nothing else is touched; nothing at
 * all while no pipe is attached. */
void stream_clear(struct stream *s);

/* Who has to know that what was asked for so far is done. NULL: it is already (or there is no
 * memory to wait with), and fn is not called. Else fn is called once, from the loop, unless it is
 * cancelled before. late (NULL: none) is called instead when that takes LOGS_ANSWER_S: what was
 * asked for is done when the log thread goes on. */
#define LOGS_ANSWER_S 5
struct logs_wait *logs_wait(struct logs *l, void (*fn)(void *arg), void (*late)(void *arg),
                            void *arg);
void logs_wait_cancel(struct logs_wait *w);

#endif
