#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"

static bool is_open(int fd)
{
        return fcntl(fd, F_GETFD) >= 0;
}

/* Whichever of them are closed, what is opened next is none of them. */
Test(fd, is_the_null_device_in_place_of_a_closed_standard_one)
{
        for (int closed = 0; closed < 8; closed++) {
                int saved[3], next;
                bool open_again = true, filled;

                for (int fd = 0; fd < 3; fd++)
                        saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
                for (int fd = 0; fd < 3; fd++)
                        if (closed & 1 << fd)
                                close(fd);
                filled = fd_standard_fill();
                for (int fd = 0; fd < 3; fd++)
                        open_again &= is_open(fd) && !(fcntl(fd, F_GETFD) & FD_CLOEXEC);
                next = open("/dev/null", O_RDONLY);
                close(next);
                for (int fd = 0; fd < 3; fd++) {
                        dup2(saved[fd], fd);
                        close(saved[fd]);
                }
                cr_expect(filled && open_again, "closed: %d", closed);
                cr_expect(next > 2, "closed: %d", closed);
        }
}

Test(fd, is_closed_at_the_end_of_its_scope_and_preserves_errno)
{
        int seen;

        errno = ENOTTY;
        {
                AUTO_FD fd = open("/dev/null", O_RDONLY);
                seen = fd;
                errno = EXDEV;
        }
        cr_expect_eq(errno, EXDEV);
        cr_expect_not(is_open(seen));
}

Test(fd, survives_its_scope_when_taken)
{
        int taken;

        {
                AUTO_FD fd = open("/dev/null", O_RDONLY);
                taken = fd_take(&fd);
                cr_expect_eq(fd, -1);
        }
        cr_expect(is_open(taken));
        fd_close(&taken);
        cr_expect_eq(taken, -1);
        fd_close(&taken);
}

Test(fd, switches_flags_both_ways)
{
        AUTO_FD fd = open("/dev/null", O_RDONLY);

        cr_expect(fd_nonblock(fd, true));
        cr_expect(fcntl(fd, F_GETFL) & O_NONBLOCK);
        cr_expect(fd_nonblock(fd, false));
        cr_expect_not(fcntl(fd, F_GETFL) & O_NONBLOCK);
        cr_expect(fd_cloexec(fd, true));
        cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        cr_expect(fd_cloexec(fd, false));
        cr_expect_not(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        cr_expect_not(fd_cloexec(-1, true));
}

Test(fd, writes_everything_or_says_no)
{
        int pipe_fd[2];
        char back[8] = "";

        cr_assert_eq(pipe(pipe_fd), 0);
        cr_expect(fd_write_all(pipe_fd[1], "hello", 5));
        cr_expect(fd_write_all(pipe_fd[1], "", 0));
        cr_expect_eq(read(pipe_fd[0], back, sizeof back), 5);
        cr_expect_not(fd_write_all(pipe_fd[0], "x", 1));
        fd_close(&pipe_fd[0]);
        fd_close(&pipe_fd[1]);
}
