#include <criterion/criterion.h>

#include "engine/children.h"
#include "house.h"

#define W               \
        "command=/bin/" \
        "w\nstdout_logfile=NONE\nstderr_logfile=NONE\nstartsecs=0\nautorestart=false\n"
#define SMALL   "[program:w]\n" W "process_name=w%(process_num)d\nnumprocs=3\n"
#define LARGE   "[program:w]\n" W "process_name=w%(process_num)d\nnumprocs=300\n"
#define LATE_MS 1000 /* long after the last signal */

static struct house h;

static void teardown(void)
{
        house_close(&h);
}

TestSuite(children, .fini = teardown, .timeout = 30);

static pid_t ends(const char *name)
{
        pid_t pid = house_process(&h, name)->pid;

        kernel_end(&h.kernel, pid, KERNEL_EXITED(0));
        return pid;
}

static void signal_of(pid_t who, int64_t now_ms)
{
        children_signal(&h.sup, who, now_ms);
        supervisor_turn(&h.sup);
}

static void open_and_begin(const char *body)
{
        house_open(&h, "", body);
        house_begin(&h);
}

Test(children, the_one_that_the_signal_names_is_reaped_without_a_walk)
{
        open_and_begin(LARGE);
        pid_t pid = ends("w:w7");
        long before = h.kernel.calls[K_REAP];
        signal_of(pid, LATE_MS);
        cr_expect_str_eq(house_state(&h, "w:w7"), "EXITED");
        cr_expect_eq(h.kernel.calls[K_REAP] - before, 1);
}

Test(children, one_that_no_signal_tells_of_is_found_a_moment_later)
{
        open_and_begin(LARGE);
        ends("w:w8");
        signal_of(ends("w:w7"), LATE_MS);
        cr_expect_str_eq(house_state(&h, "w:w8"), "RUNNING");
        while (ev_is_active(&h.sup.late_reap))
                ev_run(h.sup.loop, EVRUN_ONCE);
        ev_run(h.sup.loop, EVRUN_NOWAIT); /* what it brings is done before the next wait */
        cr_expect_str_eq(house_state(&h, "w:w8"), "EXITED");
}

Test(children, signals_close_together_make_it_look_for_everybody)
{
        open_and_begin(LARGE);
        signal_of(ends("w:w7"), LATE_MS);
        ends("w:w9");
        signal_of(ends("w:w8"), LATE_MS + 1);
        cr_expect_str_eq(house_state(&h, "w:w9"), "EXITED");
        cr_expect(!ev_is_active(&h.sup.late_reap));
}

Test(children, a_signal_that_names_nobody_makes_it_look_for_everybody)
{
        open_and_begin(LARGE);
        ends("w:w7");
        signal_of(0, LATE_MS);
        cr_expect_str_eq(house_state(&h, "w:w7"), "EXITED");
}

Test(children, of_a_small_fleet_all_are_found_at_once)
{
        open_and_begin(SMALL);
        ends("w:w1");
        signal_of(ends("w:w0"), LATE_MS);
        cr_expect_str_eq(house_state(&h, "w:w1"), "EXITED");
}

Test(children, while_the_daemon_ends_nobody_is_left_for_later)
{
        open_and_begin(LARGE);
        h.kernel.obeys_term = false;
        shutdown_request(&h.sup, "a test");
        ends("w:w8");
        signal_of(ends("w:w7"), LATE_MS);
        cr_expect_str_eq(house_state(&h, "w:w8"), "STOPPED");
}
