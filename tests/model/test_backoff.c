#include <criterion/criterion.h>
#include <limits.h>

#include "model/unit/backoff.h"
#include "subject.h"

/* ---- delays */

Test(backoff, doubles_until_the_cap)
{
        struct program web = subject_program();
        static const int64_t want[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };
        uint64_t seed = 1;

        for (int n = 1; n <= 8; n++)
                cr_expect_eq(backoff_ms(&web, n, &seed), want[n - 1]);
        cr_expect_eq(backoff_ms(&web, INT_MAX, &seed), 60000);
}

Test(backoff, is_constant_with_factor_1)
{
        struct program web = subject_program();
        uint64_t seed = 1;

        web.restart_delay_factor = 1;
        cr_expect_eq(backoff_ms(&web, 1, &seed), 1000);
        cr_expect_eq(backoff_ms(&web, 1000000, &seed), 1000);
}

Test(backoff, is_off_with_delay_0)
{
        struct program web = subject_program();
        uint64_t seed = 1;

        web.restart_delay_ms = 0;
        web.restart_jitter = 1;
        for (int n = 1; n < 100; n++)
                cr_expect_eq(backoff_ms(&web, n, &seed), 0);
}

Test(backoff, waits_for_nothing_before_the_first_failure)
{
        struct program web = subject_program();
        uint64_t seed = 1;

        cr_expect_eq(backoff_ms(&web, 0, &seed), 0);
}

Test(backoff, never_waits_longer_than_the_cap_even_the_first_time)
{
        struct program web = subject_program();
        uint64_t seed = 1;

        web.restart_delay_max_ms = 500;
        cr_expect_eq(backoff_ms(&web, 1, &seed), 500);
}

Test(backoff, spreads_by_the_jitter_to_both_sides_but_not_beyond_the_cap)
{
        struct program web = subject_program();
        uint64_t seed = 0;
        int64_t low = INT64_MAX, high = 0;

        web.restart_jitter = 0.1;
        for (int i = 0; i < 20000; i++) {
                int64_t ms = backoff_ms(&web, 2, &seed);
                low = ms < low ? ms : low;
                high = ms > high ? ms : high;
                cr_expect_leq(backoff_ms(&web, 7, &seed), 60000);
                cr_expect_geq(backoff_ms(&web, 7, &seed), 54000);
        }
        cr_expect(low >= 1800 && low < 1805, "lowest %d", (int)low);
        cr_expect(high <= 2200 && high > 2195, "highest %d", (int)high);
}

Test(backoff, gives_the_same_delays_for_the_same_seed)
{
        struct program web = subject_program();
        uint64_t a = 77, b = 77, c = 78;
        int different = 0;

        web.restart_jitter = 0.5;
        for (int i = 0; i < 100; i++) {
                int64_t ms = backoff_ms(&web, 3, &a);
                cr_expect_eq(ms, backoff_ms(&web, 3, &b));
                different += ms != backoff_ms(&web, 3, &c);
        }
        cr_expect_gt(different, 90);
}

Test(backoff, differs_between_the_processes_of_a_fleet)
{
        struct program web = subject_program();
        struct process *a = process_new("web_00", NULL, &web, 0);
        struct process *b = process_new("web_01", NULL, &web, 1);

        web.restart_jitter = 0.5;
        cr_expect_neq(backoff_ms(&web, 3, &a->seed), backoff_ms(&web, 3, &b->seed));
        process_free(a);
        process_free(b);
}

/* ---- the breaker */

static const struct rate three_in_ten = { .count = 3, .window_ms = 10000 };

Test(breaker, opens_at_one_failure_more_than_allowed)
{
        struct breaker b = { 0 };

        for (int i = 0; i < 3; i++)
                cr_expect_not(breaker_failed(&b, &three_in_ten, i));
        cr_expect(breaker_failed(&b, &three_in_ten, 3));
        breaker_release(&b);
}

Test(breaker, looks_back_no_further_than_the_window)
{
        struct breaker b = { 0 };

        for (int i = 0; i < 3; i++)
                cr_expect_not(breaker_failed(&b, &three_in_ten, 0));
        cr_expect_not(breaker_failed(&b, &three_in_ten, 10001));
        breaker_reset(&b);
        for (int i = 0; i < 3; i++)
                cr_expect_not(breaker_failed(&b, &three_in_ten, 0));
        cr_expect(breaker_failed(&b, &three_in_ten, 10000));
        breaker_release(&b);
}

Test(breaker, stays_closed_for_failures_that_are_far_enough_apart)
{
        struct breaker b = { 0 };

        for (int i = 0; i < 1000; i++)
                cr_expect_not(breaker_failed(&b, &three_in_ten, i * 3334));
        for (int i = 0; i < 3; i++)
                cr_expect_eq(breaker_failed(&b, &three_in_ten, 1000 * 3334 + i), i >= 1);
        breaker_release(&b);
}

Test(breaker, is_off_without_a_limit)
{
        struct breaker b = { 0 };
        const struct rate off = { 0 };

        for (int i = 0; i < 100; i++)
                cr_expect_not(breaker_failed(&b, &off, 0));
        cr_expect_null(b.at_ms);
        breaker_release(&b);
}

Test(breaker, forgets_everything_on_reset)
{
        struct breaker b = { 0 };

        for (int i = 0; i < 4; i++)
                breaker_failed(&b, &three_in_ten, 0);
        breaker_reset(&b);
        for (int i = 0; i < 3; i++)
                cr_expect_not(breaker_failed(&b, &three_in_ten, 0));
        cr_expect(breaker_failed(&b, &three_in_ten, 0));
        breaker_release(&b);
}

Test(breaker, keeps_the_newest_failures_when_the_limit_changes)
{
        struct breaker b = { 0 };
        const struct rate two = { .count = 2, .window_ms = 10000 };
        const struct rate six = { .count = 6, .window_ms = 10000 };

        for (int i = 0; i < 6; i++) /* the ring has gone round */
                breaker_failed(&b, &three_in_ten, i * 6000);
        cr_expect_not(breaker_failed(&b, &two, 36000), "24 s, 30 s, 36 s");
        cr_expect(breaker_failed(&b, &two, 36001), "30 s, 36 s, 36 s");
        for (int i = 0; i < 3; i++)
                cr_expect_not(breaker_failed(&b, &six, 36002));
        cr_expect(breaker_failed(&b, &six, 36003), "two and one from before, and four more");
        breaker_release(&b);
}

/* The ring against a plain look at all failures there ever were. */
Test(breaker, agrees_with_counting_over_random_times)
{
        static int64_t at[3000];
        struct breaker b = { 0 };
        uint64_t x = 1;
        int64_t now = 0;

        for (int i = 0; i < 3000; i++) {
                x = x * 6364136223846793005u + 1442695040888963407u;
                now += (int64_t)(x >> 50);
                at[i] = now;
                int within = 0;
                for (int k = i; k >= 0 && now - at[k] <= 20000; k--)
                        within++;
                const struct rate limit = { .count = 4, .window_ms = 20000 };
                cr_assert_eq(breaker_failed(&b, &limit, now), within > 4, "failure %d", i);
        }
        breaker_release(&b);
}
