/* Reads a stream of server-sent events, fed in pieces of any size, and calls back for each event.
 */
#include "wire/sse.h"

#include <string.h>

void sse_release(struct sse *s)
{
        buf_release(&s->line);
        buf_release(&s->type);
        buf_release(&s->data);
}

static bool sse_dispatch(struct sse *s)
{
        bool more = !s->has_data || s->on_event(s->arg, buf_str(&s->type), buf_str(&s->data));

        buf_reset(&s->type);
        buf_reset(&s->data);
        s->has_data = false;
        return more;
}

/* "field: value"; lines that begin with a colon are comments that keep the connection alive. */
static bool sse_take_line(struct sse *s)
{
        const char *line = buf_str(&s->line);
        size_t name = strcspn(line, ":");
        const char *value = line[name] ? line + name + 1 : line + name;

        if (!*line)
                return sse_dispatch(s);
        if (*value == ' ')
                value++;
        if (name == 5 && strncmp(line, "event", 5) == 0) {
                buf_reset(&s->type);
                buf_puts(&s->type, value);
        } else if (name == 4 && strncmp(line, "data", 4) == 0) {
                if (s->has_data)
                        buf_putc(&s->data, '\n');
                buf_puts(&s->data, value);
                s->has_data = true;
        }
        return !s->data.failed && s->data.len < SSE_EVENT_MAX;
}

bool sse_feed(void *arg, const char *bytes, size_t len)
{
        struct sse *s = arg;

        for (size_t i = 0; i < len; i++) {
                if (bytes[i] != '\n') {
                        buf_putc(&s->line, bytes[i]);
                        if (s->line.failed || s->line.len > SSE_EVENT_MAX)
                                return false;
                        continue;
                }
                if (s->line.len && s->line.data[s->line.len - 1] == '\r')
                        s->line.data[--s->line.len] = '\0';
                bool more = sse_take_line(s);
                buf_reset(&s->line);
                if (!more)
                        return false;
        }
        return true;
}
