/* TICK_5, TICK_60 and TICK_3600 (compat 17.1). Sent when the wall clock crosses a boundary; the
 * slice in which the first subscriber came is not announced. Nothing is armed while no pool wants
 * them, so that an idle daemon stays asleep. */
#ifndef ENGINE_EVENTS_TICKS_H
#define ENGINE_EVENTS_TICKS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/core/supervisor.h"
#include "model/unit/event.h"

/* `delta` (+1 or -1) more subscribers of `which`: one of the three, or EV_TICK or EV_EVENT for all;
 * other types want nothing. */
void ticks_want(struct supervisor *s, enum event_type which, int delta);

/* The clock says wall_ms: publish what is due. Called by the watcher; exposed for tests. */
void ticks_at(struct supervisor *s, int64_t wall_ms);

#endif
