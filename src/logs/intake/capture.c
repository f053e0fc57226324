/* From the pipes: who reads how much, and when not. */
#include "logs/intake/capture.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <utlist.h>

#include "base/fault_point.h"
#include "logs/intake/channel.h"
#include "logs/intake/overflow.h"
#include "logs/intake/text.h"
#include "logs/spool/spool.h"
#include "logs/spool/spooled.h"

#define WAKE_BUDGET  1048576 /* bytes per wake-up: one flood does not starve the others */
#define TAP_REST     1048576 /* a protocol is read on for that long while the disk is full */
#define FINISH_REST  8388608 /* what ended workers may leave in memory while the disk is full */
#define CHUNK_SIZE   131072  /* read at once */
#define DRAIN_UNSURE 1048576 /* bytes, where the kernel does not tell how many there are */

enum took {
        TOOK_SOME, /* perhaps there is more */
        TOOK_LAST, /* that was all for now */
        TOOK_END,  /* end of file */
};

/* While the file is blocked the pipe fills up and the worker waits: nothing is lost, and nothing
 * grows here. */
static bool is_full(const struct channel *s, bool finishing)
{
        size_t allowed = finishing ? FINISH_REST : s->conf.tap ? TAP_REST : 0;

        if (s->core->held && !finishing && text_is_news(s))
                return true;
        if (s->conf.drops)
                return false;
        return s->out.queued && s->out.rest.len >= allowed;
}

static char *capture_chunk_take(struct core *core)
{
        char *chunk = core->chunk;

        core->chunk = NULL;
        return chunk ? chunk : malloc(CHUNK_SIZE);
}

static void capture_chunk_give(struct core *core, char *chunk)
{
        if (core->chunk)
                free(chunk);
        else
                core->chunk = chunk;
}

static enum took capture_copy(struct pipe_in *p, size_t most, size_t *done)
{
        struct channel *s = p->channel;
        struct core *core = s->core;
        char *chunk = capture_chunk_take(core);
        size_t asked = most < CHUNK_SIZE ? most : CHUNK_SIZE;
        enum took result = TOOK_LAST;

        if (!chunk)
                return TOOK_LAST;
        ssize_t n = core->sys->read(core->sys, p->fd, chunk, asked);
        if (n > 0) {
                *done = (size_t)n;
                fault_point("log.read");
                (s->conf.drops ? overflow_in : text_in)(p, chunk, (size_t)n);
                result = *done < asked ? TOOK_LAST : TOOK_SOME;
        } else if (n < 0 && errno == EINTR) {
                result = TOOK_SOME;
        } else if (n == 0 || errno != EAGAIN) {
                result = TOOK_END; /* a terminal says EIO at its end */
        }
        capture_chunk_give(core, chunk);
        return result;
}

static bool may_move(const struct pipe_in *p)
{
        const struct channel *s = p->channel;
        const struct writer *w = s->out.writer;

        return w && !p->spool && s->core->real && !s->out.queued && !w->file.no_splice &&
               w->file.out.kind == OUT_FILE && text_is_verbatim(s);
}

/* False: not possible here, copy. */
static bool capture_move(struct pipe_in *p, size_t most, size_t *done, enum took *result)
{
        struct channel *s = p->channel;
        uint32_t rotations = s->out.writer->file.rotations;

        *result = TOOK_SOME;
        if (s->out.writer->block != BLOCK_NONE) {
                outlet_wait(&s->out);
                return true;
        }
        switch (outlet_move(&s->out, p->fd, most, done)) {
        case MOVE_SOME:
                if (*done < most && s->out.writer->file.rotations == rotations &&
                    !s->core->scratch.more)
                        *result = TOOK_LAST;
                return true;
        case MOVE_EMPTY:
                *result = TOOK_LAST;
                return true;
        case MOVE_END:
                *result = TOOK_END;
                return true;
        case MOVE_REFUSED:
                return true;
        case MOVE_CANNOT:
                break;
        }
        return false;
}

