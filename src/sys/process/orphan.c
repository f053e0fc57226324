/* Holds workers that are not our children by a pidfd, and asks how they ended. A number is trusted
 * only when its start time fits after the pidfd is open. */
#include "sys/process/orphan.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "sys/process/procfs.h"

uint64_t orphan_ticks_now(void)
{
        struct timespec t;
        uint64_t per_second = (uint64_t)sysconf(_SC_CLK_TCK);

        clock_gettime(CLOCK_BOOTTIME, &t);
        return (uint64_t)t.tv_sec * per_second +
               (uint64_t)t.tv_nsec / (UINT64_C(1000000000) / per_second);
}

/* No process has this number: it may be the number of a thread by now. */
static bool orphan_is_free(struct sys *s, pid_t pid)
{
        return s->kill(s, pid, 0) < 0 && errno == ESRCH;
}

/* Something there cannot be looked at: whether it has ended meanwhile, a signal that does nothing
 * still tells. */
static enum orphan_found refused_unless_gone(struct sys *s, int pidfd, int error)
{
        if (s->process->pidfd_kill(s, pidfd, 0) < 0 && errno == ESRCH)
                return ORPHAN_GONE;
        errno = error;
        return ORPHAN_REFUSED;
}

enum orphan_found orphan_hold(struct sys *s, struct orphan *o, int *pidfd_out, pid_t *parent_out)
{
        struct proc_entry entry;

        *pidfd_out = -1;
        AUTO_FD fd = s->process->pidfd(s, o->pid);
        int refused = errno;
        if (fd < 0 && (refused == ESRCH || orphan_is_free(s, o->pid)))
                return ORPHAN_GONE;
        bool known = s->process->entry(s, o->pid, &entry);
        int error = errno;
        if (known && (entry.start_ticks < o->start_low || entry.start_ticks > o->start_high))
                return ORPHAN_GONE;
        errno = refused;
        if (fd < 0) /* EINVAL, ENOENT: of a thread, which is never the worker */
                return ORPHAN_REFUSED;
        if (!known)
                return refused_unless_gone(s, fd, error);
        o->start_low = o->start_high = entry.start_ticks;
        *parent_out = entry.parent;
        *pidfd_out = fd_take(&fd);
        return entry.state == 'Z' || entry.state == 'X' ? ORPHAN_ENDED : ORPHAN_LIVES;
}

/* ---- how it ended */

/* Where we may not look, the kernel shows a status of 0; a link that is guarded alike tells. */
static enum orphan_end ask_stat(struct sys *s, const struct orphan *o, int *status_out)
{
        struct proc_entry entry = { 0 };

        if (!s->process->entry(s, o->pid, &entry) && !orphan_is_free(s, o->pid))
                return END_ASK_LATER;
        if (entry.start_ticks != o->start_low)
                return END_UNKNOWN; /* reaped by its parent */
        if (entry.state != 'Z' || !s->process->may_look(s, o->pid))
                return END_ASK_LATER;
        *status_out = entry.status;
        return END_KNOWN;
}

enum orphan_end orphan_end(struct sys *s, const struct orphan *o, int pidfd, int *status_out)
{
        enum orphan_end said = ask_stat(s, o, status_out);

        if (said != END_KNOWN && s->process->pidfd_status(s, pidfd, status_out))
                return END_KNOWN;
        return said;
}

bool orphan_is_ending(struct sys *s, pid_t pid)
{
        struct proc_entry entry;

        return !s->process->entry(s, pid, &entry) || entry.ending;
}

int orphan_socket(struct sys *s, const struct orphan *o, int number)
{
        struct orphan who = *o;
        AUTO_FD pidfd = -1;
        pid_t parent;
        int listens = 0;
        socklen_t len = sizeof listens;

        if (orphan_hold(s, &who, &pidfd, &parent) != ORPHAN_LIVES) {
                errno = ESRCH;
                return -1;
        }
        AUTO_FD fd = s->process->pidfd_getfd(s, pidfd, number);
        if (fd < 0)
                return -1;
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens)
                return fd_take(&fd);
        errno = ENOTSOCK;
        return -1;
}
