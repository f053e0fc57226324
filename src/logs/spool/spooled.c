/* A pipe whose bytes go through a spool: when a batch begins and ends, and writing it to the log.
 * Where there can be no spool, the pipe is read without one, and the log says so. */
#include "logs/spool/spooled.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault_point.h"
#include "logs/intake/channel.h"
#include "logs/intake/text.h"
#include "logs/spool/recover.h"
#include "logs/spool/spool.h"
#include "logs/spool/spool_cut.h"

#define BATCH_MOST   262144 /* usually: as much as is taken, and a line that was begun */
#define LONGEST_LINE 262144 /* what is longer goes out in pieces */
#define TOKEN_MOST   64     /* more than a capture token has */

/* ---- who it belongs to */

static struct spool_label label_of(const struct pipe_in *p)
{
        struct spool_label l = { .pipe = p->spool ? p->spool->pipe : 0,
                                 .pid = p->pid,
                                 .conf = p->channel->conf };

        memcpy(l.boot, p->channel->core->recovery->boot, sizeof l.boot);
        return l;
}

/* ---- without one, after all */

static void spooled_tell(struct core *core, const char *why)
{
        if (core->recovery->told)
                return;
        core->recovery->told = true;
        log_line(core->log, LVL_WARN,
                 "%s: a kill of supervisord may cost logs with a format the lines under way", why);
}

/* What is in the spool goes the way of what is read. */
static void spooled_give_up(struct pipe_in *p)
{
        struct channel *s = p->channel;
        struct spool *sp = p->spool;
        uint64_t at = sp->pos.to;
        char data[4096];

        if (s->out.spool == sp)
                s->out.spool = NULL; /* its rest is in memory */
        p->spool = NULL;
        p->no_spool = true;
        while (at < sp->size) {
                size_t n = sp->size - at < sizeof data ? (size_t)(sp->size - at) : sizeof data;
                if (!spool_read(sp, at, data, n)) {
                        log_line(s->core->log, LVL_CRITICAL,
                                 "read %s: %s: %zu bytes of '%s' are lost", sp->path,
                                 strerror(errno), (size_t)(sp->size - at), s->conf.process);
                        s->out.read += sp->size - at;
                        s->out.dropped += sp->size - at;
                        break;
                }
                text_in(p, data, n);
                at += n;
        }
        if (sp->flush_at)
                text_flush(p);
        spool_remove(sp);
}

/* ---- with one */

static bool spooled_is_wanted(const struct pipe_in *p)
{
        const struct channel *s = p->channel;
        const struct writer *w = s->out.writer;

        return s->core->recovery && w && !p->no_spool && !p->dropping && !s->conf.tap &&
               !s->conf.drops && sink_file_is_regular(&w->file) &&
               (!text_is_plain(s) || w->file.no_splice) && text_is_neutral(p);
}

static bool spooled_make(struct pipe_in *p)
{
        struct core *core = p->channel->core;
        struct spool_label label = label_of(p);
        struct stat st;
        struct err e = { 0 };

        p->no_spool = core->sys->fstat(core->sys, p->fd, &st) < 0 || !S_ISFIFO(st.st_mode);
        if (p->no_spool)
                return false;
        label.pipe = st.st_ino;
        p->spool = spool_new(core->sys, core->recovery->dir, &label, &e);
        p->no_spool = !p->spool;
        if (!p->spool)
                spooled_tell(core, e.text);
        return p->spool != NULL;
}

/* What was begun with one is ended with it where the settings want none any more. */
bool spooled_begin(struct pipe_in *p)
{
        const struct channel *s = p->channel;

        if (!p->spool)
                return spooled_is_wanted(p) && spooled_make(p);
        if (!text_is_plain(s) && !s->conf.drops && !s->conf.tap)
                return true;
        spooled_flush(p);
        return !spooled_end(p);
}

struct buf *spooled_into(const struct pipe_in *p)
{
        return p->spool ? p->spool->into : NULL;
}

int64_t spooled_stamp(const struct pipe_in *p)
{
        return p->spool->pos.stamp_ms;
}

