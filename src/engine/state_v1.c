/* The layout before this one: <statedir>/table, everything of a process in one slot. A daemon of
 * that version may be the one before us (its table is taken over), and the one after us: whoever is
 * to take our place in this process may be it, so it is left a table (v1_export). Which of the two
 * is right when there are both is told by a note in ours: what the other one looked like when the
 * two said the same. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "state_record.h"

#define V1_VERSION    1
#define V1_RECORD_MAX 1000

/* ---- its records */

enum v1_text { V1_GROUP, V1_PROGRAM, V1_NAME, V1_OUT, V1_ERR, V1_TEXT_COUNT };

static const enum record_text v1_texts[V1_TEXT_COUNT] = { [V1_GROUP] = TEXT_GROUP,
                                                          [V1_PROGRAM] = TEXT_PROGRAM,
                                                          [V1_NAME] = TEXT_NAME,
                                                          [V1_OUT] = TEXT_OUT,
                                                          [V1_ERR] = TEXT_ERR };

struct v1_head {
        uint16_t kind, text_at, text_len, flags;
};

struct v1_memory {
        int64_t due_ms, spawned_ms, spawned_wall_ms, calm_ms, stopped_wall_ms, ended_wall_ms;
        uint64_t seed;
        int32_t pid, tries, crashes, restarts;
        int32_t code, sig, raw;
        int32_t check_failures, check_successes;
        uint8_t state, waiting;
        uint8_t known, happened, core, expected, unhealthy;
        uint8_t health, ever_ok;
        uint8_t failure_count;
        uint8_t spare[2];
        int64_t failures_ms[16];
        char spawnerr[96];
};

struct v1_process {
        struct v1_head head;
        uint32_t work;
        int32_t status;
        uint64_t fingerprint;
        uint64_t start_low, start_high;
        uint64_t pipes[3];
        int32_t number, stopsignal, stopwaitsecs, program_kind;
        uint8_t stopasgroup, killasgroup, listener_state, spare[5];
        struct v1_memory memory;
};

struct v1_fleet {
        struct v1_head head;
        int32_t replicas, numprocs, scaled, spare;
};

union v1_record {
        struct v1_head head;
        struct v1_process process;
        struct v1_fleet fleet;
        char bytes[V1_RECORD_MAX];
};

/* What has the same name in both, for both directions. */
#define MEMORY_FIELDS(EACH)   \
        EACH(due_ms)          \
        EACH(spawned_ms)      \
        EACH(spawned_wall_ms) \
        EACH(calm_ms)         \
        EACH(stopped_wall_ms) \
        EACH(ended_wall_ms)   \
        EACH(pid)             \
        EACH(tries)           \
        EACH(crashes)         \
        EACH(restarts)        \
        EACH(code)            \
        EACH(sig)             \
        EACH(raw)             \
        EACH(check_failures)  \
        EACH(check_successes) \
        EACH(state)           \
        EACH(waiting)         \
        EACH(known)           \
        EACH(happened)        \
        EACH(core)            \
        EACH(expected)        \
        EACH(unhealthy)       \
        EACH(health)          \
        EACH(ever_ok)
#define PROCESS_FIELDS(EACH) \
        EACH(work)           \
        EACH(status)         \
        EACH(fingerprint)    \
        EACH(start_low)      \
        EACH(number)         \
        EACH(stopsignal)     \
        EACH(stopwaitsecs)   \
        EACH(program_kind)   \
        EACH(stopasgroup)    \
        EACH(killasgroup)
#define FLEET_FIELDS(EACH) EACH(replicas) EACH(numprocs) EACH(scaled)
#define COPY_FIELD(name)   to->name = from->name;

/* ---- from it */

static void read_memory(const struct v1_memory *from, struct process_memory *to)
{
        *to = (struct process_memory){ .tried_wall_ms = from->spawned_wall_ms };
        MEMORY_FIELDS(COPY_FIELD)
        to->failure_count = from->failure_count <= MEMORY_FAILURES ? from->failure_count : 0;
        memcpy(to->failures_ms, from->failures_ms, to->failure_count * sizeof *to->failures_ms);
        memcpy(to->spawnerr, from->spawnerr, sizeof to->spawnerr - 1);
}

/* A span where the daemon died within a birth: the end of it was not known yet. */
static uint64_t end_of_start(const struct v1_process *p)
{
        return p->start_high > p->start_low ? p->start_high : p->start_low;
}

