/* Orders to start a process whose program cannot be looked for without waiting for a file system:
 * a child looks, and the order goes on, or is refused, when that has answered. Nothing of the
 * process changes before. Where it does not answer within a bound the order goes on all the same:
 * the start has a bound of its own, and says what is wrong. */
#ifndef ENGINE_ORDER_SEARCHES_H
#define ENGINE_ORDER_SEARCHES_H

#include "engine/order/orders.h"

#define SEARCH_LIMIT_S 5

/* False: there can be no such child, or it has found the program already: the order goes on. */
bool search_begin(struct supervisor *s, struct process *p, const struct caller *by);
bool searches_has(const struct supervisor *s, const struct process *p);

/* It has been told to stop: the order is refused. */
void searches_stopped(struct supervisor *s, const struct process *p);
void searches_finish(struct supervisor *s); /* all of them go on now, as far as they may */

#endif
