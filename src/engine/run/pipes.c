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

bool pipe_stdin(struct supervisor *s, int *worker_out, int *ours_out, uint64_t *inode_out)
{
        struct stat st;
        int fds[2];

        if (s->sys->pipe(s->sys, fds) < 0)
                return false;
        pipe_both_ways(s->sys, &fds[0], 0);
        if (!fd_nonblock(fds[1], true)) {
                s->sys->close(s->sys, fds[0]);
                s->sys->close(s->sys, fds[1]);
                return false;
        }
        *inode_out = s->sys->fstat(s->sys, fds[1], &st) == 0 ? st.st_ino : 0;
        *worker_out = fds[0];
        *ours_out = fds[1];
        return true;
}
