#include "engine/listeners.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bus.h"
#include "engine/state.h"
#include "engine/stdin_pipe.h"
#include "engine/ticks.h"
#include "model/event.h"
#include "model/listener_proto.h"

/* The first overflows of a minute are told, the others counted: a pool whose listeners are dead
 * drops an event per event, for days. */
#define SUMMARY_MS 60000
#define TOLD_MOST  10

_Static_assert(EV_TYPE_COUNT <= 64, "event types fit into one word");

/* An event as the listeners see it, made once and shared by all pools that want it. */
struct notice {
        unsigned refs;
        uint64_t serial;
        const char *name; /* static */
        size_t len, chars;
        char payload[];
};

/* Its place in one pool's queue, or with a listener that is busy with it. */
struct entry {
        struct entry *next;
        struct notice *notice; /* reference */
        uint64_t poolserial;
};

struct listener {
        struct listener_proto proto;
        struct pool *pool;       /* borrowed; NULL: the pool is gone */
        struct process *process; /* borrowed */
        struct listener *next;   /* the pool's list */
        struct entry *busy_with; /* owned; NULL: nothing */
};

struct pool {
        struct pool *next;
        struct group *group;        /* borrowed */
        struct program *program;    /* reference */
        uint64_t wanted;            /* a bit per event type */
        struct listener *listeners; /* borrowed: each is its worker's */
        struct entry *first, *last; /* owned: what waits */
        int waiting;
        uint64_t next_serial;
        int told; /* overflows that were logged since told_ms */
        int64_t told_ms;
        uint64_t untold; /* those that were not */
};

struct listeners {
        struct supervisor *sup;
        struct subscriber subscriber;
        struct pool *pools;
        uint64_t wanted; /* by any pool */
        uint64_t next_serial;
};

/* ---- notices and entries */

static void notice_unref(struct notice *n)
{
        if (n && --n->refs == 0)
                free(n);
}

/* Python's len(): Supervisor's listeners read text and count what they read in characters. */
static size_t count_chars(const char *text, size_t len)
{
        size_t chars = 0;

        for (size_t i = 0; i < len; i++)
                chars += ((unsigned char)text[i] & 0xc0) != 0x80;
        return chars;
}

static struct notice *notice_new(const struct event *e, uint64_t serial)
{
        AUTO_BUF payload = BUF_INIT;

        event_payload(e, &payload);
        struct notice *n = payload.failed ? NULL : malloc(sizeof *n + payload.len);
        if (!n)
                return NULL;
        *n = (struct notice){ .refs = 1,
                              .serial = serial,
                              .name = event_name(e->type),
                              .len = payload.len,
                              .chars = count_chars(buf_str(&payload), payload.len) };
        memcpy(n->payload, buf_str(&payload), payload.len);
        return n;
}

static void entry_free(struct entry *e)
{
        if (!e)
                return;
        notice_unref(e->notice);
        free(e);
}

static void push_back(struct pool *p, struct entry *e)
{
        e->next = NULL;
        if (p->last)
                p->last->next = e;
        else
                p->first = e;
        p->last = e;
        p->waiting++;
}

static void push_front(struct pool *p, struct entry *e)
{
        e->next = p->first;
        p->first = e;
        if (!p->last)
                p->last = e;
        p->waiting++;
}

static struct entry *pop_front(struct pool *p)
{
        struct entry *e = p->first;

        if (!e)
                return NULL;
        p->first = e->next;
        if (!p->first)
                p->last = NULL;
        p->waiting--;
        return e;
}

/* ---- the queue */

static void tell_rest(struct supervisor *s, struct pool *p, int64_t now_ms)
{
        if (!p->untold)
                return;
        log_line(s->log, LVL_ERROR,
                 "pool %s event buffer overflowed, discarded %" PRIu64 " more events in %" PRId64
                 " seconds",
                 p->group->name, p->untold, (now_ms - p->told_ms) / 1000);
        p->untold = 0;
}

static void tell_overflow(struct supervisor *s, struct pool *p, const struct entry *lost,
                          int64_t now_ms)
{
        if (p->told && now_ms - p->told_ms >= SUMMARY_MS) {
                tell_rest(s, p, now_ms);
                p->told = 0;
        }
        if (p->told >= TOLD_MOST) {
                p->untold++;
                return;
        }
        log_line(s->log, LVL_ERROR, "pool %s event buffer overflowed, discarding event %" PRIu64,
                 p->group->name, lost->notice->serial);
        if (p->told++ == 0)
                p->told_ms = now_ms;
}

