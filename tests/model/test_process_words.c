/* The machine in words: states, descriptions, endings, reasons. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "subject.h"

static struct program web;
static struct process *p;
static struct buf text;

static void setup(void)
{
        web = subject_program();
        p = process_new("web", NULL, &web, 0);
        cr_assert(p);
        setenv("TZ", "UTC", 1);
        tzset();
}

static void teardown(void)
{
        buf_release(&text);
        process_free(p);
}

TestSuite(words, .init = setup, .fini = teardown);

static const char *describe(int64_t now)
{
        buf_reset(&text);
        process_describe(p, at_ms(now), &text);
        return buf_str(&text);
}

static const char *why(void)
{
        buf_reset(&text);
        process_next_why(p, &text);
        return buf_str(&text);
}

static const char *ended(struct ending e)
{
        buf_reset(&text);
        ending_text(&e, &text);
        return buf_str(&text);
}

static int64_t run(int64_t now)
{
        process_order(p, PE_START, at_ms(now));
        process_spawned(p, 42, at_ms(now));
        process_tick(p, at_ms(now + 1000));
        return now + 1000;
}

Test(words, show_supervisors_eight_states_with_their_numbers)
{
        static const struct {
                enum pstate state;
                const char *name;
                int code;
        } rows[] = {
                { PS_STOPPED, "STOPPED", 0 },    { PS_STARTING, "STARTING", 10 },
                { PS_RUNNING, "RUNNING", 20 },   { PS_BACKOFF, "BACKOFF", 30 },
                { PS_STOPPING, "STOPPING", 40 }, { PS_EXITED, "EXITED", 100 },
                { PS_FATAL, "FATAL", 200 },      { PS_UNKNOWN, "UNKNOWN", 1000 },
                { PS_RESPAWN, "EXITED", 100 },   { PS_RESTARTING, "STOPPING", 40 },
                { PS_RETIRING, "STOPPING", 40 }, { PS_SICK, "STOPPING", 40 },
                { PS_LATE, "STOPPING", 40 },     { PS_GONE, "STOPPED", 0 },
                { PS_WAITING, "STOPPED", 0 },
        };

        cr_assert_eq(sizeof rows / sizeof *rows, PS_COUNT - 1);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                cr_expect_str_eq(pstate_name(rows[i].state), rows[i].name);
                cr_expect_eq(pstate_code(rows[i].state), rows[i].code);
        }
        cr_expect_str_eq(pstate_inner_name(PS_RESPAWN), "RESPAWN");
}

Test(words, know_supervisors_sets_of_states)
{
        /* up, stopped, signallable */
        static const char *const sets[PS_COUNT] = {
                [PS_STOPPED] = ".s.",    [PS_STARTING] = "u.k", [PS_RUNNING] = "u.k",
                [PS_BACKOFF] = "u..",    [PS_STOPPING] = "..k", [PS_EXITED] = ".s.",
                [PS_FATAL] = ".s.",      [PS_UNKNOWN] = ".s.",  [PS_RESPAWN] = ".s.",
                [PS_RESTARTING] = "..k", [PS_RETIRING] = "..k", [PS_SICK] = "..k",
                [PS_LATE] = "..k",       [PS_GONE] = ".s.",     [PS_WAITING] = ".s.",
        };

        for (int s = PS_NONE + 1; s < PS_COUNT; s++) {
                p->state = (enum pstate)s;
                cr_expect_eq(process_is_up(p), sets[s][0] == 'u', "%s",
                             pstate_inner_name(p->state));
                cr_expect_eq(process_is_stopped(p), sets[s][1] == 's');
                cr_expect_eq(process_can_signal(p), sets[s][2] == 'k');
        }
}

Test(words, describe_uptime_as_python_does)
{
        static const struct {
                int64_t seconds;
                const char *text;
        } rows[] = {
                { 0, "0:00:00" },
                { 59, "0:00:59" },
                { 3600, "1:00:00" },
                { 86399, "23:59:59" },
                { 86400, "1 day, 0:00:00" },
                { 2 * 86400 - 1, "1 day, 23:59:59" },
                { 2 * 86400, "2 days, 0:00:00" },
                { 400 * 86400LL + 3661, "400 days, 1:01:01" },
        };

        run(0);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                char want[64];
                snprintf(want, sizeof want, "pid 42, uptime %s", rows[i].text);
                cr_expect_str_eq(describe(rows[i].seconds * 1000 + 999), want);
        }
        cr_expect_str_eq(describe(-5000), "pid 42, uptime 0:00:00");
}

Test(words, describe_when_it_stopped)
{
        static const struct {
                int64_t wall_s;
                const char *text;
        } rows[] = {
                { 1763616120, "Nov 20 05:22 AM" }, /* 2025-11-20 */
                { 1704067200, "Jan 01 12:00 AM" }, { 1704110400, "Jan 01 12:00 PM" },
                { 1717243140, "Jun 01 11:59 AM" }, { 1735689599, "Dec 31 11:59 PM" },
        };

        cr_expect_str_eq(describe(0), "Not started");
        int64_t now = run(0);
        process_died(p, EXITED(0), at_ms(now));
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                p->stopped_wall_ms = rows[i].wall_s * 1000 + 999;
                cr_expect_str_eq(describe(now), rows[i].text);
        }
}

