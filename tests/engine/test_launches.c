/* Starts whose outcome comes later: what happens meanwhile, and what comes of it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <ev.h>

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

Test(launches, tell_why_also_to_who_reaps_first)
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
