/* One writer per path, shared by all streams that log there: who writes, who waits while the disk
 * refuses, and what is said about it. A chunk that was begun is finished before another stream
 * writes. */
#include "logs/store/writer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "logs/intake/channel.h"
#include "logs/intake/conf_copy.h"
#include "logs/spool/spool.h"
#include "logs/store/outlet_locate.h"
#include "logs/store/period.h"
#include "logs/store/writer_table.h"
#include "logs/store/writer_wait.h"

#define FIRST_DELAY   0.1F
#define TELL_AGAIN_MS 60000

/* At the daemon's end a full pipe is waited for: so long as its reader takes something every
 * second, and less than the main thread waits for this one. */
#define READER_MS  1000
#define READERS_MS 8000

static const char *channel_name(const struct channel *s)
{
        return s->conf.is_stderr ? "stderr" : "stdout";
}

/* ---- news about trouble */

static void writer_say_trouble(struct outlet *o, const char *detail)
{
        struct channel *s = o->channel;

        if (!s || s->silent)
                return;
        if (detail)
                log_line(s->core->log, LVL_ERROR, "log of '%s' %s: %s", s->conf.process,
                         channel_name(s), detail);
        else
                log_line(s->core->log, LVL_INFO, "log of '%s' %s is written again", s->conf.process,
                         channel_name(s));
        if (s->core->news.on_trouble) {
                channel_enter(s);
                s->core->news.on_trouble(s->core->news.arg, s->owner, s->conf.is_stderr, detail);
                channel_leave(s);
        }
}

static void writer_say_failure(struct outlet *o, const char *more)
{
        const struct writer *w = o->writer;
        struct err e;

        errno = w->error;
        if (w->file.refused)
                err_set(&e, ERR_FOREIGN, "%s", w->file.refused);
        else if (w->file.stuck && w->error == w->file.stuck)
                err_set(&e, ERR_SYS,
                        "%s has grown far beyond its limit and takes nothing more, as it cannot be "
                        "rotated",
                        w->file.path);
        else
                err_set(&e, ERR_SYS, "write %s", w->file.path);
        snprintf(e.text + strlen(e.text), sizeof e.text - strlen(e.text), "%s", more);
        writer_say_trouble(o, e.text);
}

static bool writer_is_due(const struct outlet *o, int64_t now)
{
        return !o->told_ms || now - o->told_ms >= TELL_AGAIN_MS;
}

/* A callback may change the queue: start over after each. */
static void say_to_all(struct writer *w)
{
        int64_t now = clock_mono_ms();
        struct outlet *o = w->queue;

        while (o) {
                struct channel *s = o->channel;
                if (!s || (o->in_trouble && !writer_is_due(o, now))) {
                        o = o->next;
                        continue;
                }
                channel_enter(s);
                o->in_trouble = true;
                if (writer_is_due(o, now)) {
                        o->said = true;
                        o->told_ms = now;
                        writer_say_failure(o, "");
                }
                channel_leave(s);
                o = w->queue;
        }
}

/* A disk that is full every other moment is spoken of once a minute, too. */
void outlet_recovered(struct outlet *o)
{
        bool said = o->said;

        o->in_trouble = o->said = false;
        if (said)
                writer_say_trouble(o, NULL);
}

bool outlet_trouble(const struct outlet *o, struct buf *out)
{
        const struct writer *w = o->writer;

        if (w && w->file.refused)
                buf_puts(out, w->file.refused);
        else if (w && w->file.stuck && o->in_trouble && w->error == w->file.stuck)
                buf_printf(out, "%s takes nothing more, as it cannot be rotated: %s", w->file.path,
                           strerror(w->file.stuck));
        else if (w && (o->in_trouble || o->gone_told))
                buf_printf(out, "write %s: %s", w->file.path, strerror(w->error));
        else if (w && w->file.stuck)
                buf_printf(out, "rotate %s: %s", w->file.path, strerror(w->file.stuck));
        return out->len > 0;
}

static void say_gone(struct outlet *o)
{
        if (o->gone_told)
                return;
        o->gone_told = true;
        writer_say_failure(o, "; what goes there is dropped");
}

/* Backups have moved since `before`. */
static void after_shifts(struct writer *w, uint32_t before)
{
        for (; before < w->file.shifts; before++)
                gzip_shifted(w->core, &w->file, w->compress);
        gzip_go(w->core);
}

static void say_rotation(struct writer *w, uint32_t shifts_before)
{
        if (w->file.shifts != shifts_before)
                after_shifts(w, shifts_before);
        char *why = sink_file_failure(&w->file);
        int64_t now = clock_mono_ms();
        if (why && (!w->rotation_said_ms || now - w->rotation_said_ms >= TELL_AGAIN_MS)) {
                w->rotation_said_ms = now;
                log_line(w->core->log, LVL_WARN, "cannot rotate %s: %s", w->file.path, why);
        }
        free(why);
}

