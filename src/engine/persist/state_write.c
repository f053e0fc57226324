/* Writing down what there is: every change, before its work is begun. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "engine/core/worker.h"
#include "engine/events/listeners.h"
#include "engine/persist/state.h"
#include "engine/persist/state_record.h"
#include "engine/run/launches.h"
#include "sys/process/orphan.h"

/* ---- records as bytes */

#define MS_MAX ((INT64_C(1) << 47) - 1)

static int64_t state_write_ms48(int64_t ms)
{
        return ms > MS_MAX ? MS_MAX : ms < -1 ? -1 : ms;
}

static uint16_t state_write_most16(int64_t n)
{
        return n < 0 ? 0 : n > UINT16_MAX ? UINT16_MAX : (uint16_t)n;
}

static void pack_memory(const struct process_memory *m, struct record_step *step)
{
        step->state = m->state;
        step->waiting = m->waiting;
        step->health = m->health;
        step->bits =
            (uint8_t)((m->known ? BIT_KNOWN : 0) | (m->happened ? BIT_HAPPENED : 0) |
                      (m->expected ? BIT_EXPECTED : 0) | (m->unhealthy ? BIT_UNHEALTHY : 0) |
                      (m->ever_ok ? BIT_EVER_OK : 0) | (m->remains ? BIT_REMAINS : 0));
        step->pid = m->pid;
        step->restarts = (uint32_t)m->restarts;
        step->due = state_write_ms48(m->due_ms);
        step->spawned = state_write_ms48(m->spawned_ms);
        step->spawned_wall = state_write_ms48(m->spawned_wall_ms);
        step->tried_wall = state_write_ms48(m->tried_wall_ms);
        step->calm = state_write_ms48(m->calm_ms);
        step->stopped_wall = state_write_ms48(m->stopped_wall_ms);
        step->ended_wall = state_write_ms48(m->ended_wall_ms);
        step->tries = state_write_most16(m->tries);
        step->crashes = state_write_most16(m->crashes);
        step->check_failures = state_write_most16(m->check_failures);
        step->check_successes = state_write_most16(m->check_successes);
        step->raw = (uint16_t)m->raw;
}

static void pack_step(const struct record *r, struct record_step *step)
{
        *step = (struct record_step){ .kind = (uint8_t)r->kind,
                                      .flags = (uint8_t)r->flags,
                                      .work = (uint8_t)r->work,
                                      .listener_state = (uint8_t)r->listener.state,
                                      .replicas = r->replicas,
                                      .numprocs = r->numprocs,
                                      .start_low = r->start_low,
                                      .start_span = state_write_most16(
                                          (int64_t)(r->start_high - r->start_low)) };
        for (int i = 0; i < 3; i++)
                step->pipes[i] = r->pipes[i] <= UINT32_MAX ? (uint32_t)r->pipes[i] : 0;
        pack_memory(&r->memory, step);
        if (r->listener.is_inside)
                step->bits |= BIT_INSIDE;
}

struct packing {
        char *data;
        size_t len;
        bool full;
};

static void state_write_append(struct packing *to, const void *data, size_t len)
{
        to->full = to->full || len > FRAME_MAX - to->len;
        if (to->full)
                return;
        memcpy(to->data + to->len, data, len);
        to->len += len;
}

static void append_text(struct packing *to, const char *text)
{
        state_write_append(to, text, strlen(text) + 1);
}

/* A lone program, its group and its process have one name: then it is there once. */
static const char *state_write_unlike(const char *text, const char *other)
{
        return strcmp(text, other) == 0 ? "" : text;
}

static bool pack_frame(const struct record *r, char *out, size_t *len)
{
        const struct process_memory *m = &r->memory;
        struct packing to = { .data = out };
        struct record_frame frame = { .size = sizeof frame,
                                      .program_kind = (uint8_t)r->program_kind,
                                      .stopsignal = (uint8_t)r->stopsignal,
                                      .stopwaitsecs = r->stopwaitsecs,
                                      .number = r->number,
                                      .stopasgroup = r->stopasgroup,
                                      .killasgroup = r->killasgroup,
                                      .failure_count = m->failure_count,
                                      .given = r->given };

        state_write_append(&to, &frame, sizeof frame);
        state_write_append(&to, m->failures_ms, m->failure_count * sizeof *m->failures_ms);
        append_text(&to, r->text[TEXT_NAME]);
        append_text(&to, state_write_unlike(r->text[TEXT_GROUP], r->text[TEXT_NAME]));
        append_text(&to, state_write_unlike(r->text[TEXT_PROGRAM], r->text[TEXT_GROUP]));
        append_text(&to, r->text[TEXT_OUT]);
        append_text(&to, r->text[TEXT_ERR]);
        append_text(&to, m->spawnerr);
        *len = to.len;
        return !to.full;
}

