/* Opens whatever a log is written to (file, FIFO, terminal, our own standard output), and writes
 * without ever waiting and without SIGPIPE. */
#include "logs/store/outfd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/unconst.h"

/* N for a path that means the daemon's own descriptor N, else -1. */
static int own_descriptor(const char *path)
{
        static const char *const folders[] = { "/dev/fd/", "/proc/self/fd/" };

        if (strcmp(path, "/dev/stdout") == 0)
                return STDOUT_FILENO;
        if (strcmp(path, "/dev/stderr") == 0)
                return STDERR_FILENO;
        for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
                size_t n = strlen(folders[i]);
                const char *digits = path + n;
                if (strncmp(path, folders[i], n) == 0 && *digits && strlen(digits) < 8 &&
                    strspn(digits, "0123456789") == strlen(digits))
                        return atoi(digits);
        }
        return -1;
}

/* A regular file keeps the position that it shares with the daemon's descriptor. A pipe or a
 * terminal is opened anew, since O_NONBLOCK on the shared description would change it for others
 * too; where that is refused (the user was switched, there is no reader) the duplicate is used with
 * care.
 */
static bool open_own(struct sys *sys, int n, const char *path, struct outfd *out, struct err *e)
{
        char link[32];
        struct stat st;

        if (fstat(n, &st) < 0)
                return err_set(e, ERR_SYS, "open %s", path);
        *out = (struct outfd){ .fd = -1, .kind = OUT_SHARED, .is_fifo = S_ISFIFO(st.st_mode) };
        if (S_ISREG(st.st_mode))
                out->kind = OUT_FILE;
        else if (S_ISSOCK(st.st_mode))
                out->kind = OUT_SOCKET;
        if (out->kind == OUT_SHARED) {
                snprintf(link, sizeof link, "/proc/self/fd/%d", n);
                out->fd = sys->open(sys, link, O_WRONLY | O_NONBLOCK | O_NOCTTY, 0);
        }
        if (out->fd >= 0) {
                out->kind = OUT_OWN;
                return true;
        }
        out->fd = fcntl(n, F_DUPFD_CLOEXEC, 3);
        return out->fd >= 0 || err_set(e, ERR_SYS, "duplicate %s", path);
}

static bool open_any(struct sys *sys, const char *path, uid_t owner, mode_t mode, struct outfd *out,
                     struct err *e)
{
        int flags = O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY;
        struct stat st;
        int n = own_descriptor(path);

        if (n >= 0)
                return open_own(sys, n, path, out, e);
        int fd = sys->open_file(sys, path, owner, flags, mode, &st, e);
        if (fd < 0)
                return false;
        *out = (struct outfd){ .fd = fd,
                               .kind = S_ISREG(st.st_mode) ? OUT_FILE : OUT_OWN,
                               .is_fifo = S_ISFIFO(st.st_mode),
                               .named = true };
        return true;
}

bool outfd_open(struct sys *sys, const char *path, uid_t owner, mode_t mode, struct outfd *out,
                struct err *e)
{
        if (!open_any(sys, path, owner, mode, out, e))
                return false;
        out->is_tty = out->kind != OUT_FILE && isatty(out->fd);
        return true;
}

void outfd_close(struct sys *sys, struct outfd *o)
{
        int saved = errno;

        if (o->fd >= 0)
                sys->close(sys, o->fd);
        o->fd = -1;
        errno = saved;
}

/* A write without waiting to a description whose flags belong to others too. */
static ssize_t write_shared(struct sys *sys, int fd, const void *data, size_t len)
{
        struct iovec piece = { .iov_base = unconst(data), .iov_len = len };
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        ssize_t n = pwritev2(fd, &piece, 1, -1, RWF_NOWAIT);

        if (n >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL))
                return n;
        if (poll(&p, 1, 0) <= 0) {
                errno = EAGAIN;
                return -1;
        }
        /* Room for at least that much is what POLLOUT promises on a pipe. */
        return sys->write(sys, fd, data, len < PIPE_BUF ? len : PIPE_BUF);
}

static ssize_t write_once(struct sys *sys, const struct outfd *o, const void *data, size_t len)
{
        if (o->kind == OUT_SOCKET)
                return send(o->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (o->kind == OUT_SHARED)
                return write_shared(sys, o->fd, data, len);
        return sys->write(sys, o->fd, data, len);
}

/* SIGPIPE goes to the thread that writes: hold it, and take it away again if it came. */
static ssize_t write_without_sigpipe(struct sys *sys, const struct outfd *o, const void *data,
                                     size_t len)
{
        sigset_t sigpipe, old, pending;

        sigemptyset(&sigpipe);
        sigaddset(&sigpipe, SIGPIPE);
        sigpending(&pending);
        pthread_sigmask(SIG_BLOCK, &sigpipe, &old);
        ssize_t n = write_once(sys, o, data, len);
        int error = errno;
        if (n < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE))
                sigtimedwait(&sigpipe, NULL, &(struct timespec){ 0 });
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        errno = error;
        return n;
}

ssize_t outfd_write(struct sys *sys, const struct outfd *o, const void *data, size_t len)
{
        ssize_t n;

        do
                n = o->is_fifo ? write_without_sigpipe(sys, o, data, len)
                               : write_once(sys, o, data, len);
        while (n < 0 && errno == EINTR);
        return n;
}

bool outfd_is_gone(const struct outfd *o, int error)
{
        static const int final[] = { EPIPE, ECONNRESET, ENOTCONN, EBADF, ENXIO, EIO, EINVAL };

        if (o->kind == OUT_FILE)
                return false;
        for (size_t i = 0; i < sizeof final / sizeof *final; i++)
                if (error == final[i])
                        return true;
        return false;
}
