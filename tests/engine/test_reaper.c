#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/run/reaper.h"
#include "house.h"

#define W               \
        "command=/bin/" \
        "w\nstdout_logfile=NONE\nstderr_logfile=NONE\nstartsecs=0\nautorestart=false\n"
#define SMALL    "[program:w]\n" W "process_name=w%(process_num)d\nnumprocs=3\n"
#define LARGE    "[program:w]\n" W "process_name=w%(process_num)d\nnumprocs=300\n"
#define LATE_MS  1000 /* long after the last signal */
#define STRANGER 999999

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

/* A look that a busy machine has cut into slices. */
static bool goes_on(void)
{
        return reaper()->look || (ev_is_active(&reaper()->late) &&
                                  ev_timer_remaining(h.sup.loop, &reaper()->late) <= 0);
}

/* False: it took more than one turn of the loop, which a slow machine may need; how often the
 * kernel was asked then depends on that. */
static bool signal_of(pid_t who, int64_t now_ms)
{
        bool at_once = true;

        reaper_signal(&h.sup, who, now_ms);
        supervisor_turn(&h.sup);
        for (; goes_on(); at_once = false)
                ev_run(h.sup.loop, EVRUN_NOWAIT);
        return at_once;
}

/* The walk itself may have been cut short, to go on at once. */
static bool is_left_for_later(void)
{
        return ev_is_active(&reaper()->late) &&
               ev_timer_remaining(h.sup.loop, &reaper()->late) > 0.;
}

static void open_and_begin(const char *body)
{
        house_open(&h, "", body);
        house_begin(&h);
}

Test(reaper, the_one_that_the_signal_names_is_reaped_without_a_walk)
{
        open_and_begin(LARGE);
        pid_t pid = ends("w:w7");
        long before = h.kernel.calls[K_REAP];
        bool at_once = signal_of(pid, LATE_MS);
        cr_expect_str_eq(house_state(&h, "w:w7"), "EXITED");
        cr_expect(!at_once || h.kernel.calls[K_REAP] - before == 1);
}

static void a_moment_later(void)
{
        do {
                ev_run(h.sup.loop, reaper()->look ? EVRUN_NOWAIT : EVRUN_ONCE);
        } while (ev_is_active(&reaper()->late) || reaper()->look);
}

/* As a child of the worker's would. */
static int keep_stdin_of(const char *name)
{
        return fcntl(kernel_child(&h.kernel, house_process(&h, name)->pid)->fds[0], F_DUPFD_CLOEXEC,
                     0);
}

Test(reaper, other_children_that_ended_meanwhile_are_known_by_their_stdin)
{
        open_and_begin(LARGE);
        ends("w:w8");
        ends("w:w200");
        pid_t pid = ends("w:w7");
        long before = h.kernel.calls[K_REAP];
        bool at_once = signal_of(pid, LATE_MS);
        cr_expect_str_eq(house_state(&h, "w:w8"), "EXITED");
        cr_expect_str_eq(house_state(&h, "w:w200"), "EXITED");
        cr_expect(!at_once || h.kernel.calls[K_REAP] - before == 3, "one was asked for in vain");
}

Test(reaper, more_than_are_heard_at_a_time_are_all_reaped)
{
        open_and_begin(LARGE);
        for (int i = 100; i < 180; i++) {
                char name[16];
                snprintf(name, sizeof name, "w:w%d", i);
                ends(name);
        }
        signal_of(ends("w:w7"), LATE_MS);
        a_moment_later();
        for (int i = 100; i < 180; i++) {
                char name[16];
                snprintf(name, sizeof name, "w:w%d", i);
                cr_expect_str_eq(house_state(&h, name), "EXITED", "%s", name);
        }
}

Test(reaper, a_child_whose_stdin_is_still_held_is_found_a_moment_later)
{
        open_and_begin(LARGE);
        int held = keep_stdin_of("w:w8");
        ends("w:w8");
        signal_of(ends("w:w7"), LATE_MS);
        cr_expect_str_eq(house_state(&h, "w:w8"), "RUNNING");
        a_moment_later();
        cr_expect_str_eq(house_state(&h, "w:w8"), "EXITED");
        close(held);
}

Test(reaper, a_child_that_only_closed_its_stdin_lives_and_its_exit_is_found)
{
        open_and_begin(LARGE);
        kernel_hang_up(&h.kernel, house_process(&h, "w:w8")->pid, 0);
        signal_of(ends("w:w7"), LATE_MS);
        cr_expect_str_eq(house_state(&h, "w:w8"), "RUNNING");
        cr_expect(ev_timer_remaining(h.sup.loop, &reaper()->late) < 0.1);
        ends("w:w8");
        a_moment_later();
        cr_expect_str_eq(house_state(&h, "w:w8"), "EXITED");
}

Test(reaper, a_child_that_was_started_again_is_watched_again)
{
        open_and_begin(LARGE);
        for (int round = 0; round < 3; round++) {
                ends("w:w8");
                signal_of(ends("w:w7"), LATE_MS * (round + 1));
                cr_expect_str_eq(house_state(&h, "w:w8"), "EXITED", "round %d", round);
                supervisor_order(&h.sup, house_process(&h, "w:w7"), PE_START);
                supervisor_order(&h.sup, house_process(&h, "w:w8"), PE_START);
        }
}

Test(reaper, after_an_end_that_no_stdin_tells_of_signals_close_together_make_it_look_for_everybody)
{
        open_and_begin(LARGE);
        kernel_queue_end(&h.kernel, STRANGER, KERNEL_EXITED(0));
        signal_of(STRANGER, LATE_MS);
        int held = keep_stdin_of("w:w9");
        ends("w:w9");
        signal_of(ends("w:w8"), LATE_MS + 1);
        cr_expect_str_eq(house_state(&h, "w:w9"), "EXITED");
        cr_expect_not(is_left_for_later());
        close(held);
}

Test(reaper, a_signal_without_a_pid_makes_it_look_at_all_children)
{
        open_and_begin(LARGE);
        ends("w:w7");
        signal_of(0, LATE_MS);
        cr_expect_str_eq(house_state(&h, "w:w7"), "EXITED");
}

Test(reaper, of_a_small_fleet_all_are_found_at_once)
{
        open_and_begin(SMALL);
        ends("w:w1");
        signal_of(ends("w:w0"), LATE_MS);
        cr_expect_str_eq(house_state(&h, "w:w1"), "EXITED");
}

Test(reaper, during_shutdown_no_child_is_left_for_later)
{
        open_and_begin(LARGE);
        h.kernel.obeys_term = false;
        shutdown_request(&h.sup, "a test");
        ends("w:w8");
        signal_of(ends("w:w7"), LATE_MS);
        cr_expect_str_eq(house_state(&h, "w:w8"), "STOPPED");
}
