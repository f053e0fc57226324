/* What verdicts of the probe do to the machine: readiness, start_timeout, unhealthy workers. */
#include <criterion/criterion.h>
#include <signal.h>

#include "subject.h"

static struct program web;
static struct process *p;

static void setup(void)
{
        web = subject_program();
        web.healthcheck.kind = CHECK_TCP;
        p = process_new("web", NULL, &web, 0);
        cr_assert(p);
}

static void teardown(void)
{
        process_free(p);
}

TestSuite(readiness, .init = setup, .fini = teardown);
TestSuite(unhealthy, .init = setup, .fini = teardown);

static void start(int64_t now)
{
        cr_assert_eq(process_order(p, PE_START, at_ms(now)), DO_SPAWN);
        process_spawned(p, 42, at_ms(now));
}

static int64_t run(int64_t now)
{
        start(now);
        process_tick(p, at_ms(now + 1000));
        cr_assert_eq(p->state, PS_RUNNING);
        return now + 1000;
}

/* A result as the engine brings it. */
static unsigned probed(bool ok, int64_t now)
{
        int64_t up_ms = BORN_MS + now - p->spawned_ms;

        return process_verdict(p, health_result(&p->health, &web, ok, up_ms), at_ms(now));
}

static unsigned fail_check(int64_t now)
{
        for (int i = 1; i < web.healthcheck_retries; i++)
                cr_assert_eq(probed(false, now), 0);
        return probed(false, now);
}

Test(readiness, is_running_at_the_first_success)
{
        web.ready = READY_HEALTHCHECK;
        start(0);
        process_tick(p, at_ms(50000));
        cr_expect_eq(p->state, PS_STARTING);
        cr_expect_eq(p->waiting, WAIT_NONE, "without start_timeout nothing is awaited");
        probed(true, 50000);
        cr_expect_eq(p->state, PS_RUNNING);
}

Test(readiness, is_not_running_before_startsecs)
{
        int64_t due_ms;

        web.ready = READY_HEALTHCHECK;
        web.startsecs = 5;
        start(0);
        probed(true, 1000);
        cr_expect_eq(p->state, PS_STARTING);
        cr_assert(process_due(p, &due_ms));
        cr_expect_eq(due_ms, BORN_MS + 5000);
        process_tick(p, at_ms(5000));
        cr_expect_eq(p->state, PS_RUNNING);
}

Test(readiness, waits_for_the_check_with_startsecs_0_too)
{
        web.ready = READY_HEALTHCHECK;
        web.startsecs = 0;
        start(0);
        cr_expect_eq(p->state, PS_STARTING);
        probed(true, 10);
        cr_expect_eq(p->state, PS_RUNNING);
}

Test(readiness, comes_with_the_first_success_though_more_are_needed_to_be_healthy)
{
        web.ready = READY_HEALTHCHECK;
        web.healthcheck_successes = 3;
        start(0);
        probed(true, 2000);
        cr_expect_eq(p->state, PS_RUNNING);
        cr_expect_eq(p->health.status, HEALTH_STARTING);
}

Test(readiness, means_uptime_where_there_is_no_check)
{
        web.ready = READY_HEALTHCHECK;
        web.healthcheck.kind = CHECK_NONE;
        start(0);
        process_tick(p, at_ms(1000));
        cr_expect_eq(p->state, PS_RUNNING);
}

Test(readiness, is_not_asked_for_with_ready_uptime)
{
        web.start_timeout_ms = 500;
        start(0);
        process_tick(p, at_ms(500));
        cr_expect_eq(p->state, PS_STARTING, "start_timeout bounds readiness only");
        fail_check(600);
        process_tick(p, at_ms(1000));
        cr_expect_eq(p->state, PS_RUNNING);
}

