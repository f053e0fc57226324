#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "api/access/guesses.h"

static struct guesses guesses;
static unsigned told;

static int note(const char *peer, int64_t now_ms)
{
        return guesses_note(&guesses, peer, now_ms, &told);
}

Test(guesses, are_said_once_a_minute_with_their_number)
{
        note("10.0.0.1", 1000);
        cr_expect_eq(told, 1);
        for (int i = 0; i < 500; i++) {
                note("10.0.0.1", 1000 + i * 100);
                cr_expect_eq(told, 0);
        }
        note("10.0.0.1", 61000);
        cr_expect_eq(told, 501);
        note("10.0.0.1", 61001);
        cr_expect_eq(told, 0);
}

Test(guesses, are_counted_for_each_peer)
{
        note("10.0.0.1", 1000);
        note("10.0.0.2", 1000);
        cr_expect_eq(told, 1);
        cr_expect_eq(note("10.0.0.1", 1001), 2);
        cr_expect_eq(note("10.0.0.2", 1001), 2);
}

Test(guesses, cost_a_pause_that_grows_and_is_forgotten)
{
        for (int i = 1; i <= 20; i++)
                cr_expect_eq(note("10.0.0.1", i), i < GUESSES_MOST_S ? i : GUESSES_MOST_S);
        cr_expect_eq(note("10.0.0.1", 20 + GUESSES_EACH_MS), 1);
}

Test(guesses, of_very_many_peers_do_not_fill_the_log)
{
        int lines = 0;

        for (int i = 0; i < 5000; i++) {
                char peer[32];
                snprintf(peer, sizeof peer, "fd00::%d", i);
                cr_expect_eq(note(peer, i), 1);
                lines += told > 0;
        }
        cr_expect_eq(lines, GUESSES_LINES);
        note("10.0.0.1", 5000 + GUESSES_EACH_MS);
        cr_expect_eq(told, 1, "and those of the next minute are said");
}
