/* A thread with a loop: its beginning, and its end, which is waited for, but not for ever. Not by
 * pthread_clockjoin_np, which ThreadSanitizer does not know, nor by pthread_timedjoin_np, whose
 * clock can be set back. */
#include "base/worker_thread.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

#include "base/loop_quiet.h"

#define STACK_BYTES (2u << 20) /* whatever the limits say */

bool worker_thread_open(struct worker_thread *w, const char *name, struct err *e)
{
        *w = (struct worker_thread){ .loop = ev_loop_new(EVFLAG_NOENV | EVBACKEND_EPOLL) };
        if (!w->loop)
                return err_set(e, ERR_SYS, "cannot make the event loop of %s", name);
        loop_quiet(w->loop, &w->quiet);
        mailbox_open(&w->inbox, w->loop);
        return true;
}

static void *worker_thread_run(void *arg)
{
        struct worker_thread *w = arg;

        ev_run(w->loop, 0);
        if (w->at_end)
                w->at_end(w->arg);
        pthread_mutex_lock(&w->lock);
        w->has_ended = true;
        pthread_cond_signal(&w->changed);
        pthread_mutex_unlock(&w->lock);
        return NULL;
}

static void worker_thread_end_init(struct worker_thread *w)
{
        pthread_condattr_t attr;

        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&w->changed, &attr);
        pthread_condattr_destroy(&attr);
        pthread_mutex_init(&w->lock, NULL);
}

static void worker_thread_end_release(struct worker_thread *w)
{
        pthread_cond_destroy(&w->changed);
        pthread_mutex_destroy(&w->lock);
}

bool worker_thread_start(struct worker_thread *w, const char *name, void (*at_end)(void *arg),
                         void *arg, struct err *e)
{
        pthread_attr_t attr;
        sigset_t all, old;

        w->at_end = at_end;
        w->arg = arg;
        worker_thread_end_init(w);
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, STACK_BYTES);
        int error = pthread_create(&w->thread, &attr, worker_thread_run, w);
        pthread_attr_destroy(&attr);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (error == 0)
                return true;
        worker_thread_end_release(w);
        errno = error;
        return err_set(e, ERR_SYS, "cannot start %s", name);
}

static void worker_thread_on_stop(struct mail *m)
{
        struct worker_thread *w =
            (struct worker_thread *)((char *)m - offsetof(struct worker_thread, stop));

        ev_break(w->loop, EVBREAK_ALL);
}

bool worker_thread_stop(struct worker_thread *w, int seconds)
{
        struct timespec until;
        int error = 0;

        w->stop.run = worker_thread_on_stop;
        mailbox_send(&w->inbox, &w->stop);
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += seconds;
        pthread_mutex_lock(&w->lock);
        while (!w->has_ended && error == 0)
                error = pthread_cond_timedwait(&w->changed, &w->lock, &until);
        bool has_ended = w->has_ended;
        pthread_mutex_unlock(&w->lock);
        if (!has_ended)
                return false;
        pthread_join(w->thread, NULL);
        worker_thread_end_release(w);
        return true;
}

void worker_thread_close(struct worker_thread *w)
{
        loop_unquiet(w->loop, &w->quiet);
        ev_loop_destroy(w->loop);
        w->loop = NULL;
}
