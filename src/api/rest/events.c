/* GET /v1/events: the history of events, and the clients that follow it. Subscribes to the bus. A
 * client that reads slowly is cut off; nothing waits for it. */
#include "api/rest/events.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "api/http/conn.h"
#include "api/rest/rest.h"
#include "api/rest/view.h"
#include "engine/core/bus.h"

#define GAP_TYPE "stream.gap"
#define TYPE_MAX 128

struct stored_event {
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
        uint64_t newest; /* number of the last event, 0: none yet */
        struct stored_event
            *stored;     /* owned: event n is at n % EVENTS_STORED; NULL: no listener yet */
        uint64_t oldest; /* number of the oldest stored; newest + 1: none */
        size_t stored_bytes;
        struct client *clients;
        int64_t left_ms; /* when the last of them left, loop time */
};

/* ---- history */

static struct stored_event *events_slot(struct events *ev, uint64_t seq)
{
        return &ev->stored[seq % EVENTS_STORED];
}

static void forget_oldest(struct events *ev)
{
        struct stored_event *k = events_slot(ev, ev->oldest++);

        ev->stored_bytes -= k->len;
        free(k->text);
        *k = (struct stored_event){ 0 };
}

static void events_store(struct events *ev, struct stored_event k)
{
        ev->newest = k.seq;
        *events_slot(ev, k.seq) = k;
        ev->stored_bytes += k.len;
        while (ev->oldest < ev->newest && ev->stored_bytes > EVENTS_STORED_BYTES)
                forget_oldest(ev);
}

static void forget_all(struct events *ev)
{
        while (ev->oldest <= ev->newest)
                forget_oldest(ev);
        free(ev->stored);
        ev->stored = NULL;
}

/* Only a listener can have missed something: until there is one, and when the last one has
 * long been away, events are counted and not stored. */
static bool events_are_stored(struct events *ev, int64_t now_ms)
{
        if (ev->stored && !ev->clients && now_ms - ev->left_ms > EVENTS_AWAY_MS)
                forget_all(ev);
        return ev->stored != NULL;
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
                r.gap = true; /* of another instance: how many is not known */
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

/* The next of the globs in a list; false: there are no more. */
static bool next_glob(const char **at, char *glob, size_t size)
{
        while (**at == ',')
                (*at)++;
        size_t len = strcspn(*at, ",");
        snprintf(glob, size, "%.*s", (int)(len < size ? len : size - 1), *at);
        *at += len;
        return len > 0;
}

static bool events_wants(const struct client *c, const char *type)
{
        char glob[TYPE_MAX];
        const char *at = c->types;

        if (*at == '\0')
                return true;
        while (next_glob(&at, glob, sizeof glob))
                if (fnmatch(glob, type, 0) == 0)
                        return true;
        return false;
}

static bool is_known(const char *glob)
{
        const char *type;

        for (size_t i = 0; (type = view_event_types(i)); i++)
                if (fnmatch(glob, type, 0) == 0)
                        return true;
        return fnmatch(glob, GAP_TYPE, 0) == 0;
}

/* A type that no event ever has would be waited for without end. False: answered already. */
static bool are_known(struct request *r, const char *types)
{
        char glob[TYPE_MAX];
        AUTO_BUF all = BUF_INIT;
        const char *type;

        while (next_glob(&types, glob, sizeof glob)) {
                if (is_known(glob))
                        continue;
                for (size_t i = 0; (type = view_event_types(i)); i++)
                        buf_printf(&all, "%s, ", type);
                rest_error(r, 400, "BAD_REQUEST",
                           "types: no event is called '%s'; there are %s" GAP_TYPE
                           " and patterns of them, as in process.*",
                           glob, buf_str(&all));
                return false;
        }
        return true;
}

static void client_gone(struct request *r)
{
        struct client *c = r->state;

        r->state = NULL;
        DL_DELETE(c->events->clients, c);
        c->events->left_ms = clock_now().mono_ms;
        free(c->types);
        free(c);
}

static void events_put_head(struct buf *out, uint64_t instance, uint64_t seq, const char *type)
{
        buf_printf(out, "id: %" PRIx64 ".%" PRIu64 "\nevent: %s\ndata: ", instance, seq, type);
}

/* A message of its own memory; NULL: none. */
static char *message_new(const struct events *ev, const struct event *e,
                         const struct stored_event *k, size_t *len_out)
{
        struct buf text = BUF_INIT;
        AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);

        events_put_head(&text, ev->instance, k->seq, k->type);
        view_event(&j, e, k->seq);
        buf_lit(&text, "\n\n");
        *len_out = text.failed ? 0 : text.len;
        return buf_take(&text);
}

