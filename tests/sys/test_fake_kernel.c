/* The fake that the engine's and the logs' tests stand on is tested too. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../fakes/kernel.h"

static struct fake_kernel k;
static struct sys *s;

static void setup(void)
{
        kernel_init(&k);
        s = &k.ops;
}

static void teardown(void)
{
        kernel_release(&k);
}

TestSuite(fake_kernel, .init = setup, .fini = teardown);

static pid_t start(int out)
{
        char *argv[] = { (char *)"web", (char *)"-x", NULL };
        char *envp[] = { (char *)"A=1", NULL };
        struct launch l = {
                .path = "/bin/web", .argv = argv, .envp = envp, .umask = 022, .fds = { 0, out, out }
        };
        struct spawned got;

        return s->spawn(s, &l, &got) ? got.pid : -got.error;
}

Test(fake_kernel, records_starts_and_lets_workers_speak_until_they_end)
{
        int fds[2], status;
        char text[16] = "";

        cr_assert_eq(s->pipe(s, fds), 0);
        pid_t pid = start(fds[1]);
        s->close(s, fds[1]);
        cr_assert_eq(pid, 1000);
        cr_assert_str_eq(kernel_child(&k, pid)->argv.items[1], "-x");
        cr_assert(kernel_say(&k, pid, 1, "hi"));
        cr_assert_eq(s->read(s, fds[0], text, sizeof text), 2);
        cr_assert_eq(s->reap(s, &status), 0);
        kernel_end(&k, pid, KERNEL_EXITED(3));
        cr_assert_eq(s->read(s, fds[0], text, sizeof text), 0);
        cr_assert_eq(s->reap(s, &status), pid);
        cr_assert_eq(status, 3 << 8);
        cr_assert_eq(s->reap(s, &status), -1);
        cr_assert_eq(errno, ECHILD);
        cr_assert_eq(s->kill(s, pid, SIGTERM), -1);
        cr_assert_eq(errno, ESRCH);
        s->close(s, fds[0]);
}

Test(fake_kernel, holds_back_and_reorders_ends)
{
        pid_t a = start(1), b = start(1);
        int status;

        k.hold_reaps = true;
        kernel_end(&k, a, 0);
        kernel_end(&k, b, KERNEL_KILLED(SIGKILL));
        cr_assert_eq(s->reap(s, &status), 0);
        k.hold_reaps = false;
        k.newest_first = true;
        cr_assert_eq(s->reap(s, &status), b);
        cr_assert_eq(status, SIGKILL);
        cr_assert_eq(s->reap(s, &status), a);
        kernel_queue_end(&k, 4711, 0);
        cr_assert_eq(s->reap(s, &status), 4711);
}

Test(fake_kernel, fails_the_nth_call_once_or_every_time)
{
        struct stat st;

        kernel_fail(&k, K_SPAWN, 2, EAGAIN);
        cr_assert_gt(start(1), 0);
        cr_assert_eq(start(1), -EAGAIN);
        cr_assert_gt(start(1), 0);
        kernel_fail(&k, K_STAT, 0, EIO);
        cr_assert_eq(s->stat(s, "/", &st), -1);
        cr_assert_eq(s->stat(s, "/", &st), -1);
        cr_assert_eq(errno, EIO);
        kernel_mend(&k, K_STAT);
        cr_assert_eq(s->stat(s, "/", &st), 0);
        cr_assert_eq(k.calls[K_STAT], 3);
}

Test(fake_kernel, shortens_reads_and_writes_of_files_in_memory)
{
        char text[16] = "";

        k.memory = true;
        int fd = s->open(s, "/log", O_RDWR | O_CREAT | O_APPEND, 0644);
        kernel_shorten(&k, K_WRITE, 1, 3);
        cr_assert_eq(s->write(s, fd, "abcdef", 6), 3);
        cr_assert_eq(s->write(s, fd, "def", 3), 3);
        cr_assert_str_eq(kernel_text(&k, "/log"), "abcdef");
        kernel_shorten(&k, K_PREAD, 0, 2);
        cr_assert_eq(s->pread(s, fd, text, 6, 1), 2);
        cr_assert_str_eq(text, "bc");
        cr_assert_eq(s->rename(s, "/log", "/log.1"), 0);
        cr_assert_null(kernel_text(&k, "/log"));
        cr_assert_eq(s->write(s, fd, "g", 1), 1);
        cr_assert_str_eq(kernel_text(&k, "/log.1"), "abcdefg");
        cr_assert_eq(s->ftruncate(s, fd, 1), 0);
        cr_assert_str_eq(kernel_text(&k, "/log.1"), "a");
        cr_assert_eq(s->unlink(s, "/log.1"), 0);
        cr_assert_eq(s->unlink(s, "/log.1"), -1);
        cr_assert_eq(s->close(s, fd), 0);
        cr_assert_eq(s->write(s, fd, "g", 1), -1);
}

Test(fake_kernel, remembers_signals_to_processes_and_groups)
{
        pid_t a = start(1);
        int status;

        cr_assert_eq(s->kill(s, a, SIGTERM), 0);
        k.obeys_kill = true;
        cr_assert_eq(s->kill(s, -a, SIGKILL), 0);
        cr_assert_eq(kernel_kills(&k, a, SIGTERM), 1);
        cr_assert_eq(kernel_kills(&k, -a, SIGKILL), 1);
        cr_assert_eq(kernel_last_sig(&k), SIGKILL);
        cr_assert_eq(s->reap(s, &status), a);
        cr_assert_eq(status, SIGKILL);
}

Test(fake_kernel, mixes_files_in_memory_with_real_ones)
{
        struct stat st;

        kernel_file(&k, "/opt/web", "#!", 0755);
        cr_assert_eq(s->stat(s, "/opt/web", &st), 0);
        cr_assert_eq(st.st_mode, S_IFREG | 0755);
        kernel_file(&k, "/opt/dir", "", S_IFDIR | 0755);
        cr_assert_eq(s->stat(s, "/opt/dir", &st), 0);
        cr_assert(S_ISDIR(st.st_mode));
        cr_assert_eq(s->stat(s, "/bin/sh", &st), 0);
        k.memory = true;
        cr_assert_eq(s->stat(s, "/bin/sh", &st), -1);
        cr_assert_eq(s->stat(s, "/dev/null", &st), 0);
}
