/* What keeps logs that have to be looked at exact over a kill: where batches end, what happens when
 * the disk of the spools or of the log refuses at any step, and who goes on with what was left.
 * Kills themselves are tests/kill's. */
#include <dirent.h>
#include <sys/wait.h>

#include "../../src/logs/spool/spool.h"
#include "logs/intake/capture_tokens.h"
#include "logs/spool/spool_cut.h"
#include "subject.h"

/* ---- where a batch may end */

static size_t cut(const char *text, bool lines, bool captures, bool strips)
{
        struct spool_scan how = { .lines = lines, .captures = captures, .strips = strips };

        return spool_cut(&how, text, strlen(text));
}

TestSuite(spool_cut);

Test(spool_cut, takes_everything_where_bytes_are_not_held_together)
{
        cr_expect_eq(cut("ab\ncd", false, false, false), 5);
}

Test(spool_cut, takes_whole_lines_where_they_are_formatted)
{
        cr_expect_eq(cut("ab\ncd", true, false, false), 3);
        cr_expect_eq(cut("ab", true, false, false), 0);
}

Test(spool_cut, leaves_what_may_be_the_beginning_of_a_token_or_of_an_escape)
{
        cr_expect_eq(cut("ab<!--XSUP", false, true, false), 2);
        cr_expect_eq(cut("ab<!--Xnot", false, true, false), 10);
        cr_expect_eq(cut("ab\033[3", false, false, true), 2);
        cr_expect_eq(cut("ab\033", false, false, true), 2);
        cr_expect_eq(cut("ab\033[3mc", false, false, true), 7);
}

Test(spool_cut, leaves_a_capture_that_has_not_ended)
{
        cr_expect_eq(cut("ab\n<!--XSUPERVISOR:BEGIN-->cd\nef", false, true, false), 3);
        cr_expect_eq(cut("ab\n<!--XSUPERVISOR:BEGIN-->cd<!--XSUPERVISOR:END-->", true, true, false),
                     51);
        /* The line goes on behind it. */
        cr_expect_eq(cut("ab<!--XSUPERVISOR:BEGIN-->cd<!--XSUPERVISOR:END-->e", true, true, false),
                     0);
}

/* ---- a stream with one */

static struct stream_conf text_conf(void)
{
        struct stream_conf c = conf_for("o");

        c.format = LOG_TEXT;
        return c;
}

/* Of the files that are spools: how many, and how long in all. */
static int spools_are(long *size_out)
{
        DIR *d = opendir(rig.dir);
        struct stat st;
        int n = 0;

        *size_out = 0;
        cr_assert(d);
        for (struct dirent *e = readdir(d); e; e = readdir(d))
                if (strncmp(e->d_name, SPOOL_PREFIX, strlen(SPOOL_PREFIX)) == 0 &&
                    stat(rig_path(&rig, e->d_name), &st) == 0) {
                        *size_out += st.st_size;
                        n++;
                }
        closedir(d);
        return n;
}

static int spools(void)
{
        long size;

        return spools_are(&size);
}

static void setup_spool(void)
{
        rig_open(&rig, true);
        logs_recover(rig.logs, rig.dir);
        logs_recovered(rig.logs);
}

enum { STAMP_LEN = 27 }; /* "2026-01-31T12:00:00.123456 " */

/* A line's message; what of a line ends within its stamp depends on the day, and is called so. */
static const char *message_of(const char *line)
{
        if (strlen(line) > STAMP_LEN)
                return line + STAMP_LEN;
        return line[0] == '2' ? "half a stamp" : line;
}

/* The messages of a text log, without their stamps. */
static const char *messages(const char *name)
{
        static char out[65536];
        size_t len, n = 0;
        char *text = rig_read(&rig, name, &len), *rest = text;

        for (char *line = strsep(&rest, "\n"); line && *line; line = strsep(&rest, "\n"))
                n += (size_t)snprintf(out + n, sizeof out - n, "%s;", message_of(line));
        out[n] = '\0';
        free(text);
        return out;
}

