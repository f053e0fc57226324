/* Writing down what there is: every change, before its work is begun. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/worker.h"
#include "engine/events/listeners.h"
#include "engine/persist/state.h"
#include "engine/persist/state_record.h"
#include "engine/run/launches.h"
#include "sys/process/orphan.h"

/* ---- records as bytes */

/* Which parts a record has, by enum record_part; NULL: none. */
typedef const void *const record_parts[PART_COUNT];

static void pack_step(record_parts of, uint32_t texts, struct record_step *step)
{
        const struct record *r = of[PART_RECORD];

        *step = (struct record_step){ .texts = texts, .kind = (uint8_t)r->kind };
        size_t size = fields_pack(record_layout, PART_COUNT, of, step->fields);
        assert(size == sizeof step->fields);
        (void)size;
}

/* The paths of logs are left out when all of it would not fit. */
static bool pack_tail(record_parts of, char out[static TAIL_MAX], size_t *len)
{
        struct field_tail tail = { .data = out, .max = TAIL_MAX };

        fields_pack_tail(record_layout, PART_COUNT, of, &tail);
        if (tail.full) {
                struct record less = *(const struct record *)of[PART_RECORD];
                record_parts parts = { of[PART_PROCESS], of[PART_MARK], of[PART_PROGRAM], &less };
                less.text[TEXT_OUT] = less.text[TEXT_ERR] = "";
                tail = (struct field_tail){ .data = out, .max = TAIL_MAX };
                fields_pack_tail(record_layout, PART_COUNT, parts, &tail);
        }
        *len = tail.len;
        return !tail.full;
}

/* ---- what there is */

/* A lone program, its group and its process have one name: then it is there once. */
static const char *state_write_unlike(const char *text, const char *other)
{
        return strcmp(text, other) == 0 ? "" : text;
}

static const char *state_write_log_path(const struct stream *st)
{
        const char *path = st ? stream_path(st) : NULL;

        return path ? path : "";
}

static unsigned flags_of(const struct supervisor *s, const struct worker *w)
{
        unsigned flags = s->daemon_state == DAEMON_RUNNING ? 0 : RECORD_ENDING;

        if (w->out_auto)
                flags |= RECORD_OUT_AUTO;
        if (w->err_auto)
                flags |= RECORD_ERR_AUTO;
        if (w->mark.adopted)
                flags |= RECORD_ADOPTED;
        return flags;
}

static void state_write_describe(const struct supervisor *s, const struct process *p, unsigned work,
                                 struct record *r)
{
        const struct worker *w = p->worker;
        const struct program *g = p->program;

        *r = (struct record){
                .kind = RECORD_PROCESS,
                .flags = (uint8_t)flags_of(s, w),
                .text = { [TEXT_NAME] = p->name,
                          [TEXT_GROUP] = state_write_unlike(p->group->name, p->name),
                          [TEXT_PROGRAM] =
                              state_write_unlike(g->name ? g->name : "", p->group->name),
                          [TEXT_OUT] = state_write_log_path(w->out),
                          [TEXT_ERR] = state_write_log_path(w->err),
                          [TEXT_SPAWNERR] = process_spawnerr(p) },
                .work = (uint8_t)(work | (w->owes_stop ? DO_TERM : 0)),
                .number = p->number,
                .program_kind = (uint8_t)g->kind,
        };
        listener_remember(w->listener, &r->listener);
        process_failures(p, &r->failures);
}

/* ---- how a worker has ended */

static uint32_t state_write_end(const struct worker *w)
{
        unsigned flags = (w->lost ? RECORD_LOST : RECORD_REAPED) | (w->owes_stop ? RECORD_OWES : 0);

        return w->reaped ? flags << 16 | (uint16_t)w->status : 0;
}

void state_note_end(struct supervisor *s, const struct worker *w)
{
        const struct footprint *m = &w->mark;
        uint32_t end = state_write_end(w);

        if (state_of(s) && m->slot && record_store_marked(&state_of(s)->texts, m->texts) != end)
                record_store_mark(&state_of(s)->texts, m->texts, end);
}

/* ---- into the tables */

void record_drop(struct state *st, uint32_t slot, uint32_t texts)
{
        slot_table_drop(&st->table, slot);
        record_store_drop(&st->texts, texts);
}

/* Both halves in one step: the new texts are there before they are referred to, the old ones as
 * long as they are. *slot counts from 1; 0: it has none yet. */
