/* Server-sent events: lines in, one event at a time out. */
#ifndef WIRE_SSE_H
#define WIRE_SSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define SSE_EVENT_MAX ((size_t)16 << 20)

/* data holds the event's data lines joined by newlines. False stops the reading. */
typedef bool (*sse_event)(void *arg, const char *type, const char *data);

struct sse {
        struct buf line, type, data;
        bool has_data;
        sse_event on_event;
        void *arg;
};

void sse_release(struct sse *s);
bool sse_feed(void *sse, const char *bytes, size_t len); /* an http_sink */

#endif
