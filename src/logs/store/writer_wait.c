/* When a writer that is blocked tries again. One timer for all whose disk refuses, the descriptor
 * itself for a pipe or a terminal; nothing runs while nothing is wrong. */
#include "logs/store/writer_wait.h"

#include <stdlib.h>
#include <utlist.h>

#include "logs/intake/channel.h"
#include "logs/store/writer.h"

#define LONGEST_DELAY 1.0F

static void stop_waiting(struct writer *w)
{
        struct core *core = w->core;

        if (!w->is_waiting)
                return;
        w->is_waiting = false;
        DL_DELETE2(core->waiting, w, wait_prev, wait_next);
        if (!core->waiting)
                ev_timer_stop(core->loop, &core->retry);
}

static void writers_retry(EV_P_ ev_timer *t, int revents);

static void writer_wait_arm(struct core *core, double delay)
{
        if (ev_is_active(&core->retry) && ev_timer_remaining(core->loop, &core->retry) <= delay)
                return;
        ev_timer_stop(core->loop, &core->retry);
        ev_timer_init(&core->retry, writers_retry, delay, 0.);
        core->retry.data = core;
        ev_timer_start(core->loop, &core->retry);
}

static void wait_for_disk(struct writer *w)
{
        w->is_waiting = true;
        w->retry_at = ev_now(w->core->loop) + w->delay;
        DL_APPEND2(w->core->waiting, w, wait_prev, wait_next);
        writer_wait_arm(w->core, w->delay);
        w->delay = w->delay * 2 < LONGEST_DELAY ? w->delay * 2 : LONGEST_DELAY;
}

static void writer_wait_on_ready(EV_P_ ev_io *io, int revents)
{
        (void)loop, (void)revents;
        writer_retry(io->data);
}

static bool wait_for_reader(struct writer *w)
{
        if (!w->ready)
                w->ready = calloc(1, sizeof *w->ready);
        if (!w->ready)
                return false;
        ev_io_init(w->ready, writer_wait_on_ready, w->file.out.fd, EV_WRITE);
        w->ready->data = w;
        ev_io_start(w->core->loop, w->ready);
        return true;
}

void writer_unwatch(struct writer *w)
{
        stop_waiting(w);
        if (w->ready)
                ev_io_stop(w->core->loop, w->ready);
}

void writer_watch(struct writer *w)
{
        writer_unwatch(w);
        if (w->block == BLOCK_TROUBLE || (w->block == BLOCK_FULL && !wait_for_reader(w)))
                wait_for_disk(w);
}

/* A writer that tries again may leave the list, and others with it: each is asked for anew. */
static void writers_retry(EV_P_ ev_timer *t, int revents)
{
        struct core *core = t->data;
        ev_tstamp now = ev_now(loop), next = 0.;
        struct writer *w;
        int count;

        (void)revents;
        DL_COUNT2(core->waiting, w, count, wait_next);
        while (core->waiting && count-- > 0) {
                w = core->waiting;
                DL_DELETE2(core->waiting, w, wait_prev, wait_next);
                DL_APPEND2(core->waiting, w, wait_prev, wait_next);
                if (w->retry_at <= now)
                        writer_retry(w);
        }
        DL_FOREACH2(core->waiting, w, wait_next)
        if (next == 0. || w->retry_at < next)
                next = w->retry_at;
        if (core->waiting)
                writer_wait_arm(core, next > now ? next - now : 0.);
}
