#include "engine/run/stdin_pipe.h"

#include <criterion/criterion.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/supervisor.h"
#include "engine/core/worker.h"

static struct ev_loop *loop;
static struct stdin_pipe *in;
static int reader;
static struct supervisor sup;
static struct worker worker = { .sup = &sup };

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
        sup.loop = loop;
        stdin_pipe_open(&in, &worker, false, fds[1], NULL);
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
