/* Starts whose outcome comes later: what happens meanwhile, and what comes of it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <string.h>

#include "engine/run/launches.h"
#include "house.h"

static struct house h;

#define QUICK \
        "command=/bin/w\nstartsecs=0\nautostart=false\nstdout_logfile=NONE\nstderr_logfile=NONE\n"
#define SLOW \
        "command=/bin/w\nstartsecs=5\nautostart=false\nstdout_logfile=NONE\nstderr_logfile=NONE\n"

static void open_house(const char *body)
{
        house_open(&h, "", body);
        h.kernel.spawn_takes_time = true;
        house_begin(&h);
}

static void teardown(void)
{
        house_close(&h);
}

TestSuite(launches, .fini = teardown);

static struct process *start(const char *name)
{
        struct process *p = house_process(&h, name);
        struct err detail = { 0 };

        cr_assert_eq(order_start(&h.sup, p, NULL, &detail), FAULT_NONE);
        return p;
}

/* The loop hears of what the child has said. */
static void hear(void)
{
        ev_run(h.sup.loop, EVRUN_NOWAIT);
}

static int answers;
static enum fault answer;

static void on_done(void *arg, struct process *p, enum fault f)
{
        (void)arg, (void)p;
        answers++;
        answer = f;
}

Test(launches, count_from_the_exec_on)
{
        open_house("[program:w]\n" QUICK);
        struct process *p = start("w");

        cr_expect(p->pid > 0 && p->launching);
        cr_expect_str_eq(house_state(&h, "w"), "STARTING");
        house_later(&h, 60000); /* startsecs=0 has not begun */
        cr_expect_str_eq(house_state(&h, "w"), "STARTING");
        kernel_started(&h.kernel, p->pid, STEP_NONE, 0);
        hear();
        cr_expect_str_eq(house_state(&h, "w"), "RUNNING");
        cr_expect_not(launches_any(&h.sup));
}

Test(launches, fail_with_step_and_errno_and_leave_no_stranger)
{
        open_house("[program:w]\ndirectory=/d\n" QUICK);
        struct process *p = start("w");
        struct waiter w = { .on_done = on_done };
        enum fault f;
        pid_t pid = p->pid;

        cr_assert_not(waiter_add(&h.sup, &w, p, WAIT_FOR_EXECUTED, &f));
        kernel_started(&h.kernel, pid, STEP_DIRECTORY, ENOENT);
        hear();
        cr_expect_str_eq(house_state(&h, "w"), "BACKOFF");
        cr_expect_eq(answers, 1);
        cr_expect_eq(answer, FAULT_SPAWN_ERROR);
        cr_expect(house_said(&h, "spawnerr: couldn't chdir to /d"), "%s", buf_str(&h.lines));
        cr_expect_eq(p->pid, 0);
        cr_expect(components_own(&h.sup, pid));
        kernel_end(&h.kernel, pid, KERNEL_EXITED(127));
        reaper_drain(&h.sup);
        cr_expect_not(components_own(&h.sup, pid));
        cr_expect_not(house_said(&h, "unknown pid"));
        cr_expect_not(house_said(&h, "exited"));
}

Test(launches, tell_why_also_when_the_exit_is_reaped_first)
{
        open_house("[program:w]\n" QUICK);
        struct process *p = start("w");
        pid_t pid = p->pid;

        kernel_started(&h.kernel, pid, STEP_EXEC, ENOEXEC);
        kernel_end(&h.kernel, pid, KERNEL_EXITED(127));
        reaper_drain(&h.sup);
        cr_expect_str_eq(house_state(&h, "w"), "BACKOFF");
        cr_expect(house_said(&h, "spawnerr: couldn't exec"), "%s", buf_str(&h.lines));
        cr_expect_null(*(void **)component_own(&h.sup, COMPONENT_launches));
}

