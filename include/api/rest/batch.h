/* An order to one or several processes that is answered when they have got there, or when the time
 * is over. Owned by its request. */
#ifndef API_REST_BATCH_H
#define API_REST_BATCH_H

#include <stdbool.h>

#include "api/http/server.h"
#include "engine/order/bulk_order.h"

enum batch_answer {
        BATCH_PROCESS, /* PROCESS, or the fault as a problem */
        BATCH_RESULTS, /* {"results": [...]} */
        BATCH_OWN,     /* on_finished answers */
};

struct batch_item {
        struct batch *batch;
        char *name; /* owned: namespec; a process may go before the answer is written */
        struct waiter waiter;
        enum fault fault;
        char *detail;      /* owned or NULL */
        const char *state; /* when it failed; a static word, NULL: not known, or it was removed */
        char *spawnerr;    /* likewise; owned or NULL */
        bool done, removed;
};

struct batch {
        struct request *request; /* borrowed */
        struct ev_loop *loop;    /* borrowed */
        enum batch_answer answer;
        struct batch_item *items; /* owned, in the order of `status` */
        int count, pending;
        struct bulk_order *wave; /* orders that are still to be given; NULL: none */
        enum wait_for until;
        bool timed_out, wait;
        ev_timer timer;
        void (*on_finished)(struct batch *b); /* BATCH_OWN: reply to b->request; not free it */
        void *arg;                            /* on_finished's; freed with free() */
};

/* Over these processes. NULL: no memory. */
struct batch *batch_new(struct request *r, enum batch_answer answer, struct process **procs,
                        int count);
/* The order to item i, this process, is through: it failed, or (FAULT_NONE) is done. p NULL: it is
 * not there any more. What the answer needs of it is copied. */
void batch_done(struct batch *b, int i, const struct process *p, enum fault f, const char *detail);
/* Give all of them this order and run: answered when it is given, or (wait) when they have got
 * there. procs as in batch_new. */
void batch_give(struct batch *b, order_fn *give, enum wait_for until, struct process **procs,
                bool wait, double timeout_s);
/* Item i, this process, will get there. */
void batch_await(struct batch *b, int i, struct process *p, enum wait_for what);
/* All orders are given: answers now when nothing is awaited, else when it has come or timeout_s is
 * over. b belongs to the request from here on. */
void batch_run(struct batch *b, bool wait, double timeout_s);
void batch_drop(struct batch *b); /* instead of batch_run: another part answers */

#endif
