/* An operation: one order to many processes, which takes its time. The first few have their turn at
 * once; the others in slices, in the order of the list, between which clients, the dead and
 * whatever is due have theirs. While a program is looked for (FAULT_LATER), those behind wait for a
 * second at most. The operation stands also when what comes of it is not waited for any more. */
#ifndef ENGINE_ORDER_OPERATIONS_H
#define ENGINE_ORDER_OPERATIONS_H

#include "engine/order/orders.h"

#define OPERATION_AT_ONCE 20 /* a group of the usual size is through before anybody can ask */

/* order_start, order_restart or what looks like them. by is NULL for the daemon itself. */
typedef enum fault order_fn(struct supervisor *s, struct process *p, const struct caller *by,
                            struct err *detail);

/* What is to be done, and how. Static: it is referred to as long as the operation goes on. */
struct operation_kind {
        order_fn *give;      /* for each at its turn */
        enum wait_for until; /* what is waited for by those who wait */
        int first_count;     /* so many have theirs at once, */
        int64_t first_ms;    /* and others until so much time has passed */
        bool gives_way;      /* another order to a process takes it out, not only a stop */
        bool begins_anew;    /* by the next image: it need not be finished for an upgrade */
        int (*rank)(const struct process *p); /* NULL: none waits for others to stop */
        /* Its turn is near; nothing comes of that. May be NULL, both or none. */
        void (*prepare)(struct supervisor *s, struct process *p);
        void (*abandon)(struct supervisor *s, struct process *p);
};
extern const struct operation_kind operation_start, operation_restart, operation_stop;

/* Who wants to hear what came of it. */
struct operation_observer {
        /* For each in turn, by its place in the list. p NULL, f BAD_NAME: it is gone, or
         * ABNORMAL_TERMINATION: it was stopped before its turn. */
        void (*told)(void *arg, int i, struct process *p, enum fault f, const struct err *detail);
        void (*over)(void *arg); /* once, from the loop: the operation is not there any more */
        void *arg;
};

struct operation;

/* NULL: all have had their turn, `over` is not called. Else the rest follows. Where there is no
 * memory for that, everything is done now. list and by are only looked at during the call; by may
 * be NULL, and so may observer. */
struct operation *operation_begin(struct supervisor *s, const struct operation_kind *kind,
                                  struct process *const *list, int count, const struct caller *by,
                                  const struct operation_observer *observer);
/* The same in two steps. NULL: no memory. */
struct operation *operation_new(struct supervisor *s, const struct operation_kind *kind,
                                struct process *const *list, int count);
struct operation *operation_run(struct operation *op, const struct caller *by,
                                const struct operation_observer *observer);
/* All that have not had their turn have it now, whatever their ranks. */
void operation_hurry(struct operation *op);
int operation_count(const struct operation *op);
struct process *operation_target(const struct operation *op, int i); /* NULL: it is gone */
/* The observer has gone; the orders are given all the same. */
void operation_leave(struct operation *op);

/* A process has been told to stop: it does not get its order. */
void operations_stopped(struct supervisor *s, const struct process *p);
/* It is not looked for any more. */
void operations_go_on(struct supervisor *s, const struct process *p);
void operations_finish(struct supervisor *s); /* now, without a pause */

#endif
