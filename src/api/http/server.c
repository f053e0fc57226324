/* The servers as a whole: opened from a configuration, changed by the next one, closed. */
#include "api/http/server.h"

#include <stdlib.h>
#include <sys/random.h>
#include <utlist.h>

#include "api/http/conn.h"
#include "api/http/server_socket.h"
#include "api/rest/events.h"

static void server_on_pause_over(EV_P_ ev_timer *w, int revents)
{
        (void)loop, (void)revents;
        listeners_resume(w->data);
}

static void add_listener(struct api *a, struct listener *l)
{
        LL_APPEND(a->listeners, l);
}

static void drop_listeners(struct listener *list)
{
        while (list) {
                struct listener *next = list->next;
                listener_close(list);
                listener_unref(list);
                list = next;
        }
}

static uint64_t pick_number(const struct supervisor *s)
{
        uint64_t n;

        if (getrandom(&n, sizeof n, GRND_NONBLOCK) == (ssize_t)sizeof n)
                return n;
        return s->seed ^ (uint64_t)clock_wall_ms();
}

struct api *api_new(struct supervisor *s, const struct config *c, struct err *e)
{
        struct api *a = calloc(1, sizeof *a);

        if (!a) {
                err_nomem(e);
                return NULL;
        }
        a->sup = s;
        a->loop = s->loop;
        a->route = route;
        a->row = route_row;
        a->place_max = PLACES_MAX;
        a->budget = BUDGET_BYTES;
        a->instance = pick_number(s);
        a->xml_salt = (unsigned long)pick_number(s) | 1;
        ev_timer_init(&a->pause, server_on_pause_over, 0., 0.);
        a->pause.data = a;
        a->events = events_new(s, a->instance);
        if (!a->events)
                err_nomem(e);
        for (int i = 0; a->events && i < c->server_count; i++) {
                struct listener *l = listener_open(a, &c->servers[i], c->has_rpcinterface, e);
                if (!l) {
                        api_free(a);
                        return NULL;
                }
                add_listener(a, l);
        }
        if (a->events)
                return a;
        free(a);
        return NULL;
}

static struct listener *find_listener(struct listener *list, const struct server_conf *c)
{
        while (list && !listener_serves(list, c))
                list = list->next;
        return list;
}

static bool server_is_wanted(const struct listener *l, const struct config *c)
{
        for (int i = 0; i < c->server_count; i++)
                if (listener_serves(l, &c->servers[i]))
                        return true;
        return false;
}

/* The new ones, so that a failure is known before anything changes. */
static bool open_added(struct api *a, const struct config *next, struct listener **out,
                       struct err *e)
{
        *out = NULL;
        for (int i = 0; i < next->server_count; i++) {
                const struct server_conf *c = &next->servers[i];
                if (find_listener(a->listeners, c) || find_listener(*out, c))
                        continue;
                struct listener *l = listener_open(a, c, next->has_rpcinterface, e);
                if (!l) {
                        drop_listeners(*out);
                        *out = NULL;
                        return false;
                }
                LL_APPEND(*out, l);
        }
        return true;
}

/* Does the next configuration want this one's port at another of its addresses? Both cannot be
 * bound at once: 0.0.0.0 holds the port of 127.0.0.1, too. */
static bool is_in_the_way(const struct listener *l, const struct config *next)
{
        if (l->conf.kind != SERVER_INET || server_is_wanted(l, next))
                return false;
        for (int i = 0; i < next->server_count; i++)
                if (next->servers[i].kind == SERVER_INET &&
                    next->servers[i].port.port == l->conf.port.port)
                        return true;
        return false;
}

static void take_back(struct api *a)
{
        struct err e;

        for (struct listener *l = a->listeners; l; l = l->next)
                if (l->conf.kind == SERVER_INET && !listener_take_again(l, &e))
                        log_line(a->sup->log, LVL_CRITICAL, "[%s] is not served any more: %s",
                                 l->conf.section, e.text);
}

/* As open_added; what holds an address that overlaps with a new one lets go of it first. On
 * failure it has taken it back. */
static bool open_instead(struct api *a, const struct config *next, struct listener **out,
                         struct err *e)
{
        if (open_added(a, next, out, e))
                return true;
        if (e->code != ERR_BUSY)
                return false;
        bool any = false;
        for (struct listener *l = a->listeners; l; l = l->next)
                if (is_in_the_way(l, next)) {
                        listener_suspend(l);
                        any = true;
                }
        if (any && open_added(a, next, out, e))
                return true;
        take_back(a);
        return false;
}

static void retire_connections(struct api *a)
{
        struct conn *c, *after;

        DL_FOREACH_SAFE (a->conns, c, after) {
                if (c->from->closed)
                        conn_retire(c);
        }
}

bool api_rebind(struct api *a, const struct config *next, struct err *e)
{
        struct listener *added, *gone = NULL, *l, *after;

        if (!open_instead(a, next, &added, e))
                return false;
        for (int i = 0; i < next->server_count; i++) {
                l = find_listener(a->listeners, &next->servers[i]);
                if (l && !listener_update(l, &next->servers[i], e)) {
                        drop_listeners(added);
                        take_back(a);
                        return false;
                }
        }
        LL_FOREACH_SAFE (a->listeners, l, after) {
                if (server_is_wanted(l, next))
                        continue;
                /* it is in the list, which the analyzer cannot know */
                LL_DELETE(a->listeners, l); /* NOLINT(clang-analyzer-core.NullDereference) */
                LL_APPEND(gone, l);
        }
        LL_CONCAT(a->listeners, added);
        for (l = gone; l; l = l->next)
                listener_close(l);
        retire_connections(a);
        drop_listeners(gone);
        return true;
}

bool api_idle(const struct api *a)
{
        for (const struct conn *c = a->conns; c; c = c->next)
                if (c->state == CONN_HELD || c->state == CONN_FLUSH ||
                    (c->state == CONN_STREAM && conn_waiting(c) > 0))
                        return false;
        return true;
}

/* New clients wait in the sockets' queues, for us or for the next image. */
void api_pause(struct api *a, bool on)
{
        if (on)
                listeners_pause(a);
        else
                listeners_resume(a);
}

bool api_quiet(const struct api *a)
{
        for (const struct conn *c = a->conns; c; c = c->next)
                if (c->state != CONN_IDLE && c->state != CONN_STREAM)
                        return false;
        return true;
}

/* An answer is owed to them, and a stream has an end. */
void api_dismiss(struct api *a)
{
        struct conn *c, *after;

        DL_FOREACH_SAFE (a->conns, c, after) {
                if (c->state != CONN_IDLE)
                        conn_end(c);
        }
}

bool api_hand_over(const struct api *a, struct strlist *items)
{
        for (const struct listener *l = a->listeners; l; l = l->next)
                if (!listener_hand_over(l, items))
                        return false;
        return true;
}

void api_free(struct api *a)
{
        struct conn *c, *after;

        if (!a)
                return;
        for (struct listener *l = a->listeners; l; l = l->next)
                listener_close(l);
        DL_FOREACH_SAFE (a->conns, c, after) {
                conn_end(c);
        }
        drop_listeners(a->listeners);
        ev_timer_stop(a->loop, &a->pause);
        events_free(a->events);
        free(a);
}
