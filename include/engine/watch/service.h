/* As a service of systemd's kind: says when it is ready, reloading and stopping, and that it is
 * well, where a manager wants to hear it (NOTIFY_SOCKET, WATCHDOG_USEC). */
#ifndef ENGINE_WATCH_SERVICE_H
#define ENGINE_WATCH_SERVICE_H

#include <ev.h>
#include <stdint.h>

#include "engine/core/supervisor.h"

struct service {
        struct supervisor *sup;       /* borrowed */
        const char *socket;           /* borrowed from the environment; NULL: no manager listens */
        struct subscriber subscriber; /* engine/core/bus.h */
        ev_timer alive;               /* the watchdog's; inactive: there is none */
        bool told;                    /* a failure was logged */
};

/* Of the environment; NULL: not there. Borrowed. */
const char *service_variable(const struct host *w, const char *name);
/* Supervision has begun. */
void service_ready(struct service *v, struct supervisor *s);
/* We are about to become another image of ourselves, which will say that it is ready. */
void service_reloading(struct service *v);
void service_stays(struct service *v); /* it could not be done: ready, as before */
void service_release(struct service *v);

#endif
