/* Orders whose program has to be looked for where a file system may take its time. */
#include <criterion/criterion.h>
#include <errno.h>
#include <ev.h>
#include <stdio.h>

#include "engine/order/searches.h"
#include "house.h"

static struct house h;

#define W                                                                                  \
        "[program:w]\ncommand=/bin/w\nstartsecs=0\nautostart=false\nstdout_logfile=NONE\n" \
        "stderr_logfile=NONE\n"

static int answers;
static enum fault answer;
static char why[128];
static bool refused;

static void on_done(void *arg, struct process *p, enum fault f)
{
        const struct waiter *w = arg;

        (void)p;
        answers++;
        answer = f;
        refused = w->refusal != NULL;
        snprintf(why, sizeof why, "%s", refused ? w->refusal : "");
}

static void setup(void)
{
        house_open(&h, "", W);
        h.kernel.spawn_takes_time = true;
        h.kernel.disk_is_slow = true;
        house_begin(&h);
}

static void teardown(void)
{
        house_close(&h);
}

TestSuite(searches, .init = setup, .fini = teardown);

/* The loop hears of what children have said. */
static void hear(void)
{
        ev_run(h.sup.loop, EVRUN_NOWAIT);
}

/* The child that looks. w outlives the test: what is still open is told in the end. */
static pid_t order(struct waiter *w)
{
        struct process *p = house_process(&h, "w");
        enum fault f;

        *w = (struct waiter){ .on_done = on_done, .arg = w, .awaits_order = true };
        cr_assert_eq(order_start(&h.sup, p, NULL, NULL), FAULT_LATER);
        cr_assert_not(waiter_add(&h.sup, w, p, WAIT_FOR_STARTED, &f));
        return kernel_newest(&h.kernel)->pid;
}

static void reap(pid_t pid, int status)
{
        kernel_end(&h.kernel, pid, status);
        reaper_drain(&h.sup);
        house_settle(&h);
        cr_expect_not(components_own(&h.sup, pid));
        cr_expect_not(house_said(&h, "unknown pid"));
}

static void expect_untouched(void)
{
        const struct process *p = house_process(&h, "w");

        cr_expect_str_eq(house_state(&h, "w"), "STOPPED");
        cr_expect_str_eq(buf_str(&h.events), "");
        cr_expect_eq(p->pid, 0);
        cr_expect_eq(p->tries, 0);
        cr_expect_eq(p->tried_wall_ms, 0);
        cr_expect_null(process_spawnerr(p));
        cr_expect_not(house_said(&h, "order: "));
}

Test(searches, change_nothing_and_never_ask_the_disk_here)
{
        static struct waiter w;

        order(&w);
        cr_expect(searches_has(&h.sup, house_process(&h, "w")));
        cr_expect_eq(h.kernel.calls[K_STAT], 0);
        expect_untouched();
        cr_expect_eq(answers, 0);
}

Test(searches, of_what_is_there_go_on_to_the_start)
{
        static struct waiter w;
        pid_t pid = order(&w);

        kernel_started(&h.kernel, pid, STEP_NONE, 0);
        hear();
        pid_t started = house_process(&h, "w")->pid;
        cr_expect(started > 0 && started != pid);
        cr_expect_str_eq(house_state(&h, "w"), "STARTING");
        cr_expect_eq(answers, 0);
        reap(pid, KERNEL_EXITED(0));
        kernel_started(&h.kernel, started, STEP_NONE, 0);
        hear();
        cr_expect_str_eq(house_state(&h, "w"), "RUNNING");
        cr_expect(answers == 1 && answer == FAULT_NONE && !refused);
}

Test(searches, of_what_is_missing_refuse_the_order_and_nothing_else)
{
        static struct waiter w;
        pid_t pid = order(&w);

        kernel_started(&h.kernel, pid, STEP_FIND, ENOENT);
        hear();
        cr_expect(answers == 1 && answer == FAULT_NO_FILE && refused);
        cr_expect_str_eq(why, "can't find command '/bin/w'");
        expect_untouched();
        reap(pid, KERNEL_EXITED(127));
        expect_untouched();
        cr_expect_null(*(void **)component_own(&h.sup, COMPONENT_searches));
}

Test(searches, of_what_cannot_be_executed_say_so_also_when_reaped_first)
{
        static struct waiter w;
        pid_t pid = order(&w);

        kernel_started(&h.kernel, pid, STEP_FIND, EACCES);
        reap(pid, KERNEL_EXITED(127));
        cr_expect(answers == 1 && answer == FAULT_NOT_EXECUTABLE);
        cr_expect_str_eq(why, "command at '/bin/w' is not executable");
        expect_untouched();
}

