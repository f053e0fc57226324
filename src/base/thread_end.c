/* Waiting for a thread's end, with a limit. */
#include "base/thread_end.h"

#include <time.h>

void thread_end_init(struct thread_end *t)
{
        pthread_condattr_t attr;

        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&t->changed, &attr);
        pthread_condattr_destroy(&attr);
        pthread_mutex_init(&t->lock, NULL);
        t->has_come = false;
}

void thread_end_release(struct thread_end *t)
{
        pthread_cond_destroy(&t->changed);
        pthread_mutex_destroy(&t->lock);
}

void thread_end_say(struct thread_end *t)
{
        pthread_mutex_lock(&t->lock);
        t->has_come = true;
        pthread_cond_signal(&t->changed);
        pthread_mutex_unlock(&t->lock);
}

bool thread_end_join(struct thread_end *t, pthread_t thread, int seconds)
{
        struct timespec until;
        int error = 0;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += seconds;
        pthread_mutex_lock(&t->lock);
        while (!t->has_come && error == 0)
                error = pthread_cond_timedwait(&t->changed, &t->lock, &until);
        bool has_come = t->has_come;
        pthread_mutex_unlock(&t->lock);
        if (!has_come)
                return false;
        pthread_join(thread, NULL);
        thread_end_release(t);
        return true;
}
