/* What a stream has done so far, for other threads to look at. */
#include "logs/intake/ledger.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "logs/intake/channel.h"

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

void ledger_box_heed(struct ledger_box *b, struct rename_seq *moves)
{
        struct rename_seq *before = b->moves;

        b->moves = rename_seq_ref(moves);
        rename_seq_drop(before);
}

/* There is one of these for each stream, and a mutex is half as large as what it would protect. */
static void ledger_enter(struct ledger_box *b)
{
        while (atomic_flag_test_and_set_explicit(&b->lock, memory_order_acquire))
                sched_yield();
}

static void ledger_leave(struct ledger_box *b)
{
        atomic_flag_clear_explicit(&b->lock, memory_order_release);
}

void ledger_box_begin(struct ledger_box *b, uint64_t life)
{
        ledger_enter(b);
        b->life = life ? life : b->next_life;
        ledger_leave(b);
}

uint64_t ledger_box_life(struct ledger_box *b)
{
        ledger_enter(b);
        uint64_t life = b->life;
        ledger_leave(b);
        return life;
}

/* Only for the thread that puts: what is there is not looked at under the lock. */
static struct ledger_rest *rest_for(const struct ledger_box *b, const struct stream_ledger *now,
                                    const char *trouble)
{
        bool syslog = now && (now->syslog_sent || now->syslog_dropped || now->syslog_buffered);

        return (syslog || trouble) && !b->rest ? calloc(1, sizeof *b->rest) : NULL;
}

static void ledger_put(struct ledger_box *b, const struct stream_ledger *now)
{
        b->written = now->written;
        b->dropped = now->dropped;
        b->buffered = (uint32_t)now->buffered;
        b->rotations = (uint32_t)now->rotations;
        b->base = now->base;
        b->inode = now->inode;
        if (!b->rest)
                return;
        b->rest->syslog_sent = now->syslog_sent;
        b->rest->syslog_dropped = now->syslog_dropped;
        b->rest->syslog_buffered = now->syslog_buffered;
}

/* Without memory the old text stays: there is trouble enough. Nothing is allocated under the lock.
 */
void ledger_box_put(struct ledger_box *b, const struct stream_ledger *now, const char *trouble)
{
        char *text = trouble ? strdup(trouble) : NULL;
        struct ledger_rest *fresh = rest_for(b, now, text);

        ledger_enter(b);
        if (fresh)
                b->rest = fresh;
        if (now)
                ledger_put(b, now);
        if (b->rest && (text || !trouble)) {
                char *old = b->rest->trouble;
                b->rest->trouble = text;
                text = old;
        }
        ledger_leave(b);
        free(text);
}

bool ledger_box_trouble(struct ledger_box *b, struct buf *out)
{
        bool any = false, room = true;

        while (room) {
                ledger_enter(b);
                const char *trouble = b->rest ? b->rest->trouble : NULL;
                any = trouble != NULL;
                size_t len = any ? strlen(trouble) : 0;
                bool fits = out->len + len < out->cap;
                if (any && fits)
                        buf_put(out, trouble, len);
                ledger_leave(b);
                if (fits || !any)
                        break;
                room = buf_reserve(out, len + 1);
        }
        return any;
}

struct ledger_box *ledger_ref(struct ledger_box *b)
{
        atomic_fetch_add(&b->holders, 1);
        return b;
}

void ledger_drop(struct ledger_box *b)
{
        if (b && atomic_fetch_sub(&b->holders, 1) == 1) {
                rename_seq_drop(b->moves);
                if (b->rest)
                        free(b->rest->trouble);
                free(b->rest);
                free(b);
        }
}

void ledger_look(struct ledger_box *b, struct stream_ledger *out)
{
        ledger_enter(b);
        *out = (struct stream_ledger){ .read = b->written + b->dropped + b->buffered,
                                       .written = b->written,
                                       .dropped = b->dropped,
                                       .buffered = b->buffered,
                                       .rotations = b->rotations,
                                       .base = b->base,
                                       .inode = b->inode,
                                       .life = b->life };
        if (b->rest) {
                out->syslog_sent = b->rest->syslog_sent;
                out->syslog_dropped = b->rest->syslog_dropped;
                out->syslog_buffered = b->rest->syslog_buffered;
        }
        ledger_leave(b);
}
