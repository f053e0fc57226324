/* A disk that is full or broken: workers wait, nothing is lost. */
#include <signal.h>
#include <sys/resource.h>

#include "../../src/logs/thread.h"
#include "subject.h"

TestSuite(trouble, .init = setup, .fini = teardown);
TestSuite(trouble_copying, .init = setup_fake, .fini = teardown);

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
                if (sent < 100) /* before the disk is tried again, however busy the machine is */
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

Test(trouble_copying, waits_for_a_full_or_broken_disk_and_loses_nothing)
{
        static const int errors[] = { ENOSPC, EDQUOT, EIO, EROFS };

        for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
                full_disk(errors[i]);
}

/* A limit on the file's size makes the real kernel refuse. */
Test(trouble, waits_when_a_move_is_refused)
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

Test(trouble_copying, ends_a_worker_while_the_disk_is_full)
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

Test(trouble_copying, writes_what_a_freed_stream_left_behind)
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

Test(trouble_copying, tries_once_more_at_the_very_end)
{
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        kernel_fail(&rig.kernel, K_WRITE, 0, ENOSPC);
        rig_say(fd, "text");
        rig_settle(&rig);
        stream_free(s);
        s = NULL;
        close(fd);
        kernel_mend(&rig.kernel, K_WRITE);
        logs_free(rig.logs);
        cr_expect(rig_holds(&rig, "o", "text"));
        rig.logs = logs_new(rig.loop, &rig.kernel.ops, NULL, &(struct logs_news){ 0 });
}

Test(trouble_copying, takes_what_is_left_to_the_new_file)
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

Test(trouble_copying, takes_interrupted_and_spurious_calls_as_nothing)
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

Test(trouble_copying, takes_a_read_error_as_the_end)
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

Test(trouble_copying, is_said_again_once_a_minute)
{
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        kernel_fail(&rig.kernel, K_WRITE, 0, ENOSPC);
        rig_say(fd, "x");
        rig_settle(&rig);
        writer_retry(s->channel->out.writer);
        cr_expect_eq(rig.troubles, 1);
        s->channel->out.told_ms -= 60000;
        writer_retry(s->channel->out.writer);
        writer_retry(s->channel->out.writer);
        cr_expect_eq(rig.troubles, 2);
        close(fd);
        kernel_mend(&rig.kernel, K_WRITE);
}

Test(trouble_copying, is_said_once_a_minute_also_when_it_comes_and_goes)
{
        AUTO_BUF text = BUF_INIT;

        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        for (int i = 0; i < 5; i++) {
                kernel_fail(&rig.kernel, K_WRITE, 1, ENOSPC);
                rig_say(fd, "x");
                rig_settle(&rig);
                cr_expect(stream_trouble(s, &text), "each look shows it");
                writer_retry(s->channel->out.writer);
                cr_expect_not(stream_trouble(s, &text));
        }
        cr_expect(strstr(buf_str(&text), "write "), "%s", buf_str(&text));
        cr_expect_eq(rig.troubles, 1);
        cr_expect_eq(rig.recoveries, 1);
        cr_expect(rig_holds(&rig, "o", "xxxxx"));
        close(fd);
}

Test(trouble_copying, is_tried_less_and_less_often_but_each_second)
{
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        kernel_fail(&rig.kernel, K_WRITE, 0, ENOSPC);
        rig_say(fd, "x");
        rig_settle(&rig);
        static const double delays[] = { .1, .2, .4, .8, 1., 1. };
        for (size_t i = 0; i < sizeof delays / sizeof *delays; i++) {
                cr_expect_float_eq(s->channel->out.writer->retry_at - ev_now(rig.loop), delays[i],
                                   .05);
                writer_retry(s->channel->out.writer);
        }
        close(fd);
        kernel_mend(&rig.kernel, K_WRITE);
}

/* Two streams of one file take their turns; news that free a stream in the middle do no harm. */
Test(trouble_copying, outlives_a_stream_that_its_news_free)
{
        make(conf_for("o"));
        struct stream_conf c = conf_for("o");
        struct stream *other = rig_stream(&rig, &c);
        int a = rig_attach(&rig, s), b = rig_attach(&rig, other);

        kernel_fail(&rig.kernel, K_WRITE, 0, ENOSPC);
        rig_say(a, "a");
        rig_settle(&rig);
        rig_say(b, "b");
        rig_settle(&rig);
        rig.free_in_trouble = s;
        s = NULL;
        other->channel->out.told_ms -= 60000;
        writer_retry(other->channel->out.writer);
        kernel_mend(&rig.kernel, K_WRITE);
        writer_retry(other->channel->out.writer);
        cr_expect(rig_holds(&rig, "o", "ab"));
        stream_free(other);
        close(a);
        close(b);
}

