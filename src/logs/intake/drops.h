/* Saying what was lost: at once, then once a minute, and when it is over. */
#ifndef LOGS_INTAKE_DROPS_H
#define LOGS_INTAKE_DROPS_H

#include <stdbool.h>
#include <stdint.h>

struct channel;
struct core;

/* One reason for which one stream loses output. */
struct drops {
        struct channel *channel; /* borrowed */
        bool is_syslog;
        uint64_t unpublished;
        int64_t told_ms, over_ms; /* when that was said last; 0: never */
        bool is_listed;           /* the rest is said by the timer */
        struct drops *prev, *next;
};

void drops_add(struct drops *d, uint64_t bytes);
/* Nothing is lost any more. */
void drops_over(struct drops *d);
/* The stream goes: the rest is said now, unless that is not wanted. */
void drops_forget(struct drops *d);
void drops_stop(struct core *core); /* the loop goes; all are forgotten */

#endif
