#include "engine/events/ticks.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "engine/core/bus.h"

static struct supervisor sup;
static char seen[512];

static void on_event(void *arg, const struct event *e)
{
        size_t n = strlen(seen);

        (void)arg;
        snprintf(seen + n, sizeof seen - n, "%s:%lld ", event_name(e->type), (long long)e->when_s);
}

static struct subscriber subscriber = { .on_event = on_event };

static void setup(void)
{
        struct err e;

        sup.loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
        cr_assert(components_init(&sup, components, &e));
        bus_subscribe(&sup.bus, &subscriber);
}

static void teardown(void)
{
        components_release(&sup);
        ev_loop_destroy(sup.loop);
}

TestSuite(ticks, .init = setup, .fini = teardown, .timeout = 20);

/* The slices that the present moment lies in are known; far ahead of them everything is exact. */
static const int64_t base_s = INT64_C(1000000) * 3600 * 10;

static const char *at(int64_t ms)
{
        seen[0] = '\0';
        ticks_at(&sup, base_s * 1000 + ms);
        return seen;
}

Test(ticks, come_when_a_boundary_is_crossed)
{
        char want[256];

        ticks_want(&sup, EV_TICK, +1);
        at(1000);
        cr_expect_str_eq(at(4999), "");
        snprintf(want, sizeof want, "TICK_5:%lld ", (long long)base_s + 5);
        cr_expect_str_eq(at(5000), want);
        cr_expect_str_eq(at(9999), "");
        snprintf(want, sizeof want, "TICK_5:%lld TICK_60:%lld ", (long long)base_s + 60,
                 (long long)base_s + 60);
        cr_expect_str_eq(at(60001), want);
        snprintf(want, sizeof want, "TICK_5:%lld TICK_60:%lld TICK_3600:%lld ",
                 (long long)base_s + 3600, (long long)base_s + 3600, (long long)base_s + 3600);
        cr_expect_str_eq(at(3600000), want);
}

Test(ticks, do_not_announce_the_slice_in_which_they_were_first_wanted)
{
        ticks_want(&sup, EV_TICK_3600, +1);
        ticks_at(&sup, clock_wall_ms());
        cr_expect_str_eq(seen, "");
}

Test(ticks, are_sent_only_as_wanted)
{
        ticks_want(&sup, EV_TICK_60, +1);
        cr_expect(strstr(at(0), "TICK_60"));
        cr_expect_str_eq(at(30000), "");
        ticks_want(&sup, EV_TICK_60, -1);
        cr_expect_str_eq(at(120000), "");
}

Test(ticks, arm_nothing_without_a_subscriber)
{
        cr_expect_eq(ev_run(sup.loop, EVRUN_NOWAIT), 0);
        ticks_want(&sup, EV_TICK_5, -1);
        ticks_want(&sup, EV_PROCESS_STATE, +1);
        cr_expect_eq(ev_run(sup.loop, EVRUN_NOWAIT), 0);
        ticks_want(&sup, EV_EVENT, +1);
        cr_expect_neq(ev_run(sup.loop, EVRUN_NOWAIT), 0);
        ticks_want(&sup, EV_EVENT, -1);
        cr_expect_eq(ev_run(sup.loop, EVRUN_NOWAIT), 0);
}

static void stop(EV_P_ ev_timer *w, int revents)
{
        (void)w, (void)revents;
        if (seen[0])
                ev_break(EV_A_ EVBREAK_ONE);
}

Test(ticks, come_by_the_loop_itself)
{
        long long when = 0;
        ev_timer look;

        ticks_want(&sup, EV_TICK_5, +1);
        ev_timer_init(&look, stop, 0.02, 0.02);
        ev_timer_start(sup.loop, &look);
        ev_run(sup.loop, 0);
        ev_timer_stop(sup.loop, &look);
        cr_assert_eq(sscanf(seen, "TICK_5:%lld", &when), 1, "%s", seen);
        cr_expect_eq(when % 5, 0);
        cr_expect_leq(clock_wall_ms() - when * 1000, 1000);
        cr_expect_geq(clock_wall_ms() - when * 1000, -5);
}