TestSuite(spool, .init = setup_spool, .fini = teardown);

Test(spool, is_made_with_the_first_bytes_and_goes_with_the_last)
{
        make(text_conf());
        int in = rig_attach(&rig, s);
        cr_expect_eq(spools(), 0);
        rig_say(in, "one\ntw");
        rig_settle(&rig);
        cr_expect_eq(spools(), 1);
        cr_expect_str_eq(messages("o"), "one;");
        rig_say(in, "o\n");
        rig_settle(&rig);
        cr_expect_str_eq(messages("o"), "one;two;");
        close(in);
        rig_settle(&rig);
        cr_expect_eq(spools(), 0);
        rig_check(s);
}

Test(spool, ends_a_line_that_was_begun_when_the_worker_does)
{
        make(text_conf());
        int in = rig_attach(&rig, s);
        rig_say(in, "no end");
        stream_finish(s);
        rig_settle(&rig);
        cr_expect_str_eq(messages("o"), "no end;");
        rig_say(in, "left over\n");
        rig_settle(&rig);
        cr_expect_str_eq(messages("o"), "no end;left over;");
        close(in);
}

Test(spool, is_not_needed_for_raw_output_nor_where_a_worker_must_not_wait)
{
        struct stream_conf c = text_conf();

        c.drops = true;
        make(c);
        int in = rig_attach(&rig, s);
        rig_say(in, "one\n");
        rig_settle(&rig);
        cr_expect_eq(spools(), 0);
        cr_expect_str_eq(messages("o"), "one;");
        close(in);
}

Test(spool, is_emptied_when_the_settings_want_none_any_more)
{
        struct stream_conf c = text_conf();

        make(c);
        int in = rig_attach(&rig, s);
        rig_say(in, "begun");
        rig_settle(&rig);
        c.format = LOG_RAW;
        c.path = rig_path(&rig, "p");
        cr_assert(stream_configure(s, &c, &rig.err));
        rig_say(in, "raw");
        rig_settle(&rig);
        cr_expect_str_eq(messages("o"), "begun;");
        cr_expect(rig_holds(&rig, "p", "raw"));
        cr_expect_eq(spools(), 0);
        close(in);
}

Test(spool, hands_out_a_line_that_is_too_long_in_pieces_and_is_cut_when_it_is_used_up)
{
        static char
            data[4001]; /* a pipe is no larger than a page for a user who has a thousand others */
        long size;
        size_t len;

        memset(data, 'x', sizeof data - 1);
        make(text_conf());
        int in = rig_attach(&rig, s);
        for (int i = 0; i < 300; i++) {
                rig_say(in, data);
                rig_settle(&rig);
        }
        rig_say(in, "\n");
        rig_settle(&rig);
        free(rig_read(&rig, "o", &len));
        cr_expect_eq(len, 27 + 300 * (sizeof data - 1) + 1);
        cr_expect_eq(spools_are(&size), 1);
        cr_expect_lt(size, 400000);
        close(in);
}

/* ---- every step refused */

static const char *const said[] = { "one\ntw", "o\nthr", "ee\n", "four\nfive\nsix", "\nseven\n" };
static const char all[] = "one;two;three;four;five;six;seven;";

/* A life in which the nth call of that kind does not do what it was asked to. */
static void live(enum kernel_call call, long nth, int error)
{
        struct stream_conf c = text_conf();

        c.maxbytes = 0;
        make(c);
        int in = rig_attach(&rig, s);
        if (error)
                kernel_fail(&rig.kernel, call, nth, error);
        else
                kernel_shorten(&rig.kernel, call, nth, 3);
        for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
                rig_say(in, said[i]);
                rig_settle(&rig);
                stream_reopen(s); /* that is also: try again now */
                rig_settle(&rig);
        }
        kernel_mend(&rig.kernel, call);
        stream_finish(s);
        stream_reopen(s);
        rig_settle(&rig);
        rig_check(s);
        stream_free(s);
        s = NULL;
        close(in);
}

