/* Who writes to which file: one writer per path, shared by all streams that log there, and what
 * happens while the disk refuses.
 *
 * A chunk that could not be written whole goes on at the same place: the outlet that owns it stays
 * at the head of the writer's queue, and no other outlet writes in between. The queue is empty
 * unless something is wrong. */
#ifndef LOGS_STORE_WRITER_H
#define LOGS_STORE_WRITER_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "logs/logs.h"
#include "logs/store/sink_file.h"
#include "logs/store/writer_table.h"

struct core;
struct channel;
struct spool;

enum block {
        BLOCK_NONE,
        BLOCK_FULL,    /* a pipe or terminal takes no more at present */
        BLOCK_TROUBLE, /* the disk refuses */
};

/* One stream's way to its file. */
struct outlet {
        struct writer *writer;      /* NULL: no file */
        struct channel *channel;    /* borrowed; NULL: the stream is gone, only the rest is left */
        struct buf rest;            /* accepted, not yet written */
        struct spool *spool;        /* borrowed: whose batch is being written; NULL: none's */
        int64_t told_ms;            /* when it was said last; 0: never */
        struct outlet *prev, *next; /* in the writer's queue */
        uint64_t read, written, dropped;
        int64_t base;
        uint64_t inode;
        uint32_t rotations;
        uint32_t seen;      /* the file's generation that base and inode are about; 0: none */
        uint32_t counted;   /* of the file's rotations; see outlet_count */
        uint32_t rest_lost; /* if resumed: what that one had accepted and not written yet */
        bool queued : 1;
        bool in_trouble : 1; /* the disk refuses what it has */
        bool said : 1;       /* and it was said */
        bool gone_told : 1;
        bool resumed : 1; /* base and inode are of a previous instance, whose last batch may not be
                           * counted */
};

/* One for each file that is open: a thousand of them are usual. */
struct writer {
        struct core *core; /* borrowed */
        const char *names; /* a reference to what file.path is a part of */
        struct sink_file file;
        int users;
        float delay;              /* of the next attempt, in seconds */
        int64_t rotation_said_ms; /* when it was said last that it failed; 0: never */
        int16_t error;            /* errno of the last failure */
        enum block block : 8;
        enum rotate_every every : 8;
        bool compress;
        bool is_waiting; /* for the disk: writer_wait.c's, as the last three */
        struct outlet *queue;
        ev_io *ready;              /* owned; NULL: never waited for a reader */
        ev_periodic *period;       /* owned; NULL: not rotated by the clock */
        struct writer *same_place; /* writer_table.c's */
        ev_tstamp retry_at;
        struct writer *wait_prev, *wait_next;
};

/* The writer of these settings' path, opened if it is not open; the newest rotation settings
 * win. conf is a stream_conf_copy. mode: what the file is made with. */
struct writer *writer_get(struct core *core, const struct stream_conf *conf, mode_t mode,
                          struct err *e);
void writer_rotate(struct writer *w);   /* now, or at the end of the line that was begun */
void writer_put_back(struct writer *w); /* NULL is fine */
/* Try again now: the file was opened anew. */
void writer_retry(struct writer *w);
/* SIGUSR2 and `clear`. */
bool writer_reopen(struct writer *w, struct err *e);
bool writer_clear(struct writer *w, struct err *e);

/* Accept this for the file: written now, or later from memory. */
void outlet_write(struct outlet *o, const char *data, size_t len);
/* The same for the whole output of a spool's batch, of which `skip` bytes are in the file already:
 * it is told what happens to it. Nothing else may be waiting. */
void outlet_write_batch(struct outlet *o, struct spool *sp, const char *data, size_t len,
                        size_t skip);
/* What `from` has left to write is written by `to`, a new one, from here on, in its place. */
void outlet_inherit(struct outlet *to, struct outlet *from);
/* From a pipe straight to the file. MOVE_REFUSED: the outlet is queued. */
enum move outlet_move(struct outlet *o, int pipe, size_t most, size_t *done);
/* Join the queue of a writer that is blocked. */
void outlet_wait(struct outlet *o);
/* What is at the path must not be opened: wait until it has gone, whether there is something to
 * write or not. Else nothing happens. */
void outlet_heed_refusal(struct outlet *o);
void outlet_leave(struct outlet *o);     /* the queue; nothing is left to write */
void outlet_recovered(struct outlet *o); /* it is written again: say so, if trouble was said */
/* What is wrong with it, appended. False: nothing. */
bool outlet_trouble(const struct outlet *o, struct buf *out);
/* The stream goes: what is left to write stays with the writer. *o is empty afterwards. */
void outlet_abandon(struct outlet *o);
/* Another file, or none, from now on. Takes `to` over (may be NULL). */
void outlet_redirect(struct outlet *o, struct writer *to);

/* logs_free: whatever is still queued for gone streams gets a last attempt. */
void writers_free(struct core *core);

#endif
