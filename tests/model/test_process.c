/* Stories of one process: orders, starts, deaths, restarts. Readiness and health are in
 * test_readiness.c, words in test_process_words.c. */
#include <criterion/criterion.h>
#include <signal.h>

#include "subject.h"

static struct program web;
static struct process *p;

static void setup(void)
{
        web = subject_program();
        p = process_new("web", NULL, &web, 0);
        cr_assert(p);
}

static void teardown(void)
{
        process_free(p);
}

TestSuite(process, .init = setup, .fini = teardown);

static int64_t due_in(int64_t now)
{
        int64_t due_ms;

        cr_assert(process_due(p, &due_ms), "nothing awaited in %s", pstate_inner_name(p->state));
        return due_ms - BORN_MS - now;
}

static void start(int64_t now)
{
        cr_assert_eq(process_order(p, PE_START, at_ms(now)), DO_SPAWN);
        process_spawned(p, 42, at_ms(now));
}

/* Started at `now`, RUNNING a startsecs later; returns that time. */
static int64_t run(int64_t now)
{
        start(now);
        now += web.startsecs * 1000;
        process_tick(p, at_ms(now));
        cr_assert_eq(p->state, PS_RUNNING);
        return now;
}

/* The wait is over: start it again and let it become RUNNING. */
static int64_t run_again(int64_t now)
{
        now += due_in(now);
        cr_assert_eq(process_tick(p, at_ms(now)), DO_SPAWN);
        process_spawned(p, 43, at_ms(now));
        now += web.startsecs * 1000;
        process_tick(p, at_ms(now));
        cr_assert_eq(p->state, PS_RUNNING);
        return now;
}

/* ---- starts */

Test(process, begins_stopped_and_awaits_nothing)
{
        int64_t due_ms;

        cr_expect_eq(p->state, PS_STOPPED);
        cr_expect_not(process_due(p, &due_ms));
        cr_expect_eq(process_tick(p, at_ms(1000000)), 0);
}

Test(process, is_running_after_startsecs_and_not_before)
{
        web.startsecs = 5;
        start(0);
        cr_expect_eq(p->state, PS_STARTING);
        cr_expect_eq(due_in(0), 5000);
        process_tick(p, at_ms(4999));
        cr_expect_eq(p->state, PS_STARTING);
        process_tick(p, at_ms(5000));
        cr_expect_eq(p->state, PS_RUNNING);
        cr_expect_eq(p->waiting, WAIT_NONE);
}

Test(process, counts_startsecs_from_the_spawn_and_not_from_the_order)
{
        process_order(p, PE_START, at_ms(0));
        process_spawned(p, 42, at_ms(700));
        process_tick(p, at_ms(1000));
        cr_expect_eq(p->state, PS_STARTING);
        cr_expect_eq(due_in(1000), 700);
}

Test(process, is_running_at_once_with_startsecs_0)
{
        web.startsecs = 0;
        start(0);
        cr_expect_eq(p->state, PS_RUNNING);
        cr_expect_eq(p->pid, 42);
}

Test(process, backs_off_after_an_early_death_whatever_its_exit_code)
{
        start(0);
        cr_expect_eq(process_died(p, EXITED(0), at_ms(10)), 0);
        cr_expect_eq(p->state, PS_BACKOFF);
        cr_expect_eq(p->pid, 0);
        cr_expect_eq(p->tries, 1);
        cr_expect_not(p->ending.expected);
        cr_expect_str_eq(process_spawnerr(p), "Exited too quickly (process log may have details)");
}

