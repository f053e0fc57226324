/* The policy `drop`: while its file takes nothing a worker does not wait, and what finds no room in
 * memory is lost: whole lines, counted, and said. */
#include <string.h>

#include "base/clock.h"
#include "channel.h"

#define KEPT_BYTES    65536  /* in memory while the file takes nothing */
#define LONGEST_LINE  262144 /* a line that was begun is kept whole up to here */
#define TELL_AGAIN_MS 60000

static bool has_room(const struct channel *s)
{
        return !s->out.queued || s->out.rest.len < KEPT_BYTES;
}

static void tell(struct channel *s)
{
        const struct logs_news *n = &s->core->news;
        uint64_t bytes = s->untold;

        if (!bytes || s->silent)
                return;
        s->untold = 0;
        s->drop_told_ms = clock_mono_ms();
        log_line(s->core->log, LVL_WARN, "log of '%s' %s: %llu bytes dropped (%s_overflow=drop)",
                 s->conf.process, s->conf.is_stderr ? "stderr" : "stdout",
                 (unsigned long long)bytes, s->conf.is_stderr ? "stderr" : "stdout");
        if (n->on_dropped)
                n->on_dropped(n->arg, s->owner, s->conf.is_stderr, bytes);
}

static void drop(struct pipe_in *p, const char *data, size_t len)
{
        struct channel *s = p->channel;

        if (!len)
                return;
        s->out.read += len;
        s->out.dropped += len;
        s->untold += len;
        p->drop_mid_line = data[len - 1] != '\n';
        if (!s->drop_told_ms || clock_mono_ms() - s->drop_told_ms >= TELL_AGAIN_MS)
                tell(s);
}

/* How much of this ends the line that was begun. */
static size_t to_line_end(const char *data, size_t len)
{
        const char *end = memchr(data, '\n', len);

        return end ? (size_t)(end - data) + 1 : len;
}

static void begin(struct pipe_in *p, char *data, size_t len)
{
        size_t keep = p->channel->out.rest.len < LONGEST_LINE ? to_line_end(data, len) : 0;

        if (keep)
                text_in(p, data, keep);
        if (keep && data[keep - 1] != '\n')
                return; /* the line goes on */
        p->dropping = true;
        p->drop_mid_line = false;
        drop(p, data + keep, len - keep);
}

static void end(struct pipe_in *p, char *data, size_t len)
{
        size_t skip = p->drop_mid_line ? to_line_end(data, len) : 0;

        drop(p, data, skip);
        if (p->drop_mid_line)
                return;
        p->dropping = false;
        tell(p->channel);
        if (skip < len)
                text_in(p, data + skip, len - skip);
}

void overflow_in(struct pipe_in *p, char *data, size_t len)
{
        bool room = has_room(p->channel);

        if (!room && p->dropping)
                drop(p, data, len);
        else if (!room)
                begin(p, data, len);
        else if (p->dropping)
                end(p, data, len);
        else
                text_in(p, data, len);
}

void overflow_over(struct channel *s)
{
        tell(s);
        s->drop_told_ms = 0;
}
