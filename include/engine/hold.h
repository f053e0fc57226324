/* Starts of one `apply` that wait until those whom it stops for good have gone: whoever takes
 * somebody's place may want his port. */
#ifndef ENGINE_HOLD_H
#define ENGINE_HOLD_H

#include <stdbool.h>

#include "base/buf.h"
#include "engine/supervisor.h"

/* This one is on its way out: starts that are held from now on wait for it. */
void hold_until_gone(struct supervisor *s, struct process *p);
/* Start it (it is STOPPED) now, or as soon as nobody is waited for. */
void hold_start(struct supervisor *s, struct process *p);
/* It is about to be freed. */
void hold_forget(struct supervisor *s, const struct process *p);
/* Start what is held when nobody is waited for any more. Called in the pause before the loop waits.
 */
void hold_look(struct supervisor *s);
/* Why p has not been started: "waits until web:old has stopped". False: it is not held. */
bool hold_why(const struct supervisor *s, const struct process *p, struct buf *out);
void hold_free(struct supervisor *s);

#endif
