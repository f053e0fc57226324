/* When a configuration has taken effect and its workers have been started, freed memory goes back
 * to the kernel: reading a file of 1,000 sections needs more than running by it. The only thing it
 * may assume is that `starts` counts workers that were started. */
#include "engine/core/memory_trim.h"

#include <malloc.h>

#include "engine/core/supervisor.h"

#define PAUSE_S    0.2 /* without a start: the wave of starts is over */
#define ROUNDS_MAX 50  /* some programs restart all the time */

static void memory_trim_on_pause(EV_P_ ev_timer *w, int revents)
{
        struct supervisor *s = w->data;
        struct memory_trim *t = &s->memory_trim;

        (void)revents;
        if (s->starts != t->starts && ++t->rounds < ROUNDS_MAX) {
                t->starts = s->starts;
                ev_now_update(EV_A);
                ev_timer_again(EV_A_ w); /* from now on: the loop may have been busy for longer */
                return;
        }
        ev_timer_stop(EV_A_ w);
        malloc_trim(0);
}

void memory_trim_init(struct supervisor *s)
{
        ev_timer_init(&s->memory_trim.pause, memory_trim_on_pause, 0., PAUSE_S);
        s->memory_trim.pause.data = s;
}

static void memory_trim_later(struct supervisor *s)
{
        s->memory_trim.rounds = 0;
        s->memory_trim.starts = s->starts;
        ev_now_update(s->loop);
        ev_timer_again(s->loop, &s->memory_trim.pause);
}

void memory_trim_stop(struct supervisor *s)
{
        ev_timer_stop(s->loop, &s->memory_trim.pause);
}

static void memory_trim_on_spawned(struct supervisor *s, struct process *p)
{
        (void)p;
        s->starts++;
}

const struct component component_memory_trim = { .name = "memory_trim",
                                                 .on_config = memory_trim_later,
                                                 .on_spawned = memory_trim_on_spawned };
