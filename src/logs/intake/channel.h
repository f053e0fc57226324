/* Inside of logs/: what its files share. */
#ifndef LOGS_INTAKE_CHANNEL_H
#define LOGS_INTAKE_CHANNEL_H

#include <ev.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/buf.h"
#include "logs/intake/batch_timer.h"
#include "logs/intake/capture_tokens.h"
#include "logs/intake/drops.h"
#include "logs/intake/persistent_ledger.h"
#include "logs/logs.h"
#include "logs/spool/format.h"
#include "logs/store/gzip.h"
#include "logs/store/writer.h"
#include "logs/syslog/sink_syslog.h"

struct pipe_in;
struct spool;

struct core {
        struct ev_loop *loop; /* borrowed, like the next two */
        struct sys *sys;
        struct log *log;
        struct logs_news news;
        struct writer_table writers;
        struct writer *waiting;     /* of them: for their disks */
        ev_timer retry;             /* active while there are such */
        struct sink_syslog *syslog; /* owned; NULL until a stream wants it */
        char *syslog_path;          /* owned; NULL: the usual one */
        char host[256];             /* for syslog */
        struct drops *drops;        /* that are said later: drops.c's */
        ev_timer drops_due;
        char *chunk;            /* owned; NULL until needed, and while in use */
        struct scratch scratch; /* owned */
        bool real;              /* the kernel is the real one: splice and tee make sense */
        bool held;              /* the receiver of the news is too far behind to get more text */
        struct gzip gzip;
        struct batch_timer nap;            /* closed until there is a thread */
        struct channel *held_back;         /* that wait for it */
        struct persistent_ledgers *keeper; /* owned; NULL: ledgers die with us */
        struct rename_seq *moves;          /* owned, with the ledgers: of the names of all files */
        struct recovery *recovery;         /* recover.c's; NULL: no state directory */
};

struct core *core_new(struct ev_loop *loop, struct sys *sys, struct log *log,
                      const struct logs_news *news);
void core_free(struct core *core); /* all channels must be gone */
/* Text for the news is not read, or is again. */
void core_hold(struct core *core, bool hold);

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
        struct rename_seq *moves; /* kept; NULL: not known yet */
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

/* Settings whose strings are in one piece of memory, which all copies share, in whatever thread.
 * have: a name of such a copy, whose memory will do where the strings are the same; may be NULL. */
bool stream_conf_copy(struct stream_conf *to, const struct stream_conf *from, const char *have,
                      struct err *e);
void stream_conf_share(struct stream_conf *to, const struct stream_conf *copy);
void stream_conf_release(struct stream_conf *c);
/* Name, path and owner alone, as long as the caller has that name: NULL gives nothing back. */
const char *stream_names_share(const struct stream_conf *copy);
const char *stream_names_path(const char *process); /* NULL: there is none */
uid_t stream_names_owner(const char *process);
void stream_names_release(const char *process);

/* What has come through a pipe and was begun: it is held back until more comes, or the end. */
struct begun {
        struct captokens tokens;
        struct buf captured; /* between the tokens so far */
        struct buf line;     /* an unfinished line for syslog */
        bool line_goes_on;   /* its beginning has gone there already */
        struct format_line form;
};

/* One pipe of a stream. The newest is the worker's; older ones are held by left-over children. */
struct pipe_in {
        struct channel *channel; /* borrowed */
        int fd;                  /* owned; -1: it has ended, and its spool has not */
        pid_t pid;               /* whose it is; 0: not known */
        ev_io io;
        struct begun *begun; /* owned; NULL: the settings never held anything back */
        struct spool *spool; /* owned: its bytes, until they are in the log; NULL: none */
        struct pipe_in *next;
        bool no_spool;                /* it was tried */
        bool reusable_pipe;           /* open both ways: reusable_pipe.c's */
        bool dropping, drop_mid_line; /* overflow.c's */

        /* batch_timer.c's */
        bool parked, grown;
        ev_tstamp last_read;
        struct pipe_in *timer_prev, *timer_next;
};

/* What only some streams need. */
struct extras {
        struct drops drops; /* by the policy */
        struct syslog_sender to_syslog;
        struct drops syslog_drops;
};