Test(process, waits_longer_after_each_failed_start_and_gives_up_after_startretries)
{
        static const int64_t waits[] = { 1000, 2000, 4000 };
        int64_t now = 0;
        int spawns = 1;

        start(now);
        for (size_t i = 0; i < 3; i++) {
                process_died(p, EXITED(1), at_ms(now));
                cr_expect_eq(p->state, PS_BACKOFF);
                cr_expect_eq(p->tries, (int)i + 1);
                cr_expect_eq(due_in(now), waits[i]);
                now += waits[i];
                cr_expect_eq(process_tick(p, at_ms(now - 1)), 0);
                cr_expect_eq(process_tick(p, at_ms(now)), DO_SPAWN);
                process_spawned(p, 42, at_ms(now));
                spawns++;
        }
        cr_expect_eq(spawns, 1 + web.startretries);
        cr_expect_eq(process_died(p, EXITED(1), at_ms(now)), 0);
        cr_expect_eq(p->state, PS_BACKOFF, "seen in BACKOFF once more before FATAL");
        cr_expect_eq(due_in(now), 0);
        cr_expect_eq(process_tick(p, at_ms(now)), DO_ON_FATAL);
        cr_expect_eq(p->state, PS_FATAL);
        cr_expect_eq(p->waiting, WAIT_NONE);
        cr_expect_eq(p->restarts, 3);
}

Test(process, tries_once_only_with_startretries_0)
{
        web.startretries = 0;
        start(0);
        process_died(p, EXITED(1), at_ms(1));
        cr_expect_eq(process_tick(p, at_ms(1)), DO_ON_FATAL);
        cr_expect_eq(p->state, PS_FATAL);
}

Test(process, waits_a_second_for_descriptors_also_without_a_delay)
{
        web.restart_delay_ms = 0;
        process_order(p, PE_START, at_ms(0));
        process_spawn_short(p, "too many open files", at_ms(0));
        cr_expect_eq(due_in(0), 1000);
}

Test(process, counts_a_failed_spawn_as_a_failed_start)
{
        process_order(p, PE_START, at_ms(0));
        cr_expect_eq(process_spawn_failed(p, "can't find command 'x'", at_ms(0)), 0);
        cr_expect_eq(p->state, PS_BACKOFF);
        cr_expect_eq(p->tries, 1);
        cr_expect_eq(due_in(0), 1000);
        cr_expect_str_eq(process_spawnerr(p), "can't find command 'x'");
        cr_expect_eq(process_tick(p, at_ms(1000)), DO_SPAWN);
        cr_expect_null(process_spawnerr(p), "cleared by each spawn");
}

Test(process, forgets_failed_starts_when_running)
{
        start(0);
        process_died(p, EXITED(1), at_ms(10));
        run_again(10);
        cr_expect_eq(p->tries, 0);
}

Test(process, forgets_failed_starts_when_stopped_by_hand)
{
        start(0);
        process_died(p, EXITED(1), at_ms(10));
        cr_expect_eq(process_order(p, PE_STOP, at_ms(20)), 0);
        cr_expect_eq(p->state, PS_STOPPED);
        cr_expect_eq(p->tries, 0);
        cr_expect_eq(p->waiting, WAIT_NONE);
}

Test(process, gives_up_in_backoff_at_the_daemons_end_without_on_fatal)
{
        start(0);
        process_died(p, EXITED(1), at_ms(10));
        cr_expect_eq(process_order(p, PE_GIVE_UP, at_ms(20)), 0);
        cr_expect_eq(p->state, PS_FATAL);
}

Test(process, starts_from_fatal_with_a_clean_slate)
{
        web.startretries = 0;
        start(0);
        process_died(p, EXITED(1), at_ms(1));
        process_tick(p, at_ms(1));
        start(5000);
        cr_expect_eq(p->state, PS_STARTING);
        cr_expect_eq(p->tries, 0);
        cr_expect_eq(p->restarts, 0);
}

Test(process, refuses_orders_between_the_spawn_and_its_outcome)
{
        cr_assert_eq(process_order(p, PE_START, at_ms(0)), DO_SPAWN);
        for (int order = PE_START; order <= PE_GIVE_UP; order++)
                cr_expect_eq(process_order(p, (enum pevent)order, at_ms(0)), 0);
        cr_expect_eq(process_tick(p, at_ms(100000)), 0);
        cr_expect_eq(p->state, PS_STARTING);
}

