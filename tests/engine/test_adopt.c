/* Living workers of an earlier daemon: held and gone on with, taken for ended where that is proved,
 * or left alone and looked at again. On the fake kernel's processes. */
#include <criterion/criterion.h>
#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/persist/adopt_own.h"
#include "engine/persist/state.h"
#include "house.h"

#define PROGRAM                                                          \
        "[program:a]\ncommand=/bin/w\nstartsecs=0\nstdout_logfile=/tmp/" \
        "a.log\nredirect_stderr=true\n"

static struct house h;
static char dir[] = "/tmp/adopt.XXXXXX";
static char path[64];
static struct fake_survivors those;

static void open_house(const char *programs)
{
        struct err e = { 0 };

        house_open(&h, "", programs);
        h.kernel.obeys_term = false;
        cr_assert(state_open(&h.sup, path, &e), "%s", e.text);
}

static void setup(void)
{
        cr_assert(mkdtemp(dir));
        snprintf(path, sizeof path, "%s/s", dir);
        open_house(PROGRAM);
        house_begin(&h);
        cr_assert_str_eq(house_state(&h, "a"), "RUNNING");
}

static void teardown(void)
{
        state_close(&h.sup, false);
        house_close(&h);
        rmdir(path);
        rmdir(dir);
}

TestSuite(adopt, .init = setup, .fini = teardown, .timeout = 20);

/* As after a SIGKILL: the workers live, and the next instance has not begun yet. */
static struct fake_process *succeed(const char *programs)
{
        pid_t pid = house_process(&h, "a")->pid;

        those = kernel_survivors(&h.kernel);
        state_close(&h.sup, true);
        house_close(&h);
        open_house(programs);
        kernel_go_on(&h.kernel, &those, false);
        return kernel_process(&h.kernel, pid);
}

/* What its timer would do a second later. */
static void look_again(void)
{
        cr_assert(ev_is_active(&adopt_own(&h.sup)->look_again));
        ev_feed_event(h.sup.loop, &adopt_own(&h.sup)->look_again, EV_TIMER);
        ev_invoke_pending(h.sup.loop);
}

static void expect_alone(const char *why)
{
        AUTO_BUF line = BUF_INIT;

        buf_printf(&line, "cannot adopt 'a' (pid 1000): %s; it is left alone, and looked at again",
                   why);
        cr_expect(house_said(&h, buf_str(&line)), "%s", buf_str(&h.lines));
        cr_expect_str_eq(house_state(&h, "a"), "RUNNING");
        cr_expect_eq(house_process(&h, "a")->pid, 1000);
        cr_expect_eq(h.kernel.calls[K_SPAWN], 0, "never a second one beside it");
}

/* ---- it lives */

Test(adopt, a_living_worker_goes_on_and_is_read_again)
{
        struct fake_process *w = succeed(PROGRAM);

        house_begin(&h);
        cr_expect(house_said(&h, "adopted: 'a' with pid 1000, RUNNING"));
        cr_expect_str_eq(house_state(&h, "a"), "RUNNING");
        cr_expect_eq(h.kernel.calls[K_SPAWN], 0);
        cr_expect_eq(h.kernel.kill_count, 0);
        cr_expect_eq(write(w->fds[1], "hello\n", 6), 6);
        while (!kernel_text(&h.kernel, "/tmp/a.log") || !*kernel_text(&h.kernel, "/tmp/a.log"))
                ev_run(h.sup.loop, EVRUN_ONCE);
        cr_expect_str_eq(kernel_text(&h.kernel, "/tmp/a.log"), "hello\n");
}

Test(adopt, its_end_is_seen_by_its_pidfd_and_a_zombie_tells_how)
{
        succeed(PROGRAM)->is_reaped_late = true;
        house_begin(&h);
        kernel_end(&h.kernel, 1000, KERNEL_EXITED(7));
        ev_run(h.sup.loop, EVRUN_NOWAIT);
        house_settle(&h);
        cr_expect_str_eq(house_state(&h, "a"), "EXITED");
        cr_expect(house_process(&h, "a")->ending.known);
        cr_expect_eq(house_process(&h, "a")->ending.code, 7);
        house_later(&h, 5000);
        cr_expect_str_eq(house_state(&h, "a"), "RUNNING");
        cr_expect_eq(h.kernel.calls[K_SPAWN], 1);
}

