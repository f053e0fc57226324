/* The real calls of struct sys_process: pidfds, /proc (procfs.c) and pipes opened anew by /proc. No
 * rule belongs here, because tests put another kernel in its place. */
#include "sys/process/pidfd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fault_point.h"
#include "base/fd.h"

static int real_pidfd(struct sys *s, pid_t pid)
{
        (void)s;
        return (int)syscall(SYS_pidfd_open, pid, 0);
}

static int real_pidfd_kill(struct sys *s, int pidfd, int sig)
{
        (void)s;
        return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}

static int real_pidfd_getfd(struct sys *s, int pidfd, int number)
{
        (void)s;
        return (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
}

/* The kernel's struct of 6.15, first version; older ones do not know the request. */
struct info {
        uint64_t mask, cgroup;
        uint32_t ids[11];
        int32_t exit_code;
};
#define INFO_EXIT 8u
#define GET_INFO  _IOWR(0xFF, 11, struct info)

static bool real_pidfd_status(struct sys *s, int pidfd, int *status_out)
{
        struct info info = { .mask = INFO_EXIT };

        (void)s;
        if (fault_switch("no-pidfd-info") || ioctl(pidfd, GET_INFO, &info) < 0 ||
            !(info.mask & INFO_EXIT))
                return false;
        *status_out = info.exit_code;
        return true;
}

/* ---- pipes */

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
static bool pidfd_is_pipe(const char *path, ino_t pipe)
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

static int real_pipe_of(struct sys *s, pid_t pid, int number, ino_t pipe, int flags)
{
        char path[300];
        int found = -1;

        (void)s;
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, number);
        if (pidfd_is_pipe(path, pipe))
                return open_if_same(path, pipe, flags);
        snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
        DIR *dir = opendir(path);
        if (!dir)
                return -1;
        int error = ENOENT;
        for (struct dirent *d; found < 0 && (d = readdir(dir));) {
                snprintf(path, sizeof path, "/proc/%d/fd/%s", (int)pid, d->d_name);
                bool same = pidfd_is_pipe(path, pipe);
                if (same)
                        found = open_if_same(path, pipe, flags);
                if (same || is_refused(errno))
                        error = errno;
        }
        closedir(dir);
        errno = error;
        return found;
}

/* ---- /proc */

static bool real_entry(struct sys *s, pid_t pid, struct proc_entry *out)
{
        (void)s;
        return proc_entry_read(pid, out);
}

static bool real_table(struct sys *s, struct proc_table *out)
{
        (void)s;
        return proc_table_read(out);
}

static bool real_children(struct sys *s, pid_t pid, bool of_threads, struct pid_list *list)
{
        (void)s;
        return proc_children(pid, of_threads, list);
}

static bool real_environ(struct sys *s, pid_t pid, struct buf *out)
{
        (void)s;
        return proc_environ(pid, out);
}

static void real_command(struct sys *s, pid_t pid, char *buf, size_t size)
{
        (void)s;
        proc_command(pid, buf, size);
}

static bool real_may_look(struct sys *s, pid_t pid)
{
        (void)s;
        return proc_may_look(pid);
}

const struct sys_process sys_process_real = { .pidfd = real_pidfd,
                                              .pidfd_kill = real_pidfd_kill,
                                              .pidfd_status = real_pidfd_status,
                                              .pidfd_getfd = real_pidfd_getfd,
                                              .entry = real_entry,
                                              .table = real_table,
                                              .children = real_children,
                                              .environ = real_environ,
                                              .command = real_command,
                                              .may_look = real_may_look,
                                              .pipe_of = real_pipe_of };
