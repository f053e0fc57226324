/* From a worker's pipe to its file (compat 15). */
#include "subject.h"

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
        cr_expect_not(stream_attach(s, fds[0], NULL, &rig.err));
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

/* ---- orders */

Test(capture, clears_by_making_the_file_anew)
{
        struct stat old, new;
        struct stream_conf c = conf_for("o");

        c.maxbytes = 5;
        c.backups = 2;
        make(c);
        stream_clear(s);
        int fd = rig_attach(&rig, s);
        rig_say(fd, "rotated\nx");
        rig_settle(&rig);
        int held = open(rig_path(&rig, "o"), O_RDONLY | O_CLOEXEC); /* its inode stays taken */
        cr_assert_eq(stat(rig_path(&rig, "o"), &old), 0);
        stream_clear(s);
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
        cr_expect(stream_configure(s, &c, &rig.err));
        cr_expect(strstr(buf_str(&rig.logged), "ERRO log of 'p' stdout: open "));
        rig_say(fd, "1 again\n");
        rig_settle(&rig);
        c = conf_for("n");
        cr_expect(stream_configure(s, &c, &rig.err));
        rig_say(fd, "2\n");
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o", "1\n1 again\n"));
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
