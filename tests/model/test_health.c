#include <criterion/criterion.h>
#include <string.h>

#include "subject.h"

static struct program web;
static struct health h;

static void setup(void)
{
        web = subject_program();
        web.healthcheck.kind = CHECK_HTTP;
        health_begin(&h, &web);
}

TestSuite(health, .init = setup);

/* Feeds a string of results, '+' or '-', a second apart; gives the news as one letter each:
 * . nothing, F first success, H healthy, U unhealthy, S still unhealthy. */
static const char *fed(const char *results)
{
        static char news[128];
        size_t n = strlen(results);

        cr_assert_lt(n, sizeof news);
        for (size_t i = 0; i < n; i++)
                news[i] = ".FHUS"[health_result(&h, &web, results[i] == '+', (int64_t)i * 1000)];
        news[n] = '\0';
        return news;
}

Test(health, begins_starting_with_a_check_and_none_without)
{
        cr_expect_eq(h.status, HEALTH_STARTING);
        web.healthcheck.kind = CHECK_NONE;
        health_begin(&h, &web);
        cr_expect_eq(h.status, HEALTH_NONE);
        cr_expect_str_eq(fed("--+-"), "....");
        cr_expect_eq(h.status, HEALTH_NONE);
}

Test(health, has_a_word_for_each_status)
{
        cr_expect_str_eq(health_word(HEALTH_NONE), "none");
        cr_expect_str_eq(health_word(HEALTH_STARTING), "starting");
        cr_expect_str_eq(health_word(HEALTH_HEALTHY), "healthy");
        cr_expect_str_eq(health_word(HEALTH_UNHEALTHY), "unhealthy");
}

Test(health, is_healthy_at_the_first_success)
{
        cr_expect_str_eq(fed("+++"), "F..");
        cr_expect_eq(h.status, HEALTH_HEALTHY);
        cr_expect_eq(h.successes, 3);
}

Test(health, is_unhealthy_after_retries_failures_in_a_row)
{
        cr_expect_str_eq(fed("+--+--+---"), "F........U");
        cr_expect_eq(h.status, HEALTH_UNHEALTHY);
        cr_expect_eq(h.failures, 3);
}

Test(health, reminds_after_each_further_retries_failures)
{
        cr_expect_str_eq(fed("+---------"), "F..U..S..S");
}

Test(health, reminds_only_of_failures_in_a_row)
{
        web.healthcheck_successes = 2;
        cr_expect_str_eq(fed("++---+--+---++"), "FH..U......S.H");
}

Test(health, is_healthy_again_after_a_success)
{
        cr_expect_str_eq(fed("+---+"), "F..UH");
        cr_expect_eq(h.status, HEALTH_HEALTHY);
        cr_expect_eq(h.failures, 0);
}

Test(health, needs_as_many_successes_as_asked_for)
{
        web.healthcheck_successes = 3;
        cr_expect_str_eq(fed("++-+++"), "F....H");
}

Test(health, can_be_unhealthy_before_it_was_ever_healthy)
{
        cr_expect_str_eq(fed("---+"), "..UF");
        cr_expect_eq(h.status, HEALTH_HEALTHY);
}

Test(health, does_not_count_failures_within_the_start_period)
{
        web.healthcheck_start_period_ms = 5000;
        cr_expect_str_eq(fed("-----"), ".....");
        cr_expect_eq(h.failures, 0);
        cr_expect_eq(h.status, HEALTH_STARTING);
        cr_expect_eq(health_result(&h, &web, false, 5000), NEWS_NONE);
        cr_expect_eq(h.failures, 1);
}

Test(health, counts_failures_within_the_start_period_after_the_first_success)
{
        web.healthcheck_start_period_ms = 60000;
        cr_expect_str_eq(fed("--+---"), "..F..U");
}

Test(health, is_unhealthy_at_the_first_failure_with_1_retry)
{
        web.healthcheck_retries = 1;
        cr_expect_str_eq(fed("-+--"), "UFUS");
}

Test(health, takes_0_retries_or_successes_for_1)
{
        web.healthcheck_retries = 0;
        web.healthcheck_successes = 0;
        cr_expect_str_eq(fed("-+-"), "UFU");
}

Test(health, is_none_when_it_ended_and_forgets)
{
        fed("+---");
        health_end(&h);
        cr_expect_eq(h.status, HEALTH_NONE);
        cr_expect_not(h.ever_ok);
        cr_expect_eq(h.failures, 0);
        cr_expect_str_eq(fed("+-"), "..");
        health_begin(&h, &web);
        cr_expect_str_eq(fed("+"), "F");
}

/* ---- when to ask */

Test(health, is_asked_more_often_in_the_start_period_until_the_first_success)
{
        web.healthcheck_start_period_ms = 5000;
        cr_expect_eq(health_pause_ms(&h, &web, 0), 1000);
        cr_expect_eq(health_pause_ms(&h, &web, 4999), 1000);
        cr_expect_eq(health_pause_ms(&h, &web, 5000), 10000);
        fed("+");
        cr_expect_eq(health_pause_ms(&h, &web, 1), 10000);
}

Test(health, is_asked_at_once_and_often_while_it_is_awaited)
{
        health_await(&h);
        cr_expect_eq(health_offset_ms(&h, &web, 3, 4), 0);
        cr_expect_eq(health_pause_ms(&h, &web, 60000), 1000);
        fed("+");
        cr_expect_eq(health_pause_ms(&h, &web, 60000), 10000);
        cr_expect_eq(health_offset_ms(&h, &web, 3, 4), 10000, "spread from then on");
}

Test(health, is_awaited_no_more_slowly_than_it_is_checked)
{
        web.healthcheck_interval_ms = 500;
        health_await(&h);
        cr_expect_eq(health_pause_ms(&h, &web, 0), 500);
}

