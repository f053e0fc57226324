/* One order to many: in slices, in their order, and it stands. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "engine/order/operations.h"
#include "house.h"

#define MANY 300
#define FLEET                                                                     \
        "[program:w]\ncommand=/bin/w\nstdout_logfile=NONE\nstderr_logfile=NONE\n" \
        "startsecs=0\nautostart=false\nprocess_name=w%(process_num)03d\nnumprocs=300\n"

static struct house h;
static const struct caller me = { .peer = "a test" };
static struct process *list[MANY];
static struct operation *operation;
static enum fault faults[MANY];
static int told, over;
static bool in_turn;

static void on_told(void *arg, int i, struct process *p, enum fault f, const struct err *detail)
{
        (void)arg, (void)detail;
        in_turn = in_turn && i == told && (p == list[i] || f != FAULT_NONE);
        faults[i] = f;
        told++;
}

static void on_over(void *arg)
{
        (void)arg;
        over++;
        operation = NULL;
}

static const struct operation_observer ear = { on_told, on_over, NULL };

static void setup(void)
{
        house_open(&h, "", FLEET);
        house_begin(&h);
        for (int i = 0; i < MANY; i++) {
                char name[16];
                snprintf(name, sizeof name, "w:w%03d", i);
                list[i] = house_process(&h, name);
        }
        told = over = 0;
        in_turn = true;
}

static void teardown(void)
{
        house_close(&h);
}

TestSuite(operations, .init = setup, .fini = teardown, .timeout = 60);

static void begin(int count)
{
        operation = operation_begin(&h.sup, &operation_start, list, count, &me, &ear);
}

static void go_on(void)
{
        while (*(void **)component_own(&h.sup, COMPONENT_operations))
                ev_run(h.sup.loop, EVRUN_NOWAIT);
}

Test(operations, of_a_few_are_over_at_once)
{
        begin(OPERATION_AT_ONCE);
        cr_expect_null(operation);
        cr_expect_eq(told, OPERATION_AT_ONCE);
        cr_expect_eq(over, 0);
}

Test(operations, leave_the_loop_its_turn_and_keep_their_order)
{
        begin(MANY);
        cr_assert_not_null(operation);
        cr_expect_eq(told, OPERATION_AT_ONCE);
        cr_expect_eq(h.kernel.child_count, OPERATION_AT_ONCE);
        go_on();
        cr_expect_eq(told, MANY);
        cr_expect_eq(over, 1);
        cr_expect(in_turn);
        for (int i = 0; i < MANY; i++) {
                cr_assert_eq(faults[i], FAULT_NONE);
                cr_assert_eq(h.kernel.children[i]->pid, list[i]->pid);
        }
}

Test(operations, resume_without_a_caller)
{
        begin(MANY);
        operation_leave(operation);
        go_on();
        cr_expect_eq(h.kernel.child_count, MANY);
        cr_expect_eq(told, OPERATION_AT_ONCE);
        cr_expect_eq(over, 0);
}

Test(operations, spare_a_process_that_is_stopped_before_its_turn)
{
        struct err e = { 0 };

        begin(MANY);
        cr_expect_eq(order_stop(&h.sup, list[299], &me), FAULT_NOT_RUNNING);
        cr_expect_eq(order_start(&h.sup, list[298], &me, &e), FAULT_NONE);
        go_on();
        cr_expect_eq(faults[299], FAULT_ABNORMAL_TERMINATION);
        cr_expect_eq(faults[298], FAULT_ALREADY_STARTED);
        cr_expect_eq(list[299]->state, PS_STOPPED);
        cr_expect_eq(h.kernel.child_count, MANY - 1);
}

Test(operations, know_which_process_is_gone)
{
        begin(MANY);
        supervisor_remove_all(&h.sup); /* as when everything begins anew */
        go_on();
        cr_expect_eq(told, MANY);
        cr_expect(in_turn);
        cr_expect_eq(faults[MANY - 1], FAULT_BAD_NAME);
        cr_expect_eq(h.kernel.child_count, OPERATION_AT_ONCE);
}

Test(operations, start_nothing_during_shutdown)
{
        begin(MANY);
        h.kernel.obeys_term = false;
        shutdown_request(&h.sup, "a test");
        while (told < MANY)
                ev_run(h.sup.loop, EVRUN_NOWAIT);
        cr_expect_eq(faults[MANY - 1], FAULT_SHUTDOWN_STATE);
        cr_expect_eq(h.kernel.child_count, OPERATION_AT_ONCE);
}

Test(operations, can_be_finished_at_once)
{
        begin(MANY);
        begin(MANY);
        operations_finish(&h.sup);
        cr_expect_null(*(void **)component_own(&h.sup, COMPONENT_operations));
        cr_expect_eq(over, 2);
        cr_expect_eq(h.kernel.child_count, MANY);
}

Test(operations, end_with_the_supervisor)
{
        begin(MANY);
        component_operations.release(&h.sup);
        cr_expect_null(*(void **)component_own(&h.sup, COMPONENT_operations));
        cr_expect_eq(over, 0);
}

Test(operations, of_no_process_are_over_at_once)
{
        begin(0);
        cr_expect_null(operation);
        cr_expect_eq(told, 0);
}

/* ---- while programs are looked for */

static void hear(void)
{
        for (int i = 0; i < 3; i++)
                ev_run(h.sup.loop, EVRUN_NOWAIT);
}

static void open_slowly(void)
{
        h.kernel.disk_is_slow = h.kernel.spawn_takes_time = true;
}

Test(operations, keep_their_order_while_programs_are_looked_for)
{
        open_slowly();
        begin(3);
        cr_assert_not_null(operation);
        for (int i = 0; i < 3; i++) {
                cr_assert_eq(told, i + 1);
                cr_expect_eq(faults[i], FAULT_LATER);
                cr_assert_eq((int)h.kernel.child_count, 2 * i + 1);
                kernel_started(&h.kernel, h.kernel.children[2 * i]->pid, STEP_NONE, 0);
                hear();
                cr_assert_eq(h.kernel.children[2 * i + 1]->pid, list[i]->pid);
        }
        cr_expect_eq(over, 1);
        cr_expect(in_turn);
        cr_expect_null(*(void **)component_own(&h.sup, COMPONENT_operations));
}

Test(operations, wait_no_longer_than_a_second_in_all_for_what_is_looked_for)
{
        int64_t begun_ms = clock_mono_ms();

        open_slowly();
        begin(5);
        while (*(void **)component_own(&h.sup, COMPONENT_operations))
                ev_run(h.sup.loop, EVRUN_ONCE);
        cr_expect_geq(clock_mono_ms() - begun_ms, 990);
        cr_expect_eq(told, 5);
        cr_expect_eq(over, 1);
        cr_expect_eq(h.kernel.child_count, 5, "all of them are looked for");
        for (int i = 0; i < 5; i++)
                cr_expect_eq(list[i]->state, PS_STOPPED);
}

Test(operations, resume_when_what_is_looked_for_is_stopped_or_goes)
{
        open_slowly();
        begin(3);
        order_stop(&h.sup, list[0], &me);
        hear();
        cr_expect_eq(told, 2);
        supervisor_order(&h.sup, list[1], PE_RETIRE);
        house_settle(&h);
        hear();
        cr_expect_eq(told, 3);
        cr_expect_eq(over, 1);
}

Test(operations, can_be_finished_while_a_program_is_looked_for)
{
        open_slowly();
        begin(3);
        operations_finish(&h.sup);
        cr_expect_eq(told, 3);
        cr_expect_eq(over, 1);
        cr_expect_eq(h.kernel.child_count, 3);
}
