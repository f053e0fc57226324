/* A thread that runs an event loop of its own and does what arrives in its inbox. It begins with
 * all signals blocked. The calls are its owner's, who is another thread. */
#ifndef BASE_WORKER_THREAD_H
#define BASE_WORKER_THREAD_H

#include <ev.h>
#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/mailbox.h"

struct worker_thread {
        struct ev_loop *loop; /* owned; NULL: not open */
        struct mailbox inbox; /* closed by the owner, once the thread has ended */

        /* Inside. */
        ev_periodic quiet;
        pthread_t thread;
        pthread_mutex_t lock; /* of has_ended */
        pthread_cond_t changed;
        bool has_ended;
        void (*at_end)(void *arg);
        void *arg;
        struct mail stop;
};

/* Makes the loop and opens the inbox; what belongs to the thread can be set up there before it
 * starts. name: what it is called in *e, like "the log thread". */
bool worker_thread_open(struct worker_thread *w, const char *name, struct err *e);
/* at_end: the last that the thread does; NULL: nothing. */
bool worker_thread_start(struct worker_thread *w, const char *name, void (*at_end)(void *arg),
                         void *arg, struct err *e);
/* The thread ends behind what was sent before, and is joined. False: not within so many seconds, as
 * when a disk hangs; what it stands on is then never freed. */
bool worker_thread_stop(struct worker_thread *w, int seconds);
/* Frees the loop: there is no thread, and nothing watches on the loop any more. */
void worker_thread_close(struct worker_thread *w);

#endif
