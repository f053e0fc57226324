/* Goes into the background, and opens, locks, writes and removes the pidfile. A daemon that is
 * just ending is waited for shortly. Pidfiles are opened through sys/store/guarded.h only. */
#include "sys/host/daemonize.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "sys/process/procfs.h"
#include "sys/store/guarded.h"

bool daemonize(struct err *e)
{
        AUTO_FD null = open("/dev/null", O_RDWR | O_CLOEXEC);

        /* What can fail does so before the fork, while there is a terminal to say it on. */
        if (null < 0)
                return err_set(e, ERR_SYS, "open /dev/null");
        fflush(NULL);
        pid_t pid = fork();
        if (pid < 0)
                return err_set(e, ERR_SYS, "fork into the background");
        if (pid > 0)
                _exit(0);
        if (setsid() < 0)
                return err_set(e, ERR_SYS, "begin a session");
        for (int fd = 0; fd < 3; fd++)
                if (fd != null && dup2(null, fd) < 0)
                        return err_set(e, ERR_SYS, "put /dev/null in place of descriptor %d", fd);
        if (null < 3) {
                fd_cloexec(null, false);
                fd_take(&null);
        }
        return true;
}

/* An open-file-description lock: a fork shares it, and it ends with the last holder, however that
 * one dies. flock has the same life and is there where OFD locks are not. */
static bool lock_fd(int fd)
{
        struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

        if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
                return true;
        if (errno == EAGAIN || errno == EACCES)
                return false;
        /* Open for reading only: another daemon may have written and locked it before it was
         * read-only.
         */
        if (errno == EBADF && fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK) {
                errno = EAGAIN;
                return false;
        }
        return flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static pid_t written_pid(int fd)
{
        char text[32];
        ssize_t n = pread(fd, text, sizeof text - 1, 0);

        if (n <= 0)
                return 0;
        text[n] = '\0';
        long pid = strtol(text, NULL, 10);
        return pid > 0 && pid <= INT32_MAX ? (pid_t)pid : 0;
}

/* Is this still what the path names? The one before us may have unlinked it after our open. */
static bool is_same_file(const char *path, int fd)
{
        struct stat by_path, by_fd;

        return guarded_stat(path, &by_path) == 0 && fstat(fd, &by_fd) == 0 &&
               by_path.st_ino == by_fd.st_ino && by_path.st_dev == by_fd.st_dev;
}

static bool daemonize_is_regular(int fd)
{
        struct stat st;

        return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* ---- a daemon that is just ending */

#define PAUSE_MS 5

static void take_pause(int *waited_ms)
{
        static const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000 * 1000 };

        *waited_ms += PAUSE_MS;
        nanosleep(&pause, NULL);
}

/* By another descriptor than this one of ours. True, too, where we may not look. */
static bool has_open(pid_t pid, int fd)
{
        int except = pid == getpid() ? fd : -1;
        struct stat st, own;
        char path[64];
        bool found = false;

        snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
        DIR *dir = opendir(path);
        if (!dir || fstat(fd, &own) < 0)
                found = true;
        for (struct dirent *d = NULL; !found && (d = readdir(dir));)
                found = fstatat(dirfd(dir), d->d_name, &st, 0) == 0 && st.st_ino == own.st_ino &&
                        st.st_dev == own.st_dev && atoi(d->d_name) != except;
        if (dir)
                closedir(dir);
        return found;
}

/* How long a lock is waited for whose holder is said to be this one; 0: it lives.
 * One that is ending, or has a SIGKILL on its way, gives its lock back when the kernel has come so
 * far. One that is gone had a child that shares the lock until it executes. And the number may be
 * of another pid namespace, whose daemon may have been killed as well: then it is gone here, or of
 * a process that does not have the file. */
static int patience_ms(pid_t holder, int fd)
{
        struct proc_entry entry;

        if (holder <= 0)
                return 0;
        if (!proc_entry_read(holder, &entry))
                return 1000;
        if (entry.doomed)
                return 10000;
        return has_open(holder, fd) ? 0 : 1000;
}

/* The SIGKILL of one that seems to live may have been taken and its end not have begun: what is
 * seen twice is true. */
static bool is_worth_waiting(pid_t holder, int fd, int *waited_ms)
{
        int patience = patience_ms(holder, fd);

        if (patience == 0) {
                take_pause(waited_ms);
                patience = patience_ms(holder, fd);
        }
        if (*waited_ms >= patience)
                return false;
        take_pause(waited_ms);
        return true;
}

/* The first thread of a process may be a zombie while its last one still closes descriptors. */
static bool is_closing(pid_t pid)
{
        struct proc_entry entry;

        if (!proc_entry_read(pid, &entry) || !entry.doomed)
                return false;
        return (entry.state != 'Z' && entry.state != 'X') || entry.threads > 1;
}

/* Its lock is ours already, but it may still have sockets that would count as another daemon's. */
static void await_end(pid_t before_us, int *waited_ms)
{
        while (*waited_ms < 10000 && is_closing(before_us))
                take_pause(waited_ms);
}

static bool open_as(const char *path, int flags, int *fd_out, pid_t *holder_out, struct err *e)
{
        int waited_ms = 0;

        *holder_out = 0;
        for (;;) {
                AUTO_FD fd = guarded_open(path, 0, flags, 0644, NULL, e);
                if (fd < 0)
                        return false;
                /* /dev/null as a pidfile is how people say "none": nothing to hold there. */
                if (!daemonize_is_regular(fd)) {
                        *fd_out = fd_take(&fd);
                        return true;
                }
                if (!lock_fd(fd)) {
                        if (errno != EAGAIN && errno != EACCES)
                                return err_set(e, ERR_SYS, "lock %s", path);
                        *holder_out = written_pid(fd);
                        if (is_worth_waiting(*holder_out, fd, &waited_ms))
                                continue;
                        return err_set(e, ERR_BUSY, "%s is locked by another process", path);
                }
                if (is_same_file(path, fd)) {
                        await_end(written_pid(fd), &waited_ms);
                        *fd_out = fd_take(&fd);
                        return true;
                }
        }
}

bool pidfile_open(const char *path, int *fd_out, pid_t *holder_out, struct err *e)
{
        return open_as(path, O_RDWR | O_CREAT, fd_out, holder_out, e);
}

bool pidfile_open_readonly(const char *path, int *fd_out, pid_t *holder_out, struct err *e)
{
        return open_as(path, O_RDONLY, fd_out, holder_out, e);
}

int pidfile_inherit(const char *path, int fd)
{
        if (fd >= 0 && daemonize_is_regular(fd) && is_same_file(path, fd))
                return fd;
        fd_close(&fd);
        return -1;
}

bool pidfile_is_there(const char *path, int fd)
{
        return is_same_file(path, fd);
}

bool pidfile_write(int fd, pid_t pid, struct err *e)
{
        char text[32];
        int len = snprintf(text, sizeof text, "%d\n", (int)pid);

        if (daemonize_is_regular(fd) && (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0))
                return err_set(e, ERR_SYS, "empty the pidfile");
        if (!fd_write_all(fd, text, (size_t)len))
                return err_set(e, ERR_SYS, "write the pidfile");
        return true;
}

void pidfile_remove(const char *path, int *fd)
{
        if (*fd < 0)
                return;
        if (daemonize_is_regular(*fd) && is_same_file(path, *fd))
                guarded_unlink(path);
        fd_close(fd);
}
