/* What the next image finds. The exec itself is told end to end. */
#include "isolated.h"

#include "sys/store/handover.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static struct handover h;
static int pipes[2];

static unsigned long long inode_of(int fd)
{
        struct stat st;

        cr_assert_eq(fstat(fd, &st), 0);
        return st.st_ino;
}

/* As the image before us would leave it. */
static void leave(const char *item)
{
        char number[16];
        int fd = memfd_create("list", 0);
        int list = fcntl(fd, F_DUPFD, 50); /* not where something was closed just now */

        close(fd);
        cr_assert_gt(list, 2);
        cr_assert_gt(dprintf(list, "pid=%d\n%s\n", (int)getpid(), item), 0);
        snprintf(number, sizeof number, "%d", list);
        setenv(HANDOVER_ENV, number, 1);
        cr_assert(handover_read(&h));
}

static void setup(void)
{
        cr_assert_eq(pipe(pipes), 0);
}

static void teardown(void)
{
        handover_release(&h);
}

TestSuite(handover, .init = setup, .fini = teardown);

Test(handover, a_pipe_is_found_by_its_inode)
{
        char name[48], item[80];

        snprintf(name, sizeof name, "pipe:%llu:r", inode_of(pipes[0]));
        snprintf(item, sizeof item, "%s=fd:%d", name, pipes[0]);
        leave(item);
        cr_expect_eq(handover_fd(&h, name), pipes[0]);
        cr_expect_eq(handover_fd(&h, name), -1, "once");
        cr_expect(fcntl(pipes[0], F_GETFD) & FD_CLOEXEC);
}

Test(handover, a_closed_descriptor_number_is_not_taken)
{
        char name[48], item[80];

        snprintf(name, sizeof name, "pipe:%llu:r", inode_of(pipes[0]));
        snprintf(item, sizeof item, "%s=fd:%d", name, pipes[0]);
        close(pipes[0]);
        leave(item);
        cr_expect_eq(handover_fd(&h, name), -1);
        int ours = open("/dev/null", O_RDONLY);
        cr_expect_eq(ours, pipes[0]);
        handover_confirmed(&h);
        cr_expect_geq(fcntl(ours, F_GETFD), 0, "what took the number later is not closed");
}

Test(handover, a_number_that_is_another_things_now_is_left_to_it)
{
        char item[120];

        snprintf(item, sizeof item, "image=fd:%d\npipe:%llu:r=fd:%d", pipes[1],
                 inode_of(pipes[0]) + 1000, pipes[1]);
        leave(item);
        cr_expect_eq(handover_fd(&h, "image"), pipes[1]);
        cr_expect_geq(fcntl(pipes[1], F_GETFD), 0);
}

Test(handover, a_number_that_is_another_file_now_is_closed)
{
        char name[48], item[80];

        snprintf(name, sizeof name, "pipe:%llu:r", inode_of(pipes[0]) + 1000);
        snprintf(item, sizeof item, "%s=fd:%d", name, pipes[0]);
        leave(item);
        cr_expect_eq(handover_fd(&h, name), -1);
        cr_expect_eq(fcntl(pipes[0], F_GETFD), -1);
}
