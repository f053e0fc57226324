/* A counter by which readers see that log files are being renamed. Shared by threads and held by
 * reference. */
#include "logs/store/rename_seq.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define WAIT_S 1

struct rename_seq {
        atomic_uint count;
        atomic_uint holders;
        pthread_mutex_t lock; /* around ends and waiting: no end is missed */
        pthread_cond_t ended;
        unsigned waiting;
};

struct rename_seq *rename_seq_new(void)
{
        struct rename_seq *m = calloc(1, sizeof *m);
        pthread_condattr_t how;

        if (!m)
                return NULL;
        atomic_init(&m->holders, 1);
        pthread_condattr_init(&how);
        pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
        pthread_mutex_init(&m->lock, NULL);
        pthread_cond_init(&m->ended, &how);
        pthread_condattr_destroy(&how);
        return m;
}

struct rename_seq *rename_seq_ref(struct rename_seq *m)
{
        if (m)
                atomic_fetch_add(&m->holders, 1);
        return m;
}

void rename_seq_drop(struct rename_seq *m)
{
        if (!m || atomic_fetch_sub(&m->holders, 1) > 1)
                return;
        pthread_cond_destroy(&m->ended);
        pthread_mutex_destroy(&m->lock);
        free(m);
}

uint32_t rename_seq_count(struct rename_seq *m)
{
        return m ? atomic_load(&m->count) : 0;
}

static bool is_moving(struct rename_seq *m)
{
        return rename_seq_count(m) & 1;
}

void rename_seq_begin(struct rename_seq *m)
{
        if (m && !is_moving(m))
                atomic_fetch_add(&m->count, 1);
}

void rename_seq_end(struct rename_seq *m)
{
        if (!is_moving(m))
                return;
        pthread_mutex_lock(&m->lock);
        atomic_fetch_add(&m->count, 1);
        if (m->waiting)
                pthread_cond_broadcast(&m->ended);
        pthread_mutex_unlock(&m->lock);
}

bool rename_seq_wait(struct rename_seq *m)
{
        struct timespec until;
        int error = 0;

        if (!is_moving(m))
                return true;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += WAIT_S;
        pthread_mutex_lock(&m->lock);
        m->waiting++;
        while (is_moving(m) && error != ETIMEDOUT)
                error = pthread_cond_timedwait(&m->ended, &m->lock, &until);
        m->waiting--;
        bool still = is_moving(m);
        pthread_mutex_unlock(&m->lock);
        return !still;
}

bool rename_seq_is_awaited(struct rename_seq *m)
{
        pthread_mutex_lock(&m->lock);
        bool any = m->waiting > 0;
        pthread_mutex_unlock(&m->lock);
        return any;
}
