/* One order to many. The first few are given at once; the others in slices, in the order of the
 * list, between which clients, the dead and whatever is due have their turn. While a program is
 * looked for (FAULT_LATER), those behind wait for a second at most. An order stands also when
 * its answer is not waited for any more. */
#ifndef ENGINE_ORDER_OPERATIONS_H
#define ENGINE_ORDER_OPERATIONS_H

#include "engine/order/orders.h"

#define OPERATION_AT_ONCE 20 /* a group of the usual size is through before anybody can ask */

/* order_start, order_restart or what looks like them. */
typedef enum fault order_fn(struct supervisor *s, struct process *p, const struct caller *by,
                            struct err *detail);

/* Who wants to hear what came of it. */
struct operation_observer {
        /* For each in turn, by its place in the list. p NULL, f BAD_NAME: it is gone, or
         * ABNORMAL_TERMINATION: it was stopped before its turn. */
        void (*told)(void *arg, int i, struct process *p, enum fault f, const struct err *detail);
        void (*over)(void *arg); /* once, from the loop: the wave is not there any more */
        void *arg;
};

struct operation;

/* NULL: all have been told, `over` is not called. Else the rest follows. Where there is no memory
 * for that, everything is done now. list and by are only looked at during the call. */
struct operation *operation_begin(struct supervisor *s, order_fn *give, struct process *const *list,
                                  int count, const struct caller *by,
                                  const struct operation_observer *ear);
/* The observer has gone; the orders are given all the same. */
void operation_leave(struct operation *w);

/* A process has been told to stop: it does not get its order. */
void operations_stopped(struct supervisor *s, const struct process *p);
void operations_go_on(struct supervisor *s,
                      const struct process *p); /* it is not looked for any more */
void operations_finish(struct supervisor *s);   /* now, without a pause */

#endif
