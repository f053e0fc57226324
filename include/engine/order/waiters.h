/* Who waits for a process to come up or to stop: answered the moment its state says so. See
 * engine/order/orders.h. */
#ifndef ENGINE_ORDER_WAITERS_H
#define ENGINE_ORDER_WAITERS_H

#include "engine/order/orders.h"

/* Its state may have changed: answer the waiters that this satisfies. */
void waiters_look(struct supervisor *s, struct process *p);
/* An order that was waited for (awaits_order) is given, or (f) refused. */
void waiters_ordered(struct supervisor *s, struct process *p, enum fault f, const char *refusal);

#endif