static void make_room(struct supervisor *s, struct pool *p, int64_t now_ms)
{
        while (p->waiting && p->waiting >= p->program->buffer_size) {
                struct entry *oldest = pop_front(p);
                tell_overflow(s, p, oldest, now_ms);
                entry_free(oldest);
        }
}

/* The event that a listener had is older than all that wait: back to the head. */
static void put_back(struct supervisor *s, struct listener *l)
{
        struct entry *e = l->busy_with;
        struct pool *p = l->pool;

        l->busy_with = NULL;
        if (!e || !p) {
                entry_free(e);
                return;
        }
        make_room(s, p, clock_mono_ms());
        push_front(p, e);
        log_line(s->log, LVL_DEBUG,
                 "rebuffering event %" PRIu64 " for pool %s (buf size=%d, max=%d)",
                 e->notice->serial, p->group->name, p->waiting, p->program->buffer_size);
}

/* ---- delivery */

static void tell_state(struct supervisor *s, const struct listener *l, enum listener_state from)
{
        state_note(s, l->process, 0);
        log_line(s->log, LVL_DEBUG, "%s: %s -> %s", l->process->name, listener_state_name(from),
                 listener_state_name(l->proto.state));
}

static bool can_receive(const struct listener *l)
{
        return l->proto.state == LISTENER_READY && l->process->state == PS_RUNNING &&
               l->process->worker && l->process->worker->in;
}

static bool hand_over(struct supervisor *s, struct listener *l, const struct entry *e)
{
        const struct notice *n = e->notice;
        AUTO_BUF message = BUF_INIT;

        buf_printf(&message,
                   "ver:3.0 server:%s serial:%" PRIu64 " pool:%s poolserial:%" PRIu64
                   " eventname:%s len:%zu\n",
                   s->config->settings.identifier, n->serial, l->pool->group->name, e->poolserial,
                   n->name, n->chars);
        buf_put(&message, n->payload, n->len);
        if (message.failed)
                return false;
        return stdin_pipe_write(l->process->worker->in, message.data, message.len) == STDIN_OK;
}

/* The pool's processes in order of definition; the first that is ready and takes it has it. */
static struct listener *find_taker(struct supervisor *s, struct pool *p, const struct entry *e)
{
        for (struct listener *l = p->listeners; l; l = l->next)
                if (can_receive(l) && hand_over(s, l, e))
                        return l;
        return NULL;
}

static void deliver(struct supervisor *s, struct pool *p)
{
        while (p->first) {
                struct listener *l = find_taker(s, p, p->first);
                if (!l)
                        return;
                l->busy_with = pop_front(p);
                listener_proto_sent(&l->proto);
                tell_state(s, l, LISTENER_READY);
                log_line(s->log, LVL_DEBUG, "event %" PRIu64 " sent to listener %s",
                         l->busy_with->notice->serial, l->process->name);
        }
        tell_rest(s, p, clock_mono_ms());
}

/* ---- the bus */

static void accept_event(struct listeners *ls, struct pool *p, struct notice *n, int64_t now_ms)
{
        struct entry *e = malloc(sizeof *e);

        if (!e) {
                log_line(ls->sup->log, LVL_ERROR, "out of memory: pool %s misses event %" PRIu64,
                         p->group->name, n->serial);
                return;
        }
        *e = (struct entry){ .notice = n, .poolserial = p->next_serial++ };
        n->refs++;
        make_room(ls->sup, p, now_ms);
        push_back(p, e);
        deliver(ls->sup, p);
}

static void spread(struct listeners *ls, const struct event *e)
{
        struct notice *n = notice_new(e, ls->next_serial);
        uint64_t bit = UINT64_C(1) << e->type;

        if (!n) {
                log_line(ls->sup->log, LVL_ERROR, "out of memory: listeners miss a %s event",
                         event_name(e->type));
                return;
        }
        ls->next_serial++;
        for (struct pool *p = ls->pools; p; p = p->next)
                if (p->wanted & bit)
                        accept_event(ls, p, n, e->at.mono_ms);
        notice_unref(n);
}

