/* How long to wait before the next start. Pure arithmetic; the machine asks.
 *
 * n-th failure in a row (n >= 1): delay * factor^(n-1), at most delay_max, then spread by +- jitter
 * (a fraction) and at most delay_max again. restart_delay=0 turns all waiting off. */
#ifndef MODEL_UNIT_BACKOFF_H
#define MODEL_UNIT_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#include "model/config/program.h"
#include "model/unit/process.h"

#define RESPAWN_PACE_MS 100 /* expected exits: ten starts a second for each process */

/* *seed advances; the same seed gives the same delay. */
int64_t backoff_ms(const struct program *p, int failures, uint64_t *seed);

/* A failure now: true when this one is more than restart_limit allows. No memory: counts as not
 * exceeded. */
bool breaker_failed(struct breaker *b, const struct rate *limit, int64_t now_ms);
void breaker_reset(struct breaker *b); /* empty, not freed */
void breaker_release(struct breaker *b);

#endif
