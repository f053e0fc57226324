#include <criterion/criterion.h>
#include <stdio.h>

#include "engine/run/reaper.h"
#include "house.h"

#define W               \
        "command=/bin/" \
        "w\nstdout_logfile=NONE\nstderr_logfile=NONE\nstartsecs=0\nautorestart=false\n"
#define MANY    300
#define PROGRAM "[program:w]\n" W "process_name=w%(process_num)d\nnumprocs=300\n"

static struct house h;

static struct reaper *reaper(void)
{
        return component_own(&h.sup, COMPONENT_reaper);
}

static void teardown(void)
{
        house_close(&h);
}

TestSuite(reaper, .fini = teardown, .timeout = 30);

static pid_t ends(const char *name)
{
        pid_t pid = house_process(&h, name)->pid;

        kernel_end(&h.kernel, pid, KERNEL_EXITED(0));
        return pid;
}

/* A slow machine may need several turns of the loop. */
static void signal_of(pid_t who)
{
        reaper_signal(&h.sup, who);
        supervisor_turn(&h.sup);
        while (reaper()->look || ev_is_active(&reaper()->rest))
                ev_run(h.sup.loop, EVRUN_NOWAIT);
}

static void open_and_begin(void)
{
        house_open(&h, "", PROGRAM);
        house_begin(&h);
}

Test(reaper, the_one_that_the_signal_names_is_reaped_before_others_are_looked_for)
{
        open_and_begin();
        pid_t pid = ends("w:w7");
        ends("w:w3");
        reaper_signal(&h.sup, pid);
        cr_expect_str_eq(house_state(&h, "w:w7"), "EXITED");
        cr_expect_str_eq(house_state(&h, "w:w3"), "RUNNING");
        supervisor_turn(&h.sup);
}

Test(reaper, a_lone_end_costs_one_look_at_the_others)
{
        open_and_begin();
        long before = h.kernel.calls[K_REAP];
        signal_of(ends("w:w7"));
        cr_expect_eq(h.kernel.calls[K_REAP] - before, 2);
}

Test(reaper, all_that_ended_meanwhile_are_found_by_one_signal)
{
        char name[16];

        open_and_begin();
        for (int i = 1; i < MANY; i++) {
                snprintf(name, sizeof name, "w:w%d", i);
                ends(name);
        }
        signal_of(ends("w:w0"));
        for (int i = 0; i < MANY; i++) {
                snprintf(name, sizeof name, "w:w%d", i);
                cr_expect_str_eq(house_state(&h, name), "EXITED", "%s", name);
        }
}

Test(reaper, a_signal_without_a_pid_makes_it_look_at_all_children)
{
        open_and_begin();
        ends("w:w7");
        signal_of(0);
        cr_expect_str_eq(house_state(&h, "w:w7"), "EXITED");
}

Test(reaper, a_child_that_the_signal_names_and_that_is_reaped_already_does_no_harm)
{
        open_and_begin();
        pid_t pid = ends("w:w7");
        signal_of(0);
        ends("w:w8");
        signal_of(pid);
        cr_expect_str_eq(house_state(&h, "w:w8"), "EXITED");
}
