#include "isolated.h"

#include <sys/file.h>
#include <sys/socket.h>

#include "sys/host/daemonize.h"

static char dir[64];
static char path[128];
static struct err why;

static void setup(void)
{
        cr_assert_not_null(fresh_dir(dir, sizeof dir));
        snprintf(path, sizeof path, "%s/d.pid", dir);
}

static void teardown(void)
{
        remove_dir(dir);
}

TestSuite(pidfile, .init = setup, .fini = teardown);

static const char *content(void)
{
        static char text[64];
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = read(fd, text, sizeof text - 1);

        close(fd);
        text[n > 0 ? n : 0] = '\0';
        return text;
}

Test(pidfile, is_held_written_and_removed)
{
        pid_t holder = 1;
        int fd = -1;
        struct stat st;

        umask(022);
        cr_assert(pidfile_open(path, &fd, &holder, &why), "%s", why.text);
        cr_assert_eq(holder, 0);
        cr_assert_str_eq(content(), "");
        cr_assert(pidfile_write(fd, 123456, &why));
        cr_assert_str_eq(content(), "123456\n");
        cr_assert(pidfile_write(fd, 7, &why));
        cr_assert_str_eq(content(), "7\n");
        cr_assert_eq(stat(path, &st), 0);
        cr_assert_eq(st.st_mode & 07777, 0644);
        cr_assert_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
        pidfile_remove(path, &fd);
        cr_assert_eq(fd, -1);
        cr_assert_eq(stat(path, &st), -1);
}

Test(pidfile, is_refused_to_a_second_daemon_which_learns_the_holder)
{
        int fd = -1, second = -1;
        pid_t holder = 0;

        cr_assert(pidfile_open(path, &fd, &holder, &why));
        cr_assert_not(pidfile_open(path, &second, &holder, &why));
        cr_assert_eq(why.code, ERR_BUSY);
        cr_assert_eq(holder, 0); /* nothing is written yet */
        cr_assert(pidfile_write(fd, getpid(), &why));
        cr_assert_not(pidfile_open(path, &second, &holder, &why));
        cr_assert_eq(holder, getpid());
        cr_assert_eq(second, -1);
}

Test(pidfile, takes_over_what_a_dead_one_left)
{
        int fd = open(path, O_WRONLY | O_CREAT, 0644);
        pid_t holder = 0;

        cr_assert_eq(write(fd, "99999999\n", 9), 9);
        close(fd);
        cr_assert(pidfile_open(path, &fd, &holder, &why));
        cr_assert_str_eq(content(), "99999999\n");
        cr_assert(pidfile_write(fd, 5, &why));
        cr_assert_str_eq(content(), "5\n");
}

static int held_across_fork(void)
{
        int fd = -1, second = -1, ends[2];
        pid_t holder = 0;

        CHECK(pipe(ends) == 0);
        pid_t pid = fork();
        if (pid == 0) {
                /* as a daemon does: lock, fork, the parent leaves */
                char word = pidfile_open(path, &fd, &holder, &why) ? 'l' : '?';
                if (fork() > 0)
                        _exit(0);
                close(ends[0]);
                if (!pidfile_write(fd, getpid(), &why))
                        word = '?';
                if (write(ends[1], &word, 1) != 1)
                        _exit(1);
                poll(NULL, 0, 10000);
                _exit(0);
        }
        char word = 0;
        CHECK(waitpid(pid, NULL, 0) == pid);
        CHECK(read(ends[0], &word, 1) == 1 && word == 'l');
        bool refused = !pidfile_open(path, &second, &holder, &why) && why.code == ERR_BUSY;
        CHECK(holder > 0);
        kill(holder, SIGKILL);
        close(ends[1]);
        CHECK(read(ends[0], &word, 1) == 0); /* it is gone, and its lock with it */
        CHECK(refused);
        CHECK(pidfile_open(path, &second, &holder, &why));
        return 0;
}

Test(pidfile, stays_locked_across_the_fork_and_not_longer_than_its_holder)
{
        isolated(held_across_fork);
}

