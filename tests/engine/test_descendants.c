/* What is below a worker when it is stopped or has ended: told once, killed when its time is over,
 * found wherever it went. On the fake kernel's processes. */
#include <criterion/criterion.h>
#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "engine/run/descendants.h"
#include "house.h"

#define W     "[program:a]\ncommand=/bin/w\nstartsecs=0\nstdout_logfile=NONE\nstderr_logfile=NONE\n"
#define GROUP W "stopasgroup=true\nkillasgroup=true\n"
#define KILLS W "killasgroup=true\n"
#define WAIT  10000 /* stopwaitsecs */

static struct house h;

static void open_and_begin(const char *body)
{
        house_open(&h, "", body);
        house_begin(&h);
        cr_assert_str_eq(house_state(&h, "a"), "RUNNING");
}

static void teardown(void)
{
        house_close(&h);
}

TestSuite(descendants, .fini = teardown, .timeout = 20);

static struct process *a(void)
{
        return house_process(&h, "a");
}

/* One that ignores the stop signal. */
static struct fake_process *below(pid_t parent)
{
        struct fake_process *p = kernel_fork(&h.kernel, parent);

        p->ignores_term = true;
        return p;
}

static struct fake_process *below_in_own_session(pid_t parent)
{
        struct fake_process *p = below(parent);

        kernel_setsid(p);
        return p;
}

static void go_on(void)
{
        house_settle(&h);
        ev_run(h.sup.loop, EVRUN_NOWAIT);
        house_settle(&h);
}

static void until(const char *state)
{
        while (strcmp(house_state(&h, "a"), state) != 0) {
                house_settle(&h);
                ev_run(h.sup.loop, EVRUN_ONCE);
        }
}

static void stop(void)
{
        order_stop(&h.sup, a(), NULL);
        go_on();
}

static bool lives(pid_t pid)
{
        return kernel_process(&h.kernel, pid) != NULL;
}

/* ---- a stop with all that is below it */

Test(descendants, have_the_stop_signal_once_and_the_end_waits_for_them)
{
        open_and_begin(GROUP);
        struct fake_process *in = below(a()->pid), *out = below_in_own_session(a()->pid);
        stop();
        go_on();
        cr_expect_str_eq(house_state(&h, "a"), "STOPPING");
        cr_expect_eq(in->got[SIGTERM], 1, "with its group: %d", in->got[SIGTERM]);
        cr_expect_eq(out->got[SIGTERM], 1, "%d", out->got[SIGTERM]);
        kernel_end(&h.kernel, in->entry.pid, 0);
        go_on();
        cr_expect_str_eq(house_state(&h, "a"), "STOPPING");
        kernel_end(&h.kernel, out->entry.pid, 0);
        until("STOPPED");
}

Test(descendants, without_the_keys_are_named_and_let_alone)
{
        open_and_begin(W);
        struct fake_process *in = below(a()->pid);
        stop();
        cr_expect_str_eq(house_state(&h, "a"), "STOPPED");
        cr_expect(house_said(&h, "left over from 'a': pid 1001"), "%s", buf_str(&h.lines));
        cr_expect_eq(in->got[SIGTERM] + in->got[SIGKILL], 0);
}

Test(descendants, are_killed_when_stopwaitsecs_are_over)
{
        open_and_begin(KILLS);
        struct fake_process *out = below_in_own_session(a()->pid);
        pid_t pid = out->entry.pid;
        stop();
        cr_expect_eq(out->got[SIGTERM], 1);
        house_later(&h, WAIT - 2000);
        go_on();
        cr_expect(lives(pid));
        house_later(&h, WAIT + 1000);
        until("STOPPED");
        cr_expect_not(lives(pid));
        cr_expect(house_said(&h, "killed what 'a' left over: pid 1001"));
}

Test(descendants, that_end_on_the_stop_signal_are_not_killed)
{
        open_and_begin(KILLS);
        struct fake_process *out = below_in_own_session(a()->pid);
        out->ignores_term = false;
        stop();
        until("STOPPED");
        cr_expect_not(lives(1001));
        cr_expect_not(house_said(&h, "killed"));
}

