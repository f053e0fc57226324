/* Making fleets larger and smaller: what `scale` and `apply` share. */
#ifndef ENGINE_ORDER_SCALE_H
#define ENGINE_ORDER_SCALE_H

#include <stdbool.h>

#include "engine/core/supervisor.h"

#define FLEET_MAX         100000 /* workers of one program */
#define PIPES_PER_WORKER  3      /* our ends of stdin, stdout, stderr */
#define SPARE_DESCRIPTORS 64     /* servers, logs, clients, probes */

/* The worker with this number exists and, when start says so, is started; one that was retiring is
 * wanted again. */
bool scale_grow(struct supervisor *s, struct fleet *f, int number, bool start, struct err *e);

/* EV_SCALED and a line in the log. by: "operator", "config". */
void scale_announce(struct supervisor *s, const struct fleet *f, int was, const char *by);

#endif