static void read_process(const struct v1_process *from, struct record *to)
{
        PROCESS_FIELDS(COPY_FIELD)
        to->start_high = end_of_start(from);
        memcpy(to->pipes, from->pipes, sizeof to->pipes);
        to->listener.state = from->listener_state;
        read_memory(&from->memory, &to->memory);
}

static void read_fleet(const struct v1_fleet *from, struct record *to)
{
        FLEET_FIELDS(COPY_FIELD)
}

static bool find_texts(const union v1_record *from, struct record *r)
{
        const struct v1_head *h = &from->head;
        const char *at = from->bytes + h->text_at, *end = at + h->text_len;
        int count = h->kind == RECORD_FLEET ? 2 : V1_TEXT_COUNT;

        if ((size_t)h->text_at + h->text_len > sizeof from->bytes)
                return false;
        for (int i = 0; i < V1_TEXT_COUNT; i++)
                r->text[v1_texts[i]] = "";
        for (int i = 0; i < count; i++) {
                const char *nul = at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;
                if (!nul)
                        return false;
                r->text[v1_texts[i]] = at;
                at = nul + 1;
        }
        if (h->kind == RECORD_FLEET)
                r->text[TEXT_NAME] = r->text[TEXT_PROGRAM];
        return *r->text[TEXT_NAME] != '\0';
}

static bool read_record(const union v1_record *from, struct record *r)
{
        *r =
            (struct record){ .kind = (enum record_kind)from->head.kind, .flags = from->head.flags };
        if (r->kind == RECORD_PROCESS)
                read_process(&from->process, r);
        else if (r->kind == RECORD_FLEET)
                read_fleet(&from->fleet, r);
        else
                return false;
        return find_texts(from, r);
}

/* ---- to it */

static void write_memory(const struct process_memory *from, struct v1_memory *to)
{
        MEMORY_FIELDS(COPY_FIELD)
        to->seed = (uint64_t)from->spawned_wall_ms;
        to->failure_count = from->failure_count;
        memcpy(to->failures_ms, from->failures_ms, sizeof to->failures_ms);
        memcpy(to->spawnerr, from->spawnerr, sizeof to->spawnerr);
}

static void write_process(const struct record *from, struct v1_process *to)
{
        PROCESS_FIELDS(COPY_FIELD)
        to->start_high = from->start_high;
        memcpy(to->pipes, from->pipes, sizeof to->pipes);
        to->listener_state = (uint8_t)from->listener.state;
        write_memory(&from->memory, &to->memory);
}

static void write_fleet(const struct record *from, struct v1_fleet *to)
{
        FLEET_FIELDS(COPY_FIELD)
}

static size_t write_fixed(const struct record *r, union v1_record *to)
{
        memset(to, 0, sizeof *to);
        if (r->kind == RECORD_FLEET)
                write_fleet(r, &to->fleet);
        else
                write_process(r, &to->process);
        to->head.kind = (uint16_t)r->kind;
        to->head.flags = (uint16_t)r->flags;
        return r->kind == RECORD_FLEET ? sizeof to->fleet : sizeof to->process;
}

/* 0: it does not fit. */
static uint32_t write_record(const struct record *r, bool with_logs, union v1_record *to)
{
        size_t fixed = write_fixed(r, to), at = fixed;
        int count = r->kind == RECORD_FLEET ? 2 : V1_TEXT_COUNT;

        for (int i = 0; i < count; i++) {
                const char *text = i >= V1_OUT && !with_logs ? "" : r->text[v1_texts[i]];
                size_t len = strlen(text) + 1;
                if (len > sizeof to->bytes - at)
                        return with_logs ? write_record(r, false, to) : 0;
                memcpy(to->bytes + at, text, len);
                at += len;
        }
        to->head.text_at = (uint16_t)fixed;
        to->head.text_len = (uint16_t)(at - fixed);
        return (uint32_t)at;
}

/* ---- which of the two tables is right */

enum note_kind {
        NOTE_NONE,
        NOTE_SAME = 1, /* it says what ours says, as long as nobody has touched it */
        NOTE_SPENT = 2 /* it is about to be removed */
};

struct note {
        uint64_t sum; /* of the whole file */
        uint32_t kind, inverse;
};

static enum note_kind read_note(const struct state *st, uint64_t *sum_out)
{
        struct note n;

        memcpy(&n, mapped_margin(&st->table.file), sizeof n);
        *sum_out = n.sum;
        return n.kind == ~n.inverse ? (enum note_kind)n.kind : NOTE_NONE;
}

