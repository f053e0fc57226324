/* New configurations: reading them beside the running one, and carrying out what they mean per
 * process. */
#ifndef ENGINE_ORDER_RELOAD_H
#define ENGINE_ORDER_RELOAD_H

#include <stdbool.h>

#include "engine/core/supervisor.h"
#include "model/fleet/plan.h"

/* What was read and checked again for the order that is being given (reading_begin); NULL: diags
 * say why, and EV_CONFIG_REFUSED was published. Nothing running is touched. */
struct config *reload_read(struct supervisor *s, struct diags *diags);
/* The same for looking only: at once, and no name is looked up. Not to be carried out. */
struct config *reload_look(struct supervisor *s, struct diags *diags);
/* What can be told beforehand of why `next` cannot take the running one's place: a group of
 * programs cannot become a pool of listeners under the hands of its events. */
bool reload_check(const struct supervisor *s, const struct config *next, struct err *e);
/* Log the errors and publish EV_CONFIG_REFUSED. */
void reload_refused(struct supervisor *s, const struct diags *diags);

/* Carry the plan out; `next` becomes the configuration in effect. False: *e, `next` is freed and
 * nothing was touched. */
bool reload_carry_out(struct supervisor *s, struct config *next, struct plan *plan, struct err *e);

/* Everything has stopped for a restart: s->pending takes effect, and all begins again in this
 * process. */
void reload_begin_anew(struct supervisor *s);

#endif