Test(readiness, is_bounded_by_start_timeout_then_the_ladder_then_backoff)
{
        web.ready = READY_HEALTHCHECK;
        web.start_timeout_ms = 30000;
        start(0);
        cr_expect_eq(process_tick(p, at_ms(29999)), 0);
        cr_expect_eq(process_tick(p, at_ms(30000)), DO_TERM);
        cr_expect_eq(p->state, PS_LATE);
        cr_expect_eq(process_shown(p->state), PS_STOPPING);
        cr_expect_eq(process_tick(p, at_ms(40000)), DO_KILL);
        process_died(p, KILLED(SIGKILL), at_ms(40001));
        cr_expect_eq(p->state, PS_BACKOFF);
        cr_expect_eq(p->tries, 1);
        cr_expect_not(p->ending.expected);
        cr_expect_str_eq(process_spawnerr(p), "Not ready within 30s (start_timeout)");
        cr_expect_eq(process_tick(p, at_ms(41001)), DO_SPAWN);
}

Test(readiness, ends_in_fatal_when_it_is_late_too_often)
{
        web.ready = READY_HEALTHCHECK;
        web.start_timeout_ms = 100;
        web.startretries = 0;
        start(0);
        process_tick(p, at_ms(100));
        process_died(p, KILLED(SIGTERM), at_ms(110));
        cr_expect_eq(process_tick(p, at_ms(110)), DO_ON_FATAL);
        cr_expect_eq(p->state, PS_FATAL);
}

Test(readiness, is_not_late_when_ready_before_startsecs_and_start_timeout)
{
        web.ready = READY_HEALTHCHECK;
        web.startsecs = 10;
        web.start_timeout_ms = 5000;
        start(0);
        probed(true, 1000);
        process_tick(p, at_ms(5000));
        cr_expect_eq(p->state, PS_STARTING);
        process_tick(p, at_ms(10000));
        cr_expect_eq(p->state, PS_RUNNING);
}

Test(readiness, counts_a_death_before_it_as_a_failed_start_at_any_age)
{
        web.ready = READY_HEALTHCHECK;
        start(0);
        cr_expect_not(process_promote_first(p, at_ms(600000)));
        process_died(p, EXITED(0), at_ms(600000));
        cr_expect_eq(p->state, PS_BACKOFF);
}

Test(readiness, begins_anew_with_each_start)
{
        web.ready = READY_HEALTHCHECK;
        start(0);
        probed(true, 1000);
        process_died(p, EXITED(1), at_ms(2000));
        cr_assert_eq(process_tick(p, at_ms(2000)), DO_SPAWN);
        process_spawned(p, 43, at_ms(2000));
        process_tick(p, at_ms(10000));
        cr_expect_eq(p->state, PS_STARTING, "the success of the life before does not count");
}

Test(readiness, does_not_come_from_a_verdict_for_the_life_before)
{
        web.ready = READY_HEALTHCHECK;
        process_order(p, PE_START, at_ms(0));
        cr_expect_eq(process_verdict(p, NEWS_FIRST_SUCCESS, at_ms(0)), 0);
        cr_expect_eq(p->state, PS_STARTING);
}

Test(readiness, is_cut_short_by_a_stop_while_late)
{
        web.ready = READY_HEALTHCHECK;
        web.start_timeout_ms = 100;
        start(0);
        process_tick(p, at_ms(100));
        process_order(p, PE_STOP, at_ms(200));
        cr_expect_eq(p->state, PS_STOPPING);
        cr_expect_eq(p->due.due_ms, BORN_MS + 10100, "the ladder goes on");
        process_died(p, KILLED(SIGTERM), at_ms(300));
        cr_expect_eq(p->state, PS_STOPPED);
        cr_expect_eq(p->tries, 0);
}

/* ---- unhealthy */