ssize_t spooled_take(struct pipe_in *p, size_t most)
{
        struct spool *sp = p->spool;
        ssize_t n = spool_take(sp, p->fd, most < SPOOLED_MOST ? most : SPOOLED_MOST);

        if (n > 0) {
                fault_point("spool.taken");
                spooled_work(p);
        } else if (n < 0 && errno != EAGAIN) {
                char why[512];
                snprintf(why, sizeof why, "write %s: %s", sp->path, strerror(errno));
                spooled_tell(p->channel->core, why);
                spooled_give_up(p);
                errno = EOPNOTSUPP;
        }
        return n;
}

/* ---- batches */

/* Memory that large batches were made in is used for the next one, without the kernel's having to
 * find its pages again. */
static struct buf take_buf(struct buf *cached)
{
        struct buf b = *cached;

        *cached = BUF_INIT;
        buf_reset(&b);
        return b;
}

static void give_buf(struct buf *cached, struct buf *b)
{
        if (!cached->data && b->len >= BATCH_MOST / 8 && b->cap <= 4 * BATCH_MOST)
                *cached = *b;
        else
                buf_release(b);
}

void spooled_render(struct pipe_in *p, char *data, size_t len, struct buf *out)
{
        struct spool *sp = p->spool;

        sp->into = out;
        if (len)
                text_in(p, data, len);
        if (sp->pos.end == SPOOL_PART)
                text_part(p);
        else if (sp->pos.end == SPOOL_LAST)
                text_flush(p);
        sp->into = NULL;
        sp->next_inside = p->begun && p->begun->tokens.inside;
        sp->next_goes_on = p->begun && p->begun->form.goes_on;
        if (out->failed)
                log_line(p->channel->core->log, LVL_CRITICAL,
                         "out of memory: output of '%s' is lost", p->channel->conf.process);
}

static void write_batch(struct pipe_in *p, char *data, size_t len, enum spool_end end)
{
        struct channel *s = p->channel;
        struct spool_pos *pos = &p->spool->pos;
        struct recovery *r = s->core->recovery;
        struct buf out = take_buf(&r->out);

        pos->to = pos->src + len;
        pos->stamp_ms = clock_wall_ms();
        pos->pid = p->pid;
        pos->end = (uint8_t)end;
        pos->format = (uint8_t)s->conf.format;
        pos->strips = s->conf.strip_ansi;
        pos->captures = s->conf.capture_maxbytes > 0;
        pos->under_way = 1;
        spooled_render(p, data, len, &out);
        outlet_write_batch(&s->out, p->spool, buf_str(&out), out.len, 0);
        give_buf(&r->out, &out);
}

void spooled_aim(struct outlet *o, const struct stat *file, size_t left, size_t take)
{
        struct spool *sp = o->spool;
        struct spool_pos *pos = &sp->pos;

        pos->skip = sp->out_len - left;
        pos->take = take;
        pos->at = (uint64_t)file->st_size;
        pos->dev = file->st_dev;
        pos->ino = file->st_ino;
        if (sp->label_old && o->channel) {
                struct spool_label label = { .pipe = sp->pipe, .conf = o->channel->conf };
                memcpy(label.boot, o->channel->core->recovery->boot, sizeof label.boot);
                sp->broken = !spool_relabel(sp, &label) || sp->broken;
        }
        spool_record(sp);
        fault_point("spool.aimed");
}

static struct spool_scan scan_of(const struct pipe_in *p)
{
        const struct stream_conf *c = &p->channel->conf;

        return (struct spool_scan){ .inside = p->spool->pos.inside,
                                    .captures = c->capture_maxbytes > 0,
                                    .lines = c->format != LOG_RAW,
                                    .strips = c->strip_ansi,
                                    .ends_inside = p->spool->scan_inside };
}

/* Whether a batch may end in what has come since one was looked for last. */
static bool has_news(struct spool *sp, const struct spool_scan *how)
{
        char data[4096];

        if (sp->scanned <= sp->pos.src || (!how->lines && !how->ends_inside))
                return true;
        for (uint64_t at = sp->scanned; at < sp->size; at += sizeof data) {
                size_t n = sp->size - at < sizeof data ? (size_t)(sp->size - at) : sizeof data;
                if (!spool_read(sp, at, data, n) || (!how->ends_inside && memchr(data, '\n', n)) ||
                    (how->captures && memchr(data, '>', n)))
                        return true;
        }
        sp->scanned = sp->size;
        return false;
}

/* So many bytes may wait for the end of their line or capture. What is in front of them is not
 * needed for a capture, of which the last bytes count. */
