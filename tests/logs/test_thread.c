/* With the log thread: nothing waits, nothing is lost, and what goes wrong comes as news. */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>

#include "../../src/logs/thread.h"
#include "logs/mainlog/mainlog.h"
#include "subject.h"
#include "sys/store/guarded.h"

/* The real kernel, except that opening and writing wait while the gate is shut. */
static struct gate {
        struct sys ops; /* first: cast back */
        pthread_mutex_t lock;
        pthread_cond_t opened;
        bool shut;
} gate;

static void wait_at(struct gate *g)
{
        pthread_mutex_lock(&g->lock);
        while (g->shut)
                pthread_cond_wait(&g->opened, &g->lock);
        pthread_mutex_unlock(&g->lock);
}

static int gated_open(struct sys *sys, const char *path, int flags, mode_t mode)
{
        wait_at((struct gate *)sys);
        return open(path, flags | O_CLOEXEC, mode);
}

static int gated_open_file(struct sys *sys, const char *path, uid_t owner, int flags, mode_t mode,
                           struct stat *out, struct err *e)
{
        wait_at((struct gate *)sys);
        return guarded_open(path, owner, flags, mode, out, e);
}

static ssize_t gated_write(struct sys *sys, int fd, const void *data, size_t len)
{
        wait_at((struct gate *)sys);
        return write(fd, data, len);
}

static void set_gate(bool shut)
{
        pthread_mutex_lock(&gate.lock);
        gate.shut = shut;
        pthread_cond_broadcast(&gate.opened);
        pthread_mutex_unlock(&gate.lock);
}

static void setup_thread(void)
{
        rig_open(&rig, false);
        cr_assert(logs_run(rig.logs, NULL, &rig.err), "%s", rig.err.text);
}

static void setup_gate(void)
{
        gate = (struct gate){ .ops = *sys_real(),
                              .lock = PTHREAD_MUTEX_INITIALIZER,
                              .opened = PTHREAD_COND_INITIALIZER };
        gate.ops.open = gated_open;
        gate.ops.open_file = gated_open_file;
        gate.ops.write = gated_write;
        gate.ops.arg = &gate; /* not the real kernel: bytes are copied */
        rig_open_on(&rig, &gate.ops);
        cr_assert(logs_run(rig.logs, NULL, &rig.err), "%s", rig.err.text);
}

static bool is_finished(struct rig *r)
{
        return r->finished > 0;
}

static void say_all(int fd, const char *data, size_t len)
{
        while (len > 0) {
                ssize_t n = write(fd, data, len);
                if (n > 0) {
                        data += n;
                        len -= (size_t)n;
                } else {
                        ev_run(rig.loop, EVRUN_NOWAIT);
                }
        }
}

TestSuite(thread, .init = setup_thread, .fini = teardown);
TestSuite(thread_hanging, .init = setup_gate, .fini = teardown);

Test(thread, writes_all_before_the_end_is_announced)
{
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        for (int i = 0; i < 1000; i++)
                say_all(fd, "a line of output\n", 17);
        stream_finish(s);
        cr_expect_eq(rig.finished, 0, "the call does not wait");
        cr_assert(rig_until(&rig, is_finished));
        expect_ledger(17000, 17000, 0, 0);
        size_t len;
        free(rig_read(&rig, "o", &len));
        cr_expect_eq(len, 17000);
        close(fd);
}

Test(thread, writes_what_a_freed_stream_leaves)
{
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        rig_say(fd, "last words\n");
        stream_free(s);
        s = NULL;
        logs_free(rig.logs);
        rig.logs = NULL;
        cr_expect(rig_holds(&rig, "o", "last words\n"));
        close(fd);
}

Test(thread, stands_still_while_the_process_is_replaced_or_not)
{
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        rig_say(fd, "first\n");
        cr_assert(logs_quiesce(rig.logs));
        cr_expect_not(logs_quiesce(rig.logs), "it does already");
        rig_say(fd, "words\n");
        stream_finish(s);
        ev_run(rig.loop, EVRUN_NOWAIT);
        cr_expect_eq(rig.finished, 0);
        logs_go_on(rig.logs);
        cr_assert(rig_until(&rig, is_finished));
        cr_expect(rig_holds(&rig, "o", "first\nwords\n"));
        close(fd);
}

