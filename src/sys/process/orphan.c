/* Holds workers that are not our children by a pidfd, asks how they ended, and opens their pipes
 * anew. A number is trusted only when its start time fits after the pidfd is open. */
#include "sys/process/orphan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/fault_point.h"
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

int orphan_open(pid_t pid)
{
        return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* No process has this number: it may be the number of a thread by now. */
static bool is_free(pid_t pid)
{
        return kill(pid, 0) < 0 && errno == ESRCH;
}

/* Something there cannot be looked at: whether it has ended meanwhile, a signal that does nothing
 * still tells. */
static enum orphan_found refused_unless_gone(int pidfd, int error)
{
        if (orphan_signal(pidfd, 0) < 0 && errno == ESRCH)
                return ORPHAN_GONE;
        errno = error;
        return ORPHAN_REFUSED;
}

enum orphan_found orphan_hold(struct orphan *o, int *pidfd_out, pid_t *parent_out)
{
        struct proc_entry entry;

        *pidfd_out = -1;
        AUTO_FD fd = orphan_open(o->pid);
        if (fd < 0) {
                int error = errno;
                bool gone = error == ESRCH || is_free(o->pid);
                errno = error;
                if (gone)
                        return ORPHAN_GONE;
        }
        bool known = proc_entry_read(o->pid, &entry);
        int error = errno;
        if (known && (entry.start_ticks < o->start_low || entry.start_ticks > o->start_high))
                return ORPHAN_GONE;
        if (fd < 0) /* EINVAL, ENOENT: of a thread, which is never the worker */
                return ORPHAN_REFUSED;
        if (!known)
                return refused_unless_gone(fd, error);
        o->start_low = o->start_high = entry.start_ticks;
        *parent_out = entry.parent;
        fd_cloexec(fd, true);
        *pidfd_out = fd_take(&fd);
        return entry.state == 'Z' || entry.state == 'X' ? ORPHAN_ENDED : ORPHAN_LIVES;
}

int orphan_signal(int pidfd, int sig)
{
        return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}

/* ---- how it ended */

/* The kernel's struct of 6.15, first version; older ones do not know the request. */
struct info {
        uint64_t mask, cgroup;
        uint32_t ids[11];
        int32_t exit_code;
};
#define INFO_EXIT 8u
#define GET_INFO  _IOWR(0xFF, 11, struct info)

static bool ask_info(int pidfd, int *status_out)
{
        struct info info = { .mask = INFO_EXIT };

        if (fault_switch("no-pidfd-info") || ioctl(pidfd, GET_INFO, &info) < 0 ||
            !(info.mask & INFO_EXIT))
                return false;
        *status_out = info.exit_code;
        return true;
}

/* Where we may not look, the kernel shows a code of 0; a link that is guarded alike tells. */
static bool may_look(pid_t pid)
{
        char path[64], target[64];

        snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
        return readlink(path, target, sizeof target) > 0;
}

/* Field 52, the last one, of a zombie's stat. */
static enum orphan_end ask_stat(const struct orphan *o, int *status_out)
{
        char path[64], text[1024];
        struct proc_entry entry = { 0 };

        if (!proc_entry_read(o->pid, &entry) && !is_free(o->pid))
                return END_ASK_LATER;
        if (entry.start_ticks != o->start_low)
                return END_UNKNOWN; /* reaped by its parent */
        if (!may_look(o->pid))
                return END_ASK_LATER;
        snprintf(path, sizeof path, "/proc/%d/stat", (int)o->pid);
        AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
        if (n <= 0)
                return END_UNKNOWN;
        text[n] = '\0';
        char *close = strrchr(text, ')');
        if (!close || strncmp(close, ") Z ", 4) != 0)
                return END_ASK_LATER;
        char *last = strrchr(close, ' ');
        *status_out = (int)strtol(last, NULL, 10);
        return END_KNOWN;
}

enum orphan_end orphan_end(const struct orphan *o, int pidfd, int *status_out)
{
        enum orphan_end said = ask_stat(o, status_out);

        if (said != END_KNOWN && ask_info(pidfd, status_out))
                return END_KNOWN;
        return said;
}

/* ---- its pipes */

static int open_if_same(const char *path, ino_t pipe, int flags)
{
        struct stat st;
        AUTO_FD fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

        if (fd < 0)
                return -1;
        if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) && st.st_ino == pipe)
                return fd_take(&fd);
        errno = ENOENT;
        return -1;
}

/* Reading ends do not keep a pipe open for writing: to open one anew for writing needs a reader
 * there, so the look itself never opens anything. */
static bool orphan_is_pipe(const char *path, ino_t pipe)
{
        char target[64], wanted[64];
        ssize_t n = readlink(path, target, sizeof target - 1);

        if (n <= 0)
                return false;
        target[n] = '\0';
        snprintf(wanted, sizeof wanted, "pipe:[%llu]", (unsigned long long)pipe);
        errno = ENOENT;
        return strcmp(target, wanted) == 0;
}

/* Root without CAP_SYS_PTRACE may list what it may not look at. */
static bool is_refused(int error)
{
        return error == EACCES || error == EPERM;
}

int orphan_pipe(pid_t pid, int number, ino_t pipe, int flags)
{
        char path[300];
        int found = -1;

        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, number);
        if (orphan_is_pipe(path, pipe))
                return open_if_same(path, pipe, flags);
        snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
        DIR *dir = opendir(path);
        if (!dir)
                return -1;
        int error = ENOENT;
        for (struct dirent *d; found < 0 && (d = readdir(dir));) {
                snprintf(path, sizeof path, "/proc/%d/fd/%s", (int)pid, d->d_name);
                bool same = orphan_is_pipe(path, pipe);
                if (same)
                        found = open_if_same(path, pipe, flags);
                if (same || is_refused(errno))
                        error = errno;
        }
        closedir(dir);
        errno = error;
        return found;
}

bool orphan_is_ending(pid_t pid)
{
        struct proc_entry entry;

        return !proc_entry_read(pid, &entry) || entry.ending;
}

int orphan_socket(const struct orphan *o, int number)
{
        struct orphan who = *o;
        AUTO_FD pidfd = -1;
        pid_t parent;
        int listens = 0;
        socklen_t len = sizeof listens;

        if (orphan_hold(&who, &pidfd, &parent) != ORPHAN_LIVES) {
                errno = ESRCH;
                return -1;
        }
        AUTO_FD fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0); /* close-on-exec by itself */
        if (fd < 0)
                return -1;
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens)
                return fd_take(&fd);
        errno = ENOTSOCK;
        return -1;
}