static void write_note(struct state *st, enum note_kind kind, uint64_t sum)
{
        const struct note n = { .sum = sum, .kind = kind, .inverse = ~(uint32_t)kind };

        memcpy(mapped_margin(&st->table.file), &n, sizeof n);
}

static char *v1_path(const struct state *st)
{
        AUTO_BUF path = BUF_INIT;

        buf_printf(&path, "%s/table", st->dir);
        return buf_take(&path);
}

/* 0: there is none. */
static uint64_t sum_of_file(const char *path)
{
        struct stat info;
        AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

        if (fd < 0 || fstat(fd, &info) < 0)
                return 0;
        size_t size = S_ISREG(info.st_mode) ? (size_t)info.st_size : 0;
        void *map = size ? mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
        if (map == MAP_FAILED)
                return 1;
        uint64_t sum = mapped_sum(0, map, size);
        munmap(map, size);
        return sum;
}

/* Nothing of the texts is claimed yet. */
static void begin_anew(struct state *st)
{
        for (uint32_t i = 0; i < st->table.slot_count; i++)
                statetable_drop(&st->table, i);
        write_note(st, NOTE_NONE, 0);
}

static bool take_over(struct state *st, struct statetable *old, struct err *e)
{
        union v1_record from;
        struct record r;
        uint32_t texts;

        for (uint32_t i = 0; i < old->slot_count; i++) {
                if (!statetable_read(old, i, &from, sizeof from))
                        continue;
                if (!read_record(&from, &r))
                        old->damaged++;
                else if (record_add(st, &r, &texts, e) == STATE_NO_SLOT)
                        return false;
        }
        return true;
}

static bool import(struct state *st, const char *path, struct buf *said, struct err *e)
{
        struct state_owner then = st->who;
        struct statetable old;

        then.version = then.readable_by = V1_VERSION;
        begin_anew(st);
        if (!statetable_open(&old, path, V1_RECORD_MAX, &then, said, e))
                return false;
        bool ok = take_over(st, &old, e);
        bool empty = old.used == 0; /* also the fresh one in place of what was set aside */
        if (old.damaged)
                buf_printf(said, "%s%s: %u records are damaged; their processes are not known",
                           said->len ? "; " : "", path, old.damaged);
        if (empty)
                statetable_remove(&old);
        else
                statetable_close(&old);
        if (ok)
                write_note(st, empty ? NOTE_NONE : NOTE_SAME, empty ? 0 : sum_of_file(path));
        return ok;
}

bool v1_import(struct state *st, bool *done_out, struct buf *said, struct err *e)
{
        uint64_t noted;
        enum note_kind note = read_note(st, &noted);
        char *path = v1_path(st);
        bool ok = true;

        if (!path)
                return err_nomem(e);
        uint64_t sum = sum_of_file(path);
        *done_out = sum && (note == NOTE_NONE || sum != noted);
        if (*done_out)
                ok = import(st, path, said, e);
        else if (!sum && note == NOTE_SAME)
                begin_anew(st); /* it went on, and has ended as one ought to */
        free(path);
        return ok;
}

/* ---- for a daemon of that version */

static bool write_all(const struct state *st, struct statetable *old, struct err *e)
{
        union v1_record to;
        struct record r;
        uint32_t texts;

        for (uint32_t i = 0; i < st->table.slot_count; i++) {
                if (!st->table.slots[i].len || !record_read(st, i, &r, &texts))
                        continue;
                uint32_t len = write_record(&r, true, &to);
                if (len && statetable_add(old, &to, len, e) == STATE_NO_SLOT)
                        return false;
        }
        return true;
}

bool v1_export(struct state *st, struct err *e)
{
        struct state_owner then = st->who;
        struct statetable old;
        AUTO_BUF said = BUF_INIT;
        char *path = v1_path(st);

        then.version = then.readable_by = V1_VERSION;
        if (!path)
                return err_nomem(e);
        unlink(path);
        bool ok = statetable_open(&old, path, V1_RECORD_MAX, &then, &said, e);
        if (ok) {
                ok = write_all(st, &old, e);
                statetable_close(&old);
        }
        if (ok)
                write_note(st, NOTE_SAME, sum_of_file(path));
        else
                unlink(path);
        free(path);
        return ok;
}

void v1_remove(struct state *st)
{
        uint64_t noted;
        char *path = read_note(st, &noted) == NOTE_NONE ? NULL : v1_path(st);

        if (!path)
                return;
        write_note(st, NOTE_SPENT, noted);
        unlink(path);
        write_note(st, NOTE_NONE, 0);
        free(path);
}
