/* The policy `drop`: while its file takes nothing a worker does not wait, and what finds no room in
 * memory is lost: whole lines, counted, and said. */
#include "logs/intake/overflow.h"

#include <string.h>

#include "logs/intake/channel.h"
#include "logs/intake/text.h"

#define BACKLOG_MOST 65536  /* in memory while the file takes nothing */
#define LONGEST_LINE 262144 /* a line that was begun is not cut below this length */

static bool overflow_has_room(const struct channel *s)
{
        return !s->out.queued || s->out.rest.len < BACKLOG_MOST;
}

static void overflow_drop(struct pipe_in *p, const char *data, size_t len)
{
        struct channel *s = p->channel;

        if (!len)
                return;
        s->out.read += len;
        s->out.dropped += len;
        p->drop_mid_line = data[len - 1] != '\n';
        drops_add(&s->extras->drops, len);
}

/* How much of this ends the line that was begun. */
static size_t to_line_end(const char *data, size_t len)
{
        const char *end = memchr(data, '\n', len);

        return end ? (size_t)(end - data) + 1 : len;
}

static void overflow_begin(struct pipe_in *p, char *data, size_t len)
{
        size_t keep = p->channel->out.rest.len < LONGEST_LINE ? to_line_end(data, len) : 0;

        if (keep)
                text_in(p, data, keep);
        if (keep && data[keep - 1] != '\n')
                return; /* the line goes on */
        p->dropping = true;
        p->drop_mid_line = false;
        overflow_drop(p, data + keep, len - keep);
}

static void overflow_end(struct pipe_in *p, char *data, size_t len)
{
        size_t skip = p->drop_mid_line ? to_line_end(data, len) : 0;

        overflow_drop(p, data, skip);
        if (p->drop_mid_line)
                return;
        p->dropping = false;
        drops_over(&p->channel->extras->drops);
        if (skip < len)
                text_in(p, data + skip, len - skip);
}

void overflow_in(struct pipe_in *p, char *data, size_t len)
{
        bool room = overflow_has_room(p->channel);

        if (!room && p->dropping)
                overflow_drop(p, data, len);
        else if (!room)
                overflow_begin(p, data, len);
        else if (p->dropping)
                overflow_end(p, data, len);
        else
                text_in(p, data, len);
}

void overflow_over(struct channel *s)
{
        if (s->extras)
                drops_over(&s->extras->drops);
}