static bool state_write_store(struct state *st, record_parts of, uint32_t *slot, uint32_t *texts,
                              struct err *e)
{
        const struct record *r = of[PART_RECORD];
        uint32_t was = *slot ? *texts : VAULT_NONE, at = was, mark = 0, added;
        char tail[TAIL_MAX];
        struct record_step step;
        size_t len, had_len = 0;

        if (!pack_tail(of, tail, &len))
                return err_set(e, ERR_USAGE, "its name is too long");
        const void *had = *slot ? record_store_get(&st->texts, was, &had_len) : NULL;
        if (had)
                mark = record_store_marked(&st->texts, was);
        if (!had || had_len != len || memcmp(had, tail, len) != 0)
                at = record_store_put(&st->texts, r->kind, mark, tail, len, e);
        if (at == VAULT_NONE)
                return false;
        pack_step(of, at, &step);
        if (*slot) {
                slot_table_write(&st->table, *slot - 1, &step, sizeof step);
        } else if ((added = slot_table_add(&st->table, &step, sizeof step, e)) == STATE_NO_SLOT) {
                record_store_drop(&st->texts, at);
                return false;
        } else {
                *slot = added + 1;
        }
        *texts = at;
        if (was != VAULT_NONE && was != at)
                record_store_drop(&st->texts, was);
        return true;
}

/* The first of a run is said, and stands there for those who ask. */
static void tell_full(struct supervisor *s, const char *name, const char *why)
{
        if (state_of(s)->full)
                return;
        log_line(s->log, LVL_WARN, "'%s' would not survive the death of supervisord: %s", name,
                 why);
        state_of(s)->full = strdup(why);
}

static void state_write_keep(struct supervisor *s, record_parts of, uint32_t *slot, uint32_t *texts)
{
        struct state *st = state_of(s);
        struct err e = { 0 };
        bool is_new = !*slot;

        if (!state_write_store(st, of, slot, texts, &e)) {
                tell_full(s, ((const struct record *)of[PART_RECORD])->text[TEXT_NAME], e.text);
        } else if (is_new) {
                free(st->full);
                st->full = NULL;
        }
}

static void state_write_keep_process(struct supervisor *s, struct process *p,
                                     const struct record *r)
{
        struct footprint *m = &p->worker->mark;
        record_parts of = { p, m, p->program, r };

        state_write_keep(s, of, &m->slot, &m->texts);
        state_note_end(s, p->worker);
        state_unchanged(s, p->worker);
}

/* Between the clone and its first word the child writes to its record, and two may not do so at
 * once. What was not written then is written when it is known what has come of the start. */
static bool is_ours_to_write(struct supervisor *s, const struct process *p)
{
        struct footprint *m = p->worker ? &p->worker->mark : NULL;

        if (!m || !m->birth)
                return true;
        if (!launch_is_born(p))
                return false;
        m->birth = false;
        if (m->slot)
                slot_table_refresh(&state_of(s)->table, m->slot - 1);
        return true;
}

void state_note_birth(struct supervisor *s, struct process *p)
{
        struct footprint *m = &p->worker->mark;

        if (!m->birth)
                return;
        m->birth = false;
        if (m->slot) /* the child may have been writing while this was copied */
                slot_table_refresh(&state_of(s)->table, m->slot - 1);
        state_note(s, p, 0);
}

/* With the daemon's end everything begins anew: what has stopped for it needs no record. */
static bool state_write_is_over(const struct supervisor *s, const struct process *p)
{
        return p->state == PS_GONE ||
               (s->daemon_state != DAEMON_RUNNING && p->pid == 0 && !p->remains);
}

void state_note(struct supervisor *s, struct process *p, unsigned work)
{
        struct record r;

        if (!state_of(s) || (!p->worker && !worker_of(s, p)))
                return;
        state_unchanged(s, p->worker);
        if ((p->state == PS_STARTING && p->launching && p->worker->mark.birth) ||
            !is_ours_to_write(s, p))
                return; /* its child writes what is known of the start */
        if (state_write_is_over(s, p)) {
                state_forget(s, p);
                return;
        }
        state_write_describe(s, p, work, &r);
        state_write_keep_process(s, p, &r);
}