/* The paths of logs are left out when all of it would not fit. */
bool record_pack(const struct record *r, struct record_step *step, char *frame_out, size_t *len)
{
        struct record less = *r;

        pack_step(r, step);
        if (pack_frame(r, frame_out, len))
                return true;
        less.text[TEXT_OUT] = less.text[TEXT_ERR] = "";
        return pack_frame(&less, frame_out, len);
}

/* ---- what there is */

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
        const struct footprint *m = &w->mark;

        *r = (struct record){
                .kind = RECORD_PROCESS,
                .flags = flags_of(s, w),
                .text = { [TEXT_NAME] = p->name,
                          [TEXT_GROUP] = p->group->name,
                          [TEXT_PROGRAM] = g->name ? g->name : "",
                          [TEXT_OUT] = state_write_log_path(w->out),
                          [TEXT_ERR] = state_write_log_path(w->err) },
                .work = work | (w->owes_stop ? DO_TERM : 0),
                .given = m->given,
                .start_low = m->start_low,
                .start_high = m->start_high,
                .pipes = { m->pipes[0], m->pipes[1], m->pipes[2] },
                .number = p->number,
                .stopsignal = g->stopsignal,
                .stopwaitsecs = g->stopwaitsecs,
                .program_kind = (int)g->kind,
                .stopasgroup = g->stopasgroup,
                .killasgroup = g->killasgroup == 1,
        };
        listener_remember(w->listener, &r->listener);
        process_remember(p, &r->memory);
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

uint32_t record_add(struct state *st, const struct record *r, uint32_t *texts_out, struct err *e)
{
        char frame[FRAME_MAX];
        struct record_step step;
        size_t len;

        *texts_out = VAULT_NONE;
        if (!record_pack(r, &step, frame, &len)) {
                err_set(e, ERR_USAGE, "its name is too long");
                return STATE_NO_SLOT;
        }
        step.texts = record_store_put(&st->texts, r->kind, 0, frame, len, e);
        if (step.texts == VAULT_NONE)
                return STATE_NO_SLOT;
        uint32_t slot = slot_table_add(&st->table, &step, sizeof step, e);
        if (slot == STATE_NO_SLOT)
                record_store_drop(&st->texts, step.texts);
        else
                *texts_out = step.texts;
        return slot;
}

void record_drop(struct state *st, uint32_t slot, uint32_t texts)
{
        slot_table_drop(&st->table, slot);
        record_store_drop(&st->texts, texts);
}

/* Both halves in one step: the new texts are there before they are referred to, the old ones as
 * long as they are. */
static bool state_write_rewrite(struct state *st, const struct record *r, uint32_t slot,
                                uint32_t *texts, struct err *e)
{
        char frame[FRAME_MAX];
        struct record_step step;
        size_t len, had_len;
        uint32_t was = *texts;

        if (!record_pack(r, &step, frame, &len))
                return err_set(e, ERR_USAGE, "its name is too long");
        const void *had = record_store_get(&st->texts, was, &had_len);
        if (had_len != len || memcmp(had, frame, len) != 0) {
                uint32_t at = record_store_put(&st->texts, r->kind,
                                               record_store_marked(&st->texts, was), frame, len, e);
                if (at == VAULT_NONE)
                        return false;
                *texts = at;
        }
        step.texts = *texts;
        slot_table_write(&st->table, slot, &step, sizeof step);
        if (was != *texts)
                record_store_drop(&st->texts, was);
        return true;
}

/* What names, paths and settings the other half of the record was made of. 0: that has to be looked
 * at. Failures are few, and in there. */