static bool has_failed(struct rig *r)
{
        return r->failures > 0;
}

static void expect_closed(int fd)
{
        signal(SIGPIPE, SIG_IGN);
        cr_expect(write(fd, "x", 1) < 0 && errno == EPIPE, "the pipe is closed");
        close(fd);
}

static int attach_uncertain(void)
{
        bool later = false;
        int fds[2];

        cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
        cr_assert(stream_attach(s, fds[0], &later, &rig.err), "%s", rig.err.text);
        cr_expect(later);
        return fds[1];
}

static void attach_in_vain(void)
{
        int fd = attach_uncertain();

        rig.failures = 0;
        cr_assert(rig_until(&rig, has_failed));
        expect_closed(fd);
}

Test(thread, refuses_a_file_that_cannot_be_opened)
{
        make(conf_for("missing/o"));
        attach_in_vain();
        cr_expect(strstr(rig.detail, "missing/o: No such file or directory"), "%s", rig.detail);
        attach_in_vain();
        cr_assert_eq(mkdir(rig_path(&rig, "missing"), 0755), 0);
        int fd = rig_attach(&rig, s);
        rig_say(fd, "x");
        stream_finish(s);
        cr_assert(rig_until(&rig, is_finished));
        cr_expect(rig_holds(&rig, "missing/o", "x"));
        close(fd);
        unlink(rig_path(&rig, "missing/o"));
        rmdir(rig_path(&rig, "missing"));
}

static int waited;

static void on_waited(void *arg)
{
        (void)arg;
        waited++;
}

static bool has_waited(struct rig *r)
{
        (void)r;
        return waited > 0;
}

/* The thread has looked at all pipes since now: messages come first in each of its turns. */
static void let_it_look(void)
{
        for (int i = 0; i < 2; i++) {
                waited = 0;
                cr_assert(logs_wait(rig.logs, on_waited, NULL, NULL));
                cr_assert(rig_until(&rig, has_waited));
        }
}

Test(thread, tells_afterwards_that_a_file_cannot_be_opened_any_more)
{
        cr_assert_eq(mkdir(rig_path(&rig, "dir"), 0755), 0);
        make(conf_for("dir/o"));
        int fd = rig_attach(&rig, s);
        close(fd);
        stream_finish(s);
        cr_assert(rig_until(&rig, is_finished));
        let_it_look();
        unlink(rig_path(&rig, "dir/o"));
        rmdir(rig_path(&rig, "dir"));
        fd = rig_attach(&rig, s); /* a restart does not wait */
        cr_assert(rig_until(&rig, has_failed));
        cr_expect(strstr(rig.detail, "dir/o: No such file or directory"), "%s", rig.detail);
        expect_closed(fd);
        attach_in_vain();
}

static bool has_text(struct rig *r)
{
        return r->text[TEXT_LOG].len >= 12000000;
}

/* The main loop is not run while three times of what may be on its way is written. */
Test(thread, waits_with_text_for_a_reader_that_is_behind)
{
        static char block[60000];
        struct stream_conf c = conf_for("o");
        size_t sent = 0;
        int quiet = 0;

        c.events_enabled = true;
        make(c);
        int fd = rig_attach(&rig, s);
        memset(block, 'x', sizeof block);
        while (quiet < 50 && sent < 12000000) {
                ssize_t n = write(fd, block, sizeof block);
                quiet = n > 0 ? 0 : quiet + 1;
                sent += n > 0 ? (size_t)n : 0;
                if (n < 0)
                        usleep(2000);
        }
        cr_expect_lt(sent, 8000000, "%zu", sent);
        while (sent < 12000000) {
                ssize_t n = write(fd, block,
                                  12000000 - sent < sizeof block ? 12000000 - sent : sizeof block);
                sent += n > 0 ? (size_t)n : 0;
                ev_run(rig.loop, n > 0 ? EVRUN_NOWAIT : EVRUN_ONCE);
        }
        cr_assert(rig_until(&rig, has_text));
        cr_expect_eq(rig.text[TEXT_LOG].len, 12000000);
        stream_finish(s);
        cr_assert(rig_until(&rig, is_finished));
        expect_ledger(12000000, 12000000, 0, 0);
        close(fd);
}

