/* Waits shortly for another thread's answer. After one that did not come in time the next question
 * is not waited for until some answer has come. */
#include "logs/reply_wait.h"

#include <time.h>

#define PATIENCE_NS 250000000 /* an open takes some ten microseconds, with a thread to wake up */

void reply_wait_init(struct reply_wait *p)
{
        pthread_condattr_t attr;

        *p = (struct reply_wait){ 0 };
        pthread_mutex_init(&p->lock, NULL);
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&p->answered, &attr);
        pthread_condattr_destroy(&attr);
}

void reply_wait_release(struct reply_wait *p)
{
        pthread_cond_destroy(&p->answered);
        pthread_mutex_destroy(&p->lock);
}

unsigned reply_wait_ask(struct reply_wait *p)
{
        unsigned ticket = 0;

        pthread_mutex_lock(&p->lock);
        if (!p->is_late) {
                ticket = ++p->last ? p->last : ++p->last;
                p->wanted = ticket;
                p->has_answer = false;
        }
        pthread_mutex_unlock(&p->lock);
        return ticket;
}

static struct timespec reply_wait_deadline(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        t.tv_nsec += PATIENCE_NS;
        t.tv_sec += t.tv_nsec / 1000000000;
        t.tv_nsec %= 1000000000;
        return t;
}

bool reply_wait_wait(struct reply_wait *p, unsigned ticket, struct err *why_out)
{
        struct timespec until = reply_wait_deadline();
        int late = 0;

        if (!ticket)
                return false;
        pthread_mutex_lock(&p->lock);
        while (!p->has_answer && !late)
                late = pthread_cond_timedwait(&p->answered, &p->lock, &until);
        bool answered = p->has_answer;
        p->wanted = 0;
        p->is_late = !answered;
        if (answered)
                *why_out = p->why;
        pthread_mutex_unlock(&p->lock);
        return answered;
}

bool reply_wait_answer(struct reply_wait *p, unsigned ticket, const struct err *why)
{
        pthread_mutex_lock(&p->lock);
        bool waits = ticket && p->wanted == ticket;
        p->is_late = false;
        if (waits) {
                p->why = why ? *why : (struct err){ 0 };
                p->has_answer = true;
                pthread_cond_signal(&p->answered);
        }
        pthread_mutex_unlock(&p->lock);
        return waits;
}
