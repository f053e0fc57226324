/* The log thread may stand in a call that never returns, on a disk that hangs. That is noticed by
 * messages that are not run. Usually they are, within the first look: that costs one wake-up. Only
 * where they are not, a message of ours goes behind them, whose return stops the clock. */
#include "logs/heartbeat.h"

#define LOOK_S   .5 /* so long after a message it is looked at whether it was run */
#define SILENT_S 5. /* so long without an answer, and it is said */

/* The loop can end while it runs. */
static void clock_stop(struct heartbeat *h)
{
        if (!ev_is_active(&h->clock))
                return;
        ev_ref(h->back->loop);
        ev_timer_stop(h->back->loop, &h->clock);
}

static void clock_start(struct heartbeat *h, double seconds)
{
        clock_stop(h);
        ev_timer_set(&h->clock, seconds, seconds);
        ev_timer_start(h->back->loop, &h->clock);
        ev_unref(h->back->loop);
}

static void heartbeat_begin(struct heartbeat *h)
{
        h->asked = h->there->sent;
        h->since = ev_now(h->back->loop);
        clock_start(h, LOOK_S);
}

static void on_sent(void *arg)
{
        struct heartbeat *h = arg;

        if (!h->is_out && !ev_is_active(&h->clock))
                heartbeat_begin(h);
}

static void main_back(struct mail *m)
{
        struct heartbeat *h = (struct heartbeat *)m;

        h->is_out = false;
        if (!h->there)
                return;
        clock_stop(h);
        if (h->is_silent)
                log_line(h->log, LVL_WARN, "the log thread answers again, after %.0f seconds",
                         ev_now(h->back->loop) - h->since);
        h->is_silent = false;
        if (!mailbox_has_run(h->there, h->there->sent))
                heartbeat_begin(h);
}

static void core_there(struct mail *m)
{
        struct heartbeat *h = (struct heartbeat *)m;

        m->run = main_back;
        mailbox_send(h->back, m);
}

static void heartbeat_send(struct heartbeat *h, double rest)
{
        h->is_out = true;
        clock_start(h, rest);
        h->mail.run = core_there;
        mailbox_send(h->there, &h->mail);
}

static void on_clock(EV_P_ ev_timer *w, int revents)
{
        struct heartbeat *h = w->data;

        (void)loop, (void)revents;
        if (h->is_out) {
                clock_stop(h);
                h->is_silent = true;
                log_line(h->log, LVL_CRITICAL,
                         "the log thread has not answered for %.0f seconds: no log is written",
                         ev_now(h->back->loop) - h->since);
        } else if (!mailbox_has_run(h->there, h->asked)) {
                heartbeat_send(h, SILENT_S - LOOK_S);
        } else if (!mailbox_has_run(h->there, h->there->sent)) {
                heartbeat_begin(h);
        } else {
                clock_stop(h);
        }
}

void heartbeat_start(struct heartbeat *h, struct mailbox *there, struct mailbox *back,
                     struct log *log)
{
        *h = (struct heartbeat){ .there = there, .back = back, .log = log };
        ev_timer_init(&h->clock, on_clock, 0., 0.);
        h->clock.data = h;
        there->on_sent = on_sent;
        there->on_sent_arg = h;
}

void heartbeat_stop(struct heartbeat *h)
{
        if (!h->there)
                return;
        clock_stop(h);
        h->there->on_sent = NULL;
        h->there = NULL;
}

bool heartbeat_trouble(struct heartbeat *h, struct buf *out)
{
        if (!h->there)
                return false;
        if (h->is_silent)
                buf_printf(out, "the log thread has not answered for %.0f seconds",
                           ev_now(h->back->loop) - h->since);
        else if (!h->is_out && ev_now(h->back->loop) - h->since >= SILENT_S) {
                h->since = ev_now(h->back->loop);
                heartbeat_send(h, SILENT_S);
        }
        return h->is_silent;
}