Test(health, counts_one_failure_per_interval_while_it_is_awaited)
{
        health_await(&h);
        for (int s = 0; s < 30; s++)
                cr_expect_eq(health_result(&h, &web, false, s * 1000), NEWS_NONE);
        cr_expect_eq(h.failures, 2);
        cr_expect_eq(health_result(&h, &web, false, 30000), NEWS_UNHEALTHY);
        cr_expect_eq(health_result(&h, &web, true, 31000), NEWS_FIRST_SUCCESS);
        cr_expect_eq(health_result(&h, &web, false, 32000), NEWS_NONE);
        cr_expect_eq(h.failures, 1, "each counts once it was ready");
}

Test(health, is_first_asked_after_one_pause_and_a_fleet_spread_over_it)
{
        cr_expect_eq(health_offset_ms(&h, &web, 0, 1), 10000);
        for (int i = 0; i < 4; i++)
                cr_expect_eq(health_offset_ms(&h, &web, i, 4), 2500 * (i + 1));
        cr_expect_eq(health_offset_ms(&h, &web, 101, 4), 5000);
        web.healthcheck_start_period_ms = 5000;
        cr_expect_eq(health_offset_ms(&h, &web, 3, 4), 1000);
}

Test(health, is_asked_after_one_pause_when_its_place_is_not_known)
{
        cr_expect_eq(health_offset_ms(&h, &web, 0, 0), 10000);
        cr_expect_eq(health_offset_ms(&h, &web, -1, 4), 10000);
}

/* ---- over random results, against what the words mean */

static uint64_t roll(uint64_t *x)
{
        *x = *x * 6364136223846793005u + 1442695040888963407u;
        return *x >> 33;
}

/* Everything that was ever answered; the rules are asked of it anew each time. */
struct history {
        bool ok[400];
        int64_t up_ms[400];
        int n;
};

static int in_a_row(const struct history *y, bool ok)
{
        int n = 0, first_ok = 0;

        while (first_ok < y->n && !y->ok[first_ok])
                first_ok++;
        for (int i = y->n - 1; i >= 0 && y->ok[i] == ok; i--) {
                bool excused = !ok && i < first_ok && y->up_ms[i] < web.healthcheck_start_period_ms;
                n += !excused;
        }
        return n;
}

static enum health_status status_after(enum health_status was, const struct history *y)
{
        if (in_a_row(y, true) >= web.healthcheck_successes)
                return HEALTH_HEALTHY;
        if (in_a_row(y, false) >= web.healthcheck_retries)
                return HEALTH_UNHEALTHY;
        return was;
}

static void check_news(enum health_news news, enum health_status was, const struct history *y)
{
        bool ok = y->ok[y->n - 1];
        bool first = ok;

        for (int i = 0; i < y->n - 1; i++)
                first = first && !y->ok[i];
        cr_assert_eq(news == NEWS_FIRST_SUCCESS, first);
        if (news == NEWS_HEALTHY || (first && web.healthcheck_successes == 1))
                cr_assert_eq(h.status, HEALTH_HEALTHY);
        cr_assert_eq(news == NEWS_UNHEALTHY,
                     was != HEALTH_UNHEALTHY && h.status == HEALTH_UNHEALTHY);
        cr_assert_eq(news == NEWS_STILL_UNHEALTHY,
                     was == HEALTH_UNHEALTHY && !ok &&
                         in_a_row(y, false) % web.healthcheck_retries == 0);
        cr_assert_eq(h.status != was, news == NEWS_HEALTHY || news == NEWS_UNHEALTHY ||
                                          (first && h.status == HEALTH_HEALTHY));
}

static void one_life(uint64_t *x)
{
        static struct history y;
        int good = (int)(roll(x) % 100);

        y.n = 0;
        web.healthcheck_retries = 1 + (int)(roll(x) % 5);
        web.healthcheck_successes = 1 + (int)(roll(x) % 3);
        web.healthcheck_start_period_ms = (int64_t)(roll(x) % 20) * 1000;
        health_begin(&h, &web);
        enum health_status status = h.status;
        for (int64_t up = 0; y.n < 60; up += (int64_t)(roll(x) % 3000)) {
                enum health_status was = h.status;
                y.ok[y.n] = (int)(roll(x) % 100) < good;
                y.up_ms[y.n++] = up;
                enum health_news news = health_result(&h, &web, y.ok[y.n - 1], up);
                status = status_after(status, &y);
                cr_assert_eq(h.status, status, "result %d", y.n);
                cr_assert_eq(h.failures, in_a_row(&y, false));
                cr_assert_eq(h.successes, in_a_row(&y, true));
                check_news(news, was, &y);
        }
}

Test(health, means_the_same_over_random_lives)
{
        uint64_t x = 4;

        for (int i = 0; i < 3000; i++)
                one_life(&x);
}

Test(health, within_the_start_period_it_is_asked_whatever_the_interval)
{
        static const struct {
                int64_t interval_ms, period_ms, pause_ms;
        } rows[] = { { 1000, 5000, 1000 },
                     { 5000, 5000, 2500 },
                     { 60000, 5000, 2500 },
                     { 20000, 30000, 20000 },
                     { 1000, 1, 1 } };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct program p = { .healthcheck = { .kind = CHECK_TCP },
                                     .healthcheck_interval_ms = 10000,
                                     .healthcheck_start_interval_ms = rows[i].interval_ms,
                                     .healthcheck_start_period_ms = rows[i].period_ms };
                struct health fresh;
                health_begin(&fresh, &p);
                cr_expect_eq(health_pause_ms(&fresh, &p, 0), rows[i].pause_ms, "row %zu", i);
        }
}