/* One for each log: a thousand of them are usual. */
struct channel {
        struct core *core;       /* borrowed */
        struct stream_conf conf; /* its strings are owned */
        void *owner;             /* borrowed */
        struct outlet out;
        struct pipe_in *pipes;
        struct pipe_in *current;     /* the living worker's; NULL: none */
        struct extras *extras;       /* owned; NULL: its settings never needed any */
        struct ledger_box *shown;    /* borrowed: what others may see of `out`; NULL: nothing */
        struct channel *prev, *next; /* in core->held_back, or among the detached_streams */
        uint32_t kept;               /* where it is kept for a successor, counted from 1; 0: not */
        uint16_t busy;               /* calls are under way: news may call back into us */
        bool silent : 1;             /* no more news: it is being freed */
        bool is_ghost : 1; /* recover.c's: without an owner, until what it has left is written */
        bool finish_later : 1, free_later : 1;
        bool is_held : 1;    /* in core->held_back */
        bool is_awaited : 1; /* open before the start that it is for */
};

/* As the calls of logs.h with these names, but at once and in the thread that the core lives in.
 * Settings are those of a stream_conf_copy. */
struct channel *channel_new(struct core *core, const struct stream_conf *conf, void *owner,
                            struct ledger_box *shown, struct err *e);
void channel_free(struct channel *s); /* NULL is fine */
bool channel_configure(struct channel *s, const struct stream_conf *conf, struct err *e);
bool channel_attach(struct channel *s, int pipe_fd, struct err *e);
bool channel_await(struct channel *s, struct err *e); /* until attached, or finished */
void channel_finish(struct channel *s);
void channel_ledger(const struct channel *s, struct stream_ledger *out);
void channel_pid(struct channel *s, pid_t pid);
void channel_reopen(struct channel *s);
void channel_rotate(struct channel *s);
bool channel_clear(struct channel *s, struct err *e);
void channel_show(struct channel *s); /* its ledger to others */

bool channel_open(struct channel *s, struct err *e); /* its file, unless it is open */

/* 128 KiB to read into; given back with chunk_give. NULL: no memory. */
#define CHUNK_SIZE 131072
char *chunk_take(struct core *core);
void chunk_give(struct core *core, char *chunk);

/* Around whatever may call back: what the callbacks asked of the stream is done at the end, when
 * *s may go. */
void channel_enter(struct channel *s);
void channel_leave(struct channel *s);

/* capture.c */
void on_pipe(EV_P_ ev_io *w, int revents);
/* Its turn: read some, and decide how it is waited for from here on. */
void pipe_visit(struct pipe_in *p);
void pipe_drain(struct pipe_in *p);     /* what it holds now */
void pipe_close(struct pipe_in *p);     /* its end: *p is freed */
void channel_resume(struct channel *s); /* the file takes more: called by the writer */

/* to_syslog.c: a copy of the text, line by line. */
bool syslog_prepare(struct core *core, const struct syslog_conf *c, struct err *e);
bool core_syslog_socket(struct core *core, const char *path);
void syslog_release(struct core *core);
void syslog_join(struct channel *s);  /* the channel may send from here on */
void syslog_leave(struct channel *s); /* and no more */
void syslog_in(struct pipe_in *p, const char *data, size_t len);
void syslog_flush(struct pipe_in *p); /* nothing follows: the unfinished line is one */

/* reusable_pipe.c: a pipe that is open both ways has no end of file. It is there for one worker
 * after the other, and saves making and watching one for each. */
bool pipe_prepare(struct pipe_in *p, int fd); /* takes it up; false: errno */
void pipe_let_go(struct pipe_in *p);          /* from now on it ends like any other */
int channel_pipe(const struct channel *s);    /* the one for the next worker, or -1 */
void channel_let_go(struct channel *s);
bool channel_is_at_rest(const struct channel *s); /* nothing of the worker's is on its way */

/* overflow.c: text of a worker that must not wait; what finds no room is dropped. */
void overflow_in(struct pipe_in *p, char *data, size_t len);
void overflow_over(struct channel *s); /* the file takes more: say what was lost */

/* text.c: everything that is done to text other than moving it. */
bool text_is_plain(const struct channel *s);    /* nothing is: the bytes need not be seen */
bool text_is_verbatim(const struct channel *s); /* they may be seen, and stay as they are */
bool text_is_news(const struct channel *s);     /* it is published, too */
void text_in(struct pipe_in *p, char *data, size_t len);           /* data may be changed */
void text_tapped(struct channel *s, const char *data, size_t len); /* what was moved by itself */
void text_flush(struct pipe_in *p);            /* nothing follows: hand out what was held back */
void text_part(struct pipe_in *p);             /* a line that was begun: hand out so much of it */
bool text_is_neutral(const struct pipe_in *p); /* nothing is held back */
/* By these settings something may be held back: there is room for it. False: no memory. */
bool text_prepare(struct pipe_in *p, const struct stream_conf *c);
bool text_make_room(struct pipe_in *p); /* whatever the settings */
void text_forget(struct pipe_in *p);    /* what is held back is not its any more */
void text_release(struct pipe_in *p);

#endif
