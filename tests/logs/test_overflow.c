/* stdout_overflow=drop: no worker waits, whole lines are lost, and every lost byte is counted. */
#include <signal.h>
#include <sys/resource.h>

#include "../../src/logs/thread.h"
#include "subject.h"

TestSuite(overflow, .init = setup, .fini = teardown);
TestSuite(overflow_copying, .init = setup_fake, .fini = teardown);

static void limit_files(rlim_t bytes)
{
        struct rlimit limit = { .rlim_cur = bytes, .rlim_max = RLIM_INFINITY };

        signal(SIGXFSZ, SIG_IGN);
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int say_numbers(int fd, int from, int count)
{
        char line[32];

        for (int i = from; i < from + count; i++) {
                int n = snprintf(line, sizeof line, "line %08d\n", i);
                int tries = 100;
                while (write(fd, line, (size_t)n) < 0 && tries-- > 0)
                        rig_settle(&rig);
                cr_assert_gt(tries, 0, "the worker waits");
        }
        rig_settle(&rig);
        return from + count;
}

/* Whole lines with growing numbers; returns how many bytes. */
static size_t check_lines(const char *name)
{
        size_t len;
        char *text = rig_read(&rig, name, &len);
        int last = -1, now;

        cr_assert_eq(len % 14, 0);
        for (size_t at = 0; at < len; at += 14) {
                cr_assert_eq(sscanf(text + at, "line %08d\n", &now), 1, "%.20s", text + at);
                cr_assert_gt(now, last);
                last = now;
        }
        free(text);
        return len;
}

static void flood_a_full_disk(void (*fill)(void), void (*free_it)(void))
{
        struct stream_conf c = conf_for("o");
        int next;

        c.drops = true;
        make(c);
        int fd = rig_attach(&rig, s);
        next = say_numbers(fd, 0, 100);
        fill();
        next = say_numbers(fd, next, 50000);
        rig_check(s);
        stream_ledger(s, &led);
        cr_expect_gt(led.dropped, 100000);
        cr_expect_gt(led.buffered, 60000);
        cr_expect_lt(led.buffered, 400000);
        cr_expect_gt(rig.dropped, 0, "said at once");
        free_it();
        cr_expect(rig_until(&rig, is_written));
        next = say_numbers(fd, next, 1000);
        rig_check(s);
        stream_ledger(s, &led);
        cr_expect_eq(led.read, (uint64_t)next * 14);
        cr_expect_eq(led.buffered, 0);
        cr_expect_eq(rig.dropped, led.dropped, "every byte was said: %lu of %lu",
                     (unsigned long)rig.dropped, (unsigned long)led.dropped);
        cr_expect_eq(check_lines("o"), led.written);
        cr_expect(strstr(buf_str(&rig.logged), "bytes dropped (stdout_overflow=drop)"));
        close(fd);
}

static void fill(void)
{
        limit_files(5000);
}

static void make_room(void)
{
        limit_files(RLIM_INFINITY);
}

Test(overflow, drops_whole_lines_and_counts_them)
{
        flood_a_full_disk(fill, make_room);
}

Test(overflow_copying, drops_whole_lines_and_counts_them)
{
        flood_a_full_disk(fill, make_room);
}

Test(overflow, loses_nothing_while_the_disk_is_well)
{
        struct stream_conf c = conf_for("o");

        c.drops = true;
        make(c);
        int fd = rig_attach(&rig, s);
        say_numbers(fd, 0, 20000);
        expect_ledger(280000, 280000, 0, 0);
        cr_expect_eq(check_lines("o"), 280000);
        close(fd);
}

/* A line without an end is cut at last, and not held in memory for ever. */
Test(overflow, holds_no_endless_line)
{
        static char block[65536];
        struct stream_conf c = conf_for("o");

        c.drops = true;
        make(c);
        memset(block, 'x', sizeof block);
        int fd = rig_attach(&rig, s);
        limit_files(10);
        for (int i = 0; i < 100; i++) {
                cr_assert_gt(write(fd, block, sizeof block), 0);
                rig_settle(&rig);
        }
        stream_ledger(s, &led);
        rig_check(s);
        cr_expect_lt(led.buffered, 600000);
        limit_files(RLIM_INFINITY);
        close(fd);
}