static bool take_by_moving(struct pipe_in *p, size_t most, size_t *done, enum took *result)
{
        return !p->dropping && may_move(p) && capture_move(p, most, done, result);
}

static enum took capture_spool(struct pipe_in *p, size_t most, size_t *done)
{
        size_t asked = most < SPOOLED_MOST ? most : SPOOLED_MOST;
        ssize_t n = spooled_take(p, asked);

        if (n > 0)
                *done = (size_t)n;
        if (n == 0)
                return TOOK_END;
        if (n < 0)
                return errno == EAGAIN ? TOOK_LAST : TOOK_SOME;
        return *done < asked ? TOOK_LAST : TOOK_SOME;
}

static void pause_all(struct channel *s)
{
        struct pipe_in *p;

        LL_FOREACH (s->pipes, p)
                batch_timer_forget(p);
        if (s->core->held && !s->is_held && text_is_news(s)) {
                s->is_held = true;
                DL_APPEND(s->core->held_back, s);
        }
}

/* Read at most `most` bytes; finishing: also while the file is blocked. False: it has ended, and is
 * gone unless its spool is not empty. */
static bool capture_pump(struct pipe_in *p, size_t most, bool finishing, size_t *got)
{
        struct channel *s = p->channel;
        enum took took = p->fd < 0 ? TOOK_END : TOOK_SOME;

        *got = 0;
        if (p->spool && p->spool->to_be_claimed)
                return false; /* nothing happens to it before */
        if (p->spool && !is_full(s, false))
                spooled_work(p);
        while (most > 0 && took == TOOK_SOME && !is_full(s, finishing)) {
                size_t done = 0;
                if (!take_by_moving(p, most, &done, &took))
                        took = (spooled_begin(p) ? capture_spool : capture_copy)(p, most, &done);
                most -= done < most ? done : most;
                *got += done;
        }
        if (took == TOOK_END)
                pipe_close(p);
        if (is_full(s, false))
                pause_all(s);
        return took != TOOK_END;
}

/* ---- a protocol: shown where it is, and taken when its receiver has done with it. A kill in
 * between shows it again to the next instance */

static bool is_shown(const struct pipe_in *p)
{
        const struct channel *s = p->channel;

        return s->conf.tap && !s->silent && p == s->current && p->fd >= 0;
}

/* What is behind the first `known` bytes. As read(2) of all that is there. */
static ssize_t capture_show(struct pipe_in *p, size_t known)
{
        struct channel *s = p->channel;
        char *chunk = capture_chunk_take(s->core);

        if (!chunk)
                return -1;
        ssize_t n = scratch_look(&s->core->scratch, p->fd, chunk, CHUNK_SIZE);
        if (n > 0 && (size_t)n > known) {
                p->shown = (size_t)n;
                s->shows++;
                text_shown(s, chunk + known, (size_t)n - known);
        }
        capture_chunk_give(s->core, chunk);
        return n;
}

void channel_taken(struct channel *s, unsigned show, size_t len)
{
        struct pipe_in *p = s->current;

        if (!p || show != s->shows || !p->shown || p->granted)
                return;
        p->granted = len < p->shown ? len : p->shown;
        if (!s->busy)
                pipe_visit(p);
}

void channel_not_shown(struct channel *s)
{
        if (s->current)
                s->current->shown = 0;
}

/* False: it has ended, and is gone. */
static bool take_granted(struct pipe_in *p)
{
        size_t got;

        if (!capture_pump(p, p->granted, false, &got))
                return false;
        p->granted -= got;
        p->shown = p->granted;
        return true;
}

static void visit_shown(struct pipe_in *p)
{
        struct channel *s = p->channel;
        size_t granted = 0;
        ssize_t n = 1;

        while (n > 0 && is_shown(p)) {
                granted += p->granted;
                if (p->granted && !take_granted(p))
                        return;
                if (p->granted || is_full(s, false))
                        break;
                if (p->shown) {
                        batch_timer_forget(p);
                        return;
                }
                n = capture_show(p, 0);
                if (!p->shown)
                        break;
        }
        if (n == 0)
                pipe_close(p);
        else if (is_full(s, false))
                pause_all(s);
        else
                batch_timer_arrange(p, n < 0 && errno == EAGAIN ? granted : 1);
}

