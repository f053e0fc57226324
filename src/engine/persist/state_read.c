/* Reading what the previous instance left: every record becomes a saved_record, until adopt.c has
 * gone on with all of them. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "engine/persist/state.h"
#include "engine/persist/state_record.h"
#include "model/config/process_given.h"
#include "sys/process/orphan.h"

/* ---- one record */

static bool unpack_tail(struct record *r)
{
        void *const of[PART_COUNT] = { &r->process, &r->mark, NULL, r };

        if (!fields_unpack_tail(record_layout, PART_COUNT, of, r->tail, r->tail_len))
                return false;
        if (!*r->text[TEXT_GROUP])
                r->text[TEXT_GROUP] = r->text[TEXT_NAME];
        if (!*r->text[TEXT_PROGRAM])
                r->text[TEXT_PROGRAM] = r->text[TEXT_GROUP];
        return *r->text[TEXT_NAME] != '\0';
}

void record_program(const struct record *r, struct program *g)
{
        void *const of[PART_COUNT] = { [PART_PROGRAM] = g };

        (void)fields_unpack_tail(record_layout, PART_COUNT, of, r->tail, r->tail_len);
        if (g->stopsignal < 1 || g->stopsignal > 64)
                g->stopsignal = SIGTERM;
}

static bool state_read_makes_sense(const struct record *r)
{
        if (r->kind == RECORD_FLEET)
                return true;
        return r->kind == RECORD_PROCESS && r->program_kind > 0 && r->number >= 0;
}

static void unpack_end(uint32_t mark, struct record *r)
{
        r->status = (uint16_t)mark;
        r->flags |= (uint8_t)(mark >> 16 & RECORD_ENDED);
}

bool record_read(const struct state *st, uint32_t slot, struct record *r, uint32_t *texts_out)
{
        void *const of[PART_COUNT] = { &r->process, &r->mark, NULL, r };
        struct record_step step;

        *r = (struct record){ 0 };
        if (!slot_table_read(&st->table, slot, &step, sizeof step))
                return false;
        r->kind = (enum record_kind)step.kind;
        fields_unpack(record_layout, PART_COUNT, of, step.fields);
        r->flags &= (uint8_t)~RECORD_ENDED;
        *texts_out = step.texts;
        r->tail = record_store_look(&st->texts, step.texts, step.kind, &r->tail_len);
        if (r->tail && r->process.pid > 0)
                unpack_end(record_store_marked(&st->texts, step.texts), r);
        return r->tail && unpack_tail(r) && state_read_makes_sense(r);
}

/* Its texts move out of the table, where they may be written anew before they are read. */
static bool copy_texts(struct saved_record *k)
{
        k->block = malloc(k->record.tail_len);
        if (!k->block)
                return false;
        memcpy(k->block, k->record.tail, k->record.tail_len);
        k->record.tail = k->block;
        return unpack_tail(&k->record);
}

/* ---- all of them */

static int compare_names(const struct saved_record *k, const char *group, const char *name)
{
        int c = strcmp(k->record.text[TEXT_GROUP], group);

        return c ? c : strcmp(k->record.text[TEXT_NAME], name);
}

static int by_names(const void *a, const void *b)
{
        const struct saved_record *x = a, *y = b;

        if (x->record.kind != y->record.kind)
                return x->record.kind < y->record.kind ? -1 : 1;
        return compare_names(x, y->record.text[TEXT_GROUP], y->record.text[TEXT_NAME]);
}

static bool spare_logs(struct state *st)
{
        for (size_t i = 0; i < st->process_count; i++) {
                const struct record *r = &st->saved_records[i].record;
                if (((r->flags & RECORD_OUT_AUTO) &&
                     !strlist_add(&st->spared, r->text[TEXT_OUT])) ||
                    ((r->flags & RECORD_ERR_AUTO) && !strlist_add(&st->spared, r->text[TEXT_ERR])))
                        return false;
        }
        return true;
}

