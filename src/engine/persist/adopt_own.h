/* The worker of an earlier daemon, held by its pidfd: the part's own. */
#ifndef ENGINE_PERSIST_ADOPT_OWN_H
#define ENGINE_PERSIST_ADOPT_OWN_H

#include <ev.h>

#include "engine/events/listeners.h"
#include "engine/persist/adopt_pipes.h"
#include "engine/persist/adopted.h"
#include "engine/persist/state_record.h"
#include "sys/process/orphan.h"

enum { LOG_OUT = 1, LOG_ERR = 2 };

/* Until one whose adoption is not complete is looked at again. */
#define LOOK_FIRST_S 1.

struct adopted {
        struct supervisor *sup;  /* borrowed */
        struct process *process; /* borrowed */
        struct orphan who;
        int pidfd;      /* owned; -1: it could not be held yet */
        ev_io end;      /* readable: it has ended */
        ev_timer again; /* asking how */
        int asked;

        struct adopted *next; /* of the component's list */
        bool listed, lacks_stdin;
        uint8_t lacks_logs; /* LOG_*: those that could not be opened yet */
        unsigned work;      /* of its record: to be done when it is held */
};

/* What the component has for itself: those whose adoption is not complete. */
struct adopt {
        struct adopted *first;
        ev_timer look_again; /* active while there are some */
};

struct adopt *adopt_own(const struct supervisor *s);

/* pidfd -1: it cannot be held. NULL: no memory. */
struct adopted *adopted_new(struct supervisor *s, struct process *p, const struct orphan *who,
                            int pidfd);
void adopted_watch(struct adopted *a, const struct orphan *who, int pidfd); /* it is held now */
bool adopted_is_complete(const struct adopted *a);
void adopted_list(struct adopted *a); /* to be looked at again; fine when it is listed */
void adopted_unlist(struct adopted *a);
void adopted_ask_how_it_ended(struct adopted *a); /* its pidfd says that it has */
void adopted_look_again_in(struct supervisor *s, double seconds);

/* adopt_pipes.c. Its pipes, as far as they can be opened; what is lacking is noted and said. */
void adopt_take_pipes(struct supervisor *s, struct process *p);
unsigned adopt_take_logs(struct supervisor *s, struct process *p, unsigned wanted, bool *closed_out,
                         struct err *e);
bool adopt_take_stdin(struct supervisor *s, struct process *p);
void adopt_say_lost(struct supervisor *s, const struct process *p);

/* adopt_worker.c */
bool adopt_was_handed_over(const struct supervisor *s);
void adopt_hold(struct supervisor *s, struct process *p, const struct saved_record *k);
void adopt_follow_changes(struct supervisor *s, struct process *p, const struct saved_record *k);

#endif