static void expect_exact(enum kernel_call call, int error)
{
        for (long nth = 1; nth < 20; nth++) {
                live(call, nth, error);
                const char *got = messages("o");
                cr_expect_str_eq(got, all, "call %d, the %ldth, errno %d: %s", (int)call, nth,
                                 error, got);
                cr_expect_eq(spools(), 0, "call %d, the %ldth, errno %d", (int)call, nth, error);
                unlink(rig_path(&rig, "o"));
        }
}

Test(spool, survives_short_and_interrupted_calls_at_every_step)
{
        static const enum kernel_call calls[] = { K_SPLICE, K_PWRITE, K_PREAD, K_WRITE };

        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
                expect_exact(calls[i], 0);
                expect_exact(calls[i], EINTR);
        }
}

Test(spool, loses_nothing_when_the_disk_of_the_log_refuses_at_any_step)
{
        expect_exact(K_WRITE, ENOSPC);
        expect_exact(K_WRITE, EIO);
        expect_exact(K_FSTAT, EIO);
}

Test(spool, is_given_up_when_the_state_directory_refuses_at_any_step)
{
        static const enum kernel_call calls[] = { K_SPLICE, K_PWRITE };

        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
                expect_exact(calls[i], ENOSPC);
                expect_exact(calls[i], EIO);
        }
        const char *warning = strstr(buf_str(&rig.logged), "a kill of supervisord may cost");
        cr_assert(warning, "%s", buf_str(&rig.logged));
        cr_expect_null(strstr(warning + 1, "a kill of supervisord may cost"), "it is said once");
}

Test(spool, that_cannot_be_read_back_is_said_and_counted)
{
        make(text_conf());
        int in = rig_attach(&rig, s);
        kernel_fail(&rig.kernel, K_PREAD, 0, EIO);
        rig_say(in, "lost\n");
        rig_settle(&rig);
        kernel_mend(&rig.kernel, K_PREAD);
        rig_say(in, "next\n");
        rig_settle(&rig);
        cr_expect_str_eq(messages("o"), "next;");
        rig_check(s);
        stream_ledger(s, &led);
        cr_expect_eq(led.dropped, 5);
        cr_expect(strstr(buf_str(&rig.logged), "are lost"));
        close(in);
}

/* ---- what outlives a stream */

static void reborn(void)
{
        rig_renew(&rig);
        logs_recover(rig.logs, rig.dir);
}

Test(spool, goes_on_after_its_stream_when_the_disk_is_well_again)
{
        struct stream_conf c = text_conf();

        make(c);
        int in = rig_attach(&rig, s);
        kernel_fail(&rig.kernel, K_WRITE, 0, ENOSPC);
        rig_say(in, "one\ntwo");
        rig_settle(&rig);
        stream_free(s);
        cr_expect_eq(spools(), 1);
        kernel_mend(&rig.kernel, K_WRITE);
        make(c);
        int other = rig_attach(&rig, s);
        rig_say(other, "three\n");
        stream_reopen(s);
        rig_settle(&rig);
        cr_expect_str_eq(messages("o"), "one;two;three;");
        cr_expect_eq(spools(), 1);
        close(in);
        close(other);
}

Test(spool, waits_for_the_next_daemon_when_the_disk_refuses_to_the_end)
{
        make(text_conf());
        int in = rig_attach(&rig, s);
        kernel_fail(&rig.kernel, K_WRITE, 0, ENOSPC);
        rig_say(in, "one\ntwo");
        rig_settle(&rig);
        stream_free(s);
        s = NULL;
        close(in);
        reborn();
        cr_expect(strstr(buf_str(&rig.logged), "it is kept in"), "%s", buf_str(&rig.logged));
        cr_expect_str_eq(messages("o"), "");
        kernel_mend(&rig.kernel, K_WRITE);
        logs_recovered(rig.logs);
        rig_settle(&rig);
        reborn();
        logs_recovered(rig.logs);
        cr_expect_str_eq(messages("o"), "one;two;");
        cr_expect_eq(spools(), 0);
}

