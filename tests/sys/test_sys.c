/* Single operations of the real kernel. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "sys/sys.h"

/* What the kernel remembers may be nothing at all, and older ones cannot be asked; but what it does
 * say is so. */
static void expect_same(const char *path)
{
        struct sys *s = sys_real();
        struct stat is = { 0 }, cached = { 0 };
        int right = s->stat(s, path, &is) == 0 ? 0 : errno;

        errno = 0;
        int said = s->stat_cached(s, path, &cached) == 0 ? 0 : errno;
        cr_expect(said == right || said == EAGAIN, "%s: %s", path, strerror(said));
        if (said == 0)
                cr_expect_eq(cached.st_mode, is.st_mode, "%s", path);
}

Test(sys, remembers_what_is_there_and_what_is_not)
{
        char dir[] = "/tmp/sys.XXXXXX";

        cr_assert_not_null(mkdtemp(dir));
        AUTO_BUF file = BUF_INIT, link = BUF_INIT, loop = BUF_INIT, below = BUF_INIT;
        buf_printf(&file, "%s/file", dir);
        buf_printf(&link, "%s/link", dir);
        buf_printf(&loop, "%s/loop", dir);
        buf_printf(&below, "%s/file/below", dir);
        int fd = open(file.data, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
        cr_assert(fd >= 0 && close(fd) == 0);
        cr_assert_eq(symlink("file", link.data), 0);
        cr_assert_eq(symlink("loop", loop.data), 0);
        expect_same("/");
        expect_same("/bin/sh");
        expect_same("/proc/self/exe");
        expect_same("");
        expect_same(dir);
        expect_same(file.data);
        expect_same(link.data);
        expect_same(loop.data);
        expect_same(below.data);
        cr_expect_eq(unlink(file.data), 0);
        expect_same(file.data);
        expect_same(link.data);
        unlink(link.data);
        unlink(loop.data);
        cr_expect_eq(rmdir(dir), 0);
}
