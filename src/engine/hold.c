#include "engine/hold.h"

#include <stdlib.h>

struct hold_list {
        struct process **items; /* owned list of borrowed; NULL: freed meanwhile */
        int count, cap;
};

struct hold {
        struct hold_list leaving, waiting;
};

static bool list_add(struct hold_list *l, struct process *p)
{
        if (l->count == l->cap) {
                int cap = l->cap ? l->cap * 2 : 8;
                struct process **items = realloc(l->items, (size_t)cap * sizeof *items);
                if (!items)
                        return false;
                l->items = items;
                l->cap = cap;
        }
        l->items[l->count++] = p;
        return true;
}

static void list_forget(struct hold_list *l, const struct process *p)
{
        for (int i = 0; i < l->count; i++)
                if (l->items[i] == p)
                        l->items[i] = NULL;
}

/* Whoever is wanted again, or could not be signalled, is no longer waited for. */
static const struct process *somebody_leaving(const struct hold *h)
{
        for (int i = 0; i < h->leaving.count; i++) {
                const struct process *p = h->leaving.items[i];
                if (p && (p->state == PS_RETIRING || p->state == PS_GONE))
                        return p;
        }
        return NULL;
}

void hold_until_gone(struct supervisor *s, struct process *p)
{
        if (p->state != PS_RETIRING)
                return;
        if (!s->hold)
                s->hold = calloc(1, sizeof *s->hold);
        if (!s->hold || !list_add(&s->hold->leaving, p))
                log_line(s->log, LVL_WARN, "out of memory: the end of '%s' is not waited for",
                         p->name);
}

void hold_start(struct supervisor *s, struct process *p)
{
        const struct process *who = s->hold ? somebody_leaving(s->hold) : NULL;

        if (who && list_add(&s->hold->waiting, p))
                log_line(s->log, LVL_INFO, "waiting: %s is started when %s has stopped", p->name,
                         who->name);
        else
                supervisor_order(s, p, PE_START);
}

void hold_forget(struct supervisor *s, const struct process *p)
{
        if (!s->hold)
                return;
        list_forget(&s->hold->leaving, p);
        list_forget(&s->hold->waiting, p);
}

void hold_look(struct supervisor *s)
{
        struct hold *h = s->hold;

        if (!h || somebody_leaving(h))
                return;
        s->hold = NULL; /* starts may be held anew from within */
        for (int i = 0; i < h->waiting.count; i++) {
                struct process *p = h->waiting.items[i];
                if (p && p->state == PS_STOPPED && s->mood == MOOD_RUNNING)
                        supervisor_order(s, p, PE_START);
        }
        free(h->leaving.items);
        free(h->waiting.items);
        free(h);
}

bool hold_why(const struct supervisor *s, const struct process *p, struct buf *out)
{
        const struct process *who = s->hold ? somebody_leaving(s->hold) : NULL;

        for (int i = 0; who && i < s->hold->waiting.count; i++) {
                if (s->hold->waiting.items[i] != p || p->state != PS_STOPPED)
                        continue;
                buf_puts(out, "waits until ");
                process_namespec(who, out);
                buf_puts(out, " has stopped");
                return true;
        }
        return false;
}

void hold_free(struct supervisor *s)
{
        if (!s->hold)
                return;
        free(s->hold->leaving.items);
        free(s->hold->waiting.items);
        free(s->hold);
        s->hold = NULL;
}