Test(process, takes_facts_for_no_orders)
{
        start(0);
        for (int ev = PE_SPAWN_FAILED; ev < PE_COUNT; ev++)
                cr_expect_eq(process_order(p, (enum pevent)ev, at_ms(0)), 0);
        cr_expect_eq(process_order(p, PE_NONE, at_ms(0)), 0);
        cr_expect_eq(p->state, PS_STARTING);
}

Test(process, ignores_a_second_start)
{
        run(0);
        p->crashes = 2;
        cr_expect_eq(process_order(p, PE_START, at_ms(2000)), 0);
        cr_expect_eq(p->state, PS_RUNNING);
        cr_expect_eq(p->crashes, 2, "refused orders change nothing");
}

Test(process, ignores_a_death_without_a_pid)
{
        cr_expect_eq(process_died(p, EXITED(0), at_ms(0)), 0);
        cr_expect_not(p->ending.happened);
}

/* ---- a death that overtakes the promotion */

Test(process, asks_to_be_promoted_before_a_death_that_came_after_startsecs)
{
        start(0);
        cr_expect_not(process_promote_first(p, at_ms(999)));
        cr_expect(process_promote_first(p, at_ms(1000)));
        process_tick(p, at_ms(1000));
        cr_expect_eq(p->state, PS_RUNNING);
        cr_expect_not(process_promote_first(p, at_ms(1000)));
        process_died(p, EXITED(0), at_ms(1000));
        cr_expect_eq(p->state, PS_EXITED);
        cr_expect(p->ending.expected);
}

Test(process, judges_that_exit_the_same_without_an_order)
{
        start(0);
        process_died(p, EXITED(0), at_ms(1000));
        cr_expect_eq(p->state, PS_EXITED);
        cr_expect_eq(p->tries, 0);
}

/* ---- ends after RUNNING */

Test(process, stays_exited_after_an_expected_end)
{
        int64_t now = run(0), due_ms;

        cr_expect_eq(process_died(p, EXITED(0), at_ms(now)), 0);
        cr_expect_eq(p->state, PS_EXITED);
        cr_expect_not(process_due(p, &due_ms));
        cr_expect_null(process_spawnerr(p));
}

Test(process, stays_exited_after_a_crash_with_autorestart_false)
{
        web.autorestart = RESTART_NEVER;
        int64_t now = run(0);
        process_died(p, KILLED(SIGSEGV), at_ms(now));
        cr_expect_eq(p->state, PS_EXITED);
        cr_expect_str_eq(process_spawnerr(p), "Bad exit code -1");
}

Test(process, is_exited_for_everybody_while_it_waits_after_a_crash)
{
        int64_t now = run(0);

        process_died(p, EXITED(3), at_ms(now));
        cr_expect_eq(p->state, PS_RESPAWN);
        cr_expect_eq(process_shown(p->state), PS_EXITED);
        cr_expect_eq(pstate_code(p->state), 100);
        cr_expect_str_eq(process_spawnerr(p), "Bad exit code 3");
        cr_expect_eq(p->crashes, 1);
        cr_expect_eq(p->tries, 0);
}

Test(process, restarts_at_once_after_the_first_crash_then_waits_longer_each_time)
{
        static const int64_t waits[] = { 0, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };
        int64_t now = run(0);

        for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
                process_died(p, KILLED(SIGSEGV), at_ms(now));
                cr_expect_eq(p->crashes, (int)i + 1);
                cr_expect_eq(due_in(now), waits[i], "crash %zu waits %d", i + 1, (int)due_in(now));
                now = run_again(now);
        }
        cr_expect_eq(p->state, PS_RUNNING, "crashes alone never lead to FATAL");
}