Test(adopt, one_whose_parent_has_reaped_it_ended_and_how_is_not_known)
{
        succeed(PROGRAM);
        house_begin(&h);
        kernel_end(&h.kernel, 1000, KERNEL_EXITED(7));
        ev_run(h.sup.loop, EVRUN_NOWAIT);
        house_settle(&h);
        cr_expect_str_eq(house_state(&h, "a"), "EXITED");
        cr_expect_not(house_process(&h, "a")->ending.known);
}

Test(adopt, a_zombie_that_hides_how_it_ended_is_asked_again_until_it_is_reaped)
{
        struct fake_process *w = succeed(PROGRAM);

        w->is_reaped_late = w->hides_status = true;
        house_begin(&h);
        kernel_end(&h.kernel, 1000, KERNEL_EXITED(7));
        ev_run(h.sup.loop, EVRUN_NOWAIT);
        cr_expect_str_eq(house_state(&h, "a"), "RUNNING");
        w->hides_status = false;
        while (house_process(&h, "a")->state == PS_RUNNING)
                ev_run(h.sup.loop, EVRUN_ONCE);
        cr_expect_eq(house_process(&h, "a")->ending.code, 7);
}

Test(adopt, it_is_signalled_through_its_pidfd)
{
        struct fake_process *w = succeed(PROGRAM);

        house_begin(&h);
        order_stop(&h.sup, house_process(&h, "a"), NULL);
        cr_expect_eq(w->got[SIGTERM], 1);
        cr_expect_eq(h.kernel.kill_count, 0, "a number alone is not trusted");
        house_later(&h, 11000);
        cr_expect_not(kernel_process(&h.kernel, 1000), "SIGKILL after stopwaitsecs");
        ev_run(h.sup.loop, EVRUN_NOWAIT);
        house_settle(&h);
        cr_expect_str_eq(house_state(&h, "a"), "STOPPED");
}

Test(adopt, a_stop_that_was_under_way_goes_on)
{
        order_stop(&h.sup, house_process(&h, "a"), NULL);
        cr_assert_str_eq(house_state(&h, "a"), "STOPPING");
        struct fake_process *w = succeed(PROGRAM);
        house_begin(&h);
        cr_expect_str_eq(house_state(&h, "a"), "STOPPING");
        cr_expect_geq(w->got[SIGTERM], 1);
        house_later(&h, 11000);
        cr_expect_not(kernel_process(&h.kernel, 1000));
}

Test(adopt, one_that_is_configured_no_more_is_stopped)
{
        struct fake_process *w = succeed("[program:b]\ncommand=/bin/w\nautostart=false\n");

        house_begin(&h);
        cr_expect(house_said(&h, "'a' (pid 1000) is configured no more: stopping it"));
        cr_expect_eq(w->got[SIGTERM], 1);
}

Test(adopt, one_that_was_started_by_another_configuration_is_restarted)
{
        struct fake_process *w = succeed(PROGRAM "environment=A=1\n");

        house_begin(&h);
        cr_expect(house_said(&h, "'a' was started by another configuration: restarting"));
        cr_expect_eq(w->got[SIGTERM], 1);
        cr_expect_eq(h.kernel.calls[K_SPAWN], 0, "not before it has ended");
        kernel_end(&h.kernel, 1000, KERNEL_EXITED(0));
        ev_run(h.sup.loop, EVRUN_NOWAIT);
        house_settle(&h);
        cr_expect_eq(h.kernel.calls[K_SPAWN], 1);
}

/* ---- it is gone */

static void expect_gone(void)
{
        house_begin(&h);
        cr_expect(house_said(&h, "'a' (pid 1000) ended while unsupervised"), "%s",
                  buf_str(&h.lines));
        house_later(&h, 5000);
        cr_expect_str_eq(house_state(&h, "a"), "RUNNING");
        cr_expect_eq(h.kernel.calls[K_SPAWN], 1);
}

Test(adopt, a_number_that_is_another_process_by_now_is_let_alone)
{
        struct fake_process *other = succeed(PROGRAM);

        other->entry.start_ticks += 100000;
        expect_gone();
        for (int sig = 1; sig < 64; sig++)
                cr_expect_eq(other->got[sig], 0, "signal %d", sig);
        cr_expect_neq(house_process(&h, "a")->pid, 1000);
}

Test(adopt, a_number_that_was_another_process_before_is_let_alone)
{
        succeed(PROGRAM)->entry.start_ticks = 0;
        expect_gone();
}

