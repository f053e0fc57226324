/* The records of the state directory, between state_write.c, state_read.c and adopt.c.
 *
 * A record has two halves, both made of the rows in record_fields.c. What changes often is of a
 * fixed size, in <statedir>/records (sys/store/slot_table.h); the rest is tagged, in
 * <statedir>/texts (sys/store/record_store.h), written anew only when it has changed, and referred
 * to from there. Both are file formats: a new field gets a new tag, which an older version passes
 * over. With any other change STATE_VERSION and STATE_READABLE_BY count up; what is of another
 * version is set aside (sys/store/mapped.h). */
#ifndef ENGINE_PERSIST_STATE_RECORD_H
#define ENGINE_PERSIST_STATE_RECORD_H

#include <stddef.h>
#include <stdint.h>
#include <utlist.h>

#include "base/fields.h"
#include "base/strlist.h"
#include "engine/core/worker.h"
#include "engine/events/listeners.h"
#include "engine/persist/state.h"
#include "model/unit/process_memory.h"
#include "sys/process/orphan.h"
#include "sys/store/record_store.h"
#include "sys/store/slot_table.h"

#define STATE_VERSION     2
#define STATE_READABLE_BY 2

enum record_kind { RECORD_NONE, RECORD_PROCESS, RECORD_FLEET };

/* Those of RECORD_ENDED are in the mark of the texts: a worker that has ended while its logs are
 * read. */
enum record_flag {
        RECORD_REAPED = 1,   /* it ended with `status` */
        RECORD_LOST = 2,     /* the same, but how is not known */
        RECORD_OWES = 64,    /* what is below it has still to be sent the stop signal */
        RECORD_ENDING = 4,   /* written during the daemon's end: no order of an operator */
        RECORD_OUT_AUTO = 8, /* the log's path was generated */
        RECORD_ERR_AUTO = 16,
        RECORD_ADOPTED = 32,
        RECORD_ENDED = RECORD_REAPED | RECORD_LOST | RECORD_OWES,
};

enum record_text {
        TEXT_NAME,
        TEXT_GROUP,   /* "" in the file: the name */
        TEXT_PROGRAM, /* "" in the file: the group */
        TEXT_OUT,
        TEXT_ERR,
        TEXT_SPAWNERR,
        TEXT_COUNT
};

/* What a record is made of. In a record's file they have this order. */
enum record_part { PART_PROCESS, PART_MARK, PART_PROGRAM, PART_RECORD, PART_COUNT };
extern const struct fields *const record_layout[PART_COUNT];

/* A record as it is worked with. Texts are borrowed; "" where there is none. */
struct record {
        enum record_kind kind;
        uint8_t flags, program_kind;
        uint8_t work; /* DO_* that were about to be begun */
        int status;   /* as from waitpid: with RECORD_REAPED */
        const char *text[TEXT_COUNT];
        int number;
        struct field_times failures;
        struct listener_memory listener;
        int replicas, numprocs; /* of a fleet */

        /* Of one that was read: the members that have rows. */
        struct process process;
        struct footprint mark;
        const char *tail; /* borrowed: the tagged half, for record_program */
        size_t tail_len;
};

#define TAG_SPAWNERR 18 /* of the last row of a tail */

/* The half that changes: a slot has two copies of it. */
struct record_step {
        uint32_t texts; /* where the other half is */
        uint8_t kind;
        uint8_t fields[91];
};
_Static_assert(sizeof(struct record_step) == 96, "it has no gaps");
#define TAIL_MAX 9216 /* of the other half */

static inline struct orphan footprint_orphan(const struct footprint *m, pid_t pid)
{
        return (struct orphan){ pid, m->start_low, m->start_low + m->start_span };
}

/* One that the previous instance left. */
struct saved_record {
        struct record record;
        uint32_t slot, texts;
        char *block;             /* owned: the record's tail */
        struct process *process; /* adopt.c: who goes on with it */
};

struct left {
        uint64_t poolserial; /* of an event */
        uint32_t at, tag;
        bool taken;
};

