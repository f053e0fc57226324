/* Pools of event listeners: which events they want, which listener gets the next one, and what its
 * answer means. A listener that hangs or breaks the protocol harms no other. */
#include "engine/events/listeners.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault_point.h"
#include "engine/events/pool.h"
#include "engine/events/ticks.h"
#include "engine/run/stdin_pipe.h"

_Static_assert(EV_TYPE_COUNT <= 64, "event types fit into one word");

/* ---- events */

static struct notice *make_notice(const struct event *e, uint64_t serial)
{
        AUTO_BUF payload = BUF_INIT;

        event_payload(e, &payload);
        if (payload.failed)
                return NULL;
        return notice_new(event_name(e->type), serial, buf_str(&payload), payload.len);
}

static void listeners_make_room(struct supervisor *s, struct pool *p, int64_t now_ms)
{
        queue_make_room(s, &p->queue, p->group->name, p->program->buffer_size, now_ms);
}

/* The event that a listener had is older than nearly all that wait. */
static void put_back(struct supervisor *s, struct listener *l)
{
        struct entry *e = l->busy_with;
        struct pool *p = l->pool;

        l->busy_with = NULL;
        if (!e || !p) {
                entry_free(s, e);
                return;
        }
        state_event_mark(s, e->slot, EVENT_WAITS, 0);
        listeners_make_room(s, p, clock_mono_ms());
        queue_push_sorted(&p->queue, e);
        log_line(s->log, LVL_DEBUG,
                 "rebuffering event %" PRIu64 " for pool %s (buf size=%d, max=%d)",
                 e->notice->serial, p->group->name, p->queue.waiting, p->program->buffer_size);
}

/* ---- delivery */

static void tell_state(struct supervisor *s, const struct listener *l, enum listener_state from)
{
        state_note(s, l->process, 0);
        log_line(s->log, LVL_DEBUG, "%s: %s -> %s", l->process->name, listener_state_name(from),
                 listener_state_name(l->proto.state));
}

static bool can_receive(struct listener *l)
{
        return l->proto.state == LISTENER_READY && !ev_is_active(&l->pause) &&
               l->process->state == PS_RUNNING && l->process->worker && l->process->worker->in;
}

static bool listeners_hand_over(struct supervisor *s, struct listener *l, const struct entry *e)
{
        const struct notice *n = e->notice;
        AUTO_BUF message = BUF_INIT;

        buf_printf(&message,
                   "ver:3.0 server:%s serial:%" PRIu64 " pool:%s poolserial:%" PRIu64
                   " eventname:%s len:%zu\n",
                   s->config->settings.identifier, n->serial, l->pool->group->name, e->poolserial,
                   n->name, n->chars);
        buf_put(&message, n->payload, n->len);
        enum stdin_result done =
            message.failed ? STDIN_NOMEM
                           : stdin_pipe_write(l->process->worker->in, message.data, message.len);
        if (done == STDIN_NOMEM && !l->pool->stuck)
                log_line(s->log, LVL_WARN,
                         "event %" PRIu64 " for listener %s finds no memory: it waits", n->serial,
                         l->process->name);
        l->pool->stuck = done == STDIN_NOMEM;
        return done == STDIN_OK;
}

/* The pool's processes in order of definition; the first that is ready and takes it has it. */
static struct listener *find_taker(struct supervisor *s, struct pool *p, const struct entry *e)
{
        for (struct listener *l = p->listeners; l; l = l->next) {
                if (!can_receive(l))
                        continue;
                state_event_mark(s, e->slot, EVENT_SENDING, l->process->number);
                fault_point("event.sending");
                if (listeners_hand_over(s, l, e)) {
                        fault_point("event.written");
                        return l;
                }
                state_event_mark(s, e->slot, EVENT_WAITS, 0);
        }
        return NULL;
}

void pool_deliver(struct supervisor *s, struct pool *p)
{
        while (p->queue.first) {
                struct listener *l = find_taker(s, p, p->queue.first);
                if (!l)
                        return;
                l->busy_with = queue_pop(&p->queue);
                bool is_sent = stdin_pipe_queued(l->process->worker->in) == 0;
                state_event_mark(s, l->busy_with->slot, is_sent ? EVENT_SENT : EVENT_SENDING,
                                 l->process->number);
                listener_proto_sent(&l->proto);
                tell_state(s, l, LISTENER_READY);
                log_line(s->log, LVL_DEBUG, "event %" PRIu64 " sent to listener %s",
                         l->busy_with->notice->serial, l->process->name);
        }
        queue_tell_rest(s, &p->queue, p->group->name, clock_mono_ms());
}

