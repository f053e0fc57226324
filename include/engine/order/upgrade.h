/* Another image of the daemon in the place of this one, with nothing stopped: the new binary is
 * first asked whether it can read the configuration (--check), then s->on_upgrade takes over. */
#ifndef ENGINE_ORDER_UPGRADE_H
#define ENGINE_ORDER_UPGRADE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/strlist.h"
#include "engine/order/orders.h"

/* Told once: ok, or why not. */
typedef void upgrade_fn(void *arg, bool ok, const char *why);

/* Begin. binary NULL: the one we were started from. False: *e, nothing is under way (ERR_BUSY:
 * another upgrade is). */
bool upgrade_begin(struct supervisor *s, const char *binary, const struct caller *by,
                   upgrade_fn *on_checked, void *arg, struct err *e);
void upgrade_forget(struct supervisor *s, const void *arg); /* who asked is gone */

/* What the next image finds of the engine's things: the state's lock, FastCGI sockets, pipes. */
bool upgrade_hand_over(struct supervisor *s, struct strlist *items);

#endif
