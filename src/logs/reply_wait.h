/* A question whose answer is waited for, but not for long: one thread asks, one at a time, another
 * answers. After a question that was not answered in time no other is waited for until an answer
 * has come: a disk that hangs costs one such moment, not one for each worker. */
#ifndef LOGS_REPLY_WAIT_H
#define LOGS_REPLY_WAIT_H

#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"

struct reply_wait {
        pthread_mutex_t lock;
        pthread_cond_t answered;
        unsigned last;   /* ticket that was given out; the asking thread's */
        unsigned wanted; /* 0: no question waits */
        bool is_late;    /* the last one was not answered in time */
        bool has_answer;
        struct err why;
};

void reply_wait_init(struct reply_wait *p);
void reply_wait_release(struct reply_wait *p);

/* The asking thread: a ticket to send with the question; 0: this one is not waited for. */
unsigned reply_wait_ask(struct reply_wait *p);
/* True: the answer has come in time: *why_out, ERR_NONE if all is well. */
bool reply_wait_wait(struct reply_wait *p, unsigned ticket, struct err *why_out);
/* The answering thread. why NULL: all is well. True: the asking thread has waited for it, and
 * knows. */
bool reply_wait_answer(struct reply_wait *p, unsigned ticket, const struct err *why);

#endif