/* A child that holds the pidfile, says so, and has as much to take down as a daemon has. */
static pid_t hold_in_child(pid_t says, int sockets)
{
        int ends[2];
        char word = 0;

        cr_assert_eq(pipe(ends), 0);
        pid_t pid = fork();
        if (pid == 0) {
                int fd = -1;
                pid_t holder;
                bool ok = pidfile_open(path, &fd, &holder, &why) &&
                          pidfile_write(fd, says ? says : getpid(), &why);
                for (int i = 0; ok && i < sockets; i++)
                        socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
                char *memory = malloc(32 << 20);
                if (memory)
                        memset(memory, 1, 32 << 20);
                ok = ok && write(ends[1], "l", 1) == 1;
                poll(NULL, 0, ok ? 30000 : 0);
                _exit(0);
        }
        close(ends[1]);
        cr_assert_eq(read(ends[0], &word, 1), 1);
        close(ends[0]);
        return pid;
}

Test(pidfile, is_had_at_once_behind_a_sigkill)
{
        for (int i = 0; i < 50; i++) {
                int fd = -1;
                pid_t holder, pid = hold_in_child(0, 500);

                cr_assert_eq(kill(pid, SIGKILL), 0);
                cr_assert(pidfile_open(path, &fd, &holder, &why), "round %d: %s", i, why.text);
                siginfo_t info = { 0 };
                cr_expect_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG), 0);
                cr_expect_eq(info.si_pid, pid, "all that it had is closed");
                pidfile_remove(path, &fd);
        }
}

/* Daemons of two pid namespaces, one after the other: a number of the first one means nothing, or
 * another process, in the second. */
Test(pidfile, waits_for_a_holder_whose_number_is_of_elsewhere)
{
        const pid_t numbers[] = { getpid(), getppid(), 99999999 };

        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
                int fd = -1;
                pid_t holder, pid = hold_in_child(numbers[i], 0), killer = fork();

                if (killer == 0) {
                        poll(NULL, 0, 50);
                        kill(pid, SIGKILL);
                        _exit(0);
                }
                cr_expect(pidfile_open(path, &fd, &holder, &why), "%d: %s", (int)numbers[i],
                          why.text);
                cr_expect_eq(waitpid(killer, NULL, 0), killer);
                cr_expect_eq(waitpid(pid, NULL, 0), pid);
                pidfile_remove(path, &fd);
        }
}

Test(pidfile, of_another_daemon_is_not_removed)
{
        pid_t holder;
        int fd = -1;
        struct stat st;

        cr_assert(pidfile_open(path, &fd, &holder, &why));
        cr_assert_eq(unlink(path), 0);
        close(open(path, O_WRONLY | O_CREAT, 0644));
        pidfile_remove(path, &fd);
        cr_assert_eq(stat(path, &st), 0);
}

Test(pidfile, may_be_dev_null)
{
        int fd = -1, second = -1;
        pid_t holder;
        struct stat st;

        cr_assert(pidfile_open("/dev/null", &fd, &holder, &why));
        cr_assert(pidfile_open("/dev/null", &second, &holder, &why));
        cr_assert(pidfile_write(fd, 5, &why));
        pidfile_remove("/dev/null", &fd);
        cr_assert_eq(stat("/dev/null", &st), 0);
}

