/* One timer of half a millisecond for all pipes that are written to all the time, and the few
 * pipes that are made larger. It does not run while no pipe is busy. */
#include "logs/intake/batch_timer.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <utlist.h>

#include "base/fd.h"
#include "logs/intake/channel.h"

#define NAP_NS     500000
#define NAP_S      (NAP_NS / 1e9)
#define SMALL_PIPE 65536
#define LARGE_PIPE 1048576
#define PLENTY     131072 /* at once: a wake-up for that much costs nothing worth a nap */

static void batch_timer_arm(struct batch_timer *n)
{
        const struct itimerspec once = { .it_value = { .tv_nsec = NAP_NS } };

        if (!n->armed && n->parked)
                n->armed = timerfd_settime(n->fd, 0, &once, NULL) == 0;
}

static void batch_timer_unpark(struct pipe_in *p)
{
        if (p->parked)
                /* parked, so it is in the list, which the analyzer cannot know */
                DL_DELETE2(p->channel->core->nap.parked, p, timer_prev, timer_next); /* NOLINT */
        p->parked = false;
}

static void batch_timer_park(struct pipe_in *p)
{
        struct batch_timer *n = &p->channel->core->nap;

        ev_io_stop(p->channel->core->loop, &p->io);
        if (!p->parked)
                DL_APPEND2(n->parked, p, timer_prev, timer_next);
        p->parked = true;
        batch_timer_arm(n);
        if (!n->armed)
                batch_timer_unpark(p);
        if (!p->parked)
                ev_io_start(p->channel->core->loop, &p->io);
}

/* ---- larger pipes for those that fill theirs: on evidence, and not many */

/* Takes it out of the list. */
static void forget_large(struct pipe_in *p)
{
        struct batch_timer *n = &p->channel->core->nap;
        int at = 0;

        while (n->grown[at] != p)
                at++;
        n->grown_count--;
        memmove(&n->grown[at], &n->grown[at + 1], (size_t)(n->grown_count - at) * sizeof *n->grown);
        p->grown = false;
}

static void note_large(struct pipe_in *p)
{
        struct batch_timer *n = &p->channel->core->nap;

        n->grown[n->grown_count++] = p;
        p->grown = true;
}

/* From the pipe that has not been busy for the longest time. One that is still full refuses. */
static bool batch_timer_make_room(struct batch_timer *n)
{
        if (n->grown_count < LARGE_MOST)
                return true;
        struct pipe_in *p = n->grown[0];
        if (p->parked || fcntl(p->fd, F_SETPIPE_SZ, SMALL_PIPE) < 0)
                return false;
        forget_large(p);
        return true;
}

static void batch_timer_grow(struct pipe_in *p)
{
        struct batch_timer *n = &p->channel->core->nap;

        if (n->refused || !batch_timer_make_room(n))
                return;
        if (fcntl(p->fd, F_SETPIPE_SZ, LARGE_PIPE) < 0) {
                n->refused = true;
                return;
        }
        note_large(p);
}

static void note_use(struct pipe_in *p, size_t got)
{
        struct batch_timer *n = &p->channel->core->nap;

        if (!p->grown && got >= SMALL_PIPE / 2) {
                batch_timer_grow(p);
        } else if (p->grown && n->grown[n->grown_count - 1] != p) {
                forget_large(p);
                note_large(p);
        }
}

/* ---- what others call */

/* A lone line costs no second look: only what comes again within a nap is busy, or a lot at once
 * where the turns themselves take longer. */
void batch_timer_arrange(struct pipe_in *p, size_t got)
{
        struct core *core = p->channel->core;
        ev_tstamp now = ev_now(core->loop);
        bool again = p->parked || now - p->last_read < NAP_S || got >= SMALL_PIPE / 2;

        if (core->nap.fd >= 0 && got > 0 && again)
                note_use(p, got);
        if (core->nap.fd < 0 || got == 0 || !again || got >= PLENTY) {
                batch_timer_unpark(p);
                ev_io_start(core->loop, &p->io);
        } else {
                batch_timer_park(p);
        }
        if (got)
                p->last_read = now;
}

void batch_timer_forget(struct pipe_in *p)
{
        ev_io_stop(p->channel->core->loop, &p->io);
        batch_timer_unpark(p);
}

void batch_timer_leave(struct pipe_in *p)
{
        batch_timer_forget(p);
        if (p->grown)
                forget_large(p);
}

/* A pipe that is visited may leave the list, and others with it: each is asked for anew. */
static void on_nap(EV_P_ ev_io *w, int revents)
{
        struct core *core = w->data;
        struct batch_timer *n = &core->nap;
        struct pipe_in *p;
        uint64_t times;
        int count;

        (void)loop, (void)revents;
        if (read(n->fd, &times, sizeof times) < 0)
                return;
        n->armed = false;
        DL_COUNT2(n->parked, p, count, timer_next);
        while (n->parked && count-- > 0) {
                p = n->parked;
                DL_DELETE2(n->parked, p, timer_prev, timer_next);
                DL_APPEND2(n->parked, p, timer_prev, timer_next);
                core->calls->on_turn(p);
        }
        batch_timer_arm(n);
}

void batch_timer_open(struct core *core)
{
        struct batch_timer *n = &core->nap;

        n->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (n->fd < 0)
                return;
        ev_io_init(&n->io, on_nap, n->fd, EV_READ);
        n->io.data = core;
        ev_io_start(core->loop, &n->io);
}

void batch_timer_close(struct core *core)
{
        if (core->nap.fd < 0)
                return;
        ev_io_stop(core->loop, &core->nap.io);
        fd_close(&core->nap.fd);
}
