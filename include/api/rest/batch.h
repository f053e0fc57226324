/* An order to one or several processes that is answered when they have got there, or when the time
 * is over. Owned by its request. */
#ifndef API_REST_BATCH_H
#define API_REST_BATCH_H

#include <stdbool.h>

#include "api/http/server.h"
#include "engine/order/operations.h"

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
        bool was_running; /* when it was to be restarted */
        int turn;         /* its order is the so-manyth that is given, from 0 on */
        int place;        /* among the lines of the answer: from 1 on; 0: none yet */
};

struct batch {
        struct request *request; /* borrowed */
        struct ev_loop *loop;    /* borrowed */
        enum batch_answer answer;
        struct batch_item *items; /* owned, in the order of `status` */
        int count, pending;
        struct operation *operation; /* orders that are still to be given; NULL: none */
        enum wait_for until;
        bool timed_out, wait;
        bool lines;    /* the client takes results as a line each, in the order they came in */
        bool restarts; /* a result says whether the process ran before */
        int *by_turn;  /* owned: the item whose turn it is; NULL: in their order */
        int waited;    /* so many results came later than at once */
        struct logs_wait *logged; /* borrowed; NULL: not waited for */
        ev_timer timer;
        void (*on_finished)(struct batch *b); /* BATCH_OWN: reply to b->request; not free it */
        void *arg;                            /* on_finished's; freed with free() */
};

/* For qsort and bsearch over processes: by group, then by name, as status lists them. */
int batch_by_name(const void *a, const void *b);
/* Over these processes. NULL: no memory. */
struct batch *batch_new(struct request *r, enum batch_answer answer, struct process **procs,
                        int count);
/* The order to item i, this process, is through: it failed, or (FAULT_NONE) is done. p NULL: it is
 * not there any more. What the answer needs of it is copied. */
void batch_done(struct batch *b, int i, const struct process *p, enum fault f, const char *detail);
/* Give all of them this order and run: answered when it is given, or (wait) when they have got
 * there. procs as in batch_new. */
void batch_give(struct batch *b, const struct operation_kind *kind, struct process **procs,
                bool wait, double timeout_s);
/* Answered when the log thread has done what it was asked for: who clears a log finds it empty. */
void batch_await_logs(struct batch *b);
/* Item i, this process, will get there. */
void batch_await(struct batch *b, int i, struct process *p, enum wait_for what);
/* All orders are given: answers now when nothing is awaited, else when it has come or timeout_s is
 * over. b belongs to the request from here on. */
void batch_run(struct batch *b, bool wait, double timeout_s);
void batch_drop(struct batch *b); /* instead of batch_run: another part answers */

#endif