Test(unhealthy, is_stopped_and_then_treated_as_crashed)
{
        int64_t now = run(0);

        cr_expect_eq(fail_check(now), DO_TERM);
        cr_expect_eq(p->state, PS_SICK);
        cr_expect_eq(process_shown(p->state), PS_STOPPING);
        cr_expect_eq(process_tick(p, at_ms(now + 10000)), DO_KILL);
        process_died(p, EXITED(0), at_ms(now + 10000));
        cr_expect_eq(p->state, PS_RESPAWN);
        cr_expect_not(p->ending.expected, "even with exit status 0");
        cr_expect(p->ending.unhealthy);
        cr_expect_eq(p->crashes, 1);
        cr_expect_eq(p->health.status, HEALTH_NONE);
        cr_expect_eq(process_tick(p, at_ms(now + 10000)), DO_SPAWN);
}

Test(unhealthy, is_killed_at_once_with_action_kill)
{
        web.healthcheck_action = CHECK_ACT_KILL;
        int64_t now = run(0);
        cr_expect_eq(fail_check(now), DO_KILL);
        cr_expect_eq(p->state, PS_SICK);
        cr_expect_eq(p->due.due_ms, BORN_MS + now + 10000);
}

Test(unhealthy, is_left_alone_with_action_none)
{
        web.healthcheck_action = CHECK_ACT_NONE;
        int64_t now = run(0);
        cr_expect_eq(fail_check(now), 0);
        cr_expect_eq(p->state, PS_RUNNING);
        cr_expect_eq(p->calm_ms, -1);
        probed(true, now + 500);
        cr_expect_eq(p->calm_ms, BORN_MS + now + 500);
}

Test(unhealthy, is_calm_again_from_when_it_is_healthy_again)
{
        web.healthcheck_action = CHECK_ACT_NONE;
        int64_t now = run(0);
        probed(true, now);
        cr_expect_eq(p->calm_ms, BORN_MS + now, "since it is RUNNING");
        fail_check(now + 100);
        cr_expect_eq(p->calm_ms, -1);
        probed(true, now + 200);
        probed(true, now + 300);
        cr_expect_eq(p->calm_ms, BORN_MS + now + 200);
}

Test(unhealthy, stays_exited_with_autorestart_false)
{
        web.autorestart = RESTART_NEVER;
        int64_t now = run(0);
        fail_check(now);
        process_died(p, KILLED(SIGTERM), at_ms(now));
        cr_expect_eq(p->state, PS_EXITED);
}

Test(unhealthy, counts_for_the_breaker)
{
        web.restart_limit = (struct rate){ .count = 1, .window_ms = 100000 };
        int64_t now = run(0);
        fail_check(now);
        process_died(p, KILLED(SIGTERM), at_ms(now));
        process_tick(p, at_ms(now));
        process_spawned(p, 43, at_ms(now));
        now += 1000;
        process_tick(p, at_ms(now));
        fail_check(now);
        process_died(p, KILLED(SIGTERM), at_ms(now));
        cr_expect_eq(process_tick(p, at_ms(now)), DO_ON_FATAL);
        cr_expect_eq(p->state, PS_FATAL);
        cr_expect_str_eq(process_spawnerr(p),
                         "More than 1 failure within 100s (restart_limit), last: Stopped as "
                         "unhealthy");
}

Test(unhealthy, is_stopped_for_good_when_stopped_meanwhile)
{
        int64_t now = run(0);

        fail_check(now);
        cr_expect_eq(process_order(p, PE_STOP, at_ms(now)), 0);
        process_died(p, KILLED(SIGTERM), at_ms(now));
        cr_expect_eq(p->state, PS_STOPPED);
        cr_expect_eq(p->crashes, 0);
}

/* One failure an interval, until it is unhealthy. */
static unsigned fail_while_awaited(int64_t from_ms)
{
        unsigned todo = 0;

        for (int i = 0; i < 20 && !todo && p->health.status != HEALTH_UNHEALTHY; i++)
                todo = probed(false, from_ms + i * 10);
        return todo;
}