void state_forget(struct supervisor *s, struct process *p)
{
        if (p->worker)
                state_unchanged(s, p->worker);
        if (!state_of(s) || !p->worker || !p->worker->mark.slot)
                return;
        (void)is_ours_to_write(s, p); /* its child is gone, or as good as */
        record_drop(state_of(s), p->worker->mark.slot - 1, p->worker->mark.texts);
        p->worker->mark.slot = 0;
}

void state_note_fleet(struct supervisor *s, struct fleet *f)
{
        const struct record r = { .kind = RECORD_FLEET,
                                  .text = { [TEXT_NAME] = f->program->name,
                                            [TEXT_GROUP] = f->group->name,
                                            [TEXT_PROGRAM] = f->program->name },
                                  .replicas = f->replicas,
                                  .numprocs = f->program->numprocs };
        record_parts of = { [PART_RECORD] = &r };

        if (!state_of(s))
                return;
        if (f->scaled) {
                state_write_keep(s, of, &f->state_slot, &f->state_texts);
        } else if (f->state_slot) {
                record_drop(state_of(s), f->state_slot - 1, f->state_texts);
                f->state_slot = 0;
        }
}

/* ---- births */

/* The child's side of a start, before it has a table of descriptors of its own: stores only, into
 * the mapped file. */
static void write_birth(void *arg, pid_t self)
{
        struct birth *b = arg;
        record_parts of = { &b->process, &b->mark, NULL, &b->record };
        struct record_step step;
        uint64_t span = orphan_ticks_now() + 1 - b->mark.start_low;

        b->process.pid = self;
        b->mark.start_span = span < UINT16_MAX ? (uint16_t)span : UINT16_MAX;
        pack_step(of, b->mark.texts, &step);
        slot_table_write(b->table, b->slot, &step, sizeof step);
}

/* Would the record serve one that the child writes? Its spawnerr, the last text, may be of before:
 * a process that is starting has none. */
static bool is_enough(const struct state *st, const struct process *p, const struct record *r)
{
        const struct footprint *m = &p->worker->mark;
        record_parts of = { p, m, p->program, r };
        char tail[TAIL_MAX];
        size_t len, had_len;

        if (!m->slot || record_store_marked(&st->texts, m->texts) || !pack_tail(of, tail, &len))
                return false;
        const char *had = record_store_get(&st->texts, m->texts, &had_len);
        return had_len >= len && memcmp(had, tail, len) == 0 &&
               (had_len == len || had[len] == TAG_SPAWNERR);
}

/* A worker without a record is not started: the next instance would start it a second time. */
static bool has_record(struct supervisor *s, struct process *p, const struct record *r,
                       struct err *e)
{
        struct state *st = state_of(s);

        state_watch_retry(st->watch);
        if (st->table.file.copy || state_watch_trouble(st->watch))
                return err_set(e, ERR_CONFIG, "not started: %s takes no record of '%s': %s",
                               st->dir, p->name, state_trouble(s));
        (void)is_ours_to_write(s, p); /* the last one's child is gone */
        if (!is_enough(st, p, r))
                state_write_keep_process(s, p, r);
        if (p->worker->mark.slot)
                return true;
        return err_set(e, ERR_CONFIG, "not started: %s has no room to note '%s': %s", st->dir,
                       p->name, st->full ? st->full : "out of memory");
}

bool state_birth(struct supervisor *s, struct process *p, uint64_t given, struct launch *l,
                 struct err *e)
{
        struct worker *w = p->worker;

        if (!w)
                return true;
        w->mark.given = given;
        w->mark.start_low = orphan_ticks_now() - 1;
        w->mark.start_span = 0;
        if (!state_of(s))
                return true;
        struct birth *b = &state_of(s)->birth;
        state_write_describe(s, p, 0, &b->record);
        if (!has_record(s, p, &b->record, e))
                return false;
        struct moment now = clock_now();
        b->table = &state_of(s)->table;
        b->slot = w->mark.slot - 1;
        b->process = *p;
        b->process.spawned_ms = now.mono_ms;
        b->process.spawned_wall_ms = b->process.tried_wall_ms = now.wall_ms;
        b->mark = w->mark;
        w->mark.birth = true;
        state_unchanged(s, p->worker);
        l->born = write_birth;
        l->born_arg = b;
        return true;
}

void state_born(struct supervisor *s, struct process *p, pid_t pid)
{
        (void)s, (void)pid;
        if (p->worker)
                p->worker->mark.start_span =
                    (uint16_t)(orphan_ticks_now() + 1 - p->worker->mark.start_low);
}