/* Those who look for the file's names may believe what they see. A channel has to show its ledger
 * first: channel_leave does it. */
static void names_rest(const struct outlet *o)
{
        if (!o->channel)
                rename_seq_end(o->writer->core->moves);
}

/* ---- the queue */

void outlet_wait(struct outlet *o)
{
        if (o->queued)
                return;
        o->queued = true;
        DL_APPEND(o->writer->queue, o);
}

void outlet_leave(struct outlet *o)
{
        if (!o->queued)
                return;
        o->queued = false;
        DL_DELETE(o->writer->queue, o);
}

static void set_block(struct writer *w, enum block why)
{
        w->error = (int16_t)errno;
        w->block = why;
}

void outlet_heed_refusal(struct outlet *o)
{
        struct writer *w = o->writer;

        if (!w || !w->file.refused || o->queued)
                return;
        outlet_wait(o);
        if (w->block != BLOCK_TROUBLE) {
                errno = EPERM;
                set_block(w, BLOCK_TROUBLE);
                writer_watch(w);
        }
        say_to_all(w);
}

/* A batch's next piece is about to be written: `left` of its output were when this attempt began.
 */
struct aim {
        struct outlet *outlet;
        size_t left;
};

static void on_piece(void *arg, const struct stat *file, size_t done, size_t take)
{
        const struct aim *a = arg;

        a->outlet->writer->core->calls->on_aim(a->outlet, file, a->left - done, take);
}

/* It is written, or will never be read. */
static void writer_batch_done(struct outlet *o)
{
        struct spool *sp = o->spool;

        o->spool = NULL;
        if (sp)
                spool_done(sp);
}

/* One attempt at data, its result turned into the writer's state. */
static enum put writer_attempt(struct outlet *o, const char *data, size_t len, size_t *done)
{
        struct writer *w = o->writer;
        uint32_t shifts = w->file.shifts;
        struct aim aim = { o, len };
        const struct put_watch watch = { on_piece, &aim };

        bool tells = o->spool && sink_file_is_regular(&w->file);
        enum put result = sink_file_put(&w->file, data, len, tells ? &watch : NULL, done);
        names_rest(o);

        if (result == PUT_LATER)
                set_block(w, BLOCK_FULL);
        else if (result == PUT_REFUSED)
                set_block(w, BLOCK_TROUBLE);
        else if (result == PUT_GONE)
                w->error = (int16_t)errno;
        o->written += *done;
        say_rotation(w, shifts);
        return result;
}

static void writer_defer(struct outlet *o, const char *data, size_t len)
{
        buf_put(&o->rest, data, len);
        if (!o->rest.failed)
                return;
        o->rest.failed = false;
        o->dropped += len;
        log_line(o->writer->core->log, LVL_CRITICAL, "out of memory: %zu bytes for %s are lost",
                 len, o->writer->file.path);
}

void outlet_write(struct outlet *o, const char *data, size_t len)
{
        struct writer *w = o->writer;
        size_t done = 0;

        o->read += len;
        if (!w) {
                o->written += len;
                return;
        }
        if (w->block != BLOCK_NONE || o->queued) {
                writer_defer(o, data, len);
                outlet_wait(o);
                return;
        }
        enum put result = writer_attempt(o, data, len, &done);
        if (result == PUT_ALL || result == PUT_GONE)
                writer_batch_done(o);
        if (result == PUT_ALL)
                return;
        if (result == PUT_GONE) {
                o->dropped += len - done;
                say_gone(o);
                return;
        }
        writer_defer(o, data + done, len - done);
        outlet_wait(o);
        writer_watch(w);
        if (w->block == BLOCK_TROUBLE)
                say_to_all(w);
}

void outlet_write_batch(struct outlet *o, struct spool *sp, const char *data, size_t len,
                        size_t skip)
{
        sp->out_len = len;
        o->spool = sp;
        outlet_write(o, data + skip, len - skip);
        if (!o->writer)
                writer_batch_done(o);
}

enum move outlet_move(struct outlet *o, int pipe, size_t most, size_t *done)
{
        struct writer *w = o->writer;
        uint32_t shifts = w->file.shifts;
        enum move result = sink_file_move(&w->file, pipe, most, &w->core->scratch, done);

        if (result == MOVE_REFUSED)
                set_block(w, BLOCK_TROUBLE);
        names_rest(o);
        o->read += *done;
        o->written += *done;
        say_rotation(w, shifts);
        if (result == MOVE_REFUSED) {
                outlet_wait(o);
                writer_watch(w);
                say_to_all(w);
        }
        return result;
}

