/* Reading what the previous instance left: every record becomes a saved_record, until adopt.c has
 * gone on with all of them. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/hash.h"
#include "engine/persist/state.h"
#include "engine/persist/state_record.h"
#include "model/config/process_given.h"
#include "sys/process/orphan.h"

/* ---- one record */

static void unpack_ending(const struct record_step *step, struct process_memory *m)
{
        int raw = step->raw;

        m->known = (step->bits & BIT_KNOWN) != 0;
        m->happened = (step->bits & BIT_HAPPENED) != 0;
        m->expected = (step->bits & BIT_EXPECTED) != 0;
        m->unhealthy = (step->bits & BIT_UNHEALTHY) != 0;
        m->raw = raw;
        m->code = m->known && WIFEXITED(raw) ? WEXITSTATUS(raw) : m->happened ? -1 : 0;
        m->sig = m->known && WIFSIGNALED(raw) ? WTERMSIG(raw) : 0;
        m->core = m->sig && WCOREDUMP(raw);
        m->ended_wall_ms = step->ended_wall;
}

static void unpack_memory(const struct record_step *step, struct process_memory *m)
{
        unpack_ending(step, m);
        m->state = step->state;
        m->waiting = step->waiting;
        m->health = step->health;
        m->ever_ok = (step->bits & BIT_EVER_OK) != 0;
        m->remains = (step->bits & BIT_REMAINS) != 0;
        m->pid = step->pid;
        m->restarts = (int32_t)step->restarts;
        m->due_ms = step->due;
        m->spawned_ms = step->spawned;
        m->spawned_wall_ms = step->spawned_wall;
        m->tried_wall_ms = step->tried_wall;
        m->calm_ms = step->calm;
        m->stopped_wall_ms = step->stopped_wall;
        m->tries = (int32_t)step->tries;
        m->crashes = (int32_t)step->crashes;
        m->check_failures = (int32_t)step->check_failures;
        m->check_successes = (int32_t)step->check_successes;
}

static void unpack_step(const struct record_step *step, struct record *r)
{
        r->kind = (enum record_kind)step->kind;
        r->flags = step->flags & ~(unsigned)RECORD_ENDED;
        r->work = step->work;
        r->start_low = step->start_low;
        r->start_high = r->start_low + step->start_span;
        r->listener = (struct listener_memory){ .state = step->listener_state,
                                                .is_inside = (step->bits & BIT_INSIDE) != 0 };
        r->replicas = step->replicas;
        r->numprocs = step->numprocs;
        r->scaled = r->kind == RECORD_FLEET;
        for (int i = 0; i < 3; i++)
                r->pipes[i] = step->pipes[i];
        unpack_memory(step, &r->memory);
}

const char *record_next_text(const char **at, const char *end)
{
        const char *text = *at;
        const char *nul = text < end ? memchr(text, '\0', (size_t)(end - text)) : NULL;

        *at = nul ? nul + 1 : end;
        return nul ? text : NULL;
}

static bool unpack_texts(struct record *r, const char *at, const char *end)
{
        const char *spawnerr;

        for (int i = 0; i < TEXT_COUNT; i++)
                if (!(r->text[i] = record_next_text(&at, end)))
                        return false;
        if (!*r->text[TEXT_GROUP])
                r->text[TEXT_GROUP] = r->text[TEXT_NAME];
        if (!*r->text[TEXT_PROGRAM])
                r->text[TEXT_PROGRAM] = r->text[TEXT_GROUP];
        spawnerr = record_next_text(&at, end);
        if (!spawnerr || strlen(spawnerr) >= sizeof r->memory.spawnerr)
                return false;
        strcpy(r->memory.spawnerr, spawnerr);
        return *r->text[TEXT_NAME] != '\0';
}

static bool unpack_frame(struct record *r, const char *data, size_t len)
{
        struct record_frame frame = { 0 };

        if (len < sizeof frame.size)
                return false;
        memcpy(&frame.size, data, sizeof frame.size);
        size_t size = frame.size;
        if (size > len)
                return false;
        memcpy(&frame, data, size < sizeof frame ? size : sizeof frame);
        size_t failures = frame.failure_count * sizeof *r->memory.failures_ms;
        if (frame.failure_count > MEMORY_FAILURES || failures > len - size)
                return false;
        memcpy(r->memory.failures_ms, data + size, failures);
        r->memory.failure_count = frame.failure_count;
        r->program_kind = frame.program_kind;
        r->stopsignal = frame.stopsignal;
        r->stopwaitsecs = frame.stopwaitsecs;
        r->number = frame.number;
        r->stopasgroup = frame.stopasgroup;
        r->killasgroup = frame.killasgroup;
        r->given = frame.given;
        return unpack_texts(r, data + size + failures, data + len);
}

static bool state_read_makes_sense(const struct record *r)
{
        if (r->kind == RECORD_FLEET)
                return true;
        return r->kind == RECORD_PROCESS && r->program_kind > 0 && r->stopsignal > 0 &&
               r->stopsignal < 65 && r->stopwaitsecs >= 0 && r->number >= 0;
}

static void unpack_end(uint32_t mark, struct record *r)
{
        r->status = (uint16_t)mark;
        r->flags |= mark >> 16 & RECORD_ENDED;
}

bool record_read(const struct state *st, uint32_t slot, struct record *r, uint32_t *texts_out)
{
        struct record_step step;
        size_t len;

        *r = (struct record){ 0 };
        if (!slot_table_read(&st->table, slot, &step, sizeof step))
                return false;
        unpack_step(&step, r);
        *texts_out = step.texts;
        const char *frame = record_store_look(&st->texts, step.texts, step.kind, &len);
        if (frame && r->memory.pid > 0)
                unpack_end(record_store_marked(&st->texts, step.texts), r);
        return frame && unpack_frame(r, frame, len) && state_read_makes_sense(r);
}

/* Its texts move out of the table, where they may be written anew before they are read. */
static bool copy_texts(struct state *st, struct saved_record *k)
{
        size_t len;
        const char *frame = record_store_get(&st->texts, k->texts, &len);

        k->block = malloc(len);
        if (!k->block)
                return false;
        memcpy(k->block, frame, len);
        for (int i = 0; i < TEXT_COUNT; i++)
                k->record.text[i] = k->block + (k->record.text[i] - frame);
        return true;
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
                if (!copy_texts(st, k))
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
        return ok && given == r->given;
}

/* Another program, or one with another socket, has another fingerprint. */
int state_fcgi_socket(const struct supervisor *s, const struct program *p)
{
        for (size_t i = 0; state_of(s) && i < state_of(s)->process_count; i++) {
                const struct record *r = &state_of(s)->saved_records[i].record;
                struct orphan who = { r->memory.pid, r->start_low, r->start_high };
                if (who.pid <= 0 || r->program_kind != KIND_FCGI ||
                    strcmp(r->text[TEXT_PROGRAM], p->name) != 0 || !runs_by(s, r, p))
                        continue;
                int fd = orphan_socket(s->sys, &who, 0);
                if (fd >= 0)
                        return fd;
        }
        return -1;
}
