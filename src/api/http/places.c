/* How many clients a listener has room for, and which of them makes room for the next: each
 * listener has its own places, so that what strangers do on a TCP port does not reach the Unix
 * socket, and a client with credentials keeps its place whatever those without do. */
#include <sys/resource.h>
#include <utlist.h>

#include "api/http/conn.h"
#include "engine/core/startup.h"
#include "engine/order/scale.h"

/* With one that was adopted: three pipes, two logs, the process. With a health check, one more. */
#define DESCRIPTORS_A_WORKER 7
#define OWN_DESCRIPTORS      (SPARE_DESCRIPTORS + 32)
#define PLACES_LEAST         8 /* where the fleet needs all the rest */

static enum place places_place_of(const struct conn *c)
{
        bool waits = c->state == CONN_IDLE || c->state == CONN_READING;
        bool resting = c->state == CONN_IDLE && c->was_served;

        if (c->state == CONN_DEAD)
                return PLACE_COUNT;
        if (c->state == CONN_LINGER)
                return PLACE_LEAVING;
        if (waits && !resting && !c->whole_head)
                return PLACE_HEADLESS;
        if (!c->trusted)
                return resting ? PLACE_RESTING : PLACE_STRANGER;
        if (c->state == CONN_STREAM)
                return PLACE_STREAM;
        return resting ? PLACE_IDLE : PLACE_SAFE;
}

void conn_place(struct conn *c)
{
        struct conn **lists = c->from->places;
        enum place next = places_place_of(c);

        if (next == c->place)
                return;
        if (c->place != PLACE_COUNT)
                DL_DELETE2(lists[c->place], c, place_prev, place_next);
        if (next != PLACE_COUNT)
                DL_APPEND2(lists[next], c, place_prev, place_next);
        c->place = next;
}

static int count_listeners(const struct api *a)
{
        int count = 0;

        for (const struct listener *l = a->listeners; l; l = l->next)
                count++;
        return count > 0 ? count : 1;
}

int places_of_listener(const struct api *a)
{
        const struct supervisor *s = a->sup;
        rlim_t most = startup_of(s)->limits.nofile.rlim_max;
        rlim_t fleet = (rlim_t)s->registry.process_count * DESCRIPTORS_A_WORKER + OWN_DESCRIPTORS;
        rlim_t share;

        if (most == 0 || most == RLIM_INFINITY)
                return a->place_max;
        share = most > fleet ? (most - fleet) / (rlim_t)count_listeners(a) : 0;
        if (share < PLACES_LEAST)
                share = PLACES_LEAST;
        return share < (rlim_t)a->place_max ? (int)share : a->place_max;
}

static struct conn *oldest_but(struct conn *list, const struct conn *spared)
{
        return list == spared && list ? list->place_next : list;
}

/* Closes the one that goes first. False: all of them stay. */
static bool let_one_go(struct listener *l, const struct conn *spared, enum place last)
{
        for (int i = 0; i <= (int)last; i++) {
                struct conn *c = oldest_but(l->places[i], spared);
                if (c) {
                        conn_close(c);
                        return true;
                }
        }
        return false;
}

bool places_make_room(struct listener *l, const struct conn *for_this, bool trusted)
{
        int most = places_of_listener(l->api);

        while (l->taken > most)
                if (!let_one_go(l, for_this, trusted ? PLACE_STREAM : PLACE_IDLE))
                        return false;
        return true;
}

bool places_free_one(struct listener *l)
{
        if (let_one_go(l, NULL, PLACE_IDLE))
                return true;
        if (l->conf.kind != SERVER_UNIX)
                return false;
        for (struct listener *other = l->api->listeners; other; other = other->next)
                if (other->conf.kind == SERVER_INET && let_one_go(other, NULL, PLACE_IDLE))
                        return true;
        return false;
}

bool places_take_file(struct conn *c)
{
        c->descriptors++;
        c->from->taken++;
        if (places_make_room(c->from, c, c->trusted))
                return true;
        c->descriptors--;
        c->from->taken--;
        reply_refuse(c, 503);
        return false;
}