/* False: blocked again. */
static bool writer_flush(struct outlet *o)
{
        size_t done = 0;

        if (!o->rest.len) {
                writer_batch_done(o);
                return true;
        }
        enum put result = writer_attempt(o, o->rest.data, o->rest.len, &done);
        buf_drop(&o->rest, done);
        if (result == PUT_GONE) {
                o->dropped += o->rest.len;
                buf_reset(&o->rest);
                say_gone(o);
        } else if (result != PUT_ALL) {
                return false;
        }
        writer_batch_done(o);
        buf_release(&o->rest);
        return true;
}

static void free_orphan(struct outlet *o)
{
        struct writer *w = o->writer;

        buf_release(&o->rest);
        free(o);
        writer_put_back(w);
}

/* The head's turn. An outlet without a rest waits because moving failed: its stream tries that
 * again, and joins the queue's end if it fails again. */
static void serve_head(struct writer *w)
{
        struct outlet *o = w->queue;
        struct channel *s = o->channel;

        if (s)
                channel_enter(s);
        bool fine = writer_flush(o);
        if (fine)
                outlet_leave(o);
        if (fine && !s)
                free_orphan(o);
        else if (fine)
                w->core->calls->on_writable(s);
        if (s)
                channel_leave(s);
}

void writer_retry(struct writer *w)
{
        int waiting = 0;
        struct outlet *o;

        if (w->block == BLOCK_NONE)
                return;
        DL_COUNT(w->queue, o, waiting);
        w->users++; /* the last orphan may leave */
        w->block = sink_file_is_refused(&w->file) ? BLOCK_TROUBLE : BLOCK_NONE;
        while (w->queue && w->block == BLOCK_NONE && waiting-- > 0)
                serve_head(w);
        if (w->block == BLOCK_NONE)
                w->delay = FIRST_DELAY;
        writer_watch(w);
        if (w->block == BLOCK_TROUBLE)
                say_to_all(w);
        writer_put_back(w);
}

/* ---- rotation by the clock */

static ev_tstamp next_period(ev_periodic *p, ev_tstamp now)
{
        const struct writer *w = p->data;

        return (ev_tstamp)period_end(w->every, (time_t)now);
}

static void on_period(EV_P_ ev_periodic *p, int revents)
{
        (void)loop, (void)revents;
        writer_rotate(p->data);
}

void writer_rotate(struct writer *w)
{
        uint32_t shifts = w->file.shifts;

        sink_file_rotate(&w->file);
        rename_seq_end(w->core->moves);
        say_rotation(w, shifts);
}

/* What was written in an hour or on a day that is over, while it was not open. */
static void rotate_old(struct writer *w)
{
        struct stat st;
        struct sys *sys = w->core->sys;

        if (sys->fstat(sys, w->file.out.fd, &st) == 0 &&
            period_end(w->every, st.st_mtime) <= time(NULL))
                writer_rotate(w);
}

static void stop_period(struct writer *w)
{
        if (w->period)
                ev_periodic_stop(w->core->loop, w->period);
        free(w->period);
        w->period = NULL;
}

static bool set_period(struct writer *w, enum rotate_every every)
{
        ev_periodic *period = NULL;

        if (w->every == every)
                return true;
        if (every != ROTATE_BY_SIZE && !(period = calloc(1, sizeof *period)))
                return false;
        stop_period(w);
        w->every = every;
        w->period = period;
        if (!period)
                return true;
        rotate_old(w);
        ev_periodic_init(period, on_period, 0., 0., next_period);
        period->data = w;
        ev_periodic_start(w->core->loop, period);
        return true;
}

/* ---- life */

static void writer_free(struct writer *w)
{
        sink_file_close(&w->file);
        stream_names_release(w->names);
        free(w);
}

static struct writer *writer_new(struct core *core, const struct stream_conf *conf, mode_t mode,
                                 struct err *e)
{
        struct writer *w = calloc(1, sizeof *w);

        if (!w) {
                err_nomem(e);
                return NULL;
        }
        w->core = core;
        w->delay = FIRST_DELAY;
        w->names = stream_names_share(conf);
        if (sink_file_open(&w->file, core->sys, conf->path, conf->owner, mode, e)) {
                w->file.moves = core->moves;
                if (writer_table_add(&core->writers, w))
                        return w;
                err_nomem(e);
        }
        writer_free(w);
        return NULL;
}

struct writer *writer_get(struct core *core, const struct stream_conf *conf, mode_t mode,
                          struct err *e)
{
        struct writer *w = writer_table_find(&core->writers, conf->path);

