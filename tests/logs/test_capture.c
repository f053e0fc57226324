/* From a worker's pipe to its file (compat 15). */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "rig.h"

#define BEGIN "<!--XSUPERVISOR:BEGIN-->"
#define END   "<!--XSUPERVISOR:END-->"

static struct rig rig;
static struct stream *s;
static struct stream_ledger led;

static void setup(void)
{
        rig_open(&rig, false);
}

static void setup_fake(void)
{
        rig_open(&rig, true);
}

static void teardown(void)
{
        stream_free(s);
        s = NULL;
        rig_close(&rig);
}

static struct stream_conf conf_for(const char *name)
{
        return (struct stream_conf){ .process = "p", .path = name ? rig_path(&rig, name) : NULL };
}

static void make(struct stream_conf c)
{
        s = rig_stream(&rig, &c);
}

static void expect_ledger(uint64_t read, uint64_t written, uint64_t dropped, uint64_t buffered)
{
        stream_ledger(s, &led);
        cr_expect(led.read == read && led.written == written && led.dropped == dropped &&
                      led.buffered == buffered,
                  "read %lu written %lu dropped %lu buffered %lu", (unsigned long)led.read,
                  (unsigned long)led.written, (unsigned long)led.dropped,
                  (unsigned long)led.buffered);
}

static bool is_written(struct rig *r)
{
        (void)r;
        stream_ledger(s, &led);
        return led.read > 0 && led.buffered == 0 && rig.recoveries > 0;
}