Test(words, describe_failures_by_their_reason)
{
        process_order(p, PE_START, at_ms(0));
        cr_expect_str_eq(describe(0), "");
        process_spawn_failed(p, "can't find command 'x'", at_ms(0));
        cr_expect_str_eq(describe(0), "can't find command 'x'");
        process_order(p, PE_GIVE_UP, at_ms(0));
        cr_expect_str_eq(describe(0), "can't find command 'x'");
        p->has_spawnerr = false;
        cr_expect_str_eq(describe(0), "unknown error (try \"tail web\")");
}

Test(words, describe_nothing_while_it_changes)
{
        int64_t now = run(0);

        process_order(p, PE_STOP, at_ms(now));
        cr_expect_str_eq(describe(now), "");
        process_signal_failed(p, "no", at_ms(now));
        cr_expect_str_eq(describe(now), "");
}

Test(words, tell_how_it_ended)
{
        cr_expect_str_eq(ended(ending_of(EXITED(7), &web, 0)), "exit status 7");
        cr_expect_str_eq(ended(ending_of(KILLED(SIGSEGV), &web, 0)), "terminated by SIGSEGV");
        cr_expect_str_eq(ended(ending_of(KILLED(SIGSEGV) | 0x80, &web, 0)),
                         "terminated by SIGSEGV (core dumped)");
        cr_expect_str_eq(ended(ending_of(0x137f, &web, 0)), "unknown termination cause 0x137f");
        cr_expect_str_eq(ended((struct ending){ .happened = true, .code = -1 }),
                         "unknown (ended while unsupervised)");
        cr_expect_str_eq(ended((struct ending){ 0 }), "");
}

Test(words, expect_nothing_of_what_runs_by_no_program)
{
        struct ending e = ending_of(EXITED(0), NULL, 0);

        cr_expect_not(e.expected);
        cr_expect_str_eq(ended(e), "exit status 0");
}

Test(words, count_only_listed_exit_codes_as_expected)
{
        web.exitcodes.bits[0] = 1u << 2;
        web.exitcodes.bits[3] = 1ULL << 63;
        cr_expect(ending_of(EXITED(2), &web, 0).expected);
        cr_expect(ending_of(EXITED(255), &web, 0).expected);
        cr_expect_not(ending_of(EXITED(0), &web, 0).expected);
        struct ending e = ending_of(KILLED(SIGTERM), &web, 5);
        cr_expect_not(e.expected);
        cr_expect_eq(e.code, -1);
        cr_expect_eq(e.sig, SIGTERM);
        cr_expect_eq(e.at_wall_ms, 5);
}

Test(words, say_why_it_will_start_after_a_failed_start)
{
        int64_t at;

        cr_expect_str_eq(why(), "");
        cr_expect_not(process_will_start(p, &at));
        process_order(p, PE_START, at_ms(0));
        process_spawn_failed(p, "command is empty", at_ms(0));
        cr_expect_str_eq(why(), "failed start 1 of 4: command is empty");
        process_tick(p, at_ms(1000));
        process_spawned(p, 42, at_ms(1000));
        cr_expect_str_eq(why(), "");
        process_died(p, EXITED(0), at_ms(1001));
        cr_expect_str_eq(why(), "failed start 2 of 4: Exited too quickly");
        cr_expect(process_will_start(p, &at));
        cr_expect_eq(at, BORN_MS + 3001);
}

Test(words, say_why_it_will_start_after_a_crash)
{
        int64_t now = run(0);

        process_died(p, EXITED(3), at_ms(now));
        cr_expect_str_eq(why(), "crashed once: exit status 3");
        p->crashes = 3;
        p->ending = ending_of(KILLED(SIGSEGV), &web, 0);
        cr_expect_str_eq(why(), "crashed 3 times, last: terminated by SIGSEGV");
        p->ending.unhealthy = true;
        cr_expect_str_eq(why(),
                         "crashed 3 times, last: stopped as unhealthy, terminated by SIGSEGV");
}

Test(words, say_why_it_will_start_after_an_expected_end)
{
        web.autorestart = RESTART_ALWAYS;
        int64_t now = run(0);
        process_died(p, EXITED(0), at_ms(now));
        cr_expect_str_eq(why(), "ended as expected: exit status 0");
}

Test(words, promise_no_start_when_it_gives_up)
{
        int64_t at;

        web.startretries = 0;
        process_order(p, PE_START, at_ms(0));
        process_spawn_failed(p, "command is empty", at_ms(0));
        cr_expect_not(process_will_start(p, &at));
        cr_expect_str_eq(why(), "");
}