Test(process, forgets_crashes_after_restart_reset)
{
        int64_t now = run(0);

        process_died(p, KILLED(SIGSEGV), at_ms(now));
        now = run_again(now);
        cr_expect_eq(process_crashes(p, BORN_MS + now + 59999), 1);
        cr_expect_eq(process_crashes(p, BORN_MS + now + 60000), 0);
        process_died(p, KILLED(SIGSEGV), at_ms(now + 60000));
        cr_expect_eq(p->crashes, 1);
        cr_expect_eq(due_in(now + 60000), 0);
}

Test(process, remembers_crashes_just_before_restart_reset)
{
        int64_t now = run(0);

        process_died(p, KILLED(SIGSEGV), at_ms(now));
        now = run_again(now);
        process_died(p, KILLED(SIGSEGV), at_ms(now + 59999));
        cr_expect_eq(p->crashes, 2);
}

Test(process, paces_expected_ends_to_ten_starts_a_second)
{
        web.autorestart = RESTART_ALWAYS;
        web.startsecs = 0;
        start(0);
        process_died(p, EXITED(0), at_ms(30));
        cr_expect_eq(p->state, PS_RESPAWN);
        cr_expect_eq(due_in(30), 70);
        cr_expect_eq(process_tick(p, at_ms(100)), DO_SPAWN);
        process_spawned(p, 43, at_ms(100));
        process_died(p, EXITED(0), at_ms(350));
        cr_expect_eq(due_in(350), 0, "was up longer than the pace");
        cr_expect_eq(p->crashes, 0);
        cr_expect_eq(p->restarts, 1);
}

Test(process, never_loops_hot_even_when_every_crash_is_the_first)
{
        web.startsecs = 0;
        web.restart_reset_ms = 0;
        start(0);
        process_died(p, EXITED(1), at_ms(1));
        cr_expect_eq(due_in(1), 0);
        process_tick(p, at_ms(1));
        process_spawned(p, 43, at_ms(1));
        process_died(p, EXITED(1), at_ms(2));
        cr_expect_eq(due_in(2), 99);
}

Test(process, waits_for_nothing_with_restart_delay_0)
{
        web.autorestart = RESTART_ALWAYS;
        web.startsecs = 0;
        web.restart_delay_ms = 0;
        start(0);
        for (int i = 0; i < 5; i++) {
                process_died(p, EXITED(i % 2), at_ms(i));
                cr_expect_eq(due_in(i), 0);
                cr_expect_eq(process_tick(p, at_ms(i)), DO_SPAWN);
                process_spawned(p, 43, at_ms(i));
        }
        web.startsecs = 1;
        process_order(p, PE_STOP, at_ms(10));
        process_died(p, EXITED(0), at_ms(10));
        start(10);
        process_died(p, EXITED(1), at_ms(20));
        cr_expect_eq(p->state, PS_BACKOFF);
        cr_expect_eq(due_in(20), 0);
}

Test(process, cancels_the_wait_after_a_crash_when_stopped)
{
        int64_t now = run(0), due_ms;

        process_died(p, EXITED(3), at_ms(now));
        cr_expect_eq(process_order(p, PE_STOP, at_ms(now)), 0);
        cr_expect_eq(p->state, PS_STOPPED);
        cr_expect_not(process_due(p, &due_ms));
}

Test(process, starts_at_once_when_ordered_while_it_waits_after_a_crash)
{
        int64_t now = run(0);

        process_died(p, EXITED(3), at_ms(now));
        now = run_again(now);
        process_died(p, EXITED(3), at_ms(now));
        cr_expect_gt(due_in(now), 0);
        start(now);
        cr_expect_eq(p->state, PS_STARTING);
        cr_expect_eq(p->crashes, 0);
        cr_expect_eq(p->restarts, 0);
}

/* ---- the breaker */

static void arm_breaker(int count, int64_t window_ms)
{
        web.restart_limit = (struct rate){ .count = count, .window_ms = window_ms };
}