/* In a directory where everybody may make files, as /tmp. */
Test(pidfile, of_another_user_is_neither_followed_nor_locked_nor_waited_for)
{
        char secret[160];
        int fd = -1;
        pid_t holder = 1;
        struct stat st;

        if (geteuid() != 0)
                return;
        cr_assert_eq(chmod(dir, 01777), 0);
        snprintf(secret, sizeof secret, "%s/secret", dir);
        close(open(secret, O_WRONLY | O_CREAT | O_EXCL, 0600));
        cr_assert_eq(symlink("secret", path), 0);
        cr_assert_eq(lchown(path, 12345, 12345), 0);
        cr_assert_not(pidfile_open(path, &fd, &holder, &why));
        cr_assert_eq(why.code, ERR_FOREIGN);
        cr_assert_not_null(strstr(why.text, "is a link of user 12345"), "%s", why.text);
        cr_assert_eq(unlink(path), 0);

        int his = open(path, O_RDWR | O_CREAT | O_EXCL, 0666);
        cr_assert_eq(fchown(his, 12345, 12345), 0);
        cr_assert_eq(write(his, "1\n", 2), 2);
        cr_assert_eq(flock(his, LOCK_EX), 0);
        cr_assert_not(pidfile_open(path, &fd, &holder, &why));
        cr_assert_eq(why.code, ERR_FOREIGN);
        cr_assert_eq(holder, 0);
        cr_assert_not_null(strstr(why.text, "belongs to user 12345"), "%s", why.text);
        cr_assert_eq(unlink(path), 0);

        cr_assert_eq(link(secret, path), 0);
        cr_assert_not(pidfile_open(path, &fd, &holder, &why));
        cr_assert_eq(why.code, ERR_FOREIGN);
        cr_assert_eq(stat(secret, &st), 0);
        cr_assert_eq(st.st_size, 0);
}

Test(pidfile, fails_where_it_cannot_be_made)
{
        int fd = -1;
        pid_t holder;

        snprintf(path, sizeof path, "%s/no/such/place", dir);
        cr_assert_not(pidfile_open(path, &fd, &holder, &why));
        cr_assert_eq(why.sys, ENOENT);
}

static int older_kernel(void)
{
        int fd = -1, second = -1;
        pid_t holder;

        if (!forbid_one(SYS_fcntl, EINVAL))
                return SKIPPED;
        CHECK(pidfile_open(path, &fd, &holder, &why));
        CHECK(!pidfile_open(path, &second, &holder, &why) && why.code == ERR_BUSY);
        return 0;
}

Test(pidfile, is_locked_without_ofd_locks_too)
{
        isolated(older_kernel);
}

static int read_only(void)
{
        int fd = -1, reader = -1, second = -1;
        pid_t of;

        CHECK(!pidfile_open_readonly(path, &fd, &of, &why) && why.sys == ENOENT);
        CHECK(pidfile_open(path, &fd, &of, &why) && pidfile_write(fd, getpid(), &why));
        CHECK(!pidfile_open_readonly(path, &reader, &of, &why) && why.code == ERR_BUSY);
        CHECK(of == getpid());
        close(fd);
        CHECK(pidfile_open_readonly(path, &reader, &of, &why));
        CHECK(!pidfile_open_readonly(path, &second, &of, &why) && why.code == ERR_BUSY);
        close(reader);
        return 0;
}

Test(pidfile, that_cannot_be_written_excludes_all_the_same)
{
        isolated(read_only);
}

/* ---- into the background */

static int background(void)
{
        int ends[2];
        char text[256] = "";

        CHECK(pipe(ends) == 0);
        pid_t home = getsid(0), pid = fork();
        if (pid == 0) {
                char to[64] = "";
                pid_t before = getpid();
                bool fine = daemonize(&why);
                ssize_t n = readlink("/proc/self/fd/0", to, sizeof to - 1);
                int len =
                    snprintf(text, sizeof text, "%d %d %d %d %s %zd", fine, getpid() != before,
                             getsid(0) == getpid(), getsid(0) != home, to, n);
                _exit(write(ends[1], text, (size_t)len) == len ? 0 : 1);
        }
        int status = -1;
        CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
        close(ends[1]);
        CHECK(read(ends[0], text, sizeof text - 1) > 0);
        CHECK(strcmp(text, "1 1 1 1 /dev/null 9") == 0);
        return 0;
}

Test(daemonize, leads_a_session_of_its_own_on_dev_null)
{
        isolated(background);
}

static int without_fork(void)
{
        static const int calls[] = { SYS_clone,
#ifdef SYS_fork
                                     SYS_fork
#endif
        };

        if (!forbid(calls, sizeof calls / sizeof *calls, EAGAIN))
                return SKIPPED;
        CHECK(!daemonize(&why));
        CHECK(why.sys == EAGAIN);
        return 0;
}

Test(daemonize, reports_a_refused_fork)
{
        isolated(without_fork);
}