/* A daemon that says nothing more after this. */
static void one_that_dies(int pipe, const struct stream_conf *c, int in, const char *text)
{
        pid_t pid = fork();

        if (pid == 0) {
                ev_loop_fork(rig.loop);
                s = rig_stream(&rig, c);
                if (!stream_attach(s, pipe, NULL, &rig.err))
                        _exit(1);
                rig_say(in, text);
                rig_settle(&rig);
                _exit(0);
        }
        int status;
        waitpid(pid, &status, 0);
        cr_assert_eq(status, 0);
}

static void expect_capture(const char *first, const char *second, const char *logged,
                           const char *captured)
{
        struct stream_conf c = conf_for("o");
        int ends[2];

        c.capture_maxbytes = 1000;
        cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
        one_that_dies(ends[0], &c, ends[1], first);
        reborn();
        make(c);
        cr_assert(stream_attach(s, ends[0], NULL, &rig.err));
        logs_recovered(rig.logs);
        rig_say(ends[1], second);
        rig_settle(&rig);
        cr_expect(rig_holds(&rig, "o", logged));
        cr_expect_str_eq(buf_str(&rig.text[TEXT_COMM]), captured);
        close(ends[1]);
}

Test(spool, goes_on_with_a_capture_that_a_kill_came_into)
{
        expect_capture("log\n<!--XSUPERVISOR:BEGIN-->half ", "whole<!--XSUPERVISOR:END-->more\n",
                       "log\nmore\n", "half whole");
}

Test(spool, goes_on_with_a_token_that_a_kill_came_into)
{
        expect_capture("log\n<!--XSUPER", "VISOR:BEGIN-->whole<!--XSUPERVISOR:END-->more\n",
                       "log\nmore\n", "whole");
}

Test(spool, is_finished_where_its_pipe_is_not_resumed)
{
        struct stream_conf c = text_conf();
        int ends[2];

        cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
        one_that_dies(ends[0], &c, ends[1], "one\ntw");
        reborn();
        cr_expect_str_eq(messages("o"), "one;");
        logs_recovered(rig.logs);
        cr_expect_str_eq(messages("o"), "one;tw;");
        cr_expect_eq(spools(), 0);
        close(ends[0]);
        close(ends[1]);
}

static void leave_spool(const char *boot, int pipe)
{
        struct stat st;
        struct spool_label label = { .conf = text_conf() };

        cr_assert_eq(fstat(pipe, &st), 0);
        label.pipe = st.st_ino;
        snprintf(label.boot, sizeof label.boot, "%s", boot);
        struct spool *sp = spool_new(sys_real(), rig.dir, &label, &rig.err);
        cr_assert(sp, "%s", rig.err.text);
        cr_assert_gt(spool_take(sp, pipe, 1000), 0);
        spool_close(sp);
}

Test(spool, of_another_boot_is_finished_and_no_pipe_of_this_one_takes_it)
{
        int ends[2];

        cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
        rig_say(ends[1], "before");
        leave_spool("another", ends[0]);
        reborn();
        make(text_conf());
        cr_assert(stream_attach(s, ends[0], NULL, &rig.err));
        logs_recovered(rig.logs);
        rig_say(ends[1], "after\n");
        rig_settle(&rig);
        cr_expect_str_eq(messages("o"), "before;after;");
        close(ends[1]);
}

Test(spool, that_is_damaged_is_left_alone_and_said_and_an_empty_one_goes)
{
        rig_write(&rig, "spool-1.0", "");
        char *zeros = calloc(1, 5000);
        cr_assert(zeros);
        memset(zeros, '-', 4999);
        rig_write(&rig, "spool-2.0", zeros);
        free(zeros);
        reborn();
        logs_recovered(rig.logs);
        cr_expect_eq(spools(), 1);
        cr_expect(strstr(buf_str(&rig.logged), "spool-2.0 is damaged"), "%s", buf_str(&rig.logged));
}