Test(process, goes_fatal_when_it_ends_too_often_within_the_window)
{
        arm_breaker(2, 60000);
        int64_t now = run(0);
        for (int i = 0; i < 2; i++) {
                process_died(p, EXITED(3), at_ms(now));
                now = run_again(now);
        }
        cr_expect_eq(process_died(p, EXITED(3), at_ms(now)), 0);
        cr_expect_eq(process_shown(p->state), PS_EXITED, "the end itself is seen");
        cr_expect_eq(due_in(now), 0);
        cr_expect_eq(process_tick(p, at_ms(now)), DO_ON_FATAL);
        cr_expect_eq(p->state, PS_FATAL);
}

Test(process, counts_failed_starts_and_crashes_together_for_the_breaker)
{
        arm_breaker(1, 60000);
        start(0);
        process_died(p, EXITED(1), at_ms(10));
        cr_expect_eq(p->state, PS_BACKOFF);
        int64_t now = run_again(10);
        process_died(p, EXITED(1), at_ms(now));
        cr_expect_eq(process_tick(p, at_ms(now)), DO_ON_FATAL);
        cr_expect_eq(p->state, PS_FATAL);
}

Test(process, does_not_count_a_start_for_which_descriptors_were_short)
{
        int64_t now = 0;

        arm_breaker(1, 60000);
        web.startretries = 1;
        process_order(p, PE_START, at_ms(now));
        for (int i = 0; i < 20; i++) {
                cr_expect_eq(process_spawn_short(p, "too many open files", at_ms(now)), 0);
                cr_expect_eq(p->state, PS_BACKOFF);
                cr_expect_eq(p->tries, 0);
                cr_expect_eq(due_in(now), 1000);
                cr_expect_str_eq(process_spawnerr(p), "too many open files");
                now += 1000;
                cr_expect_eq(process_tick(p, at_ms(now)), DO_SPAWN);
        }
        process_spawn_failed(p, "no", at_ms(now));
        cr_expect_eq(p->tries, 1);
        cr_expect_eq(process_tick(p, at_ms(now + 1000)), DO_SPAWN, "this is the first failure");
}

Test(process, opens_the_breaker_on_failed_spawns_before_startretries_run_out)
{
        arm_breaker(1, 60000);
        process_order(p, PE_START, at_ms(0));
        process_spawn_failed(p, "no", at_ms(0));
        cr_expect_eq(process_tick(p, at_ms(1000)), DO_SPAWN);
        process_spawn_failed(p, "no", at_ms(1000));
        cr_expect_eq(process_tick(p, at_ms(1000)), DO_ON_FATAL);
        cr_expect_eq(p->tries, 2);
}

Test(process, does_not_count_stops_and_expected_ends_for_the_breaker)
{
        arm_breaker(1, 1000000);
        web.autorestart = RESTART_ALWAYS;
        int64_t now = run(0);
        for (int i = 0; i < 5; i++) {
                process_died(p, EXITED(0), at_ms(now));
                now = run_again(now);
        }
        cr_expect_eq(p->breaker.count, 0);
        process_order(p, PE_RESTART, at_ms(now));
        cr_expect_eq(process_died(p, KILLED(SIGTERM), at_ms(now)), DO_START);
        cr_expect_eq(p->breaker.count, 0);
}

Test(process, closes_the_breaker_when_started_by_order)
{
        arm_breaker(1, 1000000);
        int64_t now = run(0);
        process_died(p, EXITED(3), at_ms(now));
        now = run_again(now);
        process_died(p, EXITED(3), at_ms(now));
        process_tick(p, at_ms(now));
        cr_assert_eq(p->state, PS_FATAL);
        now = run(now);
        process_died(p, EXITED(3), at_ms(now));
        cr_expect_eq(p->state, PS_RESPAWN);
        cr_expect_eq(p->waiting, WAIT_RETRY);
}

