/* What a stream has done so far, for whoever looks from another thread. */
#include <stdlib.h>

#include "channel.h"

struct ledger_box *ledger_box_new(void)
{
        struct ledger_box *b = calloc(1, sizeof *b);

        if (!b)
                return NULL;
        b->holders = 1;
        pthread_mutex_init(&b->lock, NULL);
        return b;
}

void ledger_box_put(struct ledger_box *b, const struct stream_ledger *now)
{
        pthread_mutex_lock(&b->lock);
        b->is = *now;
        pthread_mutex_unlock(&b->lock);
}

struct ledger_box *ledger_keep(struct ledger_box *b)
{
        pthread_mutex_lock(&b->lock);
        b->holders++;
        pthread_mutex_unlock(&b->lock);
        return b;
}

void ledger_drop(struct ledger_box *b)
{
        if (!b)
                return;
        pthread_mutex_lock(&b->lock);
        unsigned left = --b->holders;
        pthread_mutex_unlock(&b->lock);
        if (left)
                return;
        pthread_mutex_destroy(&b->lock);
        free(b);
}

void ledger_look(struct ledger_box *b, struct stream_ledger *out)
{
        pthread_mutex_lock(&b->lock);
        *out = b->is;
        pthread_mutex_unlock(&b->lock);
}