Test(thread, counts_exactly_while_it_works)
{
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        for (int i = 0; i < 20000; i++) {
                say_all(fd, "0123456789\n", 11);
                rig_check(s);
        }
        stream_finish(s);
        cr_assert(rig_until(&rig, is_finished));
        expect_ledger(220000, 220000, 0, 0);
        close(fd);
}

/* ---- a disk that hangs */

Test(thread_hanging, announces_an_end_after_a_second_and_writes_the_rest_later)
{
        make(conf_for("o"));
        set_gate(true);
        int fd = rig_attach(&rig, s);
        rig_say(fd, "before, ");
        stream_finish(s);
        ev_tstamp begin = ev_time();
        cr_assert(rig_until(&rig, is_finished));
        cr_expect_float_eq(ev_time() - begin, 1., .2);
        cr_expect(strstr(buf_str(&rig.logged), "the disk does not answer"));
        close(fd);
        fd = rig_attach(&rig, s); /* the next start does not wait either */
        rig_say(fd, "after");
        set_gate(false);
        stream_finish(s);
        rig.finished = 0;
        cr_assert(rig_until(&rig, is_finished));
        cr_expect_eq(rig.finished, 1);
        cr_expect(rig_holds(&rig, "o", "before, after"));
        close(fd);
}

/* Logs whose thread writes the main log, too, through the gate. */
static struct logs *run_with_main_log(struct mainlog **m_out)
{
        struct mainlog_conf c = { .path = rig_path(&rig, "main"),
                                  .level = LVL_INFO,
                                  .sys = &gate.ops };
        struct mainlog *m = mainlog_new(&c, &rig.err);
        struct logs *l =
            logs_new(rig.loop, &gate.ops, mainlog_log(m), &(struct logs_news){ .arg = &rig });

        cr_assert(m && l && logs_run(l, m, &rig.err));
        *m_out = m;
        return l;
}

Test(thread_hanging, keeps_the_main_log_s_lines_in_order)
{
        struct mainlog *m;
        struct logs *l = run_with_main_log(&m);
        char *text, *at;

        set_gate(true);
        for (int i = 0; i < 1000; i++)
                log_line(mainlog_log(m), LVL_INFO, "line %03d", i);
        cr_expect_str_eq(mainlog_path(m), rig_path(&rig, "main"));
        set_gate(false);
        logs_free(l);
        log_line(mainlog_log(m), LVL_INFO, "line 1000");
        mainlog_free(m);
        text = at = rig_read(&rig, "main", NULL);
        for (int i = 0; i <= 1000; i++) {
                at = strstr(at, "line ");
                cr_assert(at);
                cr_assert_eq(atoi(at += 5), i);
        }
        free(text);
}

Test(thread_hanging, leaves_no_trace_in_the_heap_of_lines_that_waited)
{
        struct mainlog *m;
        struct logs *l = run_with_main_log(&m);
        static char line[1000]; /* a megabyte of them */

        memset(line, 'x', sizeof line - 1);
        size_t before = mallinfo2().arena;
        set_gate(true);
        for (int i = 0; i < 1000; i++)
                log_line(mainlog_log(m), LVL_INFO, "%s", line);
        cr_expect(mainlog_is_behind(m));
        cr_expect_lt(mallinfo2().arena - before, 300000);
        set_gate(false);
        logs_free(l);
        mainlog_free(m);
}

static bool is_attached(struct rig *r)
{
        return r->attached > 0;
}

