/* Descriptors with an owner: closing, giving away, flags, writing all of something. Closing leaves
 * errno as it was. */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* In order, so that each gets the number that is missing. */
bool fd_standard_fill(void)
{
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
                        return false;
        return true;
}

void fd_close(int *fd)
{
        int saved = errno;

        if (*fd >= 0)
                close(*fd);
        *fd = -1;
        errno = saved;
}

void fd_cleanup(int *fd)
{
        fd_close(fd);
}

int fd_take(int *fd)
{
        int taken = *fd;

        *fd = -1;
        return taken;
}

static bool set_flag(int fd, int get, int set, int flag, bool on)
{
        int flags = fcntl(fd, get);

        if (flags < 0)
                return false;
        int wanted = on ? flags | flag : flags & ~flag;
        return wanted == flags || fcntl(fd, set, wanted) == 0;
}

bool fd_nonblock(int fd, bool on)
{
        return set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on);
}

bool fd_cloexec(int fd, bool on)
{
        return set_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on);
}

bool fd_write_all(int fd, const void *data, size_t len)
{
        const char *p = data;

        while (len > 0) {
                ssize_t n = write(fd, p, len);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return false;
                p += n;
                len -= (size_t)n;
        }
        return true;
}