/* ---- the bus */

static uint32_t persist_event(struct supervisor *s, const struct pool *p, const struct entry *e)
{
        const struct persisted_event k = { .pool = p->group->name,
                                           .name = e->notice->name,
                                           .payload = e->notice->payload,
                                           .len = e->notice->len,
                                           .serial = e->notice->serial,
                                           .poolserial = e->poolserial };

        return state_event_put(s, &k);
}

static void accept_event(struct listeners *ls, struct pool *p, struct notice *n, int64_t now_ms)
{
        struct entry *e = entry_new(n, p->next_serial);

        if (!e) {
                log_line(ls->sup->log, LVL_ERROR, "out of memory: pool %s misses event %" PRIu64,
                         p->group->name, n->serial);
                return;
        }
        state_pool_serial(ls->sup, p->group->name, &p->slot, ++p->next_serial);
        e->slot = persist_event(ls->sup, p, e);
        fault_point("event.persisted");
        listeners_make_room(ls->sup, p, now_ms);
        queue_push_back(&p->queue, e);
        pool_deliver(ls->sup, p);
}

static void listeners_spread(struct listeners *ls, const struct event *e)
{
        struct notice *n = make_notice(e, ls->next_serial);
        uint64_t bit = UINT64_C(1) << e->type;

        if (!n) {
                log_line(ls->sup->log, LVL_ERROR, "out of memory: listeners miss a %s event",
                         event_name(e->type));
                return;
        }
        state_serial(ls->sup, ++ls->next_serial);
        fault_point("event.numbered");
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

static void listeners_on_event(void *arg, const struct event *e)
{
        struct listeners *ls = arg;

        if ((ls->wanted >> e->type & 1) && !is_own_echo(e))
                listeners_spread(ls, e);
        /* A listener that said READY early counts from here. */
        if (e->type != EV_PROCESS_STATE_RUNNING || !e->process || !e->process->worker)
                return;
        struct listener *l = e->process->worker->listener;
        if (l && l->pool)
                pool_deliver(ls->sup, l->pool);
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
        if (listeners_own(s))
                return listeners_own(s);
        struct listeners *ls = calloc(1, sizeof *ls);
        if (!ls)
                return NULL;
        ls->sup = s;
        ls->subscriber.on_event = listeners_on_event;
        ls->subscriber.arg = ls;
        ls->next_serial = state_serial_persisted(s);
        bus_subscribe(&s->bus, &ls->subscriber);
        component_set(s, COMPONENT_listeners, ls);
        return ls;
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

static void want_ticks(struct supervisor *s, uint64_t types, int delta)
{
        for (size_t i = 0; i < sizeof tick_types / sizeof *tick_types; i++)
                if (types >> tick_types[i] & 1)
                        ticks_want(s, tick_types[i], delta);
}

static void count_wanted(struct listeners *ls)
{
        ls->wanted = 0;
        for (struct pool *p = ls->pools; p; p = p->next)
                ls->wanted |= p->wanted;
}

static void listeners_subscribe(struct listeners *ls, struct pool *p, struct program *program)
{
        uint64_t wanted = wanted_types(program), was = p->wanted;

        want_ticks(ls->sup, wanted & ~was, +1);
        want_ticks(ls->sup, was & ~wanted, -1);
        program_ref(program);
        program_unref(p->program);
        p->program = program;
        p->wanted = wanted;
        count_wanted(ls);
}

/* ---- pools as groups come and go */

bool listeners_add_group(struct supervisor *s, struct group *g)
{
        if (g->conf->kind != KIND_LISTENER || g->conf->program_count == 0)
                return true;
        struct listeners *ls = listeners_of(s);
        if (!ls)
                return false;
        struct pool **at = pool_place(ls, g);
        if (*at) {
                listeners_subscribe(ls, *at, g->conf->programs[0]);
                return true;
        }
        struct pool *p = calloc(1, sizeof *p);
        if (!p)
                return false;
        p->group = g;
        listeners_subscribe(ls, p, g->conf->programs[0]);
        *at = p;
        count_wanted(ls);
        pool_take_persisted(ls, p);
        return true;
}

static void pool_free(struct supervisor *s, struct pool *p)
{
        while (p->listeners) {
                struct listener *l = p->listeners;
                p->listeners = l->next;
                l->pool = NULL;
                entry_free(s, l->busy_with);
                l->busy_with = NULL;
        }
        while (p->queue.first)
                entry_free(s, queue_pop(&p->queue));
        state_pool_forget(s, p->slot);
        program_unref(p->program);
        free(p);
}

void listeners_remove_group(struct supervisor *s, struct group *g)
{
        struct pool **at = listeners_own(s) ? pool_place(listeners_own(s), g) : NULL;

        if (!at || !*at)
                return;
        struct pool *p = *at;
        *at = p->next;
        want_ticks(s, p->wanted, -1);
        pool_free(s, p);
        count_wanted(listeners_own(s));
}

static void listeners_release(struct supervisor *s)
{
        struct listeners *ls = listeners_own(s);

        if (!ls)
                return;
        while (ls->pools)
                listeners_remove_group(s, ls->pools->group);
        bus_unsubscribe(&s->bus, &ls->subscriber);
        component_set(s, COMPONENT_listeners, NULL);
        free(ls);
}

/* ---- processes */

static void listeners_enlist(struct pool *p, struct listener *l)
{
        struct listener **at = &p->listeners;

        while (*at && (*at)->process->number <= l->process->number)
                at = &(*at)->next;
        l->next = *at;
        *at = l;
        l->pool = p;
}

/* ---- refusals */

#define TELL_MS 60000

static void listeners_on_pause_over(EV_P_ ev_timer *w, int revents)
{
        struct listener *l = w->data;

        (void)loop, (void)revents;
        if (l->pool)
                pool_deliver(l->process->worker->sup, l->pool);
}

static void tell_refusal(struct supervisor *s, struct listener *l, int64_t now_ms)
{
        AUTO_BUF more = BUF_INIT;

        l->unpublished++;
        if (l->told_ms >= 0 && now_ms - l->told_ms < TELL_MS)
                return;
        if (l->unpublished > 1)
                buf_printf(&more, " (%llu times since that was last said)", l->unpublished);
        log_line(s->log, LVL_WARN, "%s: event was rejected%s", l->process->name, buf_str(&more));
        l->told_ms = now_ms;
        l->unpublished = 0;
}

/* Its events wait for others of its pool, or for the end of its pause. */
static void was_refused(struct supervisor *s, struct listener *l)
{
        int64_t pause = listener_pause_ms(++l->refusals);

        tell_refusal(s, l, clock_mono_ms());
        put_back(s, l);
        ev_timer_stop(s->loop, &l->pause);
        if (pause == 0)
                return;
        ev_now_update(s->loop);
        ev_timer_set(&l->pause, (double)pause / 1000, 0.);
        ev_timer_start(s->loop, &l->pause);
}

/* ---- what they say */

struct listener *listener_of(struct supervisor *s, struct process *p)
{
        struct worker *w = worker_of(s, p);
        struct pool *pool = listeners_own(s) ? *pool_place(listeners_own(s), p->group) : NULL;

        if (!w || !pool)
                return NULL;
        if (!w->listener) {
                w->listener = calloc(1, sizeof *w->listener);
                if (!w->listener)
                        return NULL;
                w->listener->process = p;
                w->listener->told_ms = -1;
                ev_timer_init(&w->listener->pause, listeners_on_pause_over, 0., 0.);
                w->listener->pause.data = w->listener;
        }
        if (!w->listener->pool)
                listeners_enlist(pool, w->listener);
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
        l->is_cut = false;
        buf_release(&l->begun);
}

void listener_restart(struct supervisor *s, struct listener *l, const char *why)
{
        log_line(s->log, LVL_WARN, "%s: %s: restarting it", l->process->name, why);
        l->is_cut = false;
        l->proto = (struct listener_proto){ .state = LISTENER_UNKNOWN };
        put_back(s, l);
        supervisor_order(s, l->process, PE_RESTART);
}

static void went_unknown(struct supervisor *s, struct listener *l)
{
        if (l->proto.unsure) {
                listener_restart(s, l,
                                 "does not keep to the eventlistener protocol after its adoption");
                return;
        }
        log_line(
            s->log, LVL_WARN,
            "%s: has entered the UNKNOWN state and will no longer receive events, this usually "
            "indicates the process violated the eventlistener protocol",
            l->process->name);
        put_back(s, l);
}

static void listeners_happened(struct supervisor *s, struct listener *l, enum listener_news news)
{
        const char *name = l->process->name;

        switch (news) {
        case LISTENER_OK:
                log_line(s->log, LVL_DEBUG, "%s: event was processed", name);
                l->refusals = 0;
                entry_free(s, l->busy_with);
                l->busy_with = NULL;
                break;
        case LISTENER_FAIL:
                was_refused(s, l);
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
        case LISTENER_REPEATED:
                break;
        }
}

/* A handler that cannot be called would have had its reasons: what is well formed accepts. */
static enum listener_news listeners_judge(struct supervisor *s, struct listener *l,
                                          enum listener_news news)
{
        enum result_handler handler = program_handler(l->pool->program);

        if ((news != LISTENER_OK && news != LISTENER_FAIL) || handler == HANDLER_BUILT_IN)
                return news;
        if (handler == HANDLER_STDOUT)
                listener_stdout_put(s, l);
        return LISTENER_OK;
}

void listener_prepare(struct listener *l)
{
        l->proto.body = program_handler(l->pool->program) == HANDLER_STDOUT ? &l->body : NULL;
}

/* Of a message that is not whole the next instance knows that it was begun. */
static void note_begun(struct supervisor *s, struct listener *l, const char *data, size_t len)
{
        if (!listener_proto_is_inside(&l->proto)) {
                buf_release(&l->begun);
                return;
        }
        bool is_new = l->begun.len == 0;
        buf_put(&l->begun, data, len);
        if (is_new)
                state_note(s, l->process, 0);
}

/* One message at a time: what it means is recorded before it is taken from the pipe, and it is
 * taken before the next one is looked at. So of what the pipe holds when we are killed, only the
 * first message may have been acted on. */
size_t listener_output(struct supervisor *s, struct process *p, const char *data, size_t len)
{
        struct listener *l = p->worker ? p->worker->listener : NULL;
        enum listener_news news = LISTENER_QUIET;
        const char *at = data;
        size_t left = len;

        if (!l || !l->pool)
                return len;
        listener_prepare(l);
        do {
                enum listener_state from = l->proto.state;
                const char *begin = at;
                news = listener_proto_feed(&l->proto, &at, &left);
                note_begun(s, l, begin, (size_t)(at - begin));
                if (news == LISTENER_QUIET)
                        break;
                news = listeners_judge(s, l, news);
                tell_state(s, l, from);
                listeners_happened(s, l, news);
        } while (left && p->worker->reaped); /* then nothing is shown once more */
        fault_point("listener.noted");
        pool_deliver(s, l->pool);
        return len - left;
}

void listener_ended(struct supervisor *s, struct process *p)
{
        struct listener *l = p->worker ? p->worker->listener : NULL;

        if (!l)
                return;
        l->proto = (struct listener_proto){ .state = LISTENER_UNKNOWN };
        put_back(s, l);
        if (l->pool)
                pool_deliver(s, l->pool);
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
                        queue_push_sorted(&l->pool->queue, l->busy_with);
                l->busy_with = NULL;
        }
        ev_timer_stop(l->process->worker->sup->loop, &l->pause);
        listener_stdout_free(l->output);
        buf_release(&l->body);
        buf_release(&l->begun);
        free(l);
}

/* ---- the component */

static bool listeners_on_group_added(struct supervisor *s, struct group *g, struct err *e)
{
        return listeners_add_group(s, g) || err_nomem(e);
}

static void listeners_on_spawned(struct supervisor *s, struct process *p)
{
        if (p->program->kind == KIND_LISTENER)
                listener_spawned(s, p);
}

static void listeners_on_process_gone(struct supervisor *s, struct process *p)
{
        (void)s;
        if (p->worker)
                listener_free(p->worker->listener);
}

const struct component component_listeners = { .name = "listeners",
                                               .on_adopted = listeners_settled,
                                               .on_process_gone = listeners_on_process_gone,
                                               .release = listeners_release,
                                               .on_group_added = listeners_on_group_added,
                                               .on_group_gone = listeners_remove_group,
                                               .on_spawned = listeners_on_spawned,
                                               .on_ended = listener_ended };