void pipe_show_no_more(struct pipe_in *p)
{
        if (p->shown && p->fd >= 0 && !is_full(p->channel, false))
                ev_io_start(p->channel->core->loop, &p->io);
        p->shown = p->granted = 0;
}

/* Its worker has ended: all of it is shown and taken. */
static void drain_shown(struct pipe_in *p, size_t waiting)
{
        size_t known = p->granted ? p->granted : p->shown, got = 1;

        while (waiting > 0 && got > 0) {
                ssize_t n = capture_show(p, known);
                if (n <= 0)
                        break;
                if (!capture_pump(p, (size_t)n, true, &got))
                        return;
                known -= known < got ? known : got;
                waiting -= waiting < got ? waiting : got;
        }
        pipe_show_no_more(p);
}

/* ---- in its turn */

static void capture_visit(struct pipe_in *p)
{
        struct channel *s = p->channel;
        size_t got;

        if (is_shown(p))
                visit_shown(p);
        else if (capture_pump(p, WAKE_BUDGET, false, &got) && !is_full(s, false))
                batch_timer_arrange(p, got);
}

void pipe_visit(struct pipe_in *p)
{
        struct channel *s = p->channel;

        channel_enter(s);
        capture_visit(p);
        channel_leave(s);
}

void pipe_drain(struct pipe_in *p)
{
        int waiting = 0;
        size_t got;

        if (ioctl(p->fd, FIONREAD, &waiting) < 0)
                waiting = DRAIN_UNSURE;
        if (waiting > 0 && is_shown(p))
                drain_shown(p, (size_t)waiting);
        else if (waiting > 0)
                capture_pump(p, (size_t)waiting, true, &got);
}

static void close_fd(struct pipe_in *p)
{
        struct channel *s = p->channel;

        log_line(s->core->log, LVL_DEBUG, "fd %d closed, stopped monitoring <%s of '%s'>", p->fd,
                 s->conf.is_stderr ? "stderr" : "stdout", s->conf.process);
        s->core->sys->close(s->core->sys, p->fd);
        p->fd = -1;
}

void pipe_close(struct pipe_in *p)
{
        struct channel *s = p->channel;

        batch_timer_leave(p);
        text_flush(p);
        if (s->current == p)
                s->current = NULL;
        if (p->fd >= 0)
                close_fd(p);
        if (!spooled_end(p))
                return; /* when the disk takes it */
        /* A capture that never ended is no message, and it was not meant for the log. */
        size_t lost = p->begun ? p->begun->captured.len : 0;
        s->out.read += lost;
        s->out.dropped += lost;
        text_release(p);
        LL_DELETE(s->pipes, p);
        free(p);
}

void on_pipe(EV_P_ ev_io *w, int revents)
{
        (void)loop, (void)revents;
        pipe_visit(w->data);
}

void channel_resume(struct channel *s)
{
        struct pipe_in *p, *next;

        channel_enter(s);
        LL_FOREACH (s->pipes, p)
                if (p->fd >= 0)
                        ev_io_start(s->core->loop, &p->io);
        /* At once: where nothing waits in memory this is what tells whether the disk is well. */
        LL_FOREACH_SAFE (s->pipes, p, next)
                if (!s->out.queued)
                        capture_visit(p);
        if (!s->out.queued) {
                overflow_over(s);
                outlet_recovered(&s->out);
        }
        channel_leave(s);
}

/* ---- waiting for the receiver of the news */

void capture_unhold(struct channel *s)
{
        if (s->is_held)
                DL_DELETE(s->core->held_back, s);
        s->is_held = false;
}

void capture_hold(struct core *core, bool hold)
{
        struct channel *s;

        core->held = hold;
        while (!core->held && (s = core->held_back)) {
                capture_unhold(s);
                channel_resume(s);
        }
}