/* Half of a line is in the log, the disk is full, and the daemon is no more. */
static void dies_in_mid_line(const struct stream_conf *c, int ends[2])
{
        cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
        kernel_shorten(&rig.kernel, K_WRITE, 1, 40);
        for (long nth = 2; nth < 10; nth++) /* on a slow machine it is tried again meanwhile */
                kernel_fail(&rig.kernel, K_WRITE, nth, ENOSPC);
        one_that_dies(ends[0], c, ends[1], "one\ntwo\nthree\nfo");
        kernel_mend(&rig.kernel, K_WRITE);
}

static void comes_back_to_a_full_disk(struct stream_conf c)
{
        kernel_fail(&rig.kernel, K_WRITE, 1, ENOSPC);
        reborn();
        make(c);
}

/* Half of a line is in the log, which is moved away before the next instance starts. */
Test(spool, makes_a_line_whole_in_the_file_that_it_was_begun_in)
{
        struct stream_conf c = text_conf();
        int ends[2];

        dies_in_mid_line(&c, ends);
        cr_expect_str_eq(messages("o"), "one;half a stamp;");
        rename(rig_path(&rig, "o"), rig_path(&rig, "o-moved"));
        reborn();
        make(c);
        cr_assert(stream_attach(s, ends[0], NULL, &rig.err));
        logs_recovered(rig.logs);
        rig_say(ends[1], "ur\n");
        rig_settle(&rig);
        cr_expect_str_eq(messages("o-moved"), "one;two;three;");
        cr_expect_str_eq(messages("o"), "four;");
        close(ends[1]);
}

Test(spool, makes_a_line_whole_before_anybody_else_writes_to_its_log)
{
        struct stream_conf c = text_conf();
        int ends[2];

        dies_in_mid_line(&c, ends);
        comes_back_to_a_full_disk(c);
        int other = rig_attach(&rig, s);
        rig_say(other, "another\n");
        rig_settle(&rig);
        logs_recovered(rig.logs);
        stream_reopen(s);
        rig_settle(&rig);
        /* "fo" ends when all pipes are known, before or after the disk is tried once more */
        if (strcmp(messages("o"), "one;two;three;another;fo;") != 0)
                cr_expect_str_eq(messages("o"), "one;two;three;fo;another;");
        close(ends[0]);
        close(ends[1]);
        close(other);
}

Test(spool, waits_for_its_pipe_also_when_the_disk_is_well_again_before)
{
        struct stream_conf c = text_conf();
        int ends[2];

        dies_in_mid_line(&c, ends);
        comes_back_to_a_full_disk(c);
        int other = rig_attach(&rig, s);
        stream_reopen(s);
        rig_settle(&rig);
        cr_expect_str_eq(messages("o"), "one;two;three;");
        cr_assert(stream_attach(s, ends[0], NULL, &rig.err));
        logs_recovered(rig.logs);
        rig_say(ends[1], "ur\n");
        rig_settle(&rig);
        cr_expect_str_eq(messages("o"), "one;two;three;four;");
        close(ends[1]);
        close(other);
}

Test(spool, goes_to_the_pipe_that_claims_it_with_what_could_not_be_written_yet)
{
        struct stream_conf c = text_conf();
        int ends[2];

        dies_in_mid_line(&c, ends);
        comes_back_to_a_full_disk(c);
        cr_assert(stream_attach(s, ends[0], NULL, &rig.err));
        logs_recovered(rig.logs);
        rig_say(ends[1], "ur\n");
        stream_reopen(s);
        rig_settle(&rig);
        cr_expect_str_eq(messages("o"), "one;two;three;four;");
        rig_check(s);
        close(ends[1]);
}