Test(unhealthy, makes_a_start_that_waits_for_the_check_fail_after_the_start_period)
{
        web.ready = READY_HEALTHCHECK;
        web.healthcheck_start_period_ms = 5000;
        web.healthcheck_interval_ms = 1;
        start(0);
        for (int ms = 100; ms < 5000; ms += 100)
                cr_expect_eq(probed(false, ms), 0);
        cr_expect_eq(p->state, PS_STARTING);
        cr_expect_eq(fail_while_awaited(6000), DO_TERM);
        cr_expect_eq(p->state, PS_LATE);
        process_died(p, KILLED(SIGTERM), at_ms(6000));
        cr_expect_eq(p->state, PS_BACKOFF);
        cr_expect_eq(p->tries, 1);
        cr_expect_str_eq(process_spawnerr(p), "Stopped as unhealthy before it was ready");
}

Test(unhealthy, kills_or_leaves_a_start_as_the_action_says)
{
        web.ready = READY_HEALTHCHECK;
        web.healthcheck_interval_ms = 1;
        web.healthcheck_action = CHECK_ACT_NONE;
        start(0);
        cr_expect_eq(fail_while_awaited(6000), 0);
        cr_expect_eq(p->health.status, HEALTH_UNHEALTHY);
        cr_expect_eq(p->state, PS_STARTING);
        process_died(p, KILLED(SIGTERM), at_ms(7000));
        process_tick(p, at_ms(20000));
        cr_assert_eq(p->state, PS_STARTING);
        web.healthcheck_action = CHECK_ACT_KILL;
        process_spawned(p, 43, at_ms(20000));
        cr_expect_eq(fail_while_awaited(30000), DO_KILL);
        cr_expect_eq(p->state, PS_LATE);
}

Test(unhealthy, says_that_it_is_not_started_again)
{
        web.autorestart = RESTART_NEVER;
        int64_t now = run(0);
        fail_check(now);
        process_died(p, KILLED(SIGTERM), at_ms(now));
        cr_expect_str_eq(process_spawnerr(p), "Stopped as unhealthy, and not started again "
                                              "(autorestart=false)");
}

Test(unhealthy, is_not_acted_on_while_starting_but_once_running_when_it_stays_so)
{
        web.startsecs = 10;
        start(0);
        cr_expect_eq(fail_check(1000), 0);
        cr_expect_eq(p->state, PS_STARTING);
        process_tick(p, at_ms(10000));
        cr_expect_eq(p->state, PS_RUNNING);
        cr_expect_eq(p->calm_ms, -1, "up, but not healthy");
        cr_expect_eq(fail_check(11000), DO_TERM);
}

Test(unhealthy, time_does_not_forget_crashes)
{
        web.healthcheck_action = CHECK_ACT_NONE;
        int64_t now = run(0);
        process_died(p, EXITED(1), at_ms(now));
        process_tick(p, at_ms(now));
        process_spawned(p, 43, at_ms(now));
        now += 1000;
        process_tick(p, at_ms(now));
        fail_check(now + 30000);
        cr_expect_eq(process_crashes(p, BORN_MS + now + 500000), 1);
        probed(true, now + 100000);
        cr_expect_eq(process_crashes(p, BORN_MS + now + 159999), 1);
        cr_expect_eq(process_crashes(p, BORN_MS + now + 160000), 0);
}

Test(unhealthy, after_long_calm_begins_a_new_count_of_crashes)
{
        int64_t now = run(0);

        process_died(p, EXITED(1), at_ms(now));
        process_tick(p, at_ms(now));
        process_spawned(p, 43, at_ms(now));
        process_tick(p, at_ms(now + 1000));
        cr_assert_eq(p->crashes, 1);
        now += 100000;
        fail_check(now);
        process_died(p, KILLED(SIGTERM), at_ms(now));
        cr_expect_eq(p->crashes, 1);
        cr_expect_eq(p->due.due_ms, BORN_MS + now);
}
