#include "engine/run/stdin_pipe.h"

#include <criterion/criterion.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct ev_loop *loop;
static struct stdin_pipe *in;
static int reader;
static struct stdin_home home;

static void setup(void)
{
        int fds[2];

        signal(SIGPIPE, SIG_IGN);
        loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
        cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
        cr_assert_eq(fcntl(fds[1], F_SETPIPE_SZ, 4096), 4096);
        cr_assert_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
        cr_assert_eq(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
        reader = fds[0];
        home = (struct stdin_home){ .loop = loop };
        stdin_pipe_open(&in, &home, fds[1], NULL);
        cr_assert(in);
}

static void teardown(void)
{
        stdin_pipe_free(in);
        if (reader >= 0)
                close(reader);
        ev_loop_destroy(loop);
}

TestSuite(stdin_pipe, .init = setup, .fini = teardown);

/* Reads what is there, lets the loop run, until nothing more comes. */
static size_t read_all(char *out, size_t size)
{
        size_t len = 0;

        for (int quiet = 0; quiet < 3;) {
                ssize_t n = read(reader, out + len, size - len);
                quiet = n > 0 ? 0 : quiet + 1;
                len += n > 0 ? (size_t)n : 0;
                ev_run(loop, EVRUN_NOWAIT);
        }
        return len;
}

Test(stdin_pipe, writes_at_once_what_fits)
{
        char got[16];

        cr_expect_eq(stdin_pipe_write(in, "hello", 5), STDIN_OK);
        cr_expect_eq(stdin_pipe_queued(in), 0);
        cr_expect_eq(read(reader, got, sizeof got), 5);
        cr_expect_arr_eq(got, "hello", 5);
}

Test(stdin_pipe, never_blocks_and_keeps_the_order)
{
        size_t size = 300000;
        char *data = malloc(size), *got = malloc(size);

        cr_assert(data && got);
        for (size_t i = 0; i < size; i++)
                data[i] = (char)(i * 31 + i / 251);
        for (size_t at = 0; at < size; at += 1000)
                cr_assert_eq(stdin_pipe_write(in, data + at, 1000), STDIN_OK);
        cr_expect_geq(stdin_pipe_queued(in), size - 4096);
        cr_expect_eq(read_all(got, size), size);
        cr_expect_eq(memcmp(data, got, size), 0);
        cr_expect_eq(stdin_pipe_queued(in), 0);
        free(data);
        free(got);
}

Test(stdin_pipe, keeps_the_order_when_writes_come_between_reads)
{
        char chunk[1500], *got = malloc(400 * sizeof chunk);
        size_t len = 0;

        cr_assert(got);
        for (int i = 0; i < 400; i++) {
                memset(chunk, 'a' + i % 26, sizeof chunk);
                cr_assert_eq(stdin_pipe_write(in, chunk, sizeof chunk), STDIN_OK);
                if (i % 3 == 0) {
                        ssize_t n = read(reader, got + len, 2000);
                        len += n > 0 ? (size_t)n : 0;
                        ev_run(loop, EVRUN_NOWAIT);
                }
        }
        len += read_all(got + len, 400 * sizeof chunk - len);
        cr_assert_eq(len, 400 * sizeof chunk);
        for (size_t i = 0; i < len; i++)
                cr_assert_eq(got[i], (char)('a' + i / sizeof chunk % 26));
        free(got);
}

Test(stdin_pipe, says_closed_when_the_reader_has_gone)
{
        close(reader);
        reader = -1;
        cr_expect_eq(stdin_pipe_write(in, "x", 1), STDIN_CLOSED);
        cr_expect_eq(stdin_pipe_write(in, "x", 1), STDIN_CLOSED);
}

Test(stdin_pipe, notices_that_the_reader_goes_while_something_waits)
{
        char data[10000] = "";

        cr_expect_eq(stdin_pipe_write(in, data, sizeof data), STDIN_OK);
        close(reader);
        reader = -1;
        ev_run(loop, EVRUN_NOWAIT);
        cr_expect_eq(stdin_pipe_queued(in), 0);
        cr_expect_eq(stdin_pipe_write(in, "x", 1), STDIN_CLOSED);
}

Test(stdin_pipe, refuses_more_than_its_bound_whole)
{
        size_t size = STDIN_QUEUE_MAX / 4;
        char *data = calloc(1, size);

        cr_assert(data);
        for (int i = 0; i < 4; i++)
                cr_expect_eq(stdin_pipe_write(in, data, size), STDIN_OK);
        size_t queued = stdin_pipe_queued(in);
        cr_expect_eq(queued, STDIN_QUEUE_MAX - 4096);
        cr_expect_eq(stdin_pipe_write(in, data, 4097), STDIN_FULL);
        cr_expect_eq(stdin_pipe_queued(in), queued);
        cr_expect_eq(stdin_pipe_write(in, data, 4096), STDIN_OK);
        free(data);
}

Test(stdin_pipe, leaves_the_loop_alone_when_nothing_waits)
{
        char data[10000] = "", got[10000];

        stdin_pipe_write(in, data, sizeof data);
        cr_expect_eq(read_all(got, sizeof got), sizeof data);
        cr_expect_eq(ev_run(loop, EVRUN_NOWAIT), 0, "a watcher is still active");
}

/* ---- in a directory */

static char dir[] = "/tmp/stdin.XXXXXX";

static void keep_in_dir(void)
{
        cr_assert(mkdtemp(dir));
        home.dir = dir;
}

/* Another process has our place for a while, and dies without a word. */
static void as_a_daemon_that_dies(void (*act)(const char *data, size_t size), const char *data,
                                  size_t size)
{
        pid_t pid = fork();

        if (pid == 0) {
                ev_loop_fork(loop);
                act(data, size);
                _exit(0);
        }
        cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

static void write_and_move_some(const char *data, size_t size)
{
        char first[6000];

        stdin_pipe_write(in, data, 10);
        stdin_pipe_write(in, data + 10, size - 10);
        if (read(reader, first, sizeof first) == 10)
                for (int i = 0; i < 5; i++)
                        ev_run(loop, EVRUN_NOWAIT);
}

Test(stdin_pipe, what_waits_is_gone_on_with_by_a_successor)
{
        size_t size = 100000;
        char *data = malloc(size), *got = malloc(size + 1);

        cr_assert(data && got);
        for (size_t i = 0; i < size; i++)
                data[i] = (char)(i * 31 + i / 251);
        keep_in_dir();
        as_a_daemon_that_dies(write_and_move_some, data, size - 10);
        cr_assert(stdin_pipe_resume(in));
        cr_expect(stdin_pipe_has_rest(in));
        cr_expect_eq(stdin_pipe_write(in, data + size - 10, 10), STDIN_OK);
        cr_expect_eq(read_all(got, size + 1), size - 10); /* the first ten were read before */
        cr_expect_eq(memcmp(data + 10, got, size - 10), 0);
        cr_expect_not(stdin_pipe_has_rest(in));
        cr_expect_not(stdin_pipe_resume(in));
        cr_expect_eq(rmdir(dir), 0, "something is left in it");
        free(data);
        free(got);
}

static bool goes_on(const void *arg, uint64_t pipe)
{
        (void)arg, (void)pipe;
        return stdin_pipe_has_rest(in);
}

Test(stdin_pipe, what_waits_for_nobody_goes)
{
        char data[10000] = "";

        keep_in_dir();
        as_a_daemon_that_dies(write_and_move_some, data, sizeof data);
        cr_expect_eq(rmdir(dir), -1);
        stdin_pipe_tidy(dir, goes_on, NULL);
        cr_expect_eq(rmdir(dir), 0);
}

Test(stdin_pipe, what_cannot_be_kept_is_not_begun)
{
        char data[10000] = "";

        home.dir = "/proc/none";
        cr_expect_eq(stdin_pipe_write(in, data, sizeof data), STDIN_NOMEM);
        cr_expect_eq(stdin_pipe_queued(in), 0);
        cr_expect_eq(stdin_pipe_unread(in), false);
        cr_expect_eq(stdin_pipe_write(in, data, 4096), STDIN_OK);
        cr_expect_eq(stdin_pipe_write(in, data, 100), STDIN_NOMEM);
}
