#include "sys/daemonize.h"

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
#include "sys/procfs.h"

bool daemonize(struct err *e)
{
        AUTO_FD null = open("/dev/null", O_RDWR | O_CLOEXEC);

        /* Whatever can fail does so before the fork, while somebody is there to hear of it. */
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
        /* Open for reading only: somebody may have written, and locked it so, before nobody could.
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

        return stat(path, &by_path) == 0 && fstat(fd, &by_fd) == 0 &&
               by_path.st_ino == by_fd.st_ino && by_path.st_dev == by_fd.st_dev;
}

static bool is_regular(int fd)
{
        struct stat st;

        return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* A daemon that was killed while it started somebody: its child shares the lock until it executes.
 * That is an instant, and nobody's sleep hides anything: who holds the lock is dead. */
static bool is_last_breath(pid_t holder, int *waits)
{
        static const struct timespec pause = { .tv_nsec = 5 * 1000 * 1000 };
        struct proc_entry entry;

        if (holder <= 0 || *waits >= 200)
                return false;
        if (proc_entry_read(holder, &entry) && entry.state != 'Z' && entry.state != 'X')
                return false;
        ++*waits;
        nanosleep(&pause, NULL);
        return true;
}

static bool open_as(const char *path, int flags, int *fd_out, pid_t *holder_out, struct err *e)
{
        int waits = 0;

        *holder_out = 0;
        for (;;) {
                AUTO_FD fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0644);
                if (fd < 0)
                        return err_set(e, ERR_SYS, "open %s", path);
                /* /dev/null as a pidfile is how people say "none": nothing to hold there. */
                if (!is_regular(fd)) {
                        *fd_out = fd_take(&fd);
                        return true;
                }
                if (!lock_fd(fd)) {
                        if (errno != EAGAIN && errno != EACCES)
                                return err_set(e, ERR_SYS, "lock %s", path);
                        *holder_out = written_pid(fd);
                        if (is_last_breath(*holder_out, &waits))
                                continue;
                        return err_set(e, ERR_BUSY, "%s is locked by another process", path);
                }
                if (is_same_file(path, fd)) {
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
        if (fd >= 0 && is_regular(fd) && is_same_file(path, fd))
                return fd;
        fd_close(&fd);
        return -1;
}

bool pidfile_write(int fd, pid_t pid, struct err *e)
{
        char text[32];
        int len = snprintf(text, sizeof text, "%d\n", (int)pid);

        if (is_regular(fd) && (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0))
                return err_set(e, ERR_SYS, "empty the pidfile");
        if (!fd_write_all(fd, text, (size_t)len))
                return err_set(e, ERR_SYS, "write the pidfile");
        return true;
}

void pidfile_remove(const char *path, int *fd)
{
        if (*fd < 0)
                return;
        if (is_regular(*fd) && is_same_file(path, *fd))
                unlink(path);
        fd_close(fd);
}
