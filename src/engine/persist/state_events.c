/* <statedir>/events: what listeners have not acknowledged yet, in a record store, each with a mark
 * that says what became of it; the next numbers, so that they go on; and how much waits in memory
 * for standard inputs. */
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/startup.h"
#include "engine/persist/state.h"
#include "engine/persist/state_record.h"
#include "sys/store/handover.h"

/* A mark is a phase and a listener's number. */
#define PHASE_BITS 3
#define PHASE_MASK ((1u << PHASE_BITS) - 1)

/* Behind it: pool and event name, each with its NUL, and the payload. */
struct event_record {
        uint64_t serial, poolserial;
};

/* The next number is `base` and the mark. Behind it: the pool's name. */
struct pool_record {
        uint64_t base;
};

/* ---- numbers */

/* In the file's margin, behind what the vault has there. */
static uint64_t *serial_place(const struct record_store *v)
{
        return (uint64_t *)mapped_margin(&v->file) + 1;
}

uint64_t state_events_serial(const struct record_store *v)
{
        return *serial_place(v);
}

void state_serial(struct supervisor *s, uint64_t next)
{
        if (state_of(s))
                __atomic_store_n(serial_place(&state_of(s)->events), next, __ATOMIC_RELEASE);
}

uint64_t state_serial_persisted(const struct supervisor *s)
{
        return state_of(s) ? state_events_serial(&state_of(s)->events) : 0;
}

static uint32_t put_pool(struct supervisor *s, const char *pool, uint64_t next)
{
        struct pool_record r = { .base = next };
        AUTO_BUF text = BUF_INIT;
        struct err ignored; /* without it numbers begin anew after a crash */

        buf_put(&text, &r, sizeof r);
        buf_put(&text, pool, strlen(pool) + 1);
        uint32_t at = text.failed ? VAULT_NONE
                                  : record_store_put(&state_of(s)->events, TAG_POOL, 0, text.data,
                                                     text.len, &ignored);
        return at == VAULT_NONE ? 0 : at + 1;
}

void state_pool_serial(struct supervisor *s, const char *pool, uint32_t *slot, uint64_t next)
{
        const struct pool_record *r;
        size_t len;

        if (!state_of(s))
                return;
        if (*slot) {
                r = record_store_get(&state_of(s)->events, *slot - 1, &len);
                if (next - r->base <= UINT32_MAX) {
                        record_store_mark(&state_of(s)->events, *slot - 1,
                                          (uint32_t)(next - r->base));
                        return;
                }
        }
        uint32_t was = *slot;
        *slot = put_pool(s, pool, next);
        state_pool_forget(s, was);
}

void state_pool_forget(struct supervisor *s, uint32_t slot)
{
        if (state_of(s) && slot)
                record_store_drop(&state_of(s)->events, slot - 1);
}

/* ---- events */

uint32_t state_event_put(struct supervisor *s, const struct persisted_event *e)
{
        struct event_record r = { .serial = e->serial, .poolserial = e->poolserial };
        AUTO_BUF text = BUF_INIT;
        struct err why = { 0 };
        uint32_t at = VAULT_NONE;

        if (!state_of(s))
                return 0;
        buf_reserve(&text, sizeof r + strlen(e->pool) + strlen(e->name) + 2 + e->len);
        buf_put(&text, &r, sizeof r);
        buf_put(&text, e->pool, strlen(e->pool) + 1);
        buf_put(&text, e->name, strlen(e->name) + 1);
        buf_put(&text, e->payload, e->len);
        if (text.failed)
                err_nomem(&why);
        else
                at =
                    record_store_put(&state_of(s)->events, TAG_EVENT, 0, text.data, text.len, &why);
        if (at != VAULT_NONE)
                return at + 1;
        if (!state_of(s)->told_events)
                log_line(s->log, LVL_WARN, "%s; events that wait would not survive", why.text);
        state_of(s)->told_events = true;
        return 0;
}

void state_event_mark(struct supervisor *s, uint32_t slot, enum event_phase phase, int listener)
{
        if (state_of(s) && slot)
                record_store_mark(&state_of(s)->events, slot - 1,
                                  (uint32_t)listener << PHASE_BITS | (uint32_t)phase);
}

void state_event_drop(struct supervisor *s, uint32_t slot)
{
        if (state_of(s) && slot)
                record_store_drop(&state_of(s)->events, slot - 1);
}

/* ---- what waits for a standard input: its mark is the number of bytes, its data the name */

void state_stdin_waits(struct supervisor *s, const struct process *p, uint32_t *saved, size_t bytes)
{
        struct err ignored; /* without it a loss is not counted */

        if (!state_of(s))
                return;
        struct record_store *v = &state_of(s)->events;
        if (*saved && bytes) {
                record_store_mark(v, *saved - 1, (uint32_t)bytes);
        } else if (bytes) {
                uint32_t at = record_store_put(v, TAG_STDIN, (uint32_t)bytes, p->name,
                                               strlen(p->name) + 1, &ignored);
                *saved = at == VAULT_NONE ? 0 : at + 1;
        } else {
                if (*saved)
                        record_store_drop(v, *saved - 1);
                *saved = 0;
        }
}