/* Its parent is gone and its session is its own: only what was seen before the stop tells. */
Test(descendants, that_left_the_session_and_lost_their_parent_are_found)
{
        open_and_begin(KILLS);
        struct fake_process *middle = kernel_fork(&h.kernel, a()->pid);
        struct fake_process *out = below_in_own_session(middle->entry.pid);
        buf_reset(&out->environ);
        stop();
        cr_expect_str_eq(house_state(&h, "a"), "STOPPING");
        cr_expect_eq(out->got[SIGTERM], 1);
        house_later(&h, WAIT + 1000);
        until("STOPPED");
        cr_expect_not(lives(1002));
}

/* Before the stop it was an orphan already: its environment tells whose it is. */
Test(descendants, that_were_orphans_before_are_known_by_their_environment)
{
        open_and_begin(KILLS);
        struct fake_process *middle = kernel_fork(&h.kernel, a()->pid);
        struct fake_process *out = below_in_own_session(middle->entry.pid);
        kernel_end(&h.kernel, middle->entry.pid, 0);
        cr_assert_eq(out->entry.parent, getpid());
        stop();
        cr_expect_eq(out->got[SIGTERM], 1);
        house_later(&h, WAIT + 1000);
        until("STOPPED");
        cr_expect_not(lives(1002));
}

Test(descendants, of_another_program_are_let_alone)
{
        open_and_begin(KILLS "[program:b]\ncommand=/bin/w\nstartsecs=0\n");
        struct fake_process *other = below_in_own_session(house_process(&h, "b")->pid);
        stop();
        until("STOPPED");
        cr_expect_eq(other->got[SIGTERM] + other->got[SIGKILL] + other->got[SIGSTOP], 0);
        cr_expect_str_eq(house_state(&h, "b"), "RUNNING");
}

/* ---- new ones between two looks */

static void forks_one_more(struct fake_kernel *k, struct fake_process *p, int sig)
{
        if (sig != SIGTERM)
                return;
        p->on_signal = NULL;
        kernel_setsid(kernel_fork(k, p->entry.pid));
        kernel_process(k, k->next_pid - 1)->ignores_term = true;
}

Test(descendants, that_are_forked_to_clean_up_are_not_told_while_their_parent_waits)
{
        open_and_begin(KILLS);
        struct fake_process *out = below_in_own_session(a()->pid);
        out->on_signal = forks_one_more;
        stop();
        go_on();
        struct fake_process *fresh = kernel_process(&h.kernel, 1002);
        cr_assert(fresh);
        cr_expect_eq(out->got[SIGTERM], 1);
        cr_expect_eq(fresh->got[SIGTERM], 0);
        house_later(&h, WAIT + 1000);
        until("STOPPED");
        cr_expect_not(lives(1001));
        cr_expect_not(lives(1002), "it dies with the others");
}

/* A fork that was under way when its parent was stopped in place. */
static void forks_late(struct fake_kernel *k, struct fake_process *p, int sig)
{
        if (sig != SIGSTOP || k->next_pid > 1010)
                return;
        struct fake_process *fresh = kernel_fork(k, p->entry.pid);
        fresh->entry.state = 'S';
        fresh->on_signal = forks_late;
        kernel_setsid(fresh);
}

Test(descendants, that_are_forked_while_all_are_stopped_in_place_are_killed_too)
{
        open_and_begin(KILLS);
        struct fake_process *out = below_in_own_session(a()->pid);
        out->on_signal = forks_late;
        stop();
        house_later(&h, WAIT + 1000);
        until("STOPPED");
        for (pid_t pid = 1001; pid < h.kernel.next_pid; pid++)
                cr_expect_not(lives(pid), "%d", (int)pid);
}

Test(descendants, are_not_left_stopped_in_place)
{
        open_and_begin(KILLS);
        struct fake_process *middle = kernel_fork(&h.kernel, a()->pid);
        struct fake_process *out = below_in_own_session(middle->entry.pid);
        kernel_end(&h.kernel, middle->entry.pid, 0);
        stop();
        cr_expect_eq(out->entry.state, 'S');
        cr_expect_eq(out->got[SIGTERM], 1);
}

