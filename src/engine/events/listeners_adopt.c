/* Event listeners over the death of a daemon (engine/persist/state.h): what waits is sent, each
 * listener goes on with the event that it has, and whatever is in doubt begins anew, so that an
 * event comes once more rather than never. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/startup.h"
#include "engine/events/pool.h"
#include "engine/persist/state_record.h"
#include "sys/store/handover.h"
#include "wire/base64.h"

/* ---- events */

struct taking {
        struct listeners *listeners;
        struct pool *pool;
};

static void listeners_take_event(void *arg, const struct persisted_event *k)
{
        const struct taking *t = arg;
        struct listeners *ls = t->listeners;
        enum event_type type = event_parse(k->name);
        struct notice *n = type == EV_TYPE_COUNT
                               ? NULL
                               : notice_new(event_name(type), k->serial, k->payload, k->len);
        struct entry *e = n ? entry_new(n, k->poolserial) : NULL;

        notice_unref(n);
        if (!e) {
                log_line(ls->sup->log, LVL_ERROR, "pool %s misses event %" PRIu64, k->pool,
                         k->serial);
                state_event_drop(ls->sup, k->slot);
                return;
        }
        e->slot = k->slot;
        e->phase = k->phase;
        e->listener = k->listener;
        if (ls->next_serial <= k->serial)
                ls->next_serial = k->serial + 1;
        if (t->pool->next_serial <= k->poolserial)
                t->pool->next_serial = k->poolserial + 1;
        queue_push_back(&t->pool->queue, e);
}

void pool_take_persisted(struct listeners *ls, struct pool *p)
{
        struct taking t = { ls, p };

        p->next_serial = state_pool_serial_persisted(ls->sup, p->group->name, &p->slot);
        state_events_of(ls->sup, p->group->name, listeners_take_event, &t);
}

/* ---- listeners */

/* By the number of its pipe, which no other one has while it lives. */
static void listeners_item(const struct process *p, char out[static 40])
{
        snprintf(out, 40, "listener-said:%" PRIu32, p->worker->mark.pipes[1]);
}

bool listener_begun_hand_over(const struct listener *l, struct strlist *items)
{
        AUTO_BUF text = BUF_INIT;
        char name[40];

        if (!l || !listener_proto_is_inside(&l->proto))
                return true;
        listeners_item(l->process, name);
        base64_encode(l->begun.data, l->begun.len, &text);
        return !l->begun.failed && !text.failed && handover_put(items, name, text.data);
}

/* What it has said of a message that is not whole. False: it is not known. */
static bool take_begun(struct supervisor *s, struct listener *l)
{
        const struct handover *h = startup_of(s)->handover;
        char name[40];

        listeners_item(l->process, name);
        const char *text = h ? handover_word(h, name) : NULL;
        if (!text || !base64_decode(text, true, &l->begun))
                return false;
        const char *data = l->begun.data;
        size_t len = l->begun.len;
        listener_prepare(l);
        return listener_proto_feed(&l->proto, &data, &len) == LISTENER_QUIET;
}

/* An event that it has makes it busy; without one it has answered, whatever its record says. */
static enum listener_state state_from(int number, bool has_event)
{
        if (has_event)
                return LISTENER_BUSY;
        if (number == LISTENER_READY || number == LISTENER_UNKNOWN)
                return (enum listener_state)number;
        return LISTENER_ACKNOWLEDGED;
}

void listener_recall(struct supervisor *s, struct process *p, const struct listener_memory *m)
{
        struct listener *l = p->pid > 0 ? listener_of(s, p) : NULL;
        bool killed = !startup_of(s)->handover || startup_of(s)->handover->list < 0;

        if (!l)
                return;
        l->busy_with = queue_take_sent(&l->pool->queue, p->number);
        l->proto =
            (struct listener_proto){ .state = state_from(m->state, l->busy_with), .unsure = true };
        l->is_cut = (killed && l->busy_with && l->busy_with->phase == EVENT_SENDING) ||
                    (m->is_inside && !take_begun(s, l));
}

void listener_adopted(struct supervisor *s, struct process *p)
{
        struct listener *l = p->worker->listener;

        if (l && l->is_cut)
                listener_restart(
                    s, l, "it was cut off inside a message by the end of the previous supervisord");
}

/* ---- all of them */

void listeners_settled(struct supervisor *s)
{
        struct listeners *ls = listeners_own(s);

        for (struct pool *p = ls ? ls->pools : NULL; p; p = p->next) {
                for (struct entry *e = p->queue.first; e; e = e->next) {
                        e->phase = EVENT_WAITS;
                        state_event_mark(s, e->slot, EVENT_WAITS, 0);
                }
                pool_deliver(s, p);
        }
        state_events_settled(s);
}