/* ---- files that are removed */

static void expect_new_file(const char *first, const char *second)
{
        int fd = rig_attach(&rig, s);

        rig_say(fd, first);
        rig_settle(&rig);
        unlink(rig_path(&rig, "o"));
        rig_say(fd, second);
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o", second));
        cr_expect_eq(rig.troubles, 0);
        rig_check(s);
        close(fd);
}

Test(trouble, makes_a_removed_file_anew)
{
        make(conf_for("o"));
        expect_new_file("one", "two");
        expect_ledger(6, 6, 0, 0);
        cr_expect_eq(led.base, 3, "where the new one begins");
}

Test(trouble_copying, makes_a_removed_file_anew_when_it_copies)
{
        make(conf_for("o"));
        expect_new_file("one", "two");
}

static void directory_goes(void)
{
        AUTO_BUF text = BUF_INIT;

        cr_assert_eq(mkdir(rig_path(&rig, "dir"), 0755), 0);
        make(conf_for("dir/o"));
        int fd = rig_attach(&rig, s);
        rig_say(fd, "one");
        rig_settle(&rig);
        unlink(rig_path(&rig, "dir/o"));
        rmdir(rig_path(&rig, "dir"));
        rig_say(fd, "two");
        rig_settle(&rig);
        rig_check(s);
        cr_expect_eq(rig.troubles, 1);
        cr_expect(stream_trouble(s, &text) && strstr(text.data, "No such file or directory"), "%s",
                  buf_str(&text));
        mkdir(rig_path(&rig, "dir"), 0755);
        cr_expect(rig_until(&rig, is_written));
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "dir/o", "two"));
        expect_ledger(6, 6, 0, 0);
        unlink(rig_path(&rig, "dir/o"));
        rmdir(rig_path(&rig, "dir"));
        close(fd);
}

Test(trouble, waits_for_a_directory_that_is_gone)
{
        directory_goes();
}

Test(trouble_copying, waits_for_a_directory_that_is_gone_when_it_copies)
{
        directory_goes();
}

/* As where another disk was mounted over the one that broke. */
Test(trouble_copying, goes_to_the_file_of_that_name_when_the_old_one_is_broken)
{
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        rig_say(fd, "one");
        rig_settle(&rig);
        kernel_fail(&rig.kernel, K_WRITE, 1, EROFS);
        rename(rig_path(&rig, "o"), rig_path(&rig, "broken"));
        rig_say(fd, "two");
        rig_settle(&rig);
        writer_retry(s->channel->out.writer);
        cr_expect(rig_holds(&rig, "broken", "one"));
        cr_expect(rig_holds(&rig, "o", "two"));
        expect_ledger(6, 6, 0, 0);
        close(fd);
}

Test(trouble_copying, says_once_a_minute_that_it_cannot_rotate)
{
        struct stream_conf c = conf_for("o");
        AUTO_BUF text = BUF_INIT;

        c.maxbytes = 10;
        c.backups = 2;
        make(c);
        int fd = rig_attach(&rig, s);
        kernel_fail(&rig.kernel, K_RENAME, 0, EACCES);
        for (int i = 0; i < 3; i++) { /* beyond four times maxbytes it takes no more */
                rig_say(fd, "123456789\n");
                rig_settle(&rig);
        }
        cr_expect(stream_trouble(s, &text) && strstr(text.data, "Permission denied"), "%s",
                  buf_str(&text));
        const char *first = strstr(buf_str(&rig.logged), "cannot rotate");
        cr_assert(first);
        cr_expect_not(strstr(first + 1, "cannot rotate"));
        kernel_mend(&rig.kernel, K_RENAME);
        rig_say(fd, "123456789\n");
        rig_settle(&rig);
        cr_expect_not(stream_trouble(s, &text));
        expect_ledger(40, 40, 0, 0);
        close(fd);
}
