/* An order to one or several processes that is answered when they have got there, or when the time
 * is over. Owned by its request. */
#ifndef API_REST_BATCH_H
#define API_REST_BATCH_H

#include <stdbool.h>

#include "api/http/server.h"
#include "engine/order/results.h"

enum batch_answer {
        BATCH_PROCESS, /* PROCESS, or the fault as a problem */
        BATCH_RESULTS, /* {"results": [...]} */
        BATCH_OWN,     /* on_finished answers */
};

struct batch {
        struct request *request; /* borrowed */
        struct results results;  /* in the order of their turns */
        enum batch_answer answer;
        bool lines;    /* the client takes results as a line each, in the order they came in */
        bool restarts; /* a result says whether the process ran before */
        struct logs_wait *logged;             /* borrowed; NULL: not waited for */
        void (*on_finished)(struct batch *b); /* BATCH_OWN: reply to b->request; not free it */
        void *arg;                            /* on_finished's; freed with free() */
};

/* For qsort and bsearch over processes: by group, then by name, as status lists them. */
int batch_by_name(const void *a, const void *b);
/* Over these processes. NULL: no memory. */
struct batch *batch_new(struct request *r, enum batch_answer answer, struct process **procs,
                        int count);
/* Give all of them this order: answered when it is given, or (wait) when they have got there. procs
 * is sorted by names, and is put in the order of the turns. */
void batch_order(struct request *r, enum batch_answer answer, const struct operation_kind *kind,
                 struct process **procs, int count, bool wait, double timeout_s);
/* Answered when the log thread has done what it was asked for: who clears a log finds it empty. */
void batch_await_logs(struct batch *b);
/* All orders are given: answers now when nothing is awaited, else when it has come or timeout_s is
 * over. b belongs to the request from here on. */
void batch_run(struct batch *b, bool wait, double timeout_s);
void batch_drop(struct batch *b); /* instead of batch_run: another part answers */
/* As /v1 says it: a process that is removed has stopped, and the daemon's end is named. */
enum fault batch_fault(const struct result *item);

#endif
