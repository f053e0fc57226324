/* What a stream has done so far, for whoever looks from another thread. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"

struct ledger_box *ledger_box_new(uint64_t next_life)
{
        struct ledger_box *b = calloc(1, sizeof *b);

        if (!b)
                return NULL;
        atomic_flag_clear(&b->lock);
        atomic_init(&b->holders, 1);
        b->next_life = next_life;
        return b;
}

bool ledger_box_counts(const struct ledger_box *b)
{
        return b->next_life != 0;
}

void ledger_box_heed(struct ledger_box *b, struct moves *moves)
{
        struct moves *before = b->moves;

        b->moves = moves_keep(moves);
        moves_drop(before);
}

/* There is one of these for each stream, and a mutex is half as large as what it would protect. */
static void enter(struct ledger_box *b)
{
        while (atomic_flag_test_and_set_explicit(&b->lock, memory_order_acquire))
                sched_yield();
}

static void leave(struct ledger_box *b)
{
        atomic_flag_clear_explicit(&b->lock, memory_order_release);
}

void ledger_box_begin(struct ledger_box *b, uint64_t life)
{
        enter(b);
        b->life = life ? life : b->next_life;
        leave(b);
}

uint64_t ledger_box_life(struct ledger_box *b)
{
        enter(b);
        uint64_t life = b->life;
        leave(b);
        return life;
}

/* Without memory the old text stays: there is trouble enough. Nothing is allocated under the lock.
 */
void ledger_box_put(struct ledger_box *b, const struct stream_ledger *now, const char *trouble)
{
        char *text = trouble ? strdup(trouble) : NULL;

        enter(b);
        if (now)
                b->is = *now;
        if (text || !trouble) {
                char *old = b->trouble;
                b->trouble = text;
                text = old;
        }
        leave(b);
        free(text);
}

bool ledger_box_trouble(struct ledger_box *b, struct buf *out)
{
        bool any = false, room = true;

        while (room) {
                enter(b);
                any = b->trouble != NULL;
                size_t len = any ? strlen(b->trouble) : 0;
                bool fits = out->len + len < out->cap;
                if (any && fits)
                        buf_put(out, b->trouble, len);
                leave(b);
                if (fits || !any)
                        break;
                room = buf_reserve(out, len + 1);
        }
        return any;
}

struct ledger_box *ledger_keep(struct ledger_box *b)
{
        atomic_fetch_add(&b->holders, 1);
        return b;
}

void ledger_drop(struct ledger_box *b)
{
        if (b && atomic_fetch_sub(&b->holders, 1) == 1) {
                moves_drop(b->moves);
                free(b->trouble);
                free(b);
        }
}

void ledger_look(struct ledger_box *b, struct stream_ledger *out)
{
        enter(b);
        *out = b->is;
        out->life = b->life;
        leave(b);
}
