/* Records of any length in a mapped file. A record is whole or not there: its checksum is stored
 * last. Who refers to a record drops it; nothing is collected by itself. */
#include "sys/store/record_store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/fault_point.h"
#include "base/hash.h"

#define FIRST_UNITS 128u
#define GROW_UNITS  2048u /* and a quarter of what is there */
#define WORD_BITS   64u

struct entry {
        uint64_t sum; /* 0: no record begins here */
        uint32_t len, tag;
        uint32_t mark, inverse; /* written in one go, so that it needs no sum */
        char data[];
};

static uint32_t units_for(size_t len)
{
        return (uint32_t)((sizeof(struct entry) + len + VAULT_UNIT - 1) / VAULT_UNIT);
}

static struct entry *entry_at(const struct record_store *v, uint32_t at)
{
        return (struct entry *)(v->file.map + MAPPED_HEADER + (size_t)at * VAULT_UNIT);
}

static uint64_t entry_sum(const struct record_store *v, uint32_t at, const struct entry *e)
{
        return hash_bytes(hash_word(hash_word(v->salt, at), (uint64_t)e->tag << 32 | e->len),
                          e->data, e->len);
}

static bool record_store_is_whole(const struct record_store *v, uint32_t at)
{
        if (at >= v->file.units)
                return false;
        const struct entry *e = entry_at(v, at);
        uint64_t sum = __atomic_load_n(&e->sum, __ATOMIC_ACQUIRE);
        size_t room = (size_t)(v->file.units - at) * VAULT_UNIT - sizeof *e;

        return sum != 0 && e->len <= room && sum == entry_sum(v, at, e);
}

/* ---- which units are taken */

static bool is_taken(const struct record_store *v, uint32_t at)
{
        return v->taken[at / WORD_BITS] >> at % WORD_BITS & 1;
}

static void record_store_take(struct record_store *v, uint32_t at, uint32_t units, bool on)
{
        for (uint32_t i = at; i < at + units; i++) {
                uint64_t bit = UINT64_C(1) << i % WORD_BITS;
                if (on)
                        v->taken[i / WORD_BITS] |= bit;
                else
                        v->taken[i / WORD_BITS] &= ~bit;
        }
}

static bool taken_grow(struct record_store *v, uint32_t had, uint32_t units)
{
        size_t was = (had + WORD_BITS - 1) / WORD_BITS;
        size_t words = (units + WORD_BITS - 1) / WORD_BITS;
        uint64_t *taken = realloc(v->taken, words * sizeof *taken);

        if (!taken)
                return false;
        memset(taken + was, 0, (words - was) * sizeof *taken);
        v->taken = taken;
        return true;
}

/* The first run of free units within [from, to). */
static uint32_t find_run(const struct record_store *v, uint32_t from, uint32_t to, uint32_t units)
{
        uint32_t run = 0;

        for (uint32_t i = from; i < to; i++) {
                if (i % WORD_BITS == 0 && v->taken[i / WORD_BITS] == UINT64_MAX) {
                        run = 0;
                        i += WORD_BITS - 1;
                        continue;
                }
                run = is_taken(v, i) ? 0 : run + 1;
                if (run == units)
                        return i + 1 - units;
        }
        return VAULT_NONE;
}

static bool record_store_grow(struct record_store *v, uint32_t units, struct err *e)
{
        uint32_t had = v->file.units, more = had / 4 + GROW_UNITS + units;

        if (!taken_grow(v, had, had + more))
                return err_nomem(e);
        return mapped_grow(&v->file, more, e);
}

static uint32_t find_room(struct record_store *v, uint32_t units, struct err *e)
{
        uint32_t end = v->file.units;
        uint32_t at = find_run(v, v->hint, end, units);

        if (at == VAULT_NONE)
                at = find_run(v, 0, end, units);
        if (at != VAULT_NONE)
                return at;
        return record_store_grow(v, units, e) ? end : VAULT_NONE;
}

/* ---- opening */

static bool find_salt(struct record_store *v, struct buf *said, struct err *e)
{
        uint64_t *salt = mapped_margin(&v->file);

        if ((*salt == 0 && !v->file.fresh) || v->file.lost)
                mapped_damaged(&v->file, said);
        while (*salt == 0)
                if (getrandom(salt, sizeof *salt, GRND_NONBLOCK) < 0)
                        return err_set(e, ERR_SYS, "get a random number");
        v->salt = *salt;
        return true;
}

static const struct mapped_form form = {
        .magic = { 'S', 'V', 'D', 'V', 'A', 'U', 'L', 'T' },
        .shape = 1,
        .unit = VAULT_UNIT,
        .first = FIRST_UNITS,
};

bool record_store_open(struct record_store *v, const char *path, const struct state_owner *who,
                       struct buf *said, struct err *e)
{
        *v = (struct record_store){ 0 };
        if (!mapped_open(&v->file, path, &form, who, said, e))
                return false;
        if (find_salt(v, said, e) && (taken_grow(v, 0, v->file.units) || err_nomem(e)))
                return true;
        record_store_close(v);
        return false;
}

