/* TICK events at the boundaries of the wall clock. The timer runs only while a pool wants one of
 * them. */
#include "engine/events/ticks.h"

#include <math.h>

#include "engine/core/bus.h"

#define TICK_COUNT 3

static const struct tick_kind {
        enum event_type type;
        int64_t period_s;
} kinds[TICK_COUNT] = { { EV_TICK_5, 5 }, { EV_TICK_60, 60 }, { EV_TICK_3600, 3600 } };

struct ticks {
        struct supervisor *sup; /* borrowed */
        ev_periodic boundary;   /* armed for the shortest wanted period */
        int wanted[TICK_COUNT];
        int64_t slice[TICK_COUNT]; /* start of the slice that was announced last, in s */
};

static struct ticks *ticks_own(const struct supervisor *s)
{
        return component_own(s, COMPONENT_ticks);
}

static int64_t slice_of(int64_t wall_ms, int64_t period_s)
{
        int64_t period_ms = period_s * 1000, into = wall_ms % period_ms;

        return (wall_ms - (into < 0 ? into + period_ms : into)) / 1000;
}

/* The loop's time, not a fresh reading: it is past the boundary for certain when the watcher is
 * called. */
static int64_t loop_wall_ms(struct ev_loop *loop)
{
        return (int64_t)floor(ev_now(loop) * 1000);
}

static void on_boundary(EV_P_ ev_periodic *w, int revents)
{
        struct ticks *t = w->data;

        (void)revents;
        ticks_at(t->sup, loop_wall_ms(loop));
}

static void ticks_rearm(struct ticks *t)
{
        ev_periodic_stop(t->sup->loop, &t->boundary);
        for (int i = 0; i < TICK_COUNT; i++) {
                if (!t->wanted[i])
                        continue;
                ev_periodic_set(&t->boundary, 0, (double)kinds[i].period_s, NULL);
                ev_periodic_start(t->sup->loop, &t->boundary);
                return;
        }
}

void ticks_want(struct supervisor *s, enum event_type which, int delta)
{
        struct ticks *t = ticks_own(s);
        bool changed = false;

        for (int i = 0; i < TICK_COUNT; i++) {
                if (!event_is_a(kinds[i].type, which))
                        continue;
                bool was = t->wanted[i] > 0;
                t->wanted[i] += delta;
                if (t->wanted[i] < 0)
                        t->wanted[i] = 0;
                if (!was)
                        t->slice[i] = slice_of(clock_wall_ms(), kinds[i].period_s);
                changed |= was != (t->wanted[i] > 0);
        }
        if (changed)
                ticks_rearm(t);
}

void ticks_at(struct supervisor *s, int64_t wall_ms)
{
        struct ticks *t = ticks_own(s);

        for (int i = 0; i < TICK_COUNT; i++) {
                if (!t->wanted[i]) /* a subscriber may leave on the way */
                        continue;
                int64_t slice = slice_of(wall_ms, kinds[i].period_s);
                if (slice == t->slice[i])
                        continue;
                t->slice[i] = slice;
                struct event e = { .type = kinds[i].type,
                                   .at = { clock_mono_ms(), wall_ms },
                                   .when_s = slice };
                bus_publish(&s->bus, &e);
        }
}

static bool ticks_init(struct supervisor *s, struct err *e)
{
        struct ticks *t = ticks_own(s);

        (void)e;
        t->sup = s;
        ev_periodic_init(&t->boundary, on_boundary, 0, 0, NULL);
        t->boundary.data = t;
        return true;
}

static void ticks_release(struct supervisor *s)
{
        ev_periodic_stop(s->loop, &ticks_own(s)->boundary);
}

const struct component component_ticks = {
        .name = "ticks", .size = sizeof(struct ticks), .init = ticks_init, .release = ticks_release
};
