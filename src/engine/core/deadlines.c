/* When each process is due, and the timer for the first; see deadlines.h. It calls nothing: what is
 * due is carried out by the core, in the pause before the loop waits. */
#include "engine/core/deadlines.h"

struct deadlines {
        struct heap due;  /* processes by deadline */
        int64_t armed_ms; /* what `wake` is armed for, -1: nothing */
        ev_timer wake;
};

static struct deadlines *deadlines_own(const struct supervisor *s)
{
        return component_own(s, COMPONENT_deadlines);
}

void deadlines_rearm(struct supervisor *s)
{
        struct heap_node *first = heap_first(&deadlines_own(s)->due);

        if (!first) {
                ev_timer_stop(s->loop, &deadlines_own(s)->wake);
                deadlines_own(s)->armed_ms = -1;
                return;
        }
        if (ev_is_active(&deadlines_own(s)->wake) && deadlines_own(s)->armed_ms == first->due_ms)
                return;
        deadlines_own(s)->armed_ms = first->due_ms;
        int64_t wait_ms = first->due_ms - clock_mono_ms();
        ev_now_update(s->loop);
        ev_timer_stop(s->loop, &deadlines_own(s)->wake);
        ev_timer_set(&deadlines_own(s)->wake, wait_ms > 0 ? (double)wait_ms / 1000 : 0., 0.);
        ev_timer_start(s->loop, &deadlines_own(s)->wake);
}

void deadlines_set(struct supervisor *s, struct process *p)
{
        int64_t due_ms;

        if (!process_due(p, &due_ms))
                heap_remove(&deadlines_own(s)->due, &p->due);
        else if (!heap_set(&deadlines_own(s)->due, &p->due,
                           due_ms)) /* room was reserved with the process */
                log_line(s->log, LVL_CRITICAL, "out of memory: deadline of '%s' is lost", p->name);
        deadlines_rearm(s);
}

void deadlines_drop(struct supervisor *s, struct process *p)
{
        heap_remove(&deadlines_own(s)->due, &p->due);
}

struct process *deadlines_due(const struct supervisor *s, int64_t now_ms)
{
        struct heap_node *first = heap_first(&deadlines_own(s)->due);

        return first && first->due_ms <= now_ms ? (struct process *)first /* its first member */
                                                : NULL;
}

bool deadlines_reserve(struct supervisor *s)
{
        return heap_reserve(&deadlines_own(s)->due, (size_t)s->registry.process_count);
}

/* The pause comes next, before the loop waits again. */
static void deadlines_on_wake(struct ev_loop *loop, ev_timer *w, int revents)
{
        struct supervisor *s = w->data;

        (void)revents;
        deadlines_own(s)->armed_ms = -1;
        ev_prepare_start(loop, &s->settle);
}

static bool deadlines_init(struct supervisor *s, struct err *e)
{
        struct deadlines *d = deadlines_own(s);

        (void)e;
        d->armed_ms = -1;
        ev_timer_init(&d->wake, deadlines_on_wake, 0., 0.);
        d->wake.data = s;
        return true;
}

static void deadlines_release(struct supervisor *s)
{
        ev_timer_stop(s->loop, &deadlines_own(s)->wake);
        heap_release(&deadlines_own(s)->due);
}

const struct component component_deadlines = { .name = "deadlines",
                                               .size = sizeof(struct deadlines),
                                               .init = deadlines_init,
                                               .release = deadlines_release };