bool state_stdin_read(const struct record_store *v, uint32_t at, const char **name_out,
                      uint32_t *bytes_out)
{
        size_t len;
        const char *name = record_store_get(v, at, &len);

        *name_out = name;
        *bytes_out = record_store_marked(v, at);
        return len && !name[len - 1];
}

static void say_stdin_lost(struct supervisor *s, uint32_t at)
{
        const struct handover *h = startup_of(s)->handover;
        const char *name;
        uint32_t bytes;

        if ((!h || h->list < 0) && state_stdin_read(&state_of(s)->events, at, &name, &bytes))
                log_line(s->log, LVL_WARN,
                         "%" PRIu32 " bytes that waited for the standard input of '%s' are lost: "
                         "the previous supervisord was killed",
                         bytes, name);
}

/* ---- of the previous instance */

static int left_by_number(const void *a, const void *b)
{
        const struct left *x = a, *y = b;

        return (x->poolserial > y->poolserial) - (x->poolserial < y->poolserial);
}

static uint64_t left_number(const struct record_store *v, uint32_t at, uint32_t tag)
{
        struct persisted_event e;

        return tag == TAG_EVENT && state_event_read(v, at, &e) ? e.poolserial : 0;
}

bool state_events_read(struct state *st)
{
        uint32_t at, tag, next = 0;
        size_t count = 0;

        while (record_store_find(&st->events, next, &tag, &next) != VAULT_NONE)
                count++;
        st->left = calloc(count + 1, sizeof *st->left);
        if (!st->left)
                return false;
        next = 0;
        while (st->left_count < count &&
               (at = record_store_find(&st->events, next, &tag, &next)) != VAULT_NONE)
                if (record_store_claim(&st->events, at))
                        st->left[st->left_count++] =
                            (struct left){ left_number(&st->events, at, tag), at, tag, false };
        qsort(st->left, st->left_count, sizeof *st->left, left_by_number);
        return true;
}

/* The text at *at, which moves on behind its NUL. NULL: there is none before `end`. */
static const char *state_events_text(const char **at, const char *end)
{
        const char *text = *at;
        const char *nul = text < end ? memchr(text, '\0', (size_t)(end - text)) : NULL;

        *at = nul ? nul + 1 : end;
        return nul ? text : NULL;
}

bool state_event_read(const struct record_store *v, uint32_t at, struct persisted_event *e)
{
        size_t len;
        const char *data = record_store_get(v, at, &len), *end = data + len;
        uint32_t mark = record_store_marked(v, at);
        struct event_record r;

        if (len < sizeof r)
                return false;
        memcpy(&r, data, sizeof r);
        data += sizeof r;
        *e = (struct persisted_event){ .serial = r.serial,
                                       .poolserial = r.poolserial,
                                       .phase = (enum event_phase)(mark & PHASE_MASK),
                                       .listener = (int)(mark >> PHASE_BITS),
                                       .slot = at + 1 };
        e->pool = state_events_text(&data, end);
        e->name = state_events_text(&data, end);
        e->payload = data;
        e->len = (size_t)(end - data);
        return e->pool && e->name;
}

bool state_pool_read(const struct record_store *v, uint32_t at, const char **name_out,
                     uint64_t *next_out)
{
        struct pool_record r;
        size_t len;
        const char *data = record_store_get(v, at, &len);

        if (len <= sizeof r || data[len - 1])
                return false;
        memcpy(&r, data, sizeof r);
        *name_out = data + sizeof r;
        *next_out = r.base + record_store_marked(v, at);
        return true;
}

uint64_t state_pool_serial_persisted(struct supervisor *s, const char *pool, uint32_t *slot_out)
{
        struct state *st = state_of(s);

        for (size_t i = 0; st && i < st->left_count; i++) {
                struct left *k = &st->left[i];
                const char *name;
                uint64_t number;
                if (k->tag != TAG_POOL || k->taken ||
                    !state_pool_read(&st->events, k->at, &name, &number) || strcmp(name, pool) != 0)
                        continue;
                k->taken = true;
                *slot_out = k->at + 1;
                return number;
        }
        return 0;
}

void state_events_of(struct supervisor *s, const char *pool,
                     void (*take)(void *arg, const struct persisted_event *e), void *arg)
{
        struct state *st = state_of(s);
        struct persisted_event e;

        for (size_t i = 0; st && i < st->left_count; i++) {
                struct left *k = &st->left[i];
                if (k->tag != TAG_EVENT || k->taken || !state_event_read(&st->events, k->at, &e) ||
                    strcmp(e.pool, pool) != 0)
                        continue;
                k->taken = true;
                take(arg, &e);
        }
}

void state_events_settled(struct supervisor *s)
{
        struct state *st = state_of(s);

        if (!st || !st->left)
                return;
        for (size_t i = 0; i < st->left_count; i++) {
                if (st->left[i].tag == TAG_STDIN)
                        say_stdin_lost(s, st->left[i].at);
                if (!st->left[i].taken)
                        record_store_drop(&st->events, st->left[i].at);
        }
        free(st->left);
        st->left = NULL;
        st->left_count = 0;
}
