/* The end of a thread that is waited for, but not for ever. Not by pthread_clockjoin_np, which
 * ThreadSanitizer does not know, nor by pthread_timedjoin_np, whose clock can be set back. */
#ifndef BASE_THREAD_END_H
#define BASE_THREAD_END_H

#include <pthread.h>
#include <stdbool.h>

struct thread_end {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        bool has_come;
};

void thread_end_init(struct thread_end *t); /* before the thread is started */
void thread_end_say(struct thread_end *t);  /* the last that the thread does */
/* True: it has ended and is joined, and *t is released. False: not within so many seconds. */
bool thread_end_join(struct thread_end *t, pthread_t thread, int seconds);
void thread_end_release(struct thread_end *t); /* the thread was not started */

#endif