bool state_read_all(struct supervisor *s)
{
        struct state *st = state_of(s);
        const struct slot_table *t = &st->table;

        st->saved_records = calloc((size_t)t->used + 1, sizeof *st->saved_records);
        if (!st->saved_records)
                return false;
        for (uint32_t i = 0; i < t->slot_count; i++) {
                if (!t->slots[i].len)
                        continue;
                struct saved_record *k = &st->saved_records[st->saved_record_count];
                k->slot = i;
                if (!record_read(st, i, &k->record, &k->texts) ||
                    !record_store_claim(&st->texts, k->texts)) {
                        log_line(s->log, LVL_WARN,
                                 "state table: record %u is damaged; its process is not known", i);
                        slot_table_drop(&st->table, i);
                        continue;
                }
                st->saved_record_count++;
                st->process_count += k->record.kind == RECORD_PROCESS;
                if (!copy_texts(k))
                        return false;
        }
        qsort(st->saved_records, st->saved_record_count, sizeof *st->saved_records, by_names);
        return spare_logs(st);
}

struct saved_record *state_saved_record(const struct supervisor *s, const char *group,
                                        const char *name)
{
        size_t low = 0, high = state_of(s) ? state_of(s)->process_count : 0;

        while (low < high) {
                size_t mid = low + (high - low) / 2;
                int c = compare_names(&state_of(s)->saved_records[mid], group, name);
                if (c == 0)
                        return &state_of(s)->saved_records[mid];
                if (c < 0)
                        low = mid + 1;
                else
                        high = mid;
        }
        return NULL;
}

void state_forget_saved_records(struct supervisor *s)
{
        struct state *st = state_of(s);

        for (size_t i = 0; i < st->saved_record_count; i++)
                free(st->saved_records[i].block);
        free(st->saved_records);
        st->saved_records = NULL;
        st->saved_record_count = st->process_count = 0;
        strlist_release(&st->spared);
}

/* ---- what it is asked for */

const char *const *state_spared_logs(const struct supervisor *s)
{
        return state_of(s) ? (const char *const *)state_of(s)->spared.items : NULL;
}

const char *state_auto_log(const struct supervisor *s, const struct process *p, bool is_stderr)
{
        const struct saved_record *k = state_saved_record(s, p->group->name, p->name);
        unsigned flag = is_stderr ? RECORD_ERR_AUTO : RECORD_OUT_AUTO;

        if (!k || !(k->record.flags & flag))
                return NULL;
        const char *path = k->record.text[is_stderr ? TEXT_ERR : TEXT_OUT];
        return *path ? path : NULL;
}

/* No user chooses names so that two of them meet in 64 bits. */
uint64_t record_stream_key(const char *group, const char *name, bool is_stderr)
{
        uint64_t key = hash_text(1 + (uint64_t)is_stderr, group);

        return hash_bytes(key, name, strlen(name));
}

uint64_t state_stream_key(const struct supervisor *s, const struct process *p, bool is_stderr)
{
        return state_of(s) ? record_stream_key(p->group->name, p->name, is_stderr) : 0;
}

static bool runs_by(const struct supervisor *s, const struct record *r, const struct program *p)
{
        struct recipe recipe = { 0 };
        struct err e = { 0 };
        AUTO_STRLIST argv = STRLIST_INIT;
        uint64_t given = 0;

        bool ok = recipe_make(p, r->text[TEXT_GROUP], r->number, s->host, &recipe, &e) &&
                  command_split(recipe.command, &argv, &e) &&
                  given_fingerprint(p, &recipe, &argv, &given);
        recipe_release(&recipe);
        return ok && given == r->mark.given;
}

/* Another program, or one with another socket, has another fingerprint. */
int state_fcgi_socket(const struct supervisor *s, const struct program *p)
{
        for (size_t i = 0; state_of(s) && i < state_of(s)->process_count; i++) {
                const struct record *r = &state_of(s)->saved_records[i].record;
                struct orphan who = footprint_orphan(&r->mark, r->process.pid);
                if (who.pid <= 0 || r->program_kind != KIND_FCGI ||
                    strcmp(r->text[TEXT_PROGRAM], p->name) != 0 || !runs_by(s, r, p))
                        continue;
                int fd = orphan_socket(s->sys, &who, 0);
                if (fd >= 0)
                        return fd;
        }
        return -1;
}