static uint64_t frame_of(const struct process *p, const struct record *r)
{
        uint64_t f = hash_word(
            r->given, (uint64_t)p->worker->mark.paths << 32 | (uint64_t)r->stopsignal << 8 |
                          (uint64_t)r->stopasgroup << 1 | (uint64_t)r->killasgroup);

        if (r->memory.failure_count || r->memory.spawnerr[0])
                return 0;
        return hash_word(f, (uint64_t)(unsigned)r->stopwaitsecs << 8 | (uint64_t)r->program_kind);
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

static bool state_write_has_room(struct supervisor *s)
{
        free(state_of(s)->full);
        state_of(s)->full = NULL;
        return true;
}

/* False: it is not kept as it is now; said. */
static bool state_write_keep(struct supervisor *s, const struct record *r, uint32_t *slot,
                             uint32_t *texts)
{
        struct err e = { 0 };

        if (*slot) {
                if (state_write_rewrite(state_of(s), r, *slot - 1, texts, &e))
                        return true;
        } else {
                uint32_t got = record_add(state_of(s), r, texts, &e);
                *slot = got == STATE_NO_SLOT ? 0 : got + 1;
                if (*slot)
                        return state_write_has_room(s);
        }
        tell_full(s, r->text[TEXT_NAME], e.text);
        return false;
}

/* Most steps change one half only: then the second half is not even looked at. */
static void state_write_keep_process(struct supervisor *s, struct process *p,
                                     const struct record *r)
{
        struct footprint *m = &p->worker->mark;
        uint64_t frame = frame_of(p, r);
        struct record_step step;

        if (m->slot && frame && frame == m->frame) {
                pack_step(r, &step);
                step.texts = m->texts;
                slot_table_write(&state_of(s)->table, m->slot - 1, &step, sizeof step);
        } else {
                m->frame = state_write_keep(s, r, &m->slot, &m->texts) ? frame : 0;
        }
        state_note_end(s, p->worker);
        state_unchanged(s, &p->worker->mark);
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
        state_unchanged(s, &p->worker->mark);
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
        if (!state_of(s) || !p->worker)
                return;
        state_unchanged(s, &p->worker->mark);
        if (!p->worker->mark.slot)
                return;
        (void)is_ours_to_write(s, p); /* its child is gone, or as good as */
        record_drop(state_of(s), p->worker->mark.slot - 1, p->worker->mark.texts);
        p->worker->mark.slot = 0;
        p->worker->mark.frame = 0;
}

void state_note_fleet(struct supervisor *s, struct fleet *f)
{
        const struct record r = { .kind = RECORD_FLEET,
                                  .text = { [TEXT_NAME] = f->program->name,
                                            [TEXT_GROUP] = f->group->name,
                                            [TEXT_PROGRAM] = f->program->name,
                                            [TEXT_OUT] = "",
                                            [TEXT_ERR] = "" },
                                  .replicas = f->replicas,
                                  .numprocs = f->program->numprocs,
                                  .scaled = f->scaled };

        if (!state_of(s))
                return;
        if (f->scaled) {
                state_write_keep(s, &r, &f->state_slot, &f->state_texts);
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

        b->step.pid = self;
        b->step.start_span =
            state_write_most16((int64_t)(orphan_ticks_now() + 1 - b->step.start_low));
        slot_table_write(b->table, b->slot, &b->step, sizeof b->step);
}

/* Would the record serve one that the child writes? Its spawnerr, the last text, may be of before:
 * a process that is starting has none. */
static bool is_enough(const struct state *st, const struct process *p, const struct record *r)
{
        const struct footprint *m = &p->worker->mark;
        char frame[FRAME_MAX];
        struct record_step step;
        size_t len, had_len;

        if (!m->slot || record_store_marked(&st->texts, m->texts) ||
            !record_pack(r, &step, frame, &len))
                return false;
        const void *had = record_store_get(&st->texts, m->texts, &had_len);
        return had_len >= len && memcmp(had, frame, len - 1) == 0;
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
        struct record r;

        if (!w)
                return true;
        w->mark.given = given;
        w->mark.start_low = orphan_ticks_now() - 1;
        w->mark.start_high = w->mark.start_low;
        if (!state_of(s))
                return true;
        struct birth *b = &state_of(s)->birth;
        struct moment now = clock_now();
        state_write_describe(s, p, 0, &r);
        r.memory.spawned_ms = now.mono_ms;
        r.memory.spawned_wall_ms = r.memory.tried_wall_ms = now.wall_ms;
        if (!has_record(s, p, &r, e))
                return false;
        b->table = &state_of(s)->table;
        b->slot = w->mark.slot - 1;
        pack_step(&r, &b->step);
        b->step.texts = w->mark.texts;
        w->mark.birth = true;
        state_unchanged(s, &p->worker->mark);
        l->born = write_birth;
        l->born_arg = b;
        return true;
}

void state_born(struct supervisor *s, struct process *p, pid_t pid)
{
        (void)s, (void)pid;
        if (p->worker)
                p->worker->mark.start_high = orphan_ticks_now() + 1;
}
