/* What comes of one order to several: each once, in the order in which it became known. */
#include <criterion/criterion.h>

#include "engine/order/results.h"
#include "house.h"

#define QUIET "command=/bin/w\nstdout_logfile=NONE\nstderr_logfile=NONE\nautostart=false\n"
#define PROGRAMS                                                                        \
        "[program:slow]\n" QUIET "startsecs=1\n[program:quick]\n" QUIET "startsecs=0\n" \
        "[program:other]\n" QUIET "startsecs=0\n"

static struct house h;
static struct results results;
static struct process *list[3];
static int known;

static void on_known(void *arg)
{
        (void)arg;
        known++;
}

static void setup(void)
{
        static const char *const names[] = { "slow", "quick", "other" };

        house_open(&h, "", PROGRAMS);
        house_begin(&h);
        for (int i = 0; i < 3; i++)
                list[i] = house_process(&h, names[i]);
        cr_assert(results_init(&results, &h.sup, list, 3));
        results.on_known = on_known;
        known = 0;
}

static void teardown(void)
{
        results_release(&results);
        house_close(&h);
}

TestSuite(results, .init = setup, .fini = teardown, .timeout = 30);

static const char *name_at(int place)
{
        const struct result **sorted = results_sorted(&results, result_by_place);
        const char *name = sorted[place]->name;

        free(sorted);
        return name;
}

Test(results, come_in_the_order_in_which_they_became_known)
{
        results_give(&results, &operation_start, list, NULL, true);
        results_run(&results, 0);
        cr_expect_eq(known, 0);
        house_later(&h, 1100);
        cr_expect_eq(known, 1);
        cr_expect_str_eq(name_at(0), "quick");
        cr_expect_str_eq(name_at(1), "other");
        cr_expect_str_eq(name_at(2), "slow");
        for (int i = 0; i < 3; i++)
                cr_expect_eq(results.items[i].fault, FAULT_NONE);
}

Test(results, are_known_at_once_where_nothing_is_waited_for)
{
        results_give(&results, &operation_start, list, NULL, false);
        results_run(&results, 0);
        cr_expect_eq(known, 1);
        cr_expect_str_eq(name_at(0), "slow");
        cr_expect_eq(list[0]->state, PS_STARTING);
}

Test(results, can_be_listed_by_name)
{
        const struct result **sorted = results_sorted(&results, result_by_name);

        cr_expect_str_eq(sorted[0]->name, "other");
        cr_expect_str_eq(sorted[1]->name, "quick");
        cr_expect_str_eq(sorted[2]->name, "slow");
        free(sorted);
}

Test(results, tell_why_an_order_is_refused)
{
        results_give(&results, &operation_stop, list, NULL, true);
        results_run(&results, 0);
        cr_expect_eq(known, 1);
        for (int i = 0; i < 3; i++)
                cr_expect_eq(results.items[i].fault, FAULT_NOT_RUNNING);
        cr_expect_str_eq(results.items[0].state, "STOPPED");
}

Test(results, of_a_process_that_is_removed_say_so)
{
        results_give(&results, &operation_start, list, NULL, true);
        results_run(&results, 0);
        supervisor_order(&h.sup, list[0], PE_RETIRE);
        house_settle(&h);
        cr_expect_eq(known, 1);
        cr_expect(results.items[0].removed || results.items[0].fault != FAULT_NONE);
        cr_expect_str_eq(results.items[0].name, "slow");
}

Test(results, are_given_after_the_limit_and_the_orders_stand)
{
        results_give(&results, &operation_start, list, NULL, true);
        results_run(&results, 0.01);
        while (!known)
                ev_run(h.sup.loop, EVRUN_ONCE);
        cr_expect(results.timed_out);
        cr_expect_eq(results.items[0].fault, FAULT_TIMEOUT);
        cr_expect_eq(results.items[1].fault, FAULT_NONE);
        cr_expect_eq(list[0]->state, PS_STARTING);
}