static int open_fds(void)
{
        int n = 0;

        for (int fd = 0; fd < 256; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

TestSuite(capture, .init = setup, .fini = teardown);
TestSuite(capture_copying, .init = setup_fake, .fini = teardown);

Test(capture, keeps_bytes_as_they_are)
{
        char bytes[1024];
        size_t len;

        for (size_t i = 0; i < sizeof bytes; i++)
                bytes[i] = (char)i;
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        cr_assert_eq(write(fd, bytes, sizeof bytes), (ssize_t)sizeof bytes);
        rig_settle(&rig);
        char *have = rig_read(&rig, "o", &len);
        cr_expect(len == sizeof bytes && memcmp(have, bytes, len) == 0);
        free(have);
        expect_ledger(1024, 1024, 0, 0);
        close(fd);
}

Test(capture, appends_to_what_is_there)
{
        rig_write(&rig, "o", "earlier\n");
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        rig_say(fd, "new\n");
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o", "earlier\nnew\n"));
        close(fd);
}

Test(capture, writes_at_the_end_of_a_file_that_others_cut_or_append_to)
{
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        rig_say(fd, "one\n");
        rig_settle(&rig);
        cr_assert_eq(truncate(rig_path(&rig, "o"), 0), 0);
        rig_say(fd, "two\n");
        rig_settle(&rig);
        rig_write(&rig, "o", "by hand\n");
        rig_say(fd, "three\n");
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o", "two\nby hand\nthree\n"));
        close(fd);
}

/* `total` bytes without a newline, checked byte by byte. */
static void flood(size_t total)
{
        static char block[65521], back[65521];
        size_t sent = 0;

        for (size_t i = 0; i < sizeof block; i++)
                block[i] = (char)('a' + i % 26);
        int fd = rig_attach(&rig, s);
        while (sent < total) {
                size_t at = sent % sizeof block, n = sizeof block - at;
                ssize_t w = write(fd, block + at, n < total - sent ? n : total - sent);
                if (w > 0)
                        sent += (size_t)w;
                ev_run(rig.loop, EVRUN_NOWAIT);
        }
        close(fd);
        rig_settle(&rig);
        expect_ledger(total, total, 0, 0);
        int file = open(stream_path(s), O_RDONLY | O_CLOEXEC);
        for (size_t got = 0; got < total; got += sizeof block) {
                size_t n = total - got < sizeof block ? total - got : sizeof block;
                cr_assert_eq(read(file, back, n), (ssize_t)n);
                cr_assert_eq(memcmp(back, block, n), 0);
        }
        close(file);
}

Test(capture, passes_a_hundred_megabytes_without_a_newline)
{
        make(conf_for("o"));
        flood(100 * 1000 * 1000);
        cr_expect(rig_idle(&rig));
}

Test(capture_copying, passes_a_flood_too)
{
        make(conf_for("o"));
        flood(10 * 1000 * 1000);
}

/* 20,000 numbered lines through rotation: none lost, none twice, none in pieces. */
static void numbered_lines(void)
{
        char line[64];
        size_t len, at = 0;
        struct stream_conf c = conf_for("o");

        c.maxbytes = 20000;
        c.backups = 40;
        make(c);
        int fd = rig_attach(&rig, s);
        for (int i = 0; i < 20000; i++) {
                int n = snprintf(line, sizeof line, "%06d %.*s\n", i, i % 50,
                                 "zzzzzzzzzzzzzzzzzzzz"
                                 "zzzzzzzzzzzzzzzzzzz"
                                 "zzzzzzzzzzzzz");
                while (write(fd, line, (size_t)n) < 0)
                        ev_run(rig.loop, EVRUN_NOWAIT);
        }
        close(fd);
        rig_settle(&rig);
        for (int file = 40; file >= 0; file--) {
                snprintf(line, sizeof line, file ? "o.%d" : "o", file);
                char *text = rig_read(&rig, line, &len);
                cr_expect(len == 0 || text[len - 1] == '\n');
                cr_expect(file == 0 || len == 0 || (len >= 20000 && len < 20100), "%zu", len);
                for (char *l = text; *l; l = strchr(l, '\n') + 1)
                        cr_assert_eq((size_t)atoi(l), at++);
                free(text);
        }
        cr_expect_eq(at, 20000);
        stream_ledger(s, &led);
        cr_expect_gt(led.rotations, 20);
        rig_check(s);
}

Test(capture, rotates_at_line_ends)
{
        numbered_lines();
}

Test(capture_copying, rotates_at_line_ends)
{
        numbered_lines();
}

Test(capture, closes_everything_at_the_end_of_file)
{
        int before = open_fds();

        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        cr_expect_eq(open_fds(), before + 3);
        rig_say(fd, "x");
        close(fd);
        rig_settle(&rig);
        cr_expect_eq(open_fds(), before);
        cr_expect(rig_idle(&rig));
        cr_expect(rig_holds(&rig, "o", "x"));
}

Test(capture, says_why_a_file_cannot_be_opened)
{
        int fds[2], before = open_fds();

        make(conf_for("missing/o"));
        cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
        cr_expect_not(stream_attach(s, fds[0], &rig.err));
        cr_expect(strstr(rig.err.text, "missing/o: No such file or directory"), "%s", rig.err.text);
        cr_expect_eq(rig.err.sys, ENOENT);
        close(fds[1]);
        cr_expect_eq(open_fds(), before, "the pipe was taken over");
}

Test(capture, makes_files_by_the_umask_and_auto_files_at_once_and_private)
{
        struct stat st;
        struct stream_conf c = conf_for("a");

        umask(022);
        c.is_auto = true;
        make(c);
        cr_assert_eq(stat(rig_path(&rig, "a"), &st), 0);
        cr_expect_eq(st.st_mode & 0777, 0600);
        stream_free(s);
        make(conf_for("o"));
        cr_expect_neq(stat(rig_path(&rig, "o"), &st), 0);
        close(rig_attach(&rig, s));
        cr_assert_eq(stat(rig_path(&rig, "o"), &st), 0);
        cr_expect_eq(st.st_mode & 0777, 0644);
}

/* ---- ends and beginnings */

Test(capture, finishes_within_the_call_with_all_that_was_written)
{
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        rig_say(fd, "last words");
        stream_finish(s);
        cr_expect_eq(rig.finished, 1);
        cr_expect(rig_holds(&rig, "o", "last words"));
        rig_say(fd, " of a child left over");
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o", "last words of a child left over"));
        close(fd);
}

Test(capture, finishes_without_a_pipe_too)
{
        make(conf_for("o"));
        stream_finish(s);
        cr_expect_eq(rig.finished, 1);
}

Test(capture, reads_an_old_pipe_and_a_new_one)
{
        make(conf_for("o"));
        int old = rig_attach(&rig, s);
        rig_say(old, "1\n");
        stream_finish(s);
        int new = rig_attach(&rig, s);
        rig_say(new, "2\n");
        rig_settle(&rig);
        rig_say(old, "3\n");
        rig_settle(&rig);
        close(new);
        rig_settle(&rig);
        rig_say(old, "4\n");
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o", "1\n2\n3\n4\n"));
        close(old);
}

Test(capture, drains_what_is_there_when_it_is_freed)
{
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        rig_say(fd, "in the pipe");
        stream_free(s);
        s = NULL;
        cr_expect(rig_holds(&rig, "o", "in the pipe"));
        cr_expect(rig_idle(&rig));
        close(fd);
}

Test(capture, may_be_freed_from_its_own_news)
{
        struct stream_conf c = conf_for("o");

        c.events_enabled = true;
        make(c);
        int fd = rig_attach(&rig, s);
        rig.free_in_text = s;
        rig_say(fd, "one");
        rig_settle(&rig);
        cr_expect_eq(rig.texts[TEXT_LOG], 1);
        close(fd);
        make(c);
        fd = rig_attach(&rig, s);
        rig.free_in_finish = s;
        stream_finish(s);
        s = NULL;
        cr_expect_eq(rig.finished, 1);
        close(fd);
}

/* ---- a file shared */

Test(capture, shares_one_file_between_streams)
{
        struct stream_conf c = conf_for("o");
        int before;

        c.maxbytes = 1000;
        c.backups = 5;
        make(c);
        struct stream *other = rig_stream(&rig, &c);
        int a = rig_attach(&rig, s);
        before = open_fds();
        int b = rig_attach(&rig, other);
        cr_expect_eq(open_fds(), before + 2, "a pipe, no second file");
        for (int i = 0; i < 30; i++) {
                rig_say(a, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n");
                rig_say(b, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n");
                rig_settle(&rig);
        }
        size_t len, all = 0;
        static const char *const names[] = { "o", "o.1", "o.2", "o.3" };
        for (int i = 0; i < 4; i++) {
                char *text = rig_read(&rig, names[i], &len);
                cr_expect_eq(len, i == 0 || i > 3 ? 0 : 1000);
                all += len;
                free(text);
        }
        cr_expect_eq(all, 3000);
        stream_free(other);
        close(a);
        close(b);
}

Test(capture_copying, keeps_a_broken_off_chunk_together_in_a_shared_file)
{
        make(conf_for("o"));
        struct stream_conf c = conf_for("o");
        struct stream *other = rig_stream(&rig, &c);
        int a = rig_attach(&rig, s), b = rig_attach(&rig, other);

        kernel_shorten(&rig.kernel, K_WRITE, 1, 4);
        kernel_fail(&rig.kernel, K_WRITE, 2, ENOSPC);
        rig_say(a, "aaaaaaaa\n");
        rig_settle(&rig);
        rig_say(b, "bbb\n");
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o", "aaaa"));
        cr_expect(rig_until(&rig, is_written));
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o", "aaaaaaaa\nbbb\n"));
        stream_free(other);
        close(a);
        close(b);
}

/* ---- trouble */

static void full_disk(int error)
{
        size_t sent = 0, len;
        ssize_t n;

        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        kernel_shorten(&rig.kernel, K_WRITE, 1, 5);
        kernel_fail(&rig.kernel, K_WRITE, 2, error);
        kernel_fail(&rig.kernel, K_WRITE, 3, error); /* the first attempt after it, too */
        while ((n = write(fd, "0123456789", 10)) == 10) {
                sent += (size_t)n;
                rig_settle(&rig);
        }
        cr_expect_eq(n < 0 ? errno : 0, EAGAIN, "the worker waits");
        expect_ledger(10, 5, 0, 5);
        cr_expect_eq(rig.troubles, 1);
        cr_expect(strstr(rig.detail, strerror(error)), "%s", rig.detail);
        cr_expect(strstr(buf_str(&rig.logged), "ERRO log of 'p' stdout: write "));
        cr_expect(rig_until(&rig, is_written));
        rig_settle(&rig);
        close(fd);
        rig_settle(&rig);
        expect_ledger(sent, sent, 0, 0);
        cr_expect_eq(rig.recoveries, 1);
        cr_expect_eq(rig.troubles, 1);
        cr_expect(rig_idle(&rig));
        char *text = rig_read(&rig, "o", &len);
        cr_expect_eq(len, sent);
        for (size_t i = 0; i < len; i++)
                cr_assert_eq(text[i], (char)('0' + i % 10));
        free(text);
        stream_free(s);
        s = NULL;
        unlink(rig_path(&rig, "o"));
        rig.troubles = rig.recoveries = 0;
        rig.kernel.calls[K_WRITE] = 0;
        buf_reset(&rig.logged);
}

Test(capture_copying, waits_for_a_full_or_broken_disk_and_loses_nothing)
{
        static const int errors[] = { ENOSPC, EDQUOT, EIO, EROFS };

        for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
                full_disk(errors[i]);
}

/* A limit on the file's size makes the real kernel refuse. */
Test(capture, waits_when_a_move_is_refused)
{
        struct rlimit limit = { .rlim_cur = 6, .rlim_max = RLIM_INFINITY };

        signal(SIGXFSZ, SIG_IGN);
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
        rig_say(fd, "0123456789");
        rig_settle(&rig);
        rig_say(fd, "abcdef");
        rig_settle(&rig);
        rig_check(s);
        cr_expect_eq(rig.troubles, 1);
        cr_expect(strstr(rig.detail, "File too large"), "%s", rig.detail);
        limit.rlim_cur = RLIM_INFINITY;
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
        cr_expect(rig_until(&rig, is_written));
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o", "0123456789abcdef"));
        expect_ledger(16, 16, 0, 0);
        close(fd);
        rig_settle(&rig);
        cr_expect(rig_idle(&rig));
}

Test(capture_copying, ends_a_worker_while_the_disk_is_full)
{
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        kernel_fail(&rig.kernel, K_WRITE, 0, ENOSPC);
        rig_say(fd, "one ");
        rig_settle(&rig);
        rig_say(fd, "two ");
        stream_finish(s);
        cr_expect_eq(rig.finished, 1);
        expect_ledger(8, 0, 0, 8);
        close(fd);
        fd = rig_attach(&rig, s);
        rig_say(fd, "three");
        rig_settle(&rig);
        kernel_mend(&rig.kernel, K_WRITE);
        cr_expect(rig_until(&rig, is_written));
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o", "one two three"));
        close(fd);
}

Test(capture_copying, writes_what_a_freed_stream_left_behind)
{
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        kernel_fail(&rig.kernel, K_WRITE, 0, ENOSPC);
        rig_say(fd, "one ");
        rig_settle(&rig);
        rig_say(fd, "two");
        stream_free(s);
        s = NULL;
        close(fd);
        kernel_mend(&rig.kernel, K_WRITE);
        ev_run(rig.loop, 0); /* until nothing is waited for */
        cr_expect(rig_holds(&rig, "o", "one two"));
}

Test(capture_copying, tries_once_more_at_the_very_end)
{
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        kernel_fail(&rig.kernel, K_WRITE, 0, ENOSPC);
        rig_say(fd, "kept");
        rig_settle(&rig);
        stream_free(s);
        s = NULL;
        close(fd);
        kernel_mend(&rig.kernel, K_WRITE);
        logs_free(rig.logs);
        cr_expect(rig_holds(&rig, "o", "kept"));
        rig.logs = logs_new(rig.loop, &rig.kernel.ops, NULL, &(struct logs_news){ 0 });
}

Test(capture_copying, takes_what_is_left_to_the_new_file)
{
        struct stream_conf c;

        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        kernel_shorten(&rig.kernel, K_WRITE, 1, 2);
        kernel_fail(&rig.kernel, K_WRITE, 2, ENOSPC);
        rig_say(fd, "abcd");
        rig_settle(&rig);
        c = conf_for("n");
        cr_expect(stream_configure(s, &c, &rig.err));
        rig_say(fd, "ef");
        cr_expect(rig_until(&rig, is_written));
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o", "ab"));
        cr_expect(rig_holds(&rig, "n", "cdef"));
        expect_ledger(6, 6, 0, 0);
        close(fd);
}

Test(capture_copying, takes_interrupted_and_spurious_calls_as_nothing)
{
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        kernel_fail(&rig.kernel, K_READ, 1, EINTR);
        kernel_fail(&rig.kernel, K_READ, 2, EAGAIN);
        kernel_fail(&rig.kernel, K_WRITE, 1, EINTR);
        kernel_shorten(&rig.kernel, K_READ, 3, 2);
        rig_say(fd, "abcdef");
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o", "abcdef"));
        cr_expect_eq(rig.troubles, 0);
        close(fd);
}

Test(capture_copying, takes_a_read_error_as_the_end)
{
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        kernel_fail(&rig.kernel, K_READ, 1, EIO);
        rig_say(fd, "x");
        rig_settle(&rig);
        stream_finish(s);
        cr_expect_eq(rig.finished, 1);
        cr_expect(rig_idle(&rig));
        close(fd);
}

/* ---- what is no regular file */

Test(capture, waits_for_the_reader_of_a_fifo)
{
        char data[65536];
        size_t sent = 0, got = 0;
        ssize_t n;

        cr_assert_eq(mkfifo(rig_path(&rig, "f"), 0600), 0);
        make(conf_for("f"));
        int fd = rig_attach(&rig, s); /* though nobody reads yet */
        memset(data, 'x', sizeof data);
        for (int quiet = 0; quiet < 3;) {
                n = write(fd, data, sizeof data);
                quiet = n > 0 ? 0 : quiet + 1;
                sent += n > 0 ? (size_t)n : 0;
                rig_settle(&rig);
        }
        cr_expect_geq(sent, sizeof data);
        cr_expect_eq(rig.troubles, 0, "a slow reader is no trouble");
        rig_check(s);
        int reader = open(rig_path(&rig, "f"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        while (got < sent) {
                n = read(reader, data, sizeof data);
                got += n > 0 ? (size_t)n : 0;
                ev_run(rig.loop, EVRUN_NOWAIT);
        }
        expect_ledger(sent, sent, 0, 0);
        close(reader);
        close(fd);
}

/* The daemon's own descriptor 40 is `target`. */
static void own_descriptor(int target, const char *path)
{
        struct stream_conf c = { .process = "p", .path = path, .maxbytes = 10, .backups = 1 };

        cr_assert_eq(dup2(target, 40), 40);
        make(c);
}

Test(capture, writes_through_a_socket_and_waits_for_it)
{
        char data[65536];
        int pair[2];
        size_t sent = 0, got = 0;
        ssize_t n;

        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        own_descriptor(pair[1], "/dev/fd/40");
        int fd = rig_attach(&rig, s);
        memset(data, 'x', sizeof data);
        for (int quiet = 0; quiet < 3;) {
                n = write(fd, data, sizeof data);
                quiet = n > 0 ? 0 : quiet + 1;
                sent += n > 0 ? (size_t)n : 0;
                rig_settle(&rig);
        }
        while (got < sent) {
                n = recv(pair[0], data, sizeof data, MSG_DONTWAIT);
                got += n > 0 ? (size_t)n : 0;
                ev_run(rig.loop, EVRUN_NOWAIT);
        }
        cr_expect_eq(fcntl(pair[1], F_GETFL) & O_NONBLOCK, 0, "others' flags are left alone");
        close(fd);
}

Test(capture, writes_through_a_pipe_without_touching_its_flags)
{
        char data[16] = "";
        int out[2];

        cr_assert_eq(pipe(out), 0);
        own_descriptor(out[1], "/proc/self/fd/40");
        int fd = rig_attach(&rig, s);
        rig_say(fd, "through\n");
        rig_settle(&rig);
        cr_expect_eq(read(out[0], data, sizeof data), 8);
        cr_expect_eq(fcntl(out[1], F_GETFL) & O_NONBLOCK, 0);
        close(fd);
}

Test(capture, drops_what_goes_to_a_pipe_that_nobody_will_read)
{
        int out[2];

        signal(SIGPIPE, SIG_DFL);
        cr_assert_eq(pipe(out), 0);
        own_descriptor(out[1], "/dev/fd/40");
        int fd = rig_attach(&rig, s);
        close(out[0]);
        for (int i = 0; i < 3; i++) {
                rig_say(fd, "into the void");
                rig_settle(&rig);
        }
        expect_ledger(39, 0, 39, 0);
        cr_expect_eq(rig.troubles, 1);
        cr_expect(strstr(rig.detail, "Broken pipe"), "%s", rig.detail);
        close(fd);
}

Test(capture, neither_rotates_nor_clears_a_file_that_is_the_daemons_own)
{
        rig_write(&rig, "out", "before\n");
        int target = open(rig_path(&rig, "out"), O_WRONLY | O_APPEND | O_CLOEXEC);
        own_descriptor(target, "/dev/fd/40");
        int fd = rig_attach(&rig, s);
        rig_say(fd, "much longer than ten bytes\n");
        rig_settle(&rig);
        cr_expect(stream_clear(s, &rig.err));
        stream_reopen(s);
        rig_say(fd, "more\n");
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "out", "before\nmuch longer than ten bytes\nmore\n"));
        close(fd);
        close(target);
}

Test(capture, discards_into_dev_null_and_into_nothing)
{
        struct stream_conf c = { .process = "p", .path = "/dev/null", .maxbytes = 1 };

        make(c);
        int fd = rig_attach(&rig, s);
        rig_say(fd, "gone");
        rig_settle(&rig);
        expect_ledger(4, 4, 0, 0);
        cr_expect(stream_clear(s, &rig.err));
        c.path = NULL;
        cr_expect(stream_configure(s, &c, &rig.err));
        rig_say(fd, "gone");
        rig_settle(&rig);
        expect_ledger(8, 8, 0, 0);
        cr_expect_null(stream_path(s));
        cr_expect_eq(access("/dev/null", F_OK), 0);
        close(fd);
}

Test(capture, waits_for_a_device_that_is_full)
{
        struct stream_conf c = { .process = "p", .path = "/dev/full" };

        make(c);
        int fd = rig_attach(&rig, s);
        rig_say(fd, "text");
        rig_settle(&rig);
        expect_ledger(4, 0, 0, 4);
        cr_expect(strstr(rig.detail, "/dev/full: No space left"), "%s", rig.detail);
        c.path = rig_path(&rig, "o");
        cr_expect(stream_configure(s, &c, &rig.err));
        cr_expect(rig_until(&rig, is_written));
        cr_expect(rig_holds(&rig, "o", "text"));
        close(fd);
}

/* ---- orders */

Test(capture, clears_by_making_the_file_anew)
{
        struct stat old, new;
        struct stream_conf c = conf_for("o");

        c.maxbytes = 5;
        c.backups = 2;
        make(c);
        cr_expect(stream_clear(s, &rig.err), "a stopped process: nothing");
        int fd = rig_attach(&rig, s);
        rig_say(fd, "rotated\nx");
        rig_settle(&rig);
        int held = open(rig_path(&rig, "o"), O_RDONLY | O_CLOEXEC); /* its inode stays taken */
        cr_assert_eq(stat(rig_path(&rig, "o"), &old), 0);
        cr_expect(stream_clear(s, &rig.err));
        cr_assert_eq(stat(rig_path(&rig, "o"), &new), 0);
        cr_expect_neq(old.st_ino, new.st_ino);
        rig_say(fd, "y");
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o", "y"));
        cr_expect(rig_holds(&rig, "o.1", "rotated\n"));
        close(held);
        close(fd);
}

Test(capture, reopens_for_logrotate)
{
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        rig_say(fd, "1\n");
        rig_settle(&rig);
        cr_assert_eq(rename(rig_path(&rig, "o"), rig_path(&rig, "moved")), 0);
        rig_say(fd, "2\n");
        rig_settle(&rig);
        stream_reopen(s);
        rig_say(fd, "3\n");
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "moved", "1\n2\n"));
        cr_expect(rig_holds(&rig, "o", "3\n"));
        close(fd);
}

Test(capture_copying, keeps_the_open_file_when_reopening_fails)
{
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        kernel_fail(&rig.kernel, K_OPEN, 1, EMFILE);
        stream_reopen(s);
        cr_expect(strstr(buf_str(&rig.logged), "WARN cannot reopen the log of 'p': open "));
        rig_say(fd, "still\n");
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o", "still\n"));
        close(fd);
}

Test(capture, takes_a_new_path_at_once)
{
        struct stream_conf c;

        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        rig_say(fd, "1\n");
        rig_settle(&rig);
        c = conf_for("missing/n");
        cr_expect_not(stream_configure(s, &c, &rig.err));
        cr_expect(strstr(stream_path(s), "/o"), "the old settings stay");
        c = conf_for("n");
        cr_expect(stream_configure(s, &c, &rig.err));
        rig_say(fd, "2\n");
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o", "1\n"));
        cr_expect(rig_holds(&rig, "n", "2\n"));
        close(fd);
}

Test(capture, takes_new_rotation_settings_at_once)
{
        struct stream_conf c = conf_for("o");

        make(c);
        int fd = rig_attach(&rig, s);
        c.maxbytes = 3;
        c.backups = 1;
        cr_expect(stream_configure(s, &c, &rig.err));
        rig_say(fd, "abc\nd");
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o.1", "abc\n"));
        cr_expect(rig_holds(&rig, "o", "d"));
        close(fd);
}

/* ---- text */

static struct stream_conf capturing(size_t max)
{
        struct stream_conf c = conf_for("o");

        c.capture_maxbytes = (int64_t)max;
        c.events_enabled = true;
        return c;
}

Test(capture, keeps_captured_text_out_of_the_file)
{
        make(capturing(1000));
        int fd = rig_attach(&rig, s);
        const char *text = "x" BEGIN "one" END "y" BEGIN "two" END "z\n";
        for (const char *c = text; *c; c++) {
                cr_assert_eq(write(fd, c, 1), 1);
                rig_settle(&rig);
        }
        cr_expect(rig_holds(&rig, "o", "xyz\n"));
        cr_expect_str_eq(buf_str(&rig.text[TEXT_COMM]), "onetwo");
        cr_expect_eq(rig.texts[TEXT_COMM], 2);
        cr_expect_str_eq(buf_str(&rig.text[TEXT_LOG]), "xoneytwoz\n");
        expect_ledger(4, 4, 0, 0);
        close(fd);
}

Test(capture, does_not_delay_or_lose_short_output_while_capturing)
{
        make(capturing(1000));
        int fd = rig_attach(&rig, s);
        rig_say(fd, "short\n");
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o", "short\n"));
        rig_say(fd, "a<b <!--XSUPER");
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o", "short\na<b "));
        cr_expect_eq(rig.texts[TEXT_LOG], 2, "one event per chunk");
        stream_finish(s);
        cr_expect(rig_holds(&rig, "o", "short\na<b <!--XSUPER"));
        rig_say(fd, "<!--");
        close(fd);
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o", "short\na<b <!--XSUPER<!--"));
}

Test(capture, keeps_the_last_of_a_long_capture)
{
        make(capturing(4));
        int fd = rig_attach(&rig, s);
        rig_say(fd, BEGIN "0123456789");
        rig_settle(&rig);
        rig_say(fd, "abcdef" END);
        rig_settle(&rig);
        cr_expect_str_eq(buf_str(&rig.text[TEXT_COMM]), "cdef");
        rig_say(fd, BEGIN END);
        rig_settle(&rig);
        cr_expect_eq(rig.texts[TEXT_COMM], 2);
        rig_say(fd, BEGIN "lost");
        close(fd);
        rig_settle(&rig);
        cr_expect_eq(rig.texts[TEXT_COMM], 2);
        expect_ledger(4, 0, 4, 0);
}

Test(capture, strips_escapes)
{
        struct stream_conf c = conf_for("o");

        c.strip_ansi = c.events_enabled = true;
        make(c);
        int fd = rig_attach(&rig, s);
        rig_say(fd, "\033[31mred\033[0m\n");
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o", "red\n"));
        cr_expect_str_eq(buf_str(&rig.text[TEXT_LOG]), "red\n");
        rig_check(s);
        close(fd);
}

Test(capture, hands_a_protocol_channel_every_chunk)
{
        struct stream_conf c = conf_for("o");

        c.tap = true;
        make(c);
        int fd = rig_attach(&rig, s);
        rig_say(fd, "READY\n");
        rig_settle(&rig);
        cr_expect_str_eq(buf_str(&rig.text[TEXT_RAW]), "READY\n");
        cr_expect(rig_holds(&rig, "o", "READY\n"));
        close(fd);
}

Test(capture_copying, keeps_a_protocol_going_while_the_disk_is_full)
{
        struct stream_conf c = conf_for("o");

        c.tap = true;
        make(c);
        int fd = rig_attach(&rig, s);
        kernel_fail(&rig.kernel, K_WRITE, 0, ENOSPC);
        rig_say(fd, "READY\n");
        rig_settle(&rig);
        rig_say(fd, "RESULT 2\nOK");
        rig_settle(&rig);
        cr_expect_str_eq(buf_str(&rig.text[TEXT_RAW]), "READY\nRESULT 2\nOK");
        kernel_mend(&rig.kernel, K_WRITE);
        cr_expect(rig_until(&rig, is_written));
        cr_expect(rig_holds(&rig, "o", "READY\nRESULT 2\nOK"));
        close(fd);
}

Test(capture, copies_to_the_main_log_at_level_debug)
{
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        rig_say(fd, "quiet\n");
        rig_settle(&rig);
        cr_expect_str_eq(buf_str(&rig.logged), "");
        rig.log.level = LVL_DEBUG;
        rig_say(fd, "chatter\n");
        rig_settle(&rig);
        cr_expect_str_eq(buf_str(&rig.logged), "DEBG 'p' stdout output:\nchatter\n\n");
        buf_reset(&rig.logged);
        rig_say(fd, "\xff\n");
        rig_settle(&rig);
        cr_expect_str_eq(buf_str(&rig.logged),
                         "DEBG 'p' stdout output:\nUndecodable: b'\\xff\\n'\n");
        cr_expect(rig_holds(&rig, "o", "quiet\nchatter\n\xff\n"));
        close(fd);
}

/* ---- AUTO names */

Test(capture, makes_auto_names_and_cleans_them_up)
{
        char *a = logs_auto_path(rig.dir, "web:1", false, "super.visor", &rig.err);
        char *b = logs_auto_path(rig.dir, "web:1", true, "super.visor", &rig.err);
        const char *const spare[] = { b, NULL };
        char *name, *backup = NULL;
        struct stat st;

        cr_assert(a && b, "%s", rig.err.text);
        name = strrchr(a, '/') + 1;
        cr_expect_eq(strncmp(name, "web:1-stdout---super.visor-", 27), 0);
        cr_expect_eq(strspn(name + 27, "abcdefghijklmnopqrstuvwxyz0123456789_"), 8);
        cr_expect_str_eq(name + 35, ".log");
        cr_assert_eq(stat(a, &st), 0);
        cr_expect_eq(st.st_mode & 0777, 0600);
        cr_assert_gt(asprintf(&backup, "%s.12", strrchr(b, '/') + 1), 0);
        rig_write(&rig, backup, "x");
        static const char *const goes[] = { "x---super.visor-a.log", "x---super.visor-a.log.3" };
        static const char *const stays[] = { "keep.log",
                                             "x---other-a.log",
                                             "---super.visor-a.log",
                                             "x---super.visor-a b.log",
                                             "x---super.visor-a.txt",
                                             "x---super.visor-a.logs",
                                             "x---super.visor-.log" };
        for (size_t i = 0; i < 2; i++)
                rig_write(&rig, goes[i], "x");
        for (size_t i = 0; i < 7; i++)
                rig_write(&rig, stays[i], "x");
        logs_clean_auto(rig.dir, "super.visor", spare, &rig.log);
        cr_expect_neq(access(a, F_OK), 0);
        cr_expect_eq(access(b, F_OK), 0);
        cr_expect_eq(access(rig_path(&rig, backup), F_OK), 0);
        for (size_t i = 0; i < 2; i++)
                cr_expect_neq(access(rig_path(&rig, goes[i]), F_OK), 0, "%s", goes[i]);
        for (size_t i = 0; i < 7; i++)
                cr_expect_eq(access(rig_path(&rig, stays[i]), F_OK), 0, "%s", stays[i]);
        logs_clean_auto("/nonexistent/folder", "s", NULL, &rig.log);
        cr_expect_str_eq(buf_str(&rig.logged), "WARN Could not clear childlog dir\n");
        cr_expect_null(logs_auto_path("/nonexistent/folder", "p", false, "s", &rig.err));
        free(a);
        free(b);
        free(backup);
}
