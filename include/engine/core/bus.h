/* Events to the subscribers. Synchronous. A handler may publish, subscribe and unsubscribe; the
 * memory of a subscriber that leaves during bus_publish must live until the outermost one returns.
 * Cost per event: the number of subscribers. */
#ifndef ENGINE_CORE_BUS_H
#define ENGINE_CORE_BUS_H

#include <stdbool.h>

#include "model/unit/event.h"

struct subscriber {
        struct subscriber *next; /* bus's own */
        void (*on_event)(void *arg, const struct event *e);
        void *arg;
        bool dead;
};

struct bus {
        struct subscriber *first;
        int depth;
};

/* `s` is the caller's memory and must outlive the subscription. */
void bus_subscribe(struct bus *b, struct subscriber *s);
void bus_unsubscribe(struct bus *b, struct subscriber *s); /* fine when it is not subscribed */
void bus_publish(struct bus *b, const struct event *e);

#endif
