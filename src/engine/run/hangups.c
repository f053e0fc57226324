/* Hints about which workers have ended, by the hang-up of their standard input. Never proof: each
 * is asked for with waitid. */
#include "engine/run/hangups.h"

#include <sys/epoll.h>

#include "base/fd.h"
#include "engine/core/worker.h"
#include "engine/run/reaper.h"
#include "engine/run/stdin_pipe.h"

/* What it has for itself: an epoll, owned; -1: not yet. */
static int *hangups_fd(const struct supervisor *s)
{
        return component_own(s, COMPONENT_hangups);
}

/* By pid, not by address: what is told may be about a process that was freed meanwhile. */
static bool listen_to(struct supervisor *s, const struct stdin_pipe *in, pid_t pid)
{
        struct epoll_event e = { .events = EPOLLONESHOT, .data.u64 = (uint64_t)pid };

        if (!in || stdin_pipe_fd(in) < 0)
                return false;
        if (*hangups_fd(s) < 0)
                *hangups_fd(s) = epoll_create1(EPOLL_CLOEXEC);
        return *hangups_fd(s) >= 0 &&
               epoll_ctl(*hangups_fd(s), EPOLL_CTL_ADD, stdin_pipe_fd(in), &e) == 0;
}

void hangups_watch(struct supervisor *s, const struct process *p)
{
        struct worker *w = p->worker;

        w->heard = s->registry.process_count > CHILDREN_SMALL_FLEET && listen_to(s, w->in, p->pid);
}

int hangups_next(struct supervisor *s, pid_t *pids, int most)
{
        struct epoll_event told[16];
        int room = most < 16 ? most : 16;
        int count = *hangups_fd(s) < 0 ? 0 : epoll_wait(*hangups_fd(s), told, room, 0);

        for (int i = 0; i < count; i++)
                pids[i] = (pid_t)told[i].data.u64;
        return count > 0 ? count : 0;
}

static void hangups_on_executed(struct supervisor *s, struct process *p)
{
        if (!p->worker->adopted)
                hangups_watch(s, p);
}

static bool hangups_init(struct supervisor *s, struct err *e)
{
        (void)e;
        *hangups_fd(s) = -1;
        return true;
}

static void hangups_release(struct supervisor *s)
{
        fd_close(hangups_fd(s));
}

const struct component component_hangups = { .name = "hangups",
                                             .size = sizeof(int),
                                             .init = hangups_init,
                                             .release = hangups_release,
                                             .on_executed = hangups_on_executed };