static void events_on_event(void *arg, const struct event *e)
{
        struct events *ev = arg;
        struct client *c, *after;
        struct stored_event k = { .seq = ev->newest + 1, .type = view_event_type(e) };

        if (!k.type)
                return;
        if (!events_are_stored(ev, e->at.mono_ms)) {
                ev->newest = k.seq;
                ev->oldest = k.seq + 1;
                return;
        }
        if (ev->newest - ev->oldest + 1 == EVENTS_STORED)
                forget_oldest(ev);
        /* without memory the number is used up, so that clients see the gap */
        k.text = message_new(ev, e, &k, &k.len);
        events_store(ev, k);
        if (!k.text)
                return;
        DL_FOREACH_SAFE (ev->clients, c, after) {
                if (events_wants(c, k.type))
                        stream_send(c->request, k.text, k.len);
        }
}

static void put_gap(struct events *ev, const struct resume *at, struct buf *out)
{
        AUTO_JSON_WRITER j = JSON_WRITER_INIT(out);

        events_put_head(out, ev->instance, at->after, GAP_TYPE);
        json_writer_open(&j, '{');
        view_key_int(&j, "seq", (int64_t)at->after);
        view_key_time(&j, "at", clock_wall_ms());
        view_key_text(&j, "type", GAP_TYPE);
        json_writer_key(&j, "missed");
        view_int_if(&j, at->counted, (int64_t)at->missed);
        json_writer_close(&j, '}');
        buf_lit(out, "\n\n");
}

/* What it missed, and from now on what happens. */
static bool events_catch_up(struct client *c, const char *last)
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
                const struct stored_event *k = events_slot(ev, seq);
                if (k->text && events_wants(c, k->type))
                        buf_put(&out, k->text, k->len);
        }
        if (out.failed)
                return false;
        return stream_send(c->request, out.data, out.len);
}

/* NULL: no memory; nothing was changed. */
static struct client *client_new(struct request *r, const char *types)
{
        struct events *ev = r->api->events;
        struct client *c = calloc(1, sizeof *c);

        if (c)
                c->types = strdup(types);
        if (c && c->types && !ev->stored)
                ev->stored = calloc(EVENTS_STORED, sizeof *ev->stored);
        if (c && c->types && ev->stored) {
                c->events = ev;
                c->request = r;
                return c;
        }
        if (c)
                free(c->types);
        free(c);
        return NULL;
}

void events_handle(struct request *r)
{
        struct events *ev = r->api->events;
        AUTO_BUF types = BUF_INIT, last = BUF_INIT;
        const char *id = request_header(r, "Last-Event-ID");

        request_param(r, "types", &types);
        if (!are_known(r, buf_str(&types)))
                return;
        if (id)
                buf_puts(&last, id);
        events_are_stored(ev, clock_now().mono_ms); /* or forgotten by now */
        struct client *c = types.failed || last.failed ? NULL : client_new(r, buf_str(&types));
        if (!c) {
                rest_error(r, 503, "BUSY", "out of memory");
                return;
        }
        DL_APPEND(ev->clients, c);
        r->state = c;
        r->on_gone = client_gone;
        if (!stream_begin_reply(r, 200, "text/event-stream",
                                "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n"))
                return;
        if (events_catch_up(c, id ? buf_str(&last) : NULL) || !r->state)
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
        ev->subscriber.on_event = events_on_event;
        ev->subscriber.arg = ev;
        bus_subscribe(&s->bus, &ev->subscriber);
        return ev;
}

void events_free(struct events *ev)
{
        if (!ev)
                return;
        bus_unsubscribe(&ev->sup->bus, &ev->subscriber);
        forget_all(ev);
        free(ev);
}