Test(adopt, a_number_that_is_free_is_a_worker_that_has_ended)
{
        succeed(PROGRAM);
        kernel_end(&h.kernel, 1000, KERNEL_EXITED(0));
        cr_assert_null(kernel_process(&h.kernel, 1000));
        expect_gone();
}

/* It is given to another process after the pidfd is open: the pidfd says that its own has ended. */
Test(adopt, one_that_ends_while_it_is_looked_at_has_ended)
{
        struct fake_process *w = succeed(PROGRAM);

        w->no_entry = ENOENT;
        w->no_signal = ESRCH;
        expect_gone();
}

Test(adopt, a_zombie_tells_how_it_ended_before_it_is_shown_as_alive)
{
        succeed(PROGRAM)->is_reaped_late = true;
        kernel_end(&h.kernel, 1000, KERNEL_EXITED(3));
        house_begin(&h);
        house_settle(&h);
        cr_expect_str_eq(house_state(&h, "a"), "EXITED");
        cr_expect_eq(house_process(&h, "a")->ending.code, 3);
        cr_expect_not(house_said(&h, "adopted: 'a'"));
}

/* ---- it cannot be looked at */

static void expect_tried_again(struct fake_process *w, int *refusal, int error)
{
        *refusal = error;
        house_begin(&h);
        expect_alone(strerror(error));
        *refusal = 0;
        look_again();
        cr_expect(house_said(&h, "adopted: 'a' with pid 1000"), "%s", buf_str(&h.lines));
        order_stop(&h.sup, house_process(&h, "a"), NULL);
        cr_expect_eq(w->got[SIGTERM], 1);
}

Test(adopt, one_without_a_descriptor_for_it_is_left_alone_and_tried_again)
{
        struct fake_process *w = succeed(PROGRAM);

        expect_tried_again(w, &w->no_pidfd, EMFILE);
}

Test(adopt, one_that_a_sandbox_does_not_let_be_held_is_left_alone_and_tried_again)
{
        struct fake_process *w = succeed(PROGRAM);

        expect_tried_again(w, &w->no_pidfd, EPERM);
}

Test(adopt, one_that_proc_does_not_show_is_left_alone_and_tried_again)
{
        struct fake_process *w = succeed(PROGRAM);

        expect_tried_again(w, &w->no_entry, EACCES);
}

Test(adopt, one_that_is_left_alone_and_turns_out_to_be_another_is_started_anew)
{
        struct fake_process *w = succeed(PROGRAM);

        w->no_pidfd = w->no_entry = EMFILE;
        house_begin(&h);
        expect_alone(strerror(EMFILE));
        w->no_pidfd = w->no_entry = 0;
        w->entry.start_ticks += 100000;
        look_again();
        cr_expect(house_said(&h, "'a' (pid 1000) ended while unsupervised"));
        house_later(&h, 5000);
        cr_expect_eq(h.kernel.calls[K_SPAWN], 1);
        cr_expect_eq(w->got[SIGTERM] + w->got[SIGKILL], 0);
}

Test(adopt, a_stop_of_one_that_is_left_alone_holds_it_for_that_moment)
{
        struct fake_process *w = succeed(PROGRAM);

        w->no_entry = EACCES;
        house_begin(&h);
        expect_alone(strerror(EACCES));
        order_stop(&h.sup, house_process(&h, "a"), NULL);
        cr_expect_eq(w->got[SIGTERM], 0, "it may be another process");
        cr_expect_eq(h.kernel.kill_count, 0);
        cr_expect_eq(h.kernel.calls[K_SPAWN], 0);
}

/* ---- another image of the same process */

Test(adopt, after_an_upgrade_the_workers_are_children_still)
{
        pid_t pid = house_process(&h, "a")->pid;

        those = kernel_survivors(&h.kernel);
        state_close(&h.sup, true);
        house_close(&h);
        open_house(PROGRAM);
        kernel_go_on(&h.kernel, &those, true);
        house_begin(&h);
        cr_expect(house_said(&h, "adopted: 'a' with pid 1000"));
        kernel_end(&h.kernel, pid, KERNEL_EXITED(4));
        reaper_drain(&h.sup);
        cr_expect_str_eq(house_state(&h, "a"), "EXITED");
        cr_expect(house_process(&h, "a")->ending.known);
        cr_expect_eq(house_process(&h, "a")->ending.code, 4);
}