Test(process, can_be_stopped_or_started_in_the_moment_before_it_gives_up)
{
        arm_breaker(1, 1000000);
        int64_t now = run(0);
        process_died(p, EXITED(3), at_ms(now));
        now = run_again(now);
        process_died(p, EXITED(3), at_ms(now));
        cr_assert_eq(p->waiting, WAIT_GIVE_UP);
        cr_expect_eq(process_order(p, PE_START, at_ms(now)), DO_SPAWN);
        cr_expect_eq(p->state, PS_STARTING);
}

/* ---- stops */

Test(process, is_killed_every_stopwaitsecs_until_it_dies)
{
        int64_t now = run(0);

        cr_expect_eq(process_order(p, PE_STOP, at_ms(now)), DO_TERM);
        cr_expect_eq(due_in(now), 10000);
        for (int i = 0; i < 3; i++) {
                cr_expect_eq(process_tick(p, at_ms(now + 9999)), 0);
                now += 10000;
                cr_expect_eq(process_tick(p, at_ms(now)), DO_KILL);
                cr_expect_eq(p->state, PS_STOPPING);
                cr_expect_eq(due_in(now), 10000);
        }
        cr_expect_eq(process_died(p, KILLED(SIGKILL), at_ms(now)), 0);
        cr_expect_eq(p->state, PS_STOPPED);
        cr_expect_eq(p->waiting, WAIT_NONE);
        cr_expect_eq(p->pid, 0);
}

Test(process, pauses_between_kills_with_stopwaitsecs_0)
{
        web.stopwaitsecs = 0;
        int64_t now = run(0);
        process_order(p, PE_STOP, at_ms(now));
        cr_expect_eq(due_in(now), 0);
        cr_expect_eq(process_tick(p, at_ms(now)), DO_KILL);
        cr_expect_eq(due_in(now), 1000);
}

Test(process, is_killed_at_once_with_a_negative_stopwaitsecs)
{
        web.stopwaitsecs = -1;
        int64_t now = run(0);
        cr_expect_eq(process_order(p, PE_STOP, at_ms(now)), DO_TERM);
        cr_expect_eq(due_in(now), 0);
        cr_expect_eq(process_tick(p, at_ms(now)), DO_KILL);
        cr_expect_eq(due_in(now), 1000);
}

Test(process, does_not_prolong_a_stop_by_asking_again)
{
        int64_t now = run(0);

        process_order(p, PE_STOP, at_ms(now));
        cr_expect_eq(process_order(p, PE_STOP, at_ms(now + 5000)), 0);
        cr_expect_eq(process_order(p, PE_RESTART, at_ms(now + 6000)), 0);
        cr_expect_eq(process_order(p, PE_RETIRE, at_ms(now + 7000)), 0);
        cr_expect_eq(due_in(now), 10000);
}

Test(process, stays_stopped_after_a_stop_whatever_its_exit_status)
{
        web.autorestart = RESTART_ALWAYS;
        int64_t now = run(0);
        process_order(p, PE_STOP, at_ms(now));
        process_died(p, EXITED(9), at_ms(now));
        cr_expect_eq(p->state, PS_STOPPED);
        cr_expect_null(process_spawnerr(p));
        cr_expect_eq(p->crashes, 0);
}

Test(process, can_be_stopped_while_starting_and_counts_no_try)
{
        start(0);
        cr_expect_eq(process_order(p, PE_STOP, at_ms(10)), DO_TERM);
        process_died(p, KILLED(SIGTERM), at_ms(20));
        cr_expect_eq(p->state, PS_STOPPED);
        cr_expect_eq(p->tries, 0);
}