Test(thread_hanging, does_not_hold_up_a_start_and_tells_afterwards)
{
        make(conf_for("o"));
        set_gate(true);
        int fd = attach_uncertain();
        ev_run(rig.loop, EVRUN_NOWAIT);
        cr_expect(rig.attached == 0 && rig.failures == 0);
        set_gate(false);
        cr_assert(rig_until(&rig, is_attached));
        cr_expect_eq(rig.failures, 0);
        close(fd);
}

Test(thread_hanging, tells_afterwards_of_a_file_that_cannot_be_opened)
{
        make(conf_for("missing/o"));
        set_gate(true);
        int fd = attach_uncertain();
        set_gate(false);
        cr_assert(rig_until(&rig, has_failed));
        cr_expect_eq(rig.attached, 0);
        close(fd);
}

Test(thread, says_nothing_of_a_file_that_could_be_opened_the_last_time)
{
        bool later = true;
        int fds[2];

        make(conf_for("o"));
        int fd = attach_uncertain();
        cr_assert(rig_until(&rig, is_attached));
        stream_finish(s);
        cr_assert(rig_until(&rig, is_finished));
        close(fd);
        cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
        cr_assert(stream_attach(s, fds[0], &later, &rig.err));
        cr_expect_not(later);
        rig_settle(&rig);
        cr_expect_eq(rig.attached, 1);
        close(fds[1]);
}

Test(thread, reports_no_attempt_that_another_followed)
{
        make(conf_for("o"));
        cr_assert(logs_quiesce(rig.logs));
        int first = attach_uncertain(), second = attach_uncertain();
        logs_go_on(rig.logs);
        cr_assert(rig_until(&rig, is_attached));
        rig_settle(&rig);
        cr_expect_eq(rig.attached, 1);
        close(first);
        close(second);
}

/* ---- whether it answers at all */

static bool is_silent(struct rig *r)
{
        AUTO_BUF why = BUF_INIT;

        return logs_trouble(r->logs, &why);
}

static bool is_said(struct rig *r)
{
        return r->logged.len && strstr(r->logged.data, "has not answered");
}

static bool answers_again(struct rig *r)
{
        return r->logged.len && strstr(r->logged.data, "answers again");
}

Test(thread_hanging, is_named_when_it_has_not_answered_for_seconds)
{
        AUTO_BUF why = BUF_INIT;

        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        cr_expect_not(logs_trouble(rig.logs, &why));
        set_gate(true);
        stream_reopen(s);
        cr_expect(rig_until(&rig, is_said), "%s", buf_str(&rig.logged));
        cr_expect(logs_trouble(rig.logs, &why));
        cr_expect(strstr(buf_str(&why), "the log thread has not answered for"), "%s", why.data);
        set_gate(false);
        cr_expect(rig_until(&rig, answers_again), "%s", buf_str(&rig.logged));
        cr_expect_not(is_silent(&rig));
        close(fd);
}

/* It hangs over a worker's output, and there is nothing that it is asked for. */
Test(thread_hanging, is_reported_by_callers_that_look)
{
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        let_it_look();
        set_gate(true);
        rig_say(fd, "words\n");
        ev_sleep(.7);
        rig_settle(&rig);
        cr_expect_not(is_said(&rig));
        rig.logs->heartbeat.since = 0; /* the last answer is old */
        cr_expect_not(is_silent(&rig), "the first one asks");
        cr_expect(rig_until(&rig, is_silent));
        set_gate(false);
        cr_expect(rig_until(&rig, answers_again));
        close(fd);
}

/* What is answered leaves no clock behind: nothing wakes an idle daemon. */
Test(thread, stops_the_clock_when_it_has_answered)
{
        make(conf_for("o"));
        int fd = rig_attach(&rig, s);
        let_it_look();
        cr_expect(ev_is_active(&rig.logs->heartbeat.clock), "it runs meanwhile");
        for (int i = 0; i < 20 && ev_is_active(&rig.logs->heartbeat.clock); i++) {
                ev_sleep(.1);
                rig_settle(&rig);
        }
        cr_expect_not(ev_is_active(&rig.logs->heartbeat.clock));
        cr_expect_not(is_said(&rig));
        close(fd);
}
