/* "Who stopped this?" has an answer in the main log: one line per order that changes something. */
#ifndef ENGINE_CORE_AUDIT_H
#define ENGINE_CORE_AUDIT_H

#include "engine/order/orders.h"

/* `by` NULL: the daemon itself asked; p NULL: about no process. what: "stop", "scale web to 8". */
void audit_order(struct supervisor *s, const struct caller *by, const struct process *p,
                 const char *what);

#endif