Test(process, stops_and_starts_again_on_restart)
{
        int64_t now = run(0);

        cr_expect_eq(process_order(p, PE_RESTART, at_ms(now)), DO_TERM);
        cr_expect_eq(process_shown(p->state), PS_STOPPING);
        cr_expect_eq(process_died(p, KILLED(SIGTERM), at_ms(now + 50)), DO_START);
        cr_expect_eq(p->state, PS_STOPPED);
        start(now + 50);
}

Test(process, stays_stopped_when_stopped_in_the_middle_of_a_restart)
{
        int64_t now = run(0);

        process_order(p, PE_RESTART, at_ms(now));
        process_order(p, PE_STOP, at_ms(now));
        cr_expect_eq(process_died(p, KILLED(SIGTERM), at_ms(now)), 0);
        cr_expect_eq(p->state, PS_STOPPED);
}

Test(process, starts_on_restart_when_it_is_not_running)
{
        cr_expect_eq(process_order(p, PE_RESTART, at_ms(0)), DO_SPAWN);
        cr_expect_eq(p->state, PS_STARTING);
}

Test(process, is_forgotten_after_retiring)
{
        int64_t now = run(0);

        cr_expect_eq(process_order(p, PE_RETIRE, at_ms(now)), DO_TERM);
        cr_expect_eq(process_tick(p, at_ms(now + 10000)), DO_KILL);
        cr_expect_eq(process_died(p, KILLED(SIGKILL), at_ms(now + 10000)), DO_FORGET);
        cr_expect_eq(p->state, PS_GONE);
        cr_expect_eq(process_shown(p->state), PS_STOPPED);
}

Test(process, is_forgotten_at_once_when_retired_without_a_pid)
{
        cr_expect_eq(process_order(p, PE_RETIRE, at_ms(0)), DO_FORGET);
        cr_expect_eq(p->state, PS_GONE);
}

Test(process, starts_again_when_wanted_while_retiring)
{
        int64_t now = run(0);

        process_order(p, PE_RETIRE, at_ms(now));
        cr_expect_eq(process_order(p, PE_START, at_ms(now + 10)), 0);
        cr_expect_eq(due_in(now), 10000);
        cr_expect_eq(process_died(p, KILLED(SIGTERM), at_ms(now + 20)), DO_START);
}

/* ---- a signal that cannot be sent */

Test(process, is_unknown_when_it_cannot_be_signalled)
{
        int64_t now = run(0), due_ms;

        process_order(p, PE_STOP, at_ms(now));
        process_signal_failed(p, "no permission", at_ms(now));
        cr_expect_eq(p->state, PS_UNKNOWN);
        cr_expect_eq(p->pid, 42, "it lives");
        cr_expect_not(process_due(p, &due_ms));
        cr_expect_str_eq(process_spawnerr(p), "no permission");
        process_died(p, EXITED(0), at_ms(now));
        cr_expect_eq(p->state, PS_EXITED);
        cr_expect_eq(p->pid, 0);
}

Test(process, never_gets_a_second_pid_when_started_while_unknown)
{
        int64_t now = run(0);

        process_signal_failed(p, "no permission", at_ms(now));
        cr_assert_eq(p->state, PS_UNKNOWN);
        cr_expect_eq(process_order(p, PE_START, at_ms(now)), DO_TERM);
        cr_expect_eq(process_died(p, KILLED(SIGTERM), at_ms(now)), DO_START);
}

Test(process, is_still_forgotten_when_a_retiring_one_cannot_be_signalled)
{
        int64_t now = run(0);

        process_order(p, PE_RETIRE, at_ms(now));
        process_signal_failed(p, "no permission", at_ms(now));
        cr_expect_eq(p->state, PS_RETIRING);
        cr_expect_eq(process_died(p, EXITED(0), at_ms(now)), DO_FORGET);
}

Test(process, ignores_a_failed_signal_without_a_pid)
{
        cr_expect_eq(process_signal_failed(p, "no", at_ms(0)), 0);
        cr_expect_eq(p->state, PS_STOPPED);
        cr_expect_null(process_spawnerr(p));
}

