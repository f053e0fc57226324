/* The queue of one pool of event listeners: entries that share a notice, in order, and what
 * happens when it is full. Delivers nothing itself. */
#include "engine/events/event_queue.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The first overflows of a minute are told, the others counted: a pool whose listeners are dead
 * drops an event per event, for days. */
#define SUMMARY_MS 60000
#define TOLD_MOST  10

/* ---- notices and entries */

void notice_unref(struct notice *n)
{
        if (n && --n->refs == 0)
                free(n);
}

/* Python's len(): Supervisor's listeners read text and count what they read in characters. */
static size_t count_chars(const char *text, size_t len)
{
        size_t chars = 0;

        for (size_t i = 0; i < len; i++)
                chars += ((unsigned char)text[i] & 0xc0) != 0x80;
        return chars;
}

struct notice *notice_new(const char *name, uint64_t serial, const char *payload, size_t len)
{
        struct notice *n = malloc(sizeof *n + len);

        if (!n)
                return NULL;
        *n = (struct notice){ .refs = 1,
                              .serial = serial,
                              .name = name,
                              .len = len,
                              .chars = count_chars(payload, len) };
        memcpy(n->payload, payload, len);
        return n;
}

struct entry *entry_new(struct notice *n, uint64_t poolserial)
{
        struct entry *e = malloc(sizeof *e);

        if (!e)
                return NULL;
        *e = (struct entry){ .notice = n, .poolserial = poolserial };
        n->refs++;
        return e;
}

void entry_free(struct supervisor *s, struct entry *e)
{
        if (!e)
                return;
        state_event_drop(s, e->slot);
        notice_unref(e->notice);
        free(e);
}

/* ---- the queue */

void queue_push_back(struct event_queue *q, struct entry *e)
{
        e->next = NULL;
        if (q->last)
                q->last->next = e;
        else
                q->first = e;
        q->last = e;
        q->waiting++;
}

void queue_push_sorted(struct event_queue *q, struct entry *e)
{
        struct entry **at = &q->first;

        while (*at && (*at)->poolserial < e->poolserial)
                at = &(*at)->next;
        e->next = *at;
        *at = e;
        if (!e->next)
                q->last = e;
        q->waiting++;
}

struct entry *queue_pop(struct event_queue *q)
{
        struct entry *e = q->first;

        if (!e)
                return NULL;
        q->first = e->next;
        if (!q->first)
                q->last = NULL;
        q->waiting--;
        return e;
}

struct entry *queue_take_sent(struct event_queue *q, int listener)
{
        struct entry **at = &q->first, *before = NULL;

        while (*at && ((*at)->phase == EVENT_WAITS || (*at)->listener != listener)) {
                before = *at;
                at = &before->next;
        }
        struct entry *e = *at;
        if (!e)
                return NULL;
        *at = e->next;
        if (!e->next)
                q->last = before;
        q->waiting--;
        return e;
}

/* ---- overflow */

void queue_tell_rest(struct supervisor *s, struct event_queue *q, const char *pool, int64_t now_ms)
{
        if (!q->unpublished)
                return;
        log_line(s->log, LVL_ERROR,
                 "pool %s event buffer overflowed, discarded %" PRIu64 " more events in %" PRId64
                 " seconds",
                 pool, q->unpublished, (now_ms - q->told_ms) / 1000);
        q->unpublished = 0;
}

static void tell_overflow(struct supervisor *s, struct event_queue *q, const char *pool,
                          const struct entry *lost, int64_t now_ms)
{
        if (q->told && now_ms - q->told_ms >= SUMMARY_MS) {
                queue_tell_rest(s, q, pool, now_ms);
                q->told = 0;
        }
        if (q->told >= TOLD_MOST) {
                q->unpublished++;
                return;
        }
        log_line(s->log, LVL_ERROR, "pool %s event buffer overflowed, discarding event %" PRIu64,
                 pool, lost->notice->serial);
        if (q->told++ == 0)
                q->told_ms = now_ms;
}

void queue_make_room(struct supervisor *s, struct event_queue *q, const char *pool, int most,
                     int64_t now_ms)
{
        while (q->waiting && q->waiting >= most) {
                struct entry *oldest = queue_pop(q);
                tell_overflow(s, q, pool, oldest, now_ms);
                entry_free(s, oldest);
        }
}
