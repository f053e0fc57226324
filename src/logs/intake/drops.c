/* Says in the main log that bytes were lost: at once, then once a minute, and when it is over.
 * Counts; does not decide what is lost. */
#include "logs/intake/drops.h"

#include <utlist.h>

#include "base/clock.h"
#include "logs/intake/channel.h"

#define AGAIN_MS 60000

static const char *drops_why(const struct drops *d)
{
        const struct channel *s = d->channel;
        const char *reason;

        if (!d->is_syslog)
                return s->conf.is_stderr ? "stderr_overflow=drop" : "stdout_overflow=drop";
        reason = sink_syslog_reason(s->core->syslog);
        return reason ? reason : "syslog does not keep up";
}

static void drops_unlist(struct drops *d)
{
        if (d->is_listed)
                DL_DELETE(d->channel->core->drops, d);
        d->is_listed = false;
}

static void drops_tell(struct drops *d, int64_t now)
{
        struct channel *s = d->channel;
        const struct logs_news *n = &s->core->news;
        uint64_t bytes = d->unpublished;

        drops_unlist(d);
        d->unpublished = 0;
        d->told_ms = now;
        log_line(s->core->log, LVL_WARN, "%s of '%s' %s: %llu bytes dropped (%s)",
                 d->is_syslog ? "syslog" : "log", s->conf.process,
                 s->conf.is_stderr ? "stderr" : "stdout", (unsigned long long)bytes, drops_why(d));
        if (n->on_dropped)
                n->on_dropped(n->arg, s->owner, s->conf.is_stderr, bytes);
}

/* ---- later */

static void drops_arm(struct core *core)
{
        struct drops *d;
        int64_t first = 0;

        DL_FOREACH (core->drops, d)
                if (!first || d->told_ms < first)
                        first = d->told_ms;
        ev_timer_stop(core->loop, &core->drops_due);
        if (!core->drops)
                return;
        int64_t wait = first + AGAIN_MS - clock_mono_ms();
        ev_timer_set(&core->drops_due, wait > 0 ? (double)wait / 1000. : 0., 0.);
        ev_timer_start(core->loop, &core->drops_due);
}

/* A callback may free any stream: start over after each. */
static void on_due(EV_P_ ev_timer *w, int revents)
{
        struct core *core = w->data;
        int64_t now = clock_mono_ms();
        struct drops *d = core->drops;

        (void)loop, (void)revents;
        while (d) {
                if (now - d->told_ms < AGAIN_MS) {
                        d = d->next;
                        continue;
                }
                struct channel *s = d->channel;
                channel_enter(s);
                drops_tell(d, now);
                channel_leave(s);
                d = core->drops;
        }
        drops_arm(core);
}

static void drops_later(struct drops *d)
{
        struct core *core = d->channel->core;

        if (d->is_listed)
                return;
        DL_APPEND(core->drops, d);
        d->is_listed = true;
        if (ev_is_active(&core->drops_due))
                return;
        ev_init(&core->drops_due, on_due);
        core->drops_due.data = core;
        drops_arm(core);
}

/* ---- what others call */

void drops_add(struct drops *d, uint64_t bytes)
{
        int64_t now;

        d->unpublished += bytes;
        if (!bytes || d->is_listed || d->channel->silent)
                return;
        now = clock_mono_ms();
        if (!d->told_ms || now - d->told_ms >= AGAIN_MS)
                drops_tell(d, now);
        else
                drops_later(d);
}

/* A disk that is full every other moment ends its troubles often: said once a minute, too. */
void drops_over(struct drops *d)
{
        int64_t now;

        if (!d->unpublished || d->channel->silent)
                return;
        now = clock_mono_ms();
        if (d->over_ms && now - d->over_ms < AGAIN_MS)
                return; /* the timer says it */
        d->over_ms = now;
        drops_tell(d, now);
}

void drops_forget(struct drops *d)
{
        drops_unlist(d);
        if (!d->unpublished)
                return;
        log_line(d->channel->core->log, LVL_WARN, "%s of '%s' %s: %llu bytes dropped (%s)",
                 d->is_syslog ? "syslog" : "log", d->channel->conf.process,
                 d->channel->conf.is_stderr ? "stderr" : "stdout",
                 (unsigned long long)d->unpublished, drops_why(d));
        d->unpublished = 0;
}

void drops_stop(struct core *core)
{
        if (core->loop)
                ev_timer_stop(core->loop, &core->drops_due);
}