/* ---- what its last run has left */

static void crash_and_leave(int64_t now)
{
        process_died(p, EXITED(1), at_ms(now));
        cr_assert_eq(p->state, PS_RESPAWN);
        p->remains = true;
}

Test(process, is_not_started_again_beside_what_remains)
{
        int64_t now = run(0);

        web.stopwaitsecs = 7;
        crash_and_leave(now);
        now += due_in(now);
        cr_expect_eq(process_tick(p, at_ms(now)), DO_TERM);
        cr_expect_eq(p->state, PS_RESPAWN);
        cr_expect_eq(due_in(now), 7000);
        cr_expect_eq(process_tick(p, at_ms(now + 7000)), DO_KILL);
        cr_expect_eq(p->state, PS_RESPAWN);
        cr_expect_eq(process_cleared(p, at_ms(now + 7001)), DO_SPAWN);
        cr_expect_eq(p->state, PS_STARTING);
        cr_expect_eq(p->crashes, 1);
        cr_expect_not(p->remains);
}

Test(process, an_order_is_carried_out_when_nothing_remains)
{
        static const struct {
                enum pevent order;
                enum pstate state, then;
                unsigned work;
        } cases[] = { { PE_START, PS_RESTARTING, PS_STOPPED, DO_START },
                      { PE_RESTART, PS_RESTARTING, PS_STOPPED, DO_START },
                      { PE_STOP, PS_STOPPING, PS_STOPPED, 0 },
                      { PE_RETIRE, PS_RETIRING, PS_GONE, DO_FORGET } };
        static const enum pstate resting[] = { PS_STOPPED, PS_EXITED, PS_FATAL, PS_BACKOFF,
                                               PS_RESPAWN };

        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
                for (size_t i = 0; i < sizeof resting / sizeof *resting; i++) {
                        p->state = resting[i];
                        p->waiting = WAIT_NONE;
                        p->remains = true;
                        cr_expect_eq(process_order(p, cases[c].order, at_ms(0)), DO_TERM);
                        cr_expect_eq(p->state, cases[c].state);
                        cr_expect_eq(due_in(0), (int64_t)web.stopwaitsecs * 1000);
                        cr_expect_eq(process_cleared(p, at_ms(5)), cases[c].work);
                        cr_expect_eq(p->state, cases[c].then);
                }
}

Test(process, an_order_does_not_prolong_the_time_of_what_remains)
{
        int64_t now = run(0);

        web.stopwaitsecs = 7;
        crash_and_leave(now);
        now += due_in(now);
        process_tick(p, at_ms(now));
        cr_expect_eq(process_order(p, PE_START, at_ms(now + 3000)), 0);
        cr_expect_eq(p->state, PS_RESTARTING);
        cr_expect_eq(due_in(now), 7000);
        cr_expect_eq(process_order(p, PE_STOP, at_ms(now + 4000)), 0);
        cr_expect_eq(p->state, PS_STOPPING);
        cr_expect_eq(due_in(now), 7000);
}

Test(process, has_nothing_to_clear_while_it_lives)
{
        int64_t now = run(0);

        cr_expect_eq(process_cleared(p, at_ms(now)), 0);
        process_order(p, PE_STOP, at_ms(now));
        cr_expect_eq(process_cleared(p, at_ms(now)), 0);
        cr_expect_eq(p->state, PS_STOPPING);
}

/* ---- the program changes under it */

Test(process, takes_a_longer_startsecs_from_a_new_program)
{
        struct program next = subject_program();

        start(0);
        next.startsecs = 5;
        p->program = &next;
        process_tick(p, at_ms(1000));
        cr_expect_eq(p->state, PS_STARTING);
        cr_expect_eq(due_in(1000), 4000);
        process_tick(p, at_ms(5000));
        cr_expect_eq(p->state, PS_RUNNING);
        p->program = &web;
}