/* ---- what cannot be signalled or looked at */

Test(descendants, that_cannot_be_signalled_hold_the_end_and_the_daemon_says_no_lie)
{
        open_and_begin(KILLS);
        struct fake_process *out = below_in_own_session(a()->pid);
        out->no_signal = EPERM;
        stop();
        house_later(&h, WAIT + 1000);
        go_on();
        cr_expect_str_eq(house_state(&h, "a"), "STOPPING");
        cr_expect_not(house_said(&h, "killed what 'a' left over"));
        out->no_signal = 0;
        until("STOPPED");
        cr_expect_not(lives(1001));
}

Test(descendants, that_hang_in_the_kernel_hold_the_end_until_they_go)
{
        open_and_begin(KILLS);
        struct fake_process *out = below_in_own_session(a()->pid);
        out->ignores_kill = true;
        stop();
        house_later(&h, WAIT + 1000);
        go_on();
        cr_expect_str_eq(house_state(&h, "a"), "STOPPING");
        kernel_end(&h.kernel, out->entry.pid, KERNEL_KILLED(SIGKILL));
        until("STOPPED");
}

Test(descendants, whose_number_is_another_process_by_now_are_not_signalled)
{
        open_and_begin(KILLS);
        struct fake_process *out = below_in_own_session(a()->pid);
        descendants_look(&h.sup, a());
        out->entry.start_ticks += 1000; /* it ended, and another one has its number and no parent */
        out->entry.parent = 1;
        buf_reset(&out->environ);
        kernel_end(&h.kernel, a()->pid, 0);
        go_on();
        cr_expect_eq(out->got[SIGTERM] + out->got[SIGKILL] + out->got[SIGSTOP], 0);
}

Test(descendants, are_looked_for_in_the_whole_table_where_lists_of_children_cannot_be_read)
{
        open_and_begin(KILLS);
        struct fake_process *out = below_in_own_session(a()->pid);
        kernel_fail(&h.kernel, K_CHILDREN, 0, ENOENT);
        stop();
        cr_expect_eq(out->got[SIGTERM], 1);
        house_later(&h, WAIT + 1000);
        until("STOPPED");
        cr_expect_not(lives(1001));
}

Test(descendants, that_cannot_be_told_at_all_do_not_hold_the_end_for_ever)
{
        open_and_begin(KILLS);
        below_in_own_session(a()->pid);
        kernel_fail(&h.kernel, K_CHILDREN, 0, EACCES);
        kernel_fail(&h.kernel, K_TABLE, 0, EMFILE);
        stop();
        until("STOPPED");
        cr_expect(house_said(&h, "cannot tell what ended processes have left"));
}

/* ---- an end by itself */

Test(descendants, of_one_that_ended_by_itself_are_stopped_before_the_next_start)
{
        open_and_begin(KILLS "autorestart=true\n");
        struct fake_process *out = below_in_own_session(a()->pid);
        kernel_end(&h.kernel, a()->pid, KERNEL_EXITED(1));
        go_on();
        cr_expect(house_said(&h, "left over from 'a': pid 1001"));
        cr_expect_eq(out->got[SIGTERM], 1);
        cr_expect_eq(h.kernel.calls[K_SPAWN], 1, "it waits for what is below");
        kernel_end(&h.kernel, out->entry.pid, 0);
        until("RUNNING");
        cr_expect_eq(h.kernel.calls[K_SPAWN], 2);
}

Test(descendants, an_end_that_leaves_nothing_looks_at_no_other_process)
{
        open_and_begin(W);
        long before = h.kernel.calls[K_CHILDREN] + h.kernel.calls[K_TABLE];
        kernel_end(&h.kernel, a()->pid, KERNEL_EXITED(0));
        house_settle(&h);
        cr_expect_eq(h.kernel.calls[K_CHILDREN] + h.kernel.calls[K_TABLE], before);
}
