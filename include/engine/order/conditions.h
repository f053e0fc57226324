/* May a process start now, and if not, why? A start of an `apply` waits until a process that it
 * stops for good has gone where it takes that one's place: it has its name, command, socket, log
 * file, or answers at its health check's address. Meanwhile it is in PS_WAITING, which a SIGKILL of
 * the daemon does not end; a start, a stop or its removal does. No other start waits. */
#ifndef ENGINE_ORDER_CONDITIONS_H
#define ENGINE_ORDER_CONDITIONS_H

#include <stdbool.h>

#include "base/buf.h"
#include "engine/core/supervisor.h"

/* This one is on its way out: a process that takes its place from now on waits for it. */
void conditions_until_gone(struct supervisor *s, struct process *p);
/* Start it (it is STOPPED) now, or as soon as it may. */
void conditions_start(struct supervisor *s, struct process *p);
/* Why p, in PS_WAITING, is not started yet: "waits until web:old has stopped". False: it does not
 * wait, or no longer. */
bool conditions_why(const struct supervisor *s, const struct process *p, struct buf *out);

#endif
