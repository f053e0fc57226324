/* Batching: a pipe that is written to all the time is not waited for but looked at every half
 * millisecond, so that one call moves many lines. One timer for all of them, which does not run
 * while no pipe is busy.
 *
 * A timerfd, since libev sleeps in whole milliseconds. */
#ifndef LOGS_INTAKE_BATCH_TIMER_H
#define LOGS_INTAKE_BATCH_TIMER_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>

struct core;
struct pipe_in;

#define LARGE_MOST 24 /* an ordinary user has memory for 64, and for nothing else then */

struct batch_timer {
        int fd; /* owned; -1: no naps, each write is a wake-up */
        ev_io io;
        bool armed;
        struct pipe_in *parked;
        struct pipe_in *grown[LARGE_MOST]; /* that were made larger; the last one was busy last */
        int grown_count;
        bool refused; /* a pipe could not be made larger: the user's budget is used up */
};

#define NAP_NONE ((struct batch_timer){ .fd = -1 })

void batch_timer_open(struct core *core); /* where it fails there are no naps */
void batch_timer_close(struct core *core);

/* `got` bytes were just read from it: decide how it is waited for. */
void batch_timer_arrange(struct pipe_in *p, size_t got);
/* It is not waited for in any way from here on. */
void batch_timer_forget(struct pipe_in *p);
/* Its descriptor goes. */
void batch_timer_leave(struct pipe_in *p);

#endif