/* A birth that is under way: what the child writes down. */
struct birth {
        struct slot_table *table;
        uint32_t slot;
        struct record record;
        struct process process;
        struct footprint mark;
};

struct state {
        struct state_owner who;
        struct slot_table table;
        struct record_store texts, events;
        char *dir;       /* owned */
        char *lock_path; /* owned */
        int lock;        /* owned */
        char *full;      /* owned: why a record found no room; NULL: they do */
        bool told_events;
        struct state_watch *watch; /* owned; NULL: not yet, or it cannot be watched */
        struct birth birth;
        void *margin; /* owned (mapped_margin_keep): where the kernel writes ends; NULL: not yet */
        struct saved_record
            *saved_records; /* owned; processes sorted by group and name, then the fleets */
        size_t saved_record_count, process_count;
        struct strlist spared;
        struct left *left; /* owned: what the previous instance left in `events`; NULL: settled */
        size_t left_count;
};

/* What the component has for itself. */
struct state_part {
        struct state *open; /* owned; NULL: nothing is persisted for the next instance */
        char *trouble;      /* owned: why not; NULL: it is, or is not wanted */
};

static inline struct state_part *state_part(const struct supervisor *s)
{
        return component_own(s, COMPONENT_state);
}

/* state_turn.c's own: what is to be stored at the end of the turn. */
struct state_turn {
        struct worker *first;          /* borrowed list */
        const struct process *ordered; /* the order's step is under way; NULL: none */
};

static inline struct state_turn *state_turn(const struct supervisor *s)
{
        return component_own(s, COMPONENT_state_turn);
}

/* It is stored, or its child stores it. */
static inline void state_unchanged(const struct supervisor *s, struct worker *w)
{
        if (w->changed_prev)
                DL_DELETE2(state_turn(s)->first, w, changed_prev, changed_next);
        w->changed_prev = NULL;
}

static inline struct state *state_of(const struct supervisor *s)
{
        return state_part(s)->open;
}

/* state.c: the directory is there, is ours, and only for us. */
bool state_make_dir(const char *dir, struct err *e);

/* state_watch.c */
void state_watch_begin(struct supervisor *s);
void state_watch_free(struct state_watch *w);                 /* NULL is fine */
const char *state_watch_trouble(const struct state_watch *w); /* NULL: none */
/* What is in trouble is tried now, and not only when its time has come. NULL is fine. */
void state_watch_retry(struct state_watch *w);

/* state_ends.c: the file of the records is another one. */
void state_ends_follow(struct supervisor *s);

/* state_write.c. How its worker has ended, beside its record: one store of eight bytes. */
void state_note_end(struct supervisor *s, const struct worker *w);
void record_drop(struct state *st, uint32_t slot, uint32_t texts);

/* state_read.c. Texts are borrowed from the table. False: there is none, or it is damaged. */
bool record_read(const struct state *st, uint32_t slot, struct record *r, uint32_t *texts_out);
/* What it says of its program, all else stays. */
void record_program(const struct record *r, struct program *g);
/* Everything in the table becomes saved_records. False: no memory. */
bool state_read_all(struct supervisor *s);
struct saved_record *state_saved_record(const struct supervisor *s, const char *group,
                                        const char *name);
void state_forget_saved_records(struct supervisor *s);

/* By which a stream's ledger is known. */
uint64_t record_stream_key(const char *group, const char *name, bool is_stderr);

/* state_events.c. Tags in the file. */
enum event_tag { TAG_EVENT = 1, TAG_POOL = 2, TAG_STDIN = 3 };
/* False: no memory. */
bool state_events_read(struct state *st);
/* The next event number. */
uint64_t state_events_serial(const struct record_store *v);
/* What is at that place; borrowed. False: it makes no sense. */
bool state_event_read(const struct record_store *v, uint32_t at, struct persisted_event *e);
bool state_pool_read(const struct record_store *v, uint32_t at, const char **name_out,
                     uint64_t *next_out);
bool state_stdin_read(const struct record_store *v, uint32_t at, const char **name_out,
                      uint32_t *bytes_out);

#endif
