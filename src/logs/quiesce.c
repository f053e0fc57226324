/* The log thread stands still, so that the whole process can be replaced. */
#include "logs/quiesce.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

#include "logs/mainlog/mainlog_thread.h"
#include "logs/thread.h"

#define LIMIT_S 1 /* a disk that hangs is not waited for */

static void stand_still(struct mail *m)
{
        struct logs *l = (struct logs *)((char *)m - offsetof(struct logs, parking.mail));

        sem_post(&l->parking.reached);
        while (sem_wait(&l->parking.over) < 0 && errno == EINTR)
                ;
        atomic_store(&l->parking.asked, false);
}

bool logs_quiesce(struct logs *l)
{
        struct timespec until;
        int error;

        if (!l->threaded)
                return true;
        if (atomic_exchange(&l->parking.asked, true))
                return false; /* it has not yet come to the last one */
        sem_init(&l->parking.reached, 0, 0);
        sem_init(&l->parking.over, 0, 0);
        l->parking.mail.run = stand_still;
        mainlog_send(l->mainlog);
        mailbox_send(&l->worker.inbox, &l->parking.mail);
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += LIMIT_S;
        do
                error = sem_clockwait(&l->parking.reached, CLOCK_MONOTONIC, &until) < 0 ? errno : 0;
        while (error == EINTR);
        return error == 0;
}

void logs_go_on(struct logs *l)
{
        if (atomic_load(&l->parking.asked))
                sem_post(&l->parking.over);
}
