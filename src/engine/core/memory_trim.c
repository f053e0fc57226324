/* When a configuration has taken effect and its workers have been started, freed memory goes back
 * to the kernel: reading a file of 1,000 sections needs more than running by it. */

#include <malloc.h>

#include "engine/core/supervisor.h"

#define PAUSE_S    0.2 /* without a start: the wave of starts is over */
#define ROUNDS_MAX 50  /* some programs restart all the time */

struct memory_trim {
        ev_timer pause;
        unsigned starts; /* of workers, so far */
        unsigned seen;   /* when the pause began */
        int rounds;
};

static struct memory_trim *memory_trim_own(const struct supervisor *s)
{
        return component_own(s, COMPONENT_memory_trim);
}

static void memory_trim_on_pause(EV_P_ ev_timer *w, int revents)
{
        struct memory_trim *t = w->data;

        (void)revents;
        if (t->starts != t->seen && ++t->rounds < ROUNDS_MAX) {
                t->seen = t->starts;
                ev_now_update(EV_A);
                ev_timer_again(EV_A_ w); /* from now on: the loop may have been busy for longer */
                return;
        }
        ev_timer_stop(EV_A_ w);
        malloc_trim(0);
}

static bool memory_trim_init(struct supervisor *s, struct err *e)
{
        struct memory_trim *t = memory_trim_own(s);

        (void)e;
        ev_timer_init(&t->pause, memory_trim_on_pause, 0., PAUSE_S);
        t->pause.data = t;
        return true;
}

static void memory_trim_release(struct supervisor *s)
{
        ev_timer_stop(s->loop, &memory_trim_own(s)->pause);
}

static void memory_trim_on_config(struct supervisor *s)
{
        struct memory_trim *t = memory_trim_own(s);

        t->rounds = 0;
        t->seen = t->starts;
        ev_now_update(s->loop);
        ev_timer_again(s->loop, &t->pause);
}

static void memory_trim_on_spawned(struct supervisor *s, struct process *p)
{
        (void)p;
        memory_trim_own(s)->starts++;
}

const struct component component_memory_trim = { .name = "memory_trim",
                                                 .size = sizeof(struct memory_trim),
                                                 .init = memory_trim_init,
                                                 .release = memory_trim_release,
                                                 .on_config = memory_trim_on_config,
                                                 .on_spawned = memory_trim_on_spawned };