Test(launches, that_end_at_once_were_executed_first)
{
        open_house("[program:w]\n" QUICK);
        struct process *p = start("w");

        kernel_end(&h.kernel, p->pid, KERNEL_EXITED(0));
        reaper_drain(&h.sup);
        house_settle(&h);
        cr_expect(house_said(&h, "success: w entered RUNNING"), "%s", buf_str(&h.lines));
        cr_expect(house_said(&h, "exited: w (exit status 0"), "%s", buf_str(&h.lines));
}

Test(launches, can_be_stopped_and_then_have_not_failed)
{
        open_house("[program:w]\n" SLOW);
        struct process *p = start("w");

        kernel_started(&h.kernel, p->pid, STEP_EXEC, EIO);
        cr_assert_eq(order_stop(&h.sup, p, NULL), FAULT_NONE);
        cr_expect_str_eq(house_state(&h, "w"), "STOPPING");
        kernel_end(&h.kernel, p->pid, KERNEL_EXITED(127));
        reaper_drain(&h.sup);
        house_settle(&h);
        cr_expect_str_eq(house_state(&h, "w"), "STOPPED");
        cr_expect_null(*(void **)component_own(&h.sup, COMPONENT_launches));
}

Test(launches, of_others_go_on_meanwhile)
{
        open_house("[program:a]\n" QUICK "[program:b]\n" QUICK);
        start("a");
        struct process *b = start("b");

        kernel_started(&h.kernel, b->pid, STEP_NONE, 0);
        hear();
        cr_expect_str_eq(house_state(&h, "a"), "STARTING");
        cr_expect_str_eq(house_state(&h, "b"), "RUNNING");
}

/* ---- logs that are still being opened: with the log thread, which stands still for a while */

static void open_logged(void)
{
        struct err e = { 0 };

        open_house("[program:one]\ncommand=/bin/w\nautostart=false\nstartretries=0\n"
                   "stdout_logfile=/tmp/one\nstderr_logfile=NONE\n"
                   "[program:two]\ncommand=/bin/w\nautostart=false\n"
                   "stdout_logfile=NONE\nstderr_logfile=NONE\n");
        cr_assert(logs_run(h.sup.logs, NULL, &e), "%s", e.text);
        cr_assert(logs_quiesce(h.sup.logs));
}

static bool is_held(const char *name)
{
        const struct process *p = house_process(&h, name);

        return kernel_child(&h.kernel, p->pid)->waits;
}

static bool await(bool (*holds)(void))
{
        for (int i = 0; i < 6000 && !holds(); i++) {
                ev_sleep(0.01);
                ev_run(h.sup.loop, EVRUN_NOWAIT);
        }
        return holds();
}

static bool both_go(void)
{
        return !is_held("one") && !is_held("two");
}

static bool one_is_over(void)
{
        return strcmp(house_state(&h, "one"), "FATAL") == 0;
}

Test(launches, hold_the_child_until_its_log_is_open_and_later_ones_with_it)
{
        open_logged();
        start("one");
        start("two");
        cr_expect(is_held("one") && is_held("two"), "in the order of the starts");
        cr_expect_not(house_said(&h, "spawned:"));
        logs_go_on(h.sup.logs);
        cr_expect(await(both_go));
        cr_expect(house_said(&h, "spawned: 'one'") && house_said(&h, "spawned: 'two'"));
}

Test(launches, go_on_without_a_log_thread_that_does_not_answer)
{
        open_logged();
        start("one");
        start("two");
        cr_expect(await(both_go));
        logs_go_on(h.sup.logs);
}

Test(launches, execute_no_program_whose_log_cannot_be_opened)
{
        open_logged();
        pid_t pid = start("one")->pid;
        start("two");
        kernel_fail(&h.kernel, K_OPEN, 0, ENOENT);
        logs_go_on(h.sup.logs);
        cr_expect(await(one_is_over));
        cr_expect(kernel_child(&h.kernel, pid)->waits);
        cr_expect_eq(kernel_child(&h.kernel, pid)->last_sig, SIGKILL);
        cr_expect_not(is_held("two"));
        cr_expect_not(house_said(&h, "spawned: 'one'"));
        cr_expect(house_said(&h, "unknown error making dispatchers for 'one': ENOENT"));
}
