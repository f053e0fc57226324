/* Makes the pipes of a worker, and sees to it that starts leave some descriptors for everything
 * else. */
#include "engine/run/pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/fd.h"
#include "engine/core/startup.h"
#include "engine/core/supervisor.h"

int pipe_open_again(struct sys *sys, int fd, int flags)
{
        char path[40];

        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        return sys->open(sys, path, O_RDWR | flags, 0);
}

void pipe_both_ways(struct sys *sys, int *fd, int flags)
{
        int both = pipe_open_again(sys, *fd, flags);

        if (both < 0)
                return;
        sys->close(sys, *fd);
        *fd = both;
}

/* Stdin's end; for a log its pipe and its file. */
static int64_t taken_by_one(const struct program *g)
{
        int logs = !program_discards(g, false) + !(g->redirect_stderr || program_discards(g, true));

        return 1 + 2 * (int64_t)logs;
}

int64_t pipes_descriptors(const struct supervisor *s)
{
        int64_t sum = 0;

        for (int i = 0; i < s->registry.group_count; i++) {
                const struct group *g = s->registry.groups[i];
                for (int k = 0; k < g->fleet_count; k++)
                        sum += g->fleets[k].replicas * taken_by_one(g->fleets[k].program);
        }
        return sum;
}

enum { RESERVED_FDS = 32 }; /* an eighth where few may be open */

/* Workers that the next instance has to hold one descriptor more for than we do: it has their
 * pidfd, and needs a writing end of stdin as we do, or there never was one. */
static rlim_t owed_to_next(const struct supervisor *s)
{
        rlim_t sum = 0;

        for (int i = 0; i < s->registry.group_count; i++)
                if (s->registry.groups[i]->conf->kind != KIND_PROGRAM)
                        sum += (rlim_t)s->registry.groups[i]->count;
        return sum;
}

bool pipes_leave_reserve(const struct supervisor *s, int fd, bool is_start)
{
        rlim_t most = startup_of(s)->limits.nofile.rlim_max;

        if (fd < 0 || most == 0 || most == RLIM_INFINITY)
                return true;
        rlim_t end = most - (most / 8 < RESERVED_FDS ? most / 8 : RESERVED_FDS);
        rlim_t taken = (rlim_t)fd + logs_attaching(s->logs);
        if (taken + (rlim_t)s->registry.process_count < end)
                return true;
        if (is_start)
                end -= owed_to_next(s) < end ? owed_to_next(s) : end;
        if (taken < end)
                return true;
        errno = EMFILE;
        return false;
}

/* A stdin that was made before it was needed. */
struct spare {
        int fds[2];     /* owned: the worker's end, ours; -1: none */
        uint64_t inode; /* of the pipe */
        bool wanted;
};

static struct spare *pipes_spare(const struct supervisor *s)
{
        return component_own(s, COMPONENT_pipes);
}

static void pipes_release(struct supervisor *s)
{
        for (int i = 0; i < 2; i++)
                if (pipes_spare(s)->fds[i] >= 0)
                        s->sys->close(s->sys, fd_take(&pipes_spare(s)->fds[i]));
}

static bool pipes_init(struct supervisor *s, struct err *e)
{
        (void)e;
        pipes_spare(s)->fds[0] = pipes_spare(s)->fds[1] = -1;
        return true;
}

static bool make_stdin(struct supervisor *s)
{
        struct spare *p = pipes_spare(s);
        struct stat st;

        if (s->sys->pipe(s->sys, p->fds) < 0) {
                p->fds[0] = p->fds[1] = -1;
                return false;
        }
        pipe_both_ways(s->sys, &p->fds[0], 0);
        if (!fd_nonblock(p->fds[1], true)) {
                pipes_release(s);
                return false;
        }
        p->inode = s->sys->fstat(s->sys, p->fds[1], &st) == 0 ? st.st_ino : 0;
        return true;
}

bool pipe_stdin(struct supervisor *s, int *worker_out, int *ours_out, uint64_t *inode_out)
{
        struct spare *p = pipes_spare(s);

        p->wanted = true;
        if (p->fds[0] < 0 && !make_stdin(s))
                return false;
        *worker_out = fd_take(&p->fds[0]);
        *ours_out = fd_take(&p->fds[1]);
        *inode_out = p->inode;
        return true;
}

/* A start has used the spare: another is made meanwhile. What fails is tried at the start. */
static void pipes_on_turn(struct supervisor *s)
{
        struct spare *p = pipes_spare(s);

        if (!p->wanted || p->fds[0] >= 0 || s->daemon_state != DAEMON_RUNNING)
                return;
        p->wanted = false;
        (void)!make_stdin(s); /* there is none, then */
}

const struct component component_pipes = { .name = "pipes",
                                           .size = sizeof(struct spare),
                                           .init = pipes_init,
                                           .release = pipes_release,
                                           .on_turn = pipes_on_turn };
