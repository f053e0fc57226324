/* What comes of one order to each of one or several processes, for the caller that waits for it:
 * known at once, or waited for until each has got there or the time is over. The orders stand also
 * when it is not waited for any more. */
#ifndef ENGINE_ORDER_RESULTS_H
#define ENGINE_ORDER_RESULTS_H

#include <ev.h>
#include <stdbool.h>

#include "engine/order/operations.h"

struct result {
        struct results *results;
        char *name;      /* owned: namespec; a process may go before this is read */
        char *group;     /* owned */
        const char *own; /* within name: without the group */
        struct waiter waiter;
        enum fault fault;
        char *detail;      /* owned or NULL: the reason, also of a failed start */
        const char *state; /* when it failed; a static word, NULL: not known, or it was removed */
        char *spawnerr;    /* likewise; owned or NULL */
        bool done, removed;
        bool ending;      /* the daemon was, when what was waited for came */
        bool was_running; /* the caller's own: when it was to be restarted */
        int place;        /* among the results as they became known: from 1 on; 0: none yet */
};

struct results {
        struct supervisor *sup;      /* borrowed */
        struct result *items;        /* owned */
        int count, pending;          /* pending: unknown ones, and one while orders are given */
        int waited;                  /* so many became known later than at once */
        struct operation *operation; /* orders that are still to be given; NULL: none */
        enum wait_for until;
        bool wait, timed_out;
        ev_timer timer;
        void (*on_known)(void *arg); /* once; it may release them */
        void *arg;
};

/* Over these processes, of which only names are referred to later, in the order in which they have
 * their turns. False: no memory, nothing is to
 * be released. */
bool results_init(struct results *r, struct supervisor *s, struct process *const *procs, int count);
void results_release(struct results *r); /* no order is taken back */

/* Give all of them this order. procs as in results_init; wait: until they have got there, else
 * until it is known whether they could be executed. */
void results_give(struct results *r, const struct operation_kind *kind,
                  struct process *const *procs, const struct caller *by, bool wait);
/* Item i, this process, will get there. */
void results_await(struct results *r, int i, struct process *p, enum wait_for what);
/* Item i is through: it failed, or (FAULT_NONE) is done. p NULL: it is not there any more. */
void results_done(struct results *r, int i, const struct process *p, enum fault f,
                  const char *detail);
/* All orders are given or on their way: on_known is called now when nothing is pending, else from
 * the loop, after timeout_s at the latest (0: no limit). */
void results_run(struct results *r, double timeout_s);
/* One less is pending. */
void results_settle(struct results *r);
/* For results_sorted: as they became known; by group, then by name, as status lists them. */
int result_by_place(const void *a, const void *b);
int result_by_name(const void *a, const void *b);
/* Owned list; NULL: no memory. */
const struct result **results_sorted(const struct results *r,
                                     int (*compare)(const void *a, const void *b));

#endif
