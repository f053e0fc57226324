/* Messages from one thread to another, run in the order in which they were sent by the receiver's
 * loop. A message belongs to the box until it has run. Sending never waits for what the receiver
 * does. */
#include "base/mailbox.h"

#include <stddef.h>

static void mailbox_on_wake(EV_P_ ev_async *w, int revents)
{
        (void)loop, (void)revents;
        mailbox_run(w->data);
}

void mailbox_open(struct mailbox *box, struct ev_loop *loop)
{
        *box = (struct mailbox){ .loop = loop };
        box->end = &box->first;
        pthread_mutex_init(&box->lock, NULL);
        ev_async_init(&box->wake, mailbox_on_wake);
        box->wake.data = box;
        ev_set_priority(&box->wake, EV_MAXPRI); /* orders are short, and are waited for */
        ev_async_start(loop, &box->wake);
        ev_unref(loop);
}

void mailbox_send(struct mailbox *box, struct mail *m)
{
        if (!box || !box->loop) {
                m->run(m);
                return;
        }
        m->next = NULL;
        pthread_mutex_lock(&box->lock);
        bool was_empty = box->first == NULL;
        *box->end = m;
        box->end = &m->next;
        box->sent++;
        pthread_mutex_unlock(&box->lock);
        if (was_empty)
                ev_async_send(box->loop, &box->wake);
        if (box->on_sent)
                box->on_sent(box->on_sent_arg);
}

static struct mail *take_all(struct mailbox *box)
{
        pthread_mutex_lock(&box->lock);
        struct mail *m = box->first;
        box->first = NULL;
        box->end = &box->first;
        pthread_mutex_unlock(&box->lock);
        return m;
}

/* From within a message, too: what came with that one, and is still to be run, comes first. */
static bool mailbox_run_once(struct mailbox *box)
{
        struct mail *m;
        bool any = false, nested = box->running;

        box->running = true;
        if (!box->taken)
                box->taken = take_all(box);
        while ((m = box->taken)) {
                any = true;
                box->taken = m->next;
                m->run(m);
                atomic_fetch_add(&box->run, 1);
        }
        box->running = nested;
        return any;
}

bool mailbox_is_empty(struct mailbox *box)
{
        pthread_mutex_lock(&box->lock);
        bool empty = !box->first && !box->running;
        pthread_mutex_unlock(&box->lock);
        return empty;
}

bool mailbox_has_run(const struct mailbox *box, unsigned count)
{
        return (int)(atomic_load(&box->run) - count) >= 0;
}

/* What comes meanwhile has a wake-up of its own: the loop's other watchers get their turn. */
void mailbox_run(struct mailbox *box)
{
        mailbox_run_once(box);
}

void mailbox_close(struct mailbox *box)
{
        while (mailbox_run_once(box))
                ;
        ev_ref(box->loop);
        ev_async_stop(box->loop, &box->wake);
        pthread_mutex_destroy(&box->lock);
        box->loop = NULL;
}
