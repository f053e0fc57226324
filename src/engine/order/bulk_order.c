#include "engine/order/bulk_order.h"

#include <ev.h>
#include <stdlib.h>

#define SLICE_MS 1

/* One that still has to have its turn. */
struct turn {
        struct process *process;
        enum fault instead; /* NONE: the order is given */
};

struct bulk_order {
        struct bulk_order *next;
        struct supervisor *sup;
        order_fn *give;
        struct turn *turns; /* owned */
        int at, count;
        struct caller by;
        struct bulk_order_observer ear; /* told NULL: nobody listens */
        ev_timer more;                  /* the loop does not wait while somebody is left */
};

static void bulk_order_one(struct supervisor *s, order_fn *give, struct process *p, int i,
                           const struct caller *by, const struct bulk_order_observer *ear)
{
        struct err detail = { 0 };
        enum fault f = give(s, p, by, &detail);

        if (ear->told)
                ear->told(ear->arg, i, p, f, &detail);
}

static void next_turn(struct bulk_order *w)
{
        static const struct err nothing;
        int i = w->at++;
        const struct turn *t = &w->turns[i];

        if (t->instead == FAULT_NONE)
                bulk_order_one(w->sup, w->give, t->process, i, &w->by, &w->ear);
        else if (w->ear.told)
                w->ear.told(w->ear.arg, i, NULL, t->instead, &nothing);
}

static void bulk_order_drop(struct bulk_order *w)
{
        struct bulk_order **at = &w->sup->bulk_orders;

        while (*at != w)
                at = &(*at)->next;
        *at = w->next;
        ev_timer_stop(w->sup->loop, &w->more);
        free(w->turns);
        free(w);
}

static void bulk_order_end(struct bulk_order *w)
{
        struct bulk_order_observer ear = w->ear;

        bulk_order_drop(w);
        if (ear.over)
                ear.over(ear.arg);
}

static void bulk_order_on_more(struct ev_loop *loop, ev_timer *timer, int revents)
{
        struct bulk_order *w = timer->data;
        int64_t begun_ms = clock_mono_ms();

        (void)revents;
        while (w->at < w->count) {
                if (clock_mono_ms() - begun_ms >= SLICE_MS) {
                        ev_timer_start(loop, timer);
                        return;
                }
                next_turn(w);
        }
        bulk_order_end(w);
}

static struct bulk_order *wave_new(struct supervisor *s, struct process *const *list, int count)
{
        struct bulk_order *w = calloc(1, sizeof *w);
        struct turn *turns = w ? calloc((size_t)count, sizeof *turns) : NULL;

        if (!turns) {
                free(w);
                return NULL;
        }
        for (int i = 0; i < count; i++)
                turns[i].process = list[i];
        w->sup = s;
        w->turns = turns;
        w->count = count;
        ev_timer_init(&w->more, bulk_order_on_more, 0., 0.);
        w->more.data = w;
        w->next = s->bulk_orders;
        s->bulk_orders = w;
        return w;
}

/* It is there before the first order is given: what comes of that may concern the others. */
struct bulk_order *bulk_order_give(struct supervisor *s, order_fn *give,
                                   struct process *const *list, int count, const struct caller *by,
                                   const struct bulk_order_observer *ear)
{
        struct bulk_order *w = count > WAVE_AT_ONCE ? wave_new(s, list, count) : NULL;

        if (!w) {
                for (int i = 0; i < count; i++)
                        bulk_order_one(s, give, list[i], i, by, ear);
                return NULL;
        }
        w->give = give;
        w->by = *by;
        w->ear = *ear;
        while (w->at < WAVE_AT_ONCE)
                next_turn(w);
        ev_timer_start(s->loop, &w->more);
        return w;
}

void bulk_order_leave(struct bulk_order *w)
{
        w->ear = (struct bulk_order_observer){ 0 };
}

static void bulk_order_instead(struct supervisor *s, const struct process *p, enum fault f)
{
        for (struct bulk_order *w = s->bulk_orders; w; w = w->next)
                for (int i = w->at; i < w->count; i++)
                        if (w->turns[i].process == p) {
                                w->turns[i] = (struct turn){ .instead = f };
                                break;
                        }
}

void bulk_orders_stopped(struct supervisor *s, const struct process *p)
{
        bulk_order_instead(s, p, FAULT_ABNORMAL_TERMINATION);
}

void bulk_orders_gone(struct supervisor *s, const struct process *p)
{
        bulk_order_instead(s, p, FAULT_BAD_NAME);
}

void bulk_orders_finish(struct supervisor *s)
{
        while (s->bulk_orders) {
                struct bulk_order *w = s->bulk_orders;
                while (w->at < w->count)
                        next_turn(w);
                bulk_order_end(w);
        }
}

void bulk_orders_free(struct supervisor *s)
{
        while (s->bulk_orders)
                bulk_order_drop(s->bulk_orders);
}