static size_t spooled_patience(const struct pipe_in *p, const struct spool_scan *how)
{
        size_t captured = (size_t)p->channel->conf.capture_maxbytes;

        return (how->lines    ? LONGEST_LINE
                : how->strips ? TOKEN_MOST
                              : 0) +
               (how->captures ? 2 * captured + 65536 : 0);
}

/* Where the batch ends for which these bytes are all there are; 0: not yet. */
static size_t end_anyway(const struct pipe_in *p, const struct spool_scan *how, const char *data,
                         size_t len, enum spool_end *end)
{
        size_t captured =
            how->captures ? (size_t)p->channel->conf.capture_maxbytes + TOKEN_MOST : 0;

        if (p->spool->flush_at) {
                *end = SPOOL_LAST;
                return len;
        }
        if (len < spooled_patience(p, how))
                return 0;
        *end = SPOOL_PART;
        return spool_cut_anyway(how, data, len - captured);
}

/* The bytes from src on: as many as there are, if `whole`, else as many as a batch usually has. */
static bool spooled_look(struct pipe_in *p, size_t there, bool whole, struct buf *data)
{
        struct spool *sp = p->spool;
        size_t len = there < BATCH_MOST || whole ? there : BATCH_MOST;

        if (!buf_reserve(data, len))
                return false;
        if (!spool_read(sp, sp->pos.src, data->data, len)) {
                sp->broken = true; /* what cannot be read will not be */
                return false;
        }
        data->len = len;
        return true;
}

/* False: no batch there yet, `whole` or not. */
static bool spooled_batch_of(struct pipe_in *p, size_t there, bool whole)
{
        struct spool *sp = p->spool;
        struct recovery *r = p->channel->core->recovery;
        struct spool_scan how = scan_of(p);
        enum spool_end end = SPOOL_GOES_ON;
        struct buf data = take_buf(&r->in);
        size_t n = 0;

        bool all = spooled_look(p, there, whole, &data) && data.len == there;
        if (data.len || !there)
                n = spool_cut(&how, buf_str(&data), data.len);
        if (!n && all)
                n = end_anyway(p, &how, buf_str(&data), data.len, &end);
        bool found = n > 0 || end == SPOOL_LAST;
        if (found)
                write_batch(p, data.data, n, end);
        give_buf(&r->in, &data);
        if (found && end == SPOOL_LAST)
                sp->flush_at = 0;
        if (!found && all) {
                sp->scanned = sp->size;
                sp->scan_inside = how.ends_inside;
        }
        return found;
}

static bool next_batch(struct pipe_in *p)
{
        struct channel *s = p->channel;
        struct spool *sp = p->spool;
        struct spool_scan how = scan_of(p);
        size_t there = (size_t)((sp->flush_at ? sp->flush_at : sp->size) - sp->pos.src);

        if (sp->flush_at && !there && !sp->pos.goes_on)
                sp->flush_at = 0; /* it ended by itself */
        if (!there && !sp->flush_at)
                return false;
        if (s->out.writer && s->out.writer->block != BLOCK_NONE) {
                outlet_wait(&s->out);
                return false;
        }
        if (!sp->flush_at && !has_news(sp, &how) && there < spooled_patience(p, &how))
                return false;
        return spooled_batch_of(p, there, false) ||
               (there > BATCH_MOST && spooled_batch_of(p, there, true));
}

void spooled_work(struct pipe_in *p)
{
        struct channel *s = p->channel;

        while (p->spool && !p->spool->broken && !s->out.queued && !p->spool->pos.under_way &&
               next_batch(p))
                ;
        if (p->spool)
                spool_trim(p->spool);
        if (p->spool && p->spool->broken)
                spooled_give_up(p);
}

void spooled_flush(struct pipe_in *p)
{
        p->spool->flush_at = p->spool->size;
        if (!p->spool->into)
                spooled_work(p);
}

bool spooled_is_empty(const struct pipe_in *p)
{
        const struct spool *sp = p->spool;

        return !sp || (!sp->pos.under_way && !spool_waiting(sp) && !sp->flush_at);
}

bool spooled_end(struct pipe_in *p)
{
        struct spool *sp = p->spool;

        if (sp && (sp->pos.under_way || spool_waiting(sp)))
                return false;
        spool_remove(sp);
        p->spool = NULL;
        return true;
}
