/* The real kernel behind struct sys: each call is the system call of its name. No rule belongs
 * here, because tests put another kernel in its place. */
#include "sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault_point.h"
#include "base/fd.h"
#include "sys/process/pidfd.h"
#include "sys/process/spawn.h"
#include "sys/store/guarded.h"

/* The one real kernel. Its spawner is the only state: there is one table of descriptors, whichever
 * part asks. */
struct real_sys {
        struct sys ops; /* first: cast back */
        struct spawner spawner;
        int asker; /* an eventfd, for number_is_free; 0: not yet */
};

static bool real_spawn(struct sys *s, const struct launch *l, struct spawned *out)
{
        return spawner_start(&((struct real_sys *)s)->spawner, l, out);
}

static enum spawn_progress real_spawn_look(struct sys *s, struct spawned *st)
{
        (void)s;
        return spawner_look(st);
}

static void real_spawn_go(struct sys *s, const struct spawned *st)
{
        (void)s;
        spawner_go(st);
}

static void real_spawn_drop(struct sys *s, struct spawned *st)
{
        (void)s;
        fd_close(&st->report);
}

/* 0 and -1 would mean our own group and everybody; no caller means that. */
static int real_kill(struct sys *s, pid_t pid, int sig)
{
        (void)s;
        if (pid == 0 || pid == -1) {
                errno = EINVAL;
                return -1;
        }
        return kill(pid, sig);
}

int sys_wait_status(const siginfo_t *end)
{
        switch (end->si_code) {
        case CLD_EXITED:
                return W_EXITCODE(end->si_status & 0xff, 0);
        case CLD_DUMPED:
                return end->si_status | WCOREFLAG;
        default:
                return end->si_status;
        }
}

/* A store beforehand: the page is there, and the kernel writes to it whatever comes. */
static pid_t sys_reap(struct sys *s, idtype_t which, pid_t pid, int *status_out)
{
        siginfo_t own;
        siginfo_t *end = s->end ? s->end : &own;

        *(volatile pid_t *)&end->si_pid = 0;
        if (syscall(SYS_waitid, which, pid, end, WEXITED | WNOHANG, NULL) < 0)
                return -1;
        if (end->si_pid > 0)
                fault_point("reap.told");
        *status_out = sys_wait_status(end);
        return end->si_pid;
}

static pid_t real_reap(struct sys *s, int *status_out)
{
        return sys_reap(s, P_ALL, 0, status_out);
}

static pid_t real_reap_one(struct sys *s, pid_t pid, int *status_out)
{
        return pid > 0 ? sys_reap(s, P_PID, pid, status_out) : 0;
}

/* Making a process the owner of a descriptor fails with ESRCH when the kernel has no such number in
 * use, be it as a process, a group or a session (fcntl(2), F_SETOWN; Linux 4.14). Nothing is ever
 * sent to the owner of an eventfd without O_ASYNC. */
static bool real_number_is_free(struct sys *s, pid_t pid)
{
        int *asker = &((struct real_sys *)s)->asker;

        if (*asker <= 0)
                *asker = eventfd(0, EFD_CLOEXEC);
        return *asker > 0 && fcntl(*asker, F_SETOWN, pid) < 0 && errno == ESRCH;
}

static int real_pipe(struct sys *s, int fds[2])
{
        (void)s;
        return pipe2(fds, O_CLOEXEC);
}

static int real_open(struct sys *s, const char *path, int flags, mode_t mode)
{
        (void)s;
        return open(path, flags | O_CLOEXEC, mode);
}

static int real_open_file(struct sys *s, const char *path, uid_t owner, int flags, mode_t mode,
                          struct stat *out, struct err *e)
{
        (void)s;
        return guarded_open(path, owner, flags, mode, out, e);
}

static int real_stat_file(struct sys *s, const char *path, struct stat *out)
{
        (void)s;
        return guarded_stat(path, out);
}

static int real_close(struct sys *s, int fd)
{
        (void)s;
        return close(fd);
}

static ssize_t real_read(struct sys *s, int fd, void *data, size_t len)
{
        (void)s;
        return read(fd, data, len);
}

static ssize_t real_write(struct sys *s, int fd, const void *data, size_t len)
{
        (void)s;
        return write(fd, data, len);
}

