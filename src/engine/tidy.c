#include "engine/tidy.h"

#include "engine/state.h"
#include "engine/supervisor.h"
#include "sys/trim.h"

#define PAUSE_S 0.2 /* without a start: the wave is over */
#define ROUNDS  50  /* some restart all the time */

RUNS_BEFORE_SLEEP static void on_pause(EV_P_ ev_timer *w, int revents)
{
        struct supervisor *s = w->data;
        struct tidy *t = &s->tidy;

        (void)revents;
        if (s->starts != t->starts && ++t->rounds < ROUNDS) {
                t->starts = s->starts;
                ev_now_update(EV_A);
                ev_timer_again(EV_A_ w); /* from now on: the loop may have been busy for longer */
                return;
        }
        if (!t->is_over) {
                t->is_over = true;
                state_untouch(s);
                logs_untouch(s->logs);
                ev_timer_again(EV_A_ w); /* once the log thread rests, too */
                return;
        }
        ev_timer_stop(EV_A_ w);
        memory_trim();
}

void tidy_init(struct supervisor *s)
{
        ev_timer_init(&s->tidy.pause, on_pause, 0., PAUSE_S);
        s->tidy.pause.data = s;
}

void tidy_later(struct supervisor *s)
{
        s->tidy.rounds = 0;
        s->tidy.is_over = false;
        s->tidy.starts = s->starts;
        ev_now_update(s->loop);
        ev_timer_again(s->loop, &s->tidy.pause);
}

void tidy_stop(struct supervisor *s)
{
        ev_timer_stop(s->loop, &s->tidy.pause);
}