/* What a listener says on its protocol channel is no news for listeners: it would go round for
 * ever. */
static bool is_own_echo(const struct event *e)
{
        return event_is_a(e->type, EV_PROCESS_LOG) && !e->is_stderr && e->process &&
               e->process->program->kind == KIND_LISTENER;
}

static void on_event(void *arg, const struct event *e)
{
        struct listeners *ls = arg;

        if ((ls->wanted >> e->type & 1) && !is_own_echo(e))
                spread(ls, e);
        /* A listener that said READY early counts from here. */
        if (e->type != EV_PROCESS_STATE_RUNNING || !e->process || !e->process->worker)
                return;
        struct listener *l = e->process->worker->listener;
        if (l && l->pool)
                deliver(ls->sup, l->pool);
}

/* ---- pools */

static struct pool **pool_place(struct listeners *ls, const struct group *g)
{
        struct pool **at = &ls->pools;

        while (*at && (*at)->group != g)
                at = &(*at)->next;
        return at;
}

static struct listeners *listeners_of(struct supervisor *s)
{
        if (s->listeners)
                return s->listeners;
        struct listeners *ls = calloc(1, sizeof *ls);
        if (!ls)
                return NULL;
        ls->sup = s;
        ls->subscriber.on_event = on_event;
        ls->subscriber.arg = ls;
        bus_subscribe(&s->bus, &ls->subscriber);
        return s->listeners = ls;
}

/* Overlapping subscriptions are one set: each event comes once. Types without a Supervisor name
 * are never sent. */
static uint64_t wanted_types(const struct program *p)
{
        uint64_t wanted = 0;

        for (size_t i = 0; i < p->events.count; i++) {
                enum event_type above = event_parse(p->events.items[i]);
                for (enum event_type t = EV_EVENT; above != EV_TYPE_COUNT && t < EV_TYPE_COUNT; t++)
                        if (event_name(t) && event_is_a(t, above))
                                wanted |= UINT64_C(1) << t;
        }
        return wanted;
}

static const enum event_type tick_types[] = { EV_TICK_5, EV_TICK_60, EV_TICK_3600 };

static bool want_ticks(struct supervisor *s, uint64_t types, int delta)
{
        bool ok = true;

        for (size_t i = 0; i < sizeof tick_types / sizeof *tick_types; i++)
                if (types >> tick_types[i] & 1)
                        ok = ticks_want(s, tick_types[i], delta) && ok;
        return ok;
}

static void count_wanted(struct listeners *ls)
{
        ls->wanted = 0;
        for (struct pool *p = ls->pools; p; p = p->next)
                ls->wanted |= p->wanted;
}

static bool subscribe(struct listeners *ls, struct pool *p, struct program *program)
{
        uint64_t wanted = wanted_types(program), was = p->wanted;

        if (!want_ticks(ls->sup, wanted & ~was, +1))
                return false;
        want_ticks(ls->sup, was & ~wanted, -1);
        program_ref(program);
        program_unref(p->program);
        p->program = program;
        p->wanted = wanted;
        count_wanted(ls);
        return true;
}

bool listeners_add_group(struct supervisor *s, struct group *g)
{
        if (g->conf->kind != KIND_LISTENER || g->conf->program_count == 0)
                return true;
        struct listeners *ls = listeners_of(s);
        if (!ls)
                return false;
        struct pool **at = pool_place(ls, g);
        if (*at)
                return subscribe(ls, *at, g->conf->programs[0]);
        struct pool *p = calloc(1, sizeof *p);
        if (!p)
                return false;
        p->group = g;
        if (!subscribe(ls, p, g->conf->programs[0])) {
                free(p);
                return false;
        }
        *at = p;
        count_wanted(ls);
        return true;
}

static void pool_free(struct pool *p)
{
        while (p->listeners) {
                struct listener *l = p->listeners;
                p->listeners = l->next;
                l->pool = NULL;
                entry_free(l->busy_with);
                l->busy_with = NULL;
        }
        while (p->first)
                entry_free(pop_front(p));
        program_unref(p->program);
        free(p);
}

void listeners_remove_group(struct supervisor *s, struct group *g)
{
        struct pool **at = s->listeners ? pool_place(s->listeners, g) : NULL;

        if (!at || !*at)
                return;
        struct pool *p = *at;
        *at = p->next;
        want_ticks(s, p->wanted, -1);
        pool_free(p);
        count_wanted(s->listeners);
}