size_t record_store_place(uint32_t at)
{
        return MAPPED_HEADER + (size_t)at * VAULT_UNIT;
}

/* A unit in which no record begins has no sum or no pair of marks: the rest of a dropped record is
 * bytes of its user. */
static bool record_store_begins(const struct record_store *v, uint32_t at)
{
        const struct entry *e = entry_at(v, at);

        return e->sum != 0 && e->mark == ~e->inverse;
}

static void record_store_judge(const struct record_store *v, struct buf *damage)
{
        for (uint32_t at = 0; at < v->file.units;) {
                const struct entry *e = entry_at(v, at);
                bool whole = record_store_is_whole(v, at);
                if (whole && e->mark != ~e->inverse)
                        mapped_say(&v->file, damage, record_store_place(at),
                                   "the mark of a record is damaged (does not match its inverse)");
                else if (!whole && record_store_begins(v, at))
                        mapped_say(&v->file, damage, record_store_place(at),
                                   "a record is damaged (checksum or length)");
                at += whole ? units_for(e->len) : 1;
        }
}

bool record_store_read(struct record_store *v, const char *path, uint32_t version,
                       struct state_owner *owner_out, struct buf *damage, struct err *e)
{
        *v = (struct record_store){ 0 };
        if (!mapped_read(&v->file, path, &form, version, owner_out, damage, e))
                return false;
        if (v->file.units == 0)
                return true;
        memcpy(&v->salt, mapped_margin(&v->file), sizeof v->salt);
        if (v->salt == 0)
                mapped_say(&v->file, damage,
                           (size_t)((char *)mapped_margin(&v->file) - v->file.map),
                           "the salt of its checksums is missing (zero)");
        record_store_judge(v, damage);
        return true;
}

void record_store_close(struct record_store *v)
{
        mapped_close(&v->file);
        free(v->taken);
        v->taken = NULL;
}

void record_store_remove(struct record_store *v)
{
        mapped_remove(&v->file);
        record_store_close(v);
}

/* ---- records */

const void *record_store_look(const struct record_store *v, uint32_t at, uint32_t tag,
                              size_t *len_out)
{
        if (!record_store_is_whole(v, at) || entry_at(v, at)->tag != tag)
                return NULL;
        return record_store_get(v, at, len_out);
}

bool record_store_claim(struct record_store *v, uint32_t at)
{
        uint32_t units = units_for(entry_at(v, at)->len);

        if (find_run(v, at, at + units, units) != at)
                return false;
        record_store_take(v, at, units, true);
        return true;
}

uint32_t record_store_find(const struct record_store *v, uint32_t from, uint32_t *tag_out,
                           uint32_t *next_out)
{
        for (uint32_t at = from; at < v->file.units; at++) {
                if (!record_store_is_whole(v, at))
                        continue;
                *tag_out = entry_at(v, at)->tag;
                *next_out = at + units_for(entry_at(v, at)->len);
                return at;
        }
        return VAULT_NONE;
}

void record_store_mark(struct record_store *v, uint32_t at, uint32_t mark)
{
        const uint32_t words[2] = { mark, ~mark };
        uint64_t both;

        memcpy(&both, words, sizeof both);
        __atomic_store_n((uint64_t *)&entry_at(v, at)->mark, both, __ATOMIC_RELEASE);
}

uint32_t record_store_marked(const struct record_store *v, uint32_t at)
{
        const struct entry *e = entry_at(v, at);

        return e->mark == ~e->inverse ? e->mark : 0;
}

uint32_t record_store_put(struct record_store *v, uint32_t tag, uint32_t mark, const void *data,
                          size_t len, struct err *e)
{
        uint32_t units = units_for(len);

        if (len > UINT32_MAX / 4) {
                err_set(e, ERR_USAGE, "a record of %zu bytes does not fit", len);
                return VAULT_NONE;
        }
        uint32_t at = find_room(v, units, e);
        if (at == VAULT_NONE)
                return VAULT_NONE;
        struct entry *to = entry_at(v, at);
        __atomic_store_n(&to->sum, 0, __ATOMIC_RELEASE);
        to->len = (uint32_t)len;
        to->tag = tag;
        fault_point("vault.half");
        memcpy(to->data, data, len);
        record_store_mark(v, at, mark);
        __atomic_store_n(&to->sum, entry_sum(v, at, to), __ATOMIC_RELEASE);
        record_store_take(v, at, units, true);
        v->hint = at + units;
        fault_point("vault.written");
        return at;
}

const void *record_store_get(const struct record_store *v, uint32_t at, size_t *len_out)
{
        const struct entry *e = entry_at(v, at);

        *len_out = e->len;
        return e->data;
}

void record_store_drop(struct record_store *v, uint32_t at)
{
        struct entry *e = entry_at(v, at);

        __atomic_store_n(&e->sum, 0, __ATOMIC_RELEASE);
        record_store_take(v, at, units_for(e->len), false);
        if (at < v->hint)
                v->hint = at;
}
