#include "api/events.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "api/conn.h"
#include "api/rest.h"
#include "api/view.h"
#include "engine/bus.h"

struct kept {
        uint64_t seq;
        const char *type; /* static */
        char *text;       /* owned: the whole message */
        size_t len;
};

struct client {
        struct client *prev, *next;
        struct events *events; /* borrowed */
        struct request *request;
        char *types; /* owned: globs, separated by commas; "" is everything */
};

struct events {
        struct supervisor *sup;
        struct subscriber subscriber;
        uint64_t instance;
        uint64_t newest;               /* number of the last event, 0: none yet */
        struct kept kept[EVENTS_KEPT]; /* event n is at n % EVENTS_KEPT */
        uint64_t oldest;               /* number of the oldest kept; newest + 1: none */
        size_t kept_bytes;
        struct client *clients;
};

/* ---- history */

static struct kept *slot(struct events *ev, uint64_t seq)
{
        return &ev->kept[seq % EVENTS_KEPT];
}

static void forget_oldest(struct events *ev)
{
        struct kept *k = slot(ev, ev->oldest++);

        ev->kept_bytes -= k->len;
        free(k->text);
        *k = (struct kept){ 0 };
}

static void keep(struct events *ev, struct kept k)
{
        ev->newest = k.seq;
        *slot(ev, k.seq) = k;
        ev->kept_bytes += k.len;
        while (ev->oldest < ev->newest && ev->kept_bytes > EVENTS_KEPT_BYTES)
                forget_oldest(ev);
}

struct resume events_resume(const char *last, uint64_t instance, uint64_t oldest, uint64_t newest)
{
        struct resume r = { .after = oldest - 1 };
        char *end;

        errno = 0;
        uint64_t from = strtoull(last, &end, 16);
        bool fine = end != last && *end == '.' && errno == 0;
        const char *number = fine ? end + 1 : last;
        uint64_t seq = strtoull(number, &end, 10);
        fine = fine && *number >= '0' && *number <= '9' && *end == '\0' && errno == 0;
        if (!fine || from != instance || seq > newest) {
                r.gap = true; /* of another life: nobody can say how many */
                return r;
        }
        r.counted = true;
        if (seq + 1 >= oldest) {
                r.after = seq;
                return r;
        }
        r.gap = true;
        r.missed = oldest - 1 - seq;
        return r;
}

/* ---- clients */

static bool wants(const struct client *c, const char *type)
{
        char glob[128];
        const char *at = c->types;

        if (*at == '\0')
                return true;
        while (*at) {
                size_t len = strcspn(at, ",");
                if (len < sizeof glob) {
                        memcpy(glob, at, len);
                        glob[len] = '\0';
                        if (fnmatch(glob, type, 0) == 0)
                                return true;
                }
                at += len;
                if (*at == ',')
                        at++;
        }
        return false;
}

static void client_gone(struct request *r)
{
        struct client *c = r->state;

        r->state = NULL;
        DL_DELETE(c->events->clients, c);
        free(c->types);
        free(c);
}

static bool put_message(struct buf *out, uint64_t instance, uint64_t seq, const char *type,
                        json_t *data)
{
        buf_printf(out, "id: %" PRIx64 ".%" PRIu64 "\nevent: %s\ndata: ", instance, seq, type);
        bool fine = rest_dump(data, out);
        buf_puts(out, "\n\n");
        return fine && !out->failed;
}

static void on_event(void *arg, const struct event *e)
{
        struct events *ev = arg;
        AUTO_BUF text = BUF_INIT;
        struct client *c, *after;
        struct kept k = { .seq = ev->newest + 1 };
        json_t *data = view_event(e, k.seq, &k.type);

        if (!k.type)
                return;
        bool fine = data && put_message(&text, ev->instance, k.seq, k.type, data);
        json_decref(data);
        if (ev->newest - ev->oldest + 1 == EVENTS_KEPT)
                forget_oldest(ev);
        k.len = text.len;
        k.text = fine ? buf_take(&text) : NULL;
        if (!k.text) /* no memory: the number is used up, so that clients see the gap */
                k.len = 0;
        keep(ev, k);
        if (!k.text)
                return;
        DL_FOREACH_SAFE (ev->clients, c, after) {
                if (wants(c, k.type))
                        stream_send(c->request, k.text, k.len);
        }
}

static void put_gap(struct events *ev, const struct resume *at, struct buf *out)
{
        json_t *data = json_pack("{s:I, s:o, s:s, s:o}", "seq", (json_int_t)at->after, "at",
                                 view_time(clock_wall_ms()), "type", "stream.gap", "missed",
                                 at->counted ? json_integer((json_int_t)at->missed) : json_null());

        if (!data || !put_message(out, ev->instance, at->after, "stream.gap", data))
                out->failed = true;
        json_decref(data);
}

/* What it missed, and from now on what happens. */
static bool catch_up(struct client *c, const char *last)
{
        struct events *ev = c->events;
        AUTO_BUF out = BUF_INIT;
        struct resume at = { .after = ev->newest };

        buf_puts(&out, ": supervisord\n\n"); /* so that the client sees that it is connected */
        if (last)
                at = events_resume(last, ev->instance, ev->oldest, ev->newest);
        if (at.gap)
                put_gap(ev, &at, &out);
        for (uint64_t seq = at.after + 1; seq <= ev->newest; seq++) {
                const struct kept *k = slot(ev, seq);
                if (k->text && wants(c, k->type))
                        buf_put(&out, k->text, k->len);
        }
        if (out.failed)
                return false;
        return stream_send(c->request, out.data, out.len);
}

void events_handle(struct request *r)
{
        struct events *ev = r->api->events;
        struct client *c = calloc(1, sizeof *c);
        struct buf types = BUF_INIT;

        request_param(r, "types", &types);
        buf_putc(&types, '\0');
        if (!c || !(c->types = buf_take(&types))) {
                buf_release(&types);
                free(c);
                rest_error(r, 503, "BUSY", "out of memory");
                return;
        }
        c->events = ev;
        c->request = r;
        DL_APPEND(ev->clients, c);
        r->state = c;
        r->on_gone = client_gone;
        const char *last = request_header(r, "Last-Event-ID");
        AUTO_BUF copy = BUF_INIT;
        if (last)
                buf_puts(&copy, last);
        if (!stream_begin_reply(r, 200, "text/event-stream",
                                "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n"))
                return;
        if (catch_up(c, last ? buf_str(&copy) : NULL) || !r->state)
                return;
        client_gone(r); /* no memory for the history: better no stream than one with a hole */
        r->on_gone = NULL;
        stream_end(r);
}

struct events *events_new(struct supervisor *s, uint64_t instance)
{
        struct events *ev = calloc(1, sizeof *ev);

        if (!ev)
                return NULL;
        ev->sup = s;
        ev->instance = instance;
        ev->oldest = 1;
        ev->subscriber.on_event = on_event;
        ev->subscriber.arg = ev;
        bus_subscribe(&s->bus, &ev->subscriber);
        return ev;
}

void events_free(struct events *ev)
{
        if (!ev)
                return;
        bus_unsubscribe(&ev->sup->bus, &ev->subscriber);
        while (ev->oldest <= ev->newest)
                forget_oldest(ev);
        free(ev);
}