        if (!w)
                w = writer_new(core, conf, mode, e);
        if (!w)
                return NULL;
        w->users++;
        w->file.owner = conf->owner;
        w->compress = conf->compress;
        if (w->file.maxbytes != conf->maxbytes || w->file.backups != conf->backups)
                sink_file_set_rotation(&w->file, conf->maxbytes, conf->backups);
        if (set_period(w, conf->rotate_every))
                return w;
        writer_put_back(w);
        err_nomem(e);
        return NULL;
}

void writer_put_back(struct writer *w)
{
        if (!w || --w->users > 0)
                return;
        writer_unwatch(w);
        free(w->ready);
        stop_period(w);
        writer_table_remove(&w->core->writers, w);
        writer_free(w);
}

static bool after_reopen(struct writer *w, bool fine)
{
        if (fine)
                writer_retry(w);
        return fine;
}

bool writer_reopen(struct writer *w, struct err *e)
{
        return after_reopen(w, sink_file_reopen(&w->file, e));
}

bool writer_clear(struct writer *w, struct err *e)
{
        return after_reopen(w, sink_file_clear(&w->file, e));
}

void outlet_abandon(struct outlet *o)
{
        struct outlet *orphan = o->rest.len ? malloc(sizeof *orphan) : NULL;

        if (orphan) {
                /* Same place in the queue: its chunk may be half written. */
                *orphan = *o;
                orphan->channel = NULL;
                DL_REPLACE_ELEM(o->writer->queue, o, orphan);
                *o = (struct outlet){ 0 };
                return;
        }
        if (o->rest.len)
                log_line(o->writer->core->log, LVL_CRITICAL,
                         "out of memory: %zu bytes for %s are lost", o->rest.len,
                         o->writer->file.path);
        outlet_leave(o);
        writer_put_back(o->writer);
        buf_release(&o->rest);
        *o = (struct outlet){ 0 };
}

/* What is left goes to the new file: in order, and whole from this stream's view. */
void outlet_redirect(struct outlet *o, struct writer *to)
{
        struct writer *from = o->writer;
        bool waits = o->queued;

        if (from == to) { /* it was got once more */
                writer_put_back(to);
                return;
        }
        outlet_leave(o);
        outlet_count(o);
        o->writer = to;
        outlet_joined(o);
        o->seen = 0;
        o->gone_told = false;
        writer_put_back(from);
        if (!to) {
                o->dropped += o->rest.len;
                buf_release(&o->rest);
                writer_batch_done(o);
                return;
        }
        if (!waits)
                return;
        /* As if the new file had been full just now: the attempt runs soon, from the loop. */
        outlet_wait(o);
        if (to->block == BLOCK_NONE) {
                to->block = BLOCK_TROUBLE;
                to->delay = 0.F;
                writer_watch(to);
                to->delay = FIRST_DELAY;
        }
}

void outlet_inherit(struct outlet *to, struct outlet *from)
{
        if (from->writer != to->writer) {
                to->writer->users++;
                outlet_redirect(from, to->writer);
        }
        to->spool = from->spool;
        to->rest = from->rest;
        to->read += to->rest.len;
        from->spool = NULL;
        from->rest = BUF_INIT;
        if (!from->queued)
                return;
        DL_REPLACE_ELEM(to->writer->queue, from, to); /* NOLINT: it is queued, so in the list */
        to->queued = true;
        from->queued = false;
}

/* The last attempt. A pipe's reader that goes on reading gets all of it, until `until_ms`. */
static void flush_at_the_end(struct outlet *o, int64_t until_ms)
{
        struct writer *w = o->writer;
        struct pollfd room = { .fd = w->file.out.fd, .events = POLLOUT };

        while (!writer_flush(o) && w->block == BLOCK_FULL) {
                int64_t left = until_ms - clock_mono_ms();
                if (left <= 0 || poll(&room, 1, left < READER_MS ? (int)left : READER_MS) <= 0)
                        return;
        }
}

static void free_queue(struct writer *w, int64_t until_ms)
{
        struct outlet *o;

        while (w->queue) {
                o = w->queue;
                flush_at_the_end(o, until_ms);
                if (o->rest.len)
                        log_line(w->core->log, LVL_CRITICAL, "%zu bytes for %s are lost: %s",
                                 o->rest.len, w->file.path, strerror(w->error));
                outlet_leave(o);
                free_orphan(o);
        }
}

void writers_free(struct core *core)
{
        int64_t until_ms = clock_mono_ms() + READERS_MS;
        struct writer *w;

        while ((w = writer_table_any(&core->writers))) {
                w->users++;
                free_queue(w, until_ms);
                writer_put_back(w);
        }
}