void listeners_free(struct supervisor *s)
{
        struct listeners *ls = s->listeners;

        if (!ls)
                return;
        while (ls->pools)
                listeners_remove_group(s, ls->pools->group);
        bus_unsubscribe(&s->bus, &ls->subscriber);
        s->listeners = NULL;
        free(ls);
}

/* ---- processes */

static void enlist(struct pool *p, struct listener *l)
{
        struct listener **at = &p->listeners;

        while (*at && (*at)->process->number <= l->process->number)
                at = &(*at)->next;
        l->next = *at;
        *at = l;
        l->pool = p;
}

static struct listener *listener_of(struct supervisor *s, struct process *p)
{
        struct worker *w = worker_of(s, p);
        struct pool *pool = s->listeners ? *pool_place(s->listeners, p->group) : NULL;

        if (!w || !pool)
                return NULL;
        if (!w->listener) {
                w->listener = calloc(1, sizeof *w->listener);
                if (!w->listener)
                        return NULL;
                w->listener->process = p;
        }
        if (!w->listener->pool)
                enlist(pool, w->listener);
        return w->listener;
}

void listener_spawned(struct supervisor *s, struct process *p)
{
        struct listener *l = listener_of(s, p);

        if (!l) {
                log_line(s->log, LVL_WARN, "%s: out of memory, it will receive no events", p->name);
                return;
        }
        put_back(s, l);
        listener_proto_begin(&l->proto);
}

void listener_adopted(struct supervisor *s, struct process *p, int state)
{
        listener_spawned(s, p);
        if (!p->worker || !p->worker->listener)
                return;
        struct listener_proto *lp = &p->worker->listener->proto;
        if (state == LISTENER_READY || state == LISTENER_BUSY || state == LISTENER_UNKNOWN)
                lp->state = (enum listener_state)state;
}

int listener_state_of(const struct listener *l)
{
        return (int)l->proto.state;
}

static void went_unknown(struct supervisor *s, struct listener *l)
{
        log_line(
            s->log, LVL_WARN,
            "%s: has entered the UNKNOWN state and will no longer receive events, this usually "
            "indicates the process violated the eventlistener protocol",
            l->process->name);
        put_back(s, l);
}

static void happened(struct supervisor *s, struct listener *l, enum listener_news news)
{
        const char *name = l->process->name;

        switch (news) {
        case LISTENER_OK:
                log_line(s->log, LVL_DEBUG, "%s: event was processed", name);
                entry_free(l->busy_with);
                l->busy_with = NULL;
                break;
        case LISTENER_FAIL:
                log_line(s->log, LVL_WARN, "%s: event was rejected", name);
                put_back(s, l);
                break;
        case LISTENER_BAD_LINE:
                log_line(s->log, LVL_WARN, "%s: bad result line: '%s'", name, l->proto.line);
                went_unknown(s, l);
                break;
        case LISTENER_BROKE:
                went_unknown(s, l);
                break;
        case LISTENER_QUIET:
        case LISTENER_IS_READY:
                break;
        }
}

void listener_output(struct supervisor *s, struct process *p, const char *data, size_t len)
{
        struct listener *l = p->worker ? p->worker->listener : NULL;

        if (!l || !l->pool)
                return;
        for (;;) {
                enum listener_state from = l->proto.state;
                enum listener_news news = listener_proto_feed(&l->proto, &data, &len);
                if (news == LISTENER_QUIET)
                        break;
                tell_state(s, l, from);
                happened(s, l, news);
        }
        deliver(s, l->pool);
}

void listener_ended(struct supervisor *s, struct process *p)
{
        struct listener *l = p->worker ? p->worker->listener : NULL;

        if (!l)
                return;
        l->proto = (struct listener_proto){ .state = LISTENER_UNKNOWN };
        put_back(s, l);
        if (l->pool)
                deliver(s, l->pool);
}

void listener_free(struct listener *l)
{
        if (!l)
                return;
        if (l->pool) {
                struct listener **at = &l->pool->listeners;
                while (*at != l)
                        at = &(*at)->next;
                *at = l->next;
                if (l->busy_with)
                        push_front(l->pool, l->busy_with);
                l->busy_with = NULL;
        }
        entry_free(l->busy_with);
        free(l);
}
