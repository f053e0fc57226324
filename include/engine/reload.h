/* Carrying out a plan (model/plan): per process, nothing else is touched. */
#ifndef ENGINE_RELOAD_H
#define ENGINE_RELOAD_H

#include <stdbool.h>

#include "engine/supervisor.h"
#include "model/plan.h"

/* Read and check the file again; NULL: diags say why. Nothing running is touched. */
struct config *reload_read(struct supervisor *s, struct diags *diags);

/* `next` becomes s->config (taken over, also on failure then freed). False: *e; only possible
 * before anything was touched. */
bool reload_carry_out(struct supervisor *s, struct config *next, struct plan *plan, struct err *e);

#endif