static ssize_t real_pread(struct sys *s, int fd, void *data, size_t len, off_t at)
{
        (void)s;
        return pread(fd, data, len, at);
}

static ssize_t real_pwrite(struct sys *s, int fd, const void *data, size_t len, off_t at)
{
        (void)s;
        return pwrite(fd, data, len, at);
}

static ssize_t real_splice(struct sys *s, int pipe, int fd, off_t at, size_t len)
{
        loff_t to = at;

        (void)s;
        return splice(pipe, NULL, fd, &to, len, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

static int real_fstat(struct sys *s, int fd, struct stat *out)
{
        (void)s;
        return fstat(fd, out);
}

static int real_stat(struct sys *s, const char *path, struct stat *out)
{
        (void)s;
        return stat(path, out);
}

/* From linux/openat2.h, which older systems do not have. */
struct how_to_open {
        uint64_t flags, mode, resolve;
};
#define ONLY_CACHED 0x20 /* RESOLVE_CACHED */

/* What is wrong with the path itself; all else comes from our side or from an older kernel, and
 * says nothing of the file. */
static bool is_of_path(int error)
{
        return error == ENOENT || error == ENOTDIR || error == EACCES || error == ELOOP ||
               error == ENAMETOOLONG;
}

/* Opened without being opened: nothing of the file itself is asked for. A file system that is asked
 * for the mode alone and need not be up to date answers from memory. */
static int real_stat_cached(struct sys *s, const char *path, struct stat *out)
{
        const struct how_to_open how = { .flags = O_PATH | O_CLOEXEC, .resolve = ONLY_CACHED };
        struct statx st = { 0 };

        (void)s;
        AUTO_FD fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
        if (fd < 0) {
                if (!is_of_path(errno))
                        errno = EAGAIN;
                return -1;
        }
        if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_MODE, &st) < 0) {
                errno = EAGAIN;
                return -1;
        }
        *out = (struct stat){ .st_mode = st.stx_mode };
        return 0;
}

static int real_ftruncate(struct sys *s, int fd, off_t size)
{
        (void)s;
        return ftruncate(fd, size);
}

static int real_rename(struct sys *s, const char *from, const char *to)
{
        (void)s;
        return guarded_rename(from, to);
}

static int real_unlink(struct sys *s, const char *path)
{
        (void)s;
        return guarded_unlink(path);
}

static int real_fchown(struct sys *s, int fd, uid_t uid, gid_t gid)
{
        (void)s;
        return fchown(fd, uid, gid);
}

static int real_dial(struct sys *s, const char *path)
{
        struct sockaddr_un to = { .sun_family = AF_UNIX };
        int fd;

        (void)s;
        if (strlen(path) >= sizeof to.sun_path)
                return errno = ENAMETOOLONG, -1;
        memcpy(to.sun_path, path, strlen(path) + 1);
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
                fd_close(&fd);
        return fd;
}

static ssize_t real_send(struct sys *s, int fd, const void *data, size_t len)
{
        (void)s;
        return send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

struct sys *sys_real(void)
{
        static struct real_sys real = {
                .ops = { .process = &sys_process_real,
                         .spawn = real_spawn,
                         .spawn_look = real_spawn_look,
                         .spawn_go = real_spawn_go,
                         .spawn_drop = real_spawn_drop,
                         .kill = real_kill,
                         .reap = real_reap,
                         .reap_one = real_reap_one,
                         .number_is_free = real_number_is_free,
                         .pipe = real_pipe,
                         .open = real_open,
                         .open_file = real_open_file,
                         .stat_file = real_stat_file,
                         .close = real_close,
                         .read = real_read,
                         .write = real_write,
                         .pread = real_pread,
                         .pwrite = real_pwrite,
                         .splice = real_splice,
                         .fstat = real_fstat,
                         .stat = real_stat,
                         .stat_cached = real_stat_cached,
                         .ftruncate = real_ftruncate,
                         .rename = real_rename,
                         .unlink = real_unlink,
                         .fchown = real_fchown,
                         .dial = real_dial,
                         .send = real_send },
        };

        /* Where it fails now, the first start tries again and reports. */
        if (real.spawner.low == 0)
                spawner_ready(&real.spawner);
        real.ops.why_copied = real.spawner.why_copied;
        return &real.ops;
}
