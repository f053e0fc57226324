/* Starts of an `apply` that wait until a process that it stops for good has gone, because they take
 * his place: they have his name, command, socket, log file, or answer at his health check's
 * address. No other start waits. */
#ifndef ENGINE_ORDER_CONDITIONS_H
#define ENGINE_ORDER_CONDITIONS_H

#include <stdbool.h>

#include "base/buf.h"
#include "engine/core/supervisor.h"

/* This one is on its way out: a process that takes its place from now on waits for it. */
void conditions_until_gone(struct supervisor *s, struct process *p);
/* Start it (it is STOPPED) now, or as soon as its place is free. */
void conditions_start(struct supervisor *s, struct process *p);
/* Why p has not been started: "waits until web:old has stopped". False: it is not held. */
bool conditions_why(const struct supervisor *s, const struct process *p, struct buf *out);

#endif
