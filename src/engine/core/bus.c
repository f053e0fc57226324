/* The list of subscribers and publishing to them, in the order in which they came. Handlers may
 * subscribe and unsubscribe while an event is under way. */
#include "engine/core/bus.h"

static void bus_drop_dead(struct bus *b)
{
        struct subscriber **at = &b->first;

        while (*at) {
                struct subscriber *s = *at;
                if (!s->dead) {
                        at = &s->next;
                        continue;
                }
                *at = s->next;
                s->next = NULL;
                s->dead = false;
        }
}

void bus_subscribe(struct bus *b, struct subscriber *s)
{
        struct subscriber **at = &b->first;

        while (*at && *at != s)
                at = &(*at)->next;
        s->dead = false;
        if (*at)
                return;
        s->next = NULL;
        *at = s;
}

/* While events are under way the subscriber is only marked: the walk may stand on it. Its memory
 * must live until the outermost bus_publish has returned (bus.h). */
void bus_unsubscribe(struct bus *b, struct subscriber *s)
{
        struct subscriber **at = &b->first;

        while (*at && *at != s)
                at = &(*at)->next;
        if (!*at)
                return;
        if (b->depth > 0) {
                s->dead = true;
                return;
        }
        *at = s->next;
        s->next = NULL;
}

void bus_publish(struct bus *b, const struct event *e)
{
        b->depth++;
        for (struct subscriber *s = b->first; s; s = s->next)
                if (!s->dead)
                        s->on_event(s->arg, e);
        b->depth--;
        if (b->depth == 0)
                bus_drop_dead(b);
}
