/* Loops that sleep until something happens. */
#include "base/loop_quiet.h"

static ev_tstamp loop_quiet_never(ev_periodic *w, ev_tstamp now)
{
        (void)w;
        return now + 1e10;
}

static void loop_quiet_on_never(EV_P_ ev_periodic *w, int revents)
{
        (void)loop, (void)w, (void)revents;
}

void loop_quiet(struct ev_loop *loop, ev_periodic *w)
{
        ev_periodic_init(w, loop_quiet_on_never, 0., 0., loop_quiet_never);
        ev_periodic_start(loop, w);
}

void loop_unquiet(struct ev_loop *loop, ev_periodic *w)
{
        ev_periodic_stop(loop, w);
}
