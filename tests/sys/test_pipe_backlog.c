#include "sys/store/pipe_backlog.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE 300000

static char dir[] = "/tmp/feed.XXXXXX";
static char path[64];
static char data[SIZE], got[SIZE + 1];
static int fds[2];
static struct err e;

static void setup(void)
{
        signal(SIGPIPE, SIG_IGN);
        cr_assert(mkdtemp(dir));
        snprintf(path, sizeof path, "%s/f", dir);
        cr_assert_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
        for (size_t i = 0; i < SIZE; i++)
                data[i] = (char)(i * 31 + i / 251);
}

static void teardown(void)
{
        unlink(path);
        rmdir(dir);
}

TestSuite(feed, .init = setup, .fini = teardown, .timeout = 60);

static size_t read_on(size_t had, size_t most)
{
        while (had < SIZE + 1 && most > 0) {
                ssize_t n = read(fds[0], got + had, most < SIZE + 1 - had ? most : SIZE + 1 - had);
                if (n <= 0)
                        break;
                had += (size_t)n;
                most -= (size_t)n;
        }
        return had;
}

Test(feed, hands_on_each_byte_once_and_in_order)
{
        struct pipe_backlog *f = pipe_backlog_new(path, &e);
        size_t had = 0;

        cr_assert(f, "%s", e.text);
        for (size_t at = 0; at < SIZE; at += 1000)
                cr_assert(pipe_backlog_put(f, data + at, 1000, &e));
        cr_expect_eq(pipe_backlog_left(f), SIZE);
        while (pipe_backlog_left(f)) {
                cr_assert(pipe_backlog_move(f, fds[1]));
                had = read_on(had, SIZE);
        }
        cr_expect_eq(had, SIZE);
        cr_expect_arr_eq(got, data, SIZE);
        pipe_backlog_remove(f);
        cr_expect_eq(access(path, F_OK), -1);
}

Test(feed, what_is_in_the_pipe_stays_when_the_file_goes)
{
        struct pipe_backlog *f = pipe_backlog_new(path, &e);

        cr_assert(pipe_backlog_put(f, data, 50000, &e));
        cr_assert(pipe_backlog_move(f, fds[1]));
        cr_assert_eq(pipe_backlog_left(f), 0);
        pipe_backlog_remove(f);
        f = pipe_backlog_new(path, &e);
        memset(got, 'x', 50000);
        cr_assert(pipe_backlog_put(f, got, 50000, &e));
        cr_expect_eq(read_on(0, 50000), 50000);
        cr_expect_arr_eq(got, data, 50000);
        pipe_backlog_remove(f);
}

Test(feed, notices_that_nobody_reads_any_more)
{
        struct pipe_backlog *f = pipe_backlog_new(path, &e);

        cr_assert(pipe_backlog_put(f, data, 10, &e));
        close(fds[0]);
        cr_expect_not(pipe_backlog_move(f, fds[1]));
        pipe_backlog_remove(f);
}

/* A daemon that feeds as fast as it can, until it is killed. */
static void feed_until_killed(void)
{
        struct pipe_backlog *f = pipe_backlog_take_up(path);

        while (f && pipe_backlog_left(f))
                if (!pipe_backlog_move(f, fds[1]))
                        break;
        _exit(0);
}

Test(feed, is_exact_over_kills)
{
        struct pipe_backlog *f = pipe_backlog_new(path, &e);
        size_t had = 0;

        cr_assert(pipe_backlog_put(f, data, SIZE, &e));
        for (int round = 0; round < 3000 && pipe_backlog_left(f); round++) {
                pid_t pid = fork();
                if (pid == 0)
                        feed_until_killed();
                had = read_on(had, (size_t)rand() % 3000);
                usleep((useconds_t)rand() % 300);
                had = read_on(had, (size_t)rand() % 3000);
                kill(pid, SIGKILL);
                waitpid(pid, NULL, 0);
        }
        pipe_backlog_move(f, fds[1]);
        had = read_on(had, SIZE + 1);
        cr_assert_eq(had, SIZE);
        cr_expect_arr_eq(got, data, SIZE);
        pipe_backlog_remove(f);
}

static void spoil(off_t at, const void *with, size_t len)
{
        int fd = open(path, O_RDWR | O_CLOEXEC);

        cr_assert_eq(pwrite(fd, with, len, at), (ssize_t)len);
        close(fd);
}

Test(feed, one_that_makes_no_sense_is_none)
{
        static const off_t places[] = { 3, 10, 19 }; /* name, place, end */

        for (size_t i = 0; i < 3; i++) {
                struct pipe_backlog *f = pipe_backlog_new(path, &e);
                cr_assert(pipe_backlog_put(f, data, 10, &e));
                pipe_backlog_close(f);
                spoil(places[i], "\x7f", 1);
                cr_expect_null(pipe_backlog_take_up(path));
        }
        for (off_t size = 0; size < 4106; size += 821) {
                pipe_backlog_close(pipe_backlog_new(path, &e));
                struct pipe_backlog *f = pipe_backlog_take_up(path);
                cr_assert(pipe_backlog_put(f, data, 10, &e));
                pipe_backlog_close(f);
                cr_assert_eq(truncate(path, size), 0);
                cr_expect_null(pipe_backlog_take_up(path));
        }
        unlink(path);
        cr_expect_null(pipe_backlog_take_up(path));
}

Test(feed, where_there_is_no_room_nothing_is_begun)
{
        cr_expect_null(pipe_backlog_new("/proc/none/f", &e));
        cr_expect(strstr(e.text, "make /proc/none/f") != NULL);
}
