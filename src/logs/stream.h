/* Inside of logs/: what its files share. */
#ifndef LOGS_STREAM_H
#define LOGS_STREAM_H

#include <ev.h>
#include <stdbool.h>

#include "base/buf.h"
#include "logs/captokens.h"
#include "logs/logs.h"
#include "sink_syslog.h"
#include "writer.h"

struct logs {
        struct ev_loop *loop; /* borrowed, like the next two */
        struct sys *sys;
        struct log *log;
        struct logs_news news;
        struct writer *writers;     /* by path */
        struct sink_syslog *syslog; /* owned; NULL until a stream wants it */
        char *chunk;                /* owned; NULL until needed, and while in use */
        struct scratch scratch;     /* owned */
        bool real;                  /* the kernel is the real one: splice and tee make sense */
};

/* One pipe of a stream. The newest is the worker's; older ones are held by left-over children. */
struct pipe_in {
        struct stream *stream; /* borrowed */
        int fd;                /* owned */
        ev_io io;
        struct captokens tokens;
        struct buf captured; /* between the tokens so far */
        struct buf line;     /* an unfinished line for syslog */
        struct pipe_in *prev, *next;
};

struct stream {
        struct logs *logs;       /* borrowed */
        struct stream_conf conf; /* its strings are owned */
        void *owner;             /* borrowed */
        struct outlet out;
        struct pipe_in *pipes;
        struct pipe_in *current; /* the living worker's; NULL: none */
        int busy;                /* a call is under way: news may call back into us */
        bool silent;             /* no more news: it is being freed */
        bool finish_later, free_later;
};

/* 128 KiB to read into; given back with chunk_give. NULL: no memory. */
#define CHUNK_SIZE 131072
char *chunk_take(struct logs *l);
void chunk_give(struct logs *l, char *chunk);

/* Around whatever may call back: what the callbacks asked of the stream is done at the end, when
 * *s may go. */
void stream_enter(struct stream *s);
void stream_leave(struct stream *s);

/* capture.c */
void on_pipe(EV_P_ ev_io *w, int revents);
/* Read at most `most` bytes; finishing: also while the file is blocked. */
void pipe_pump(struct pipe_in *p, size_t most, bool finishing);
void pipe_drain(struct pipe_in *p);   /* what it holds now */
void pipe_close(struct pipe_in *p);   /* its end: *p is freed */
void stream_resume(struct stream *s); /* the file takes more: called by the writer */

/* text.c: everything that is done to text other than moving it. */
bool text_is_plain(const struct stream *s); /* nothing is: the bytes need not be seen */
void text_in(struct pipe_in *p, char *data, size_t len); /* data may be changed */
void text_flush(struct pipe_in *p); /* nothing follows: hand out what was held back */
void text_release(struct pipe_in *p);

#endif