Test(searches, without_an_answer_leave_it_to_the_start)
{
        static struct waiter w;
        pid_t pid = order(&w);

        reap(pid, KERNEL_KILLED(9));
        cr_expect_str_eq(house_state(&h, "w"), "STARTING");
        order_stop(&h.sup, house_process(&h, "w"), NULL);
        pid = order(&w);
        cr_expect_eq(kernel_kills(&h.kernel, pid, SIGKILL), 0);
        searches_finish(&h.sup);
        cr_expect_eq(kernel_kills(&h.kernel, pid, SIGKILL), 1);
}

Test(searches, that_cannot_begin_leave_it_to_the_start)
{
        kernel_fail(&h.kernel, K_SPAWN, 1, EAGAIN);
        cr_expect_eq(order_start(&h.sup, house_process(&h, "w"), NULL, NULL), FAULT_NONE);
        cr_expect_str_eq(house_state(&h, "w"), "STARTING");
        cr_expect_null(*(void **)component_own(&h.sup, COMPONENT_searches));
}

Test(searches, are_one_for_two_orders)
{
        static struct waiter first, second;
        pid_t pid = order(&first);

        cr_expect_eq(order(&second), pid);
        kernel_started(&h.kernel, pid, STEP_FIND, ENOENT);
        hear();
        cr_expect(answers == 2 && answer == FAULT_NO_FILE);
}

Test(searches, end_with_a_stop)
{
        static struct waiter w;
        pid_t pid = order(&w);

        cr_expect_eq(order_stop(&h.sup, house_process(&h, "w"), NULL), FAULT_NONE);
        cr_expect(answers == 1 && answer == FAULT_ABNORMAL_TERMINATION && refused);
        cr_expect_eq(kernel_kills(&h.kernel, pid, SIGKILL), 1);
        expect_untouched();
        cr_expect_eq(order_stop(&h.sup, house_process(&h, "w"), NULL), FAULT_NOT_RUNNING);
        reap(pid, KERNEL_KILLED(9));
        expect_untouched();
}

Test(searches, go_on_without_a_client)
{
        static struct waiter w;
        pid_t pid = order(&w);

        waiter_cancel(&w);
        kernel_started(&h.kernel, pid, STEP_NONE, 0);
        hear();
        cr_expect_str_eq(house_state(&h, "w"), "STARTING");
        cr_expect_eq(answers, 0);
}

Test(searches, know_which_process_was_started_meanwhile)
{
        static struct waiter w;
        pid_t pid = order(&w);
        struct process *p = house_process(&h, "w");

        supervisor_order(&h.sup, p, PE_START);
        cr_expect_eq(answers, 0, "what comes of this start is not what the order waits for");
        kernel_started(&h.kernel, pid, STEP_NONE, 0);
        hear();
        cr_expect(answers == 1 && answer == FAULT_ALREADY_STARTED && refused);
}

Test(searches, of_one_that_runs_refuse_only_the_order)
{
        static struct waiter first, second = { .on_done = on_done, .arg = &second };
        struct process *p = house_process(&h, "w");
        enum fault f;

        supervisor_order(&h.sup, p, PE_START);
        cr_assert_not(waiter_add(&h.sup, &second, p, WAIT_FOR_STARTED, &f));
        pid_t pid = order(&first);
        kernel_started(&h.kernel, pid, STEP_FIND, ENOENT);
        hear();
        cr_expect(answers == 1 && answer == FAULT_NO_FILE);
        kernel_started(&h.kernel, p->pid, STEP_NONE, 0);
        hear();
        cr_expect(answers == 2 && answer == FAULT_NONE && !refused);
}

Test(searches, end_with_the_process)
{
        static struct waiter w;
        pid_t pid = order(&w);

        supervisor_order(&h.sup, house_process(&h, "w"), PE_RETIRE);
        house_settle(&h);
        cr_expect(answers == 1 && answer == FAULT_BAD_NAME);
        cr_expect_eq(kernel_kills(&h.kernel, pid, SIGKILL), 1);
        reap(pid, KERNEL_KILLED(9));
        cr_expect_null(*(void **)component_own(&h.sup, COMPONENT_searches));
}

Test(searches, start_nothing_while_everything_ends)
{
        static struct waiter w;
        pid_t pid = order(&w);

        order_shutdown(&h.sup, NULL, "test");
        cr_expect(answers == 1 && answer == FAULT_SHUTDOWN_STATE && refused);
        cr_expect_eq(kernel_kills(&h.kernel, pid, SIGKILL), 1);
        cr_expect_str_eq(house_state(&h, "w"), "STOPPED");
}

Test(searches, need_no_child_where_the_kernel_remembers)
{
        h.kernel.disk_is_slow = false;
        cr_expect_eq(order_start(&h.sup, house_process(&h, "w"), NULL, NULL), FAULT_NONE);
        cr_expect_eq(h.kernel.child_count, 1);
        cr_expect_null(*(void **)component_own(&h.sup, COMPONENT_searches));
}
