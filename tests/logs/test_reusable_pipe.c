/* A pipe that is open both ways is there for one worker after the other, and whether it is empty
 * can be told without asking the log thread. */
#include <sys/socket.h>

#include "subject.h"

static void setup_thread(void)
{
        rig_open(&rig, false);
        cr_assert(logs_run(rig.logs, NULL, &rig.err), "%s", rig.err.text);
}

TestSuite(reusable_pipe, .init = setup_thread, .fini = teardown, .timeout = 60);
TestSuite(reusable_pipe_at_once, .init = setup, .fini = teardown, .timeout = 60);

static int open_again(int fd, int flags)
{
        char path[40];

        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        int again = open(path, flags | O_CLOEXEC);
        cr_assert(again >= 0, "%s", strerror(errno));
        return again;
}

static bool has_pipe(struct rig *r)
{
        (void)r;
        return stream_pipe(s) >= 0;
}

/* For what the log thread does without telling us. */
static bool seen(bool (*holds)(struct rig *r))
{
        for (int i = 0; i < 10000 && !holds(&rig); i++) {
                ev_run(rig.loop, EVRUN_NOWAIT);
                usleep(1000);
        }
        return holds(&rig);
}

/* The worker's end. */
static int attach(void)
{
        int fds[2];

        cr_assert(pipe2(fds, O_CLOEXEC) == 0);
        int ours = open_again(fds[0], O_RDWR | O_NONBLOCK), worker = open_again(fds[1], O_RDWR);
        close(fds[0]);
        close(fds[1]);
        cr_assert(stream_attach(s, ours, NULL, &rig.err), "%s", rig.err.text);
        return worker;
}

static int attach_and_wait(void)
{
        int worker = attach();

        cr_assert(rig_until(&rig, has_pipe));
        return worker;
}

static size_t size_of(const char *name)
{
        struct stat st;

        return stat(rig_path(&rig, name), &st) == 0 ? (size_t)st.st_size : 0;
}

static bool wrote_five(struct rig *r)
{
        (void)r;
        stream_ledger(s, &led);
        return led.written == 5;
}

static bool is_at_rest(struct rig *r)
{
        rig.finished = 0;
        (void)r;
        stream_finish(s);
        return rig.finished == 1;
}

Test(reusable_pipe, tells_at_once_that_all_is_written)
{
        make(conf_for("o"));
        int worker = attach_and_wait();
        rig_say(worker, "line\n");
        cr_assert(seen(wrote_five));
        cr_assert(seen(is_at_rest), "without the loop, in the end");
        cr_expect_eq(size_of("o"), 5);
        close(worker);
}

static bool is_finished(struct rig *r)
{
        return r->finished > 0;
}

Test(reusable_pipe, is_there_for_the_next_worker)
{
        make(conf_for("o"));
        int worker = attach_and_wait(), pipe = stream_pipe(s);
        rig_say(worker, "one\n");
        close(worker);
        stream_finish(s);
        cr_assert(rig_until(&rig, is_finished));
        cr_expect_eq(stream_pipe(s), pipe);
        worker = open_again(pipe, O_RDWR);
        rig_say(worker, "two\n");
        close(worker);
        rig.finished = 0;
        stream_finish(s);
        cr_assert(rig_until(&rig, is_finished));
        cr_expect(rig_holds(&rig, "o", "one\ntwo\n"));
}

Test(reusable_pipe, is_never_announced_before_its_bytes_are_in_the_file)
{
        static const char line[] = "some hundred bytes of output, more or less\n";
        size_t sent = 0;

        make(conf_for("o"));
        int worker = attach_and_wait();
        for (int turn = 0; turn < 3000; turn++) {
                for (int i = 0; i < turn % 7; i++) {
                        rig_say(worker, line);
                        sent += sizeof line - 1;
                }
                rig.finished = 0;
                stream_finish(s);
                if (!rig.finished)
                        cr_assert(rig_until(&rig, is_finished));
                cr_assert_eq(size_of("o"), sent, "turn %d", turn);
        }
        close(worker);
}

/* The same where bytes pass through memory: what was read is not at rest before it is written. */
Test(reusable_pipe, is_never_announced_while_a_line_is_being_made)
{
        struct stream_conf c = conf_for("o");
        size_t sent = 0;

        c.format = LOG_TEXT;
        make(c);
        int worker = attach_and_wait();
        for (int turn = 0; turn < 2000; turn++) {
                rig_say(worker, turn % 3 ? "whole\n" : "unfinished");
                sent++;
                rig.finished = 0;
                stream_finish(s);
                if (!rig.finished)
                        cr_assert(rig_until(&rig, is_finished));
                if (turn % 97)
                        continue;
                size_t len, lines = 0;
                char *text = rig_read(&rig, "o", &len);
                for (size_t i = 0; i < len; i++)
                        lines += text[i] == '\n';
                free(text);
                cr_assert_eq(lines, sent, "turn %d", turn);
        }
        close(worker);
}

Test(reusable_pipe, announces_the_end_after_the_last_event)
{
        struct stream_conf c = conf_for(NULL);

        c.events_enabled = true;
        make(c);
        int worker = attach_and_wait();
        for (int turn = 0; turn < 1000; turn++) {
                rig_say(worker, "news\n");
                rig.finished = 0;
                stream_finish(s);
                if (!rig.finished)
                        cr_assert(rig_until(&rig, is_finished));
                cr_assert_eq(rig.text[TEXT_LOG].len, (size_t)(turn + 1) * 5, "turn %d", turn);
        }
        close(worker);
}

static bool is_hung_up(struct rig *r)
{
        (void)r;
        return open_fds() == r->failures;
}

Test(reusable_pipe, ends_when_it_was_let_go_and_no_writer_has_it)
{
        make(conf_for("o"));
        rig.failures = open_fds();
        int worker = attach_and_wait();
        stream_let_go(s);
        cr_expect_eq(stream_pipe(s), -1);
        rig_say(worker, "a child that stayed\n");
        close(worker);
        cr_expect(seen(is_hung_up), "pipe and file are closed");
        cr_expect(rig_holds(&rig, "o", "a child that stayed\n"));
}

Test(reusable_pipe, ends_when_another_takes_its_place)
{
        make(conf_for("o"));
        rig.failures = open_fds();
        int first = attach_and_wait(), second = attach();
        rig_say(first, "first\n");
        close(first);
        rig_say(second, "second\n");
        stream_let_go(s);
        close(second);
        cr_expect(seen(is_hung_up));
        cr_expect_eq(size_of("o"), 13);
}

Test(reusable_pipe_at_once, is_no_socket)
{
        int fds[2];

        make(conf_for("o"));
        rig.failures = open_fds();
        cr_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
        cr_assert(stream_attach(s, fds[0], NULL, &rig.err));
        cr_expect_eq(stream_pipe(s), -1);
        close(fds[1]);
        rig_settle(&rig);
        cr_expect_eq(open_fds(), rig.failures);
}
