/* A part of a log, from its backups on: where it begins is asked for in many ways, what comes from
 * there is read in one. */
#include "readlog/readback.h"

#include <string.h>
#include <unistd.h>

#include "base/capped.h"
#include "base/clock.h"
#include "base/fd.h"
#include "logs/intake/ledger.h"
#include "readlog/log_set.h"
#include "readlog/since.h"

#define FIRST_LOOK  (256 * 1024) /* for lines; four times as much when these are too few */
#define REACH_TRIES 10

struct reading {
        struct log_set_of of;
        struct ledger_box *ledger; /* NULL: none, or none that counts */
        struct rename_seq *moves;
        const struct log_ask *ask;
        struct log_set pile;
        int64_t wanted;     /* bytes of backups: so many were asked for */
        int64_t base, size; /* of the present file */
        struct buf text;    /* what was read already: from `from` to the end; or empty */
        int64_t from;       /* counted from the present file's beginning */
        bool is_vague;
        struct stream_ledger last; /* as it was looked at */
};

static int64_t readback_least(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

/* The ledger was looked at first: what the file holds can only have grown by then. One that is too
 * short was cut from outside; one that is not the ledger's was just begun, or is another program's.
 */
static void readback_locate(struct reading *r, const struct stream_ledger *l)
{
        r->size = r->pile.files[0].size;
        if (!r->ledger)
                r->base = 0;
        else if (l->inode == r->pile.files[0].inode &&
                 add_capped(l->base, r->size) >= (int64_t)l->written)
                r->base = l->base;
        else
                r->base = sub_capped((int64_t)l->written, r->size);
}

/* The ledger may have been about a file that was rotated away before we got to it. */
static bool writes_elsewhere(const struct reading *r)
{
        struct stream_ledger now;

        ledger_look(r->ledger, &now);
        return now.inode != r->last.inode;
}

/* Only an offset needs the very file that is written to. */
static enum tail_result open_files(struct reading *r, const struct log_set_want *want)
{
        struct stream_ledger *l = &r->last;
        bool exact = r->ask->from == FROM_OFFSET;

        log_set_close(&r->pile);
        if (r->ledger)
                ledger_look(r->ledger, l);
        if (exact && r->ask->life && r->ask->life != l->life)
                return l->life ? TAIL_OTHER_LIFE : TAIL_BUSY; /* it is just being taken up */
        enum tail_result got = log_set_open(&r->pile, &r->of, l->inode, want, r->moves);
        if (got == TAIL_ASTRAY && !exact)
                got = log_set_open(&r->pile, &r->of, 0, want, r->moves);
        return got;
}

static enum tail_result open_all(struct reading *r, const struct log_set_want *want)
{
        enum tail_result got = TAIL_ASTRAY;

        for (int tries = 0; tries < REACH_TRIES && got == TAIL_ASTRAY; tries++) {
                got = open_files(r, want);
                if (got == TAIL_ASTRAY && !writes_elsewhere(r))
                        return got;
        }
        if (got == TAIL_OK)
                readback_locate(r, &r->last);
        return got == TAIL_ASTRAY ? TAIL_BUSY : got;
}

/* ---- where to begin */

/* So many bytes of backups. A rotation in between moves what was the present file to them. */
static enum tail_result readback_reach(struct reading *r, int64_t lowest, int64_t *moved)
{
        enum tail_result got = TAIL_OK;

        *moved = 0;
        for (int tries = 0; tries < REACH_TRIES; tries++) {
                struct log_set_want want = { .before = sub_capped(*moved, lowest) };
                int64_t base = r->base;
                if (r->pile.before >= want.before || r->wanted >= want.before)
                        return got;
                got = open_all(r, &want);
                if (got != TAIL_OK)
                        return got;
                r->wanted = want.before;
                *moved = add_capped(*moved, sub_capped(r->base, base));
        }
        return TAIL_BUSY;
}

static enum tail_result from_place(struct reading *r, int64_t at)
{
        int64_t moved = 0;
        enum tail_result got = r->ask->here_only ? TAIL_OK : readback_reach(r, at, &moved);

        at = sub_capped(at, moved);
        if (at < -r->pile.before)
                at = -r->pile.before;
        r->from = at > r->size ? r->size : at;
        return got;
}

static enum tail_result from_beginning(struct reading *r)
{
        bool cut = !r->ask->follow && r->size > TAIL_MOST;

        return from_place(r, cut ? r->size - TAIL_MOST : 0);
}

static enum tail_result from_offset(struct reading *r)
{
        return from_place(r, sub_capped(r->ask->value, r->base));
}

static enum tail_result from_tail(struct reading *r)
{
        return from_place(r, r->size - readback_least(r->ask->value, TAIL_MOST));
}

/* The place behind the `lines`th newline from the end of data. The newline that ends the last line
 * is not one that separates. -1: there are fewer. */
static int64_t find_line(const char *data, size_t len, int64_t lines)
{
        size_t at = len;

        if (lines == 0)
                return (int64_t)len;
        if (at > 0 && data[at - 1] == '\n')
                at--;
        while (at > 0) {
                const char *nl = memrchr(data, '\n', at);
                if (!nl)
                        return -1;
                if (--lines == 0)
                        return nl - data + 1;
                at = (size_t)(nl - data);
        }
        return -1;
}

/* The last lines are among the last `most` bytes, or these are all there are: True. */
static enum tail_result look_for_lines(struct reading *r, int64_t most, bool *found)
{
        int64_t moved, begin = r->size - most;
        /* one byte more than needed, to know whether there is more */
        enum tail_result got = r->ask->here_only ? TAIL_OK : readback_reach(r, begin - 1, &moved);

        if (got != TAIL_OK)
                return got;
        begin = r->size - most;
        bool is_all = begin < -r->pile.before || most >= TAIL_MOST;
        if (begin < -r->pile.before)
                begin = -r->pile.before;
        buf_release(&r->text); /* while others have their turn it does not lie about */
        if (r->ask->turn)
                r->ask->turn->holds = false;
        if (!log_set_read(&r->pile, begin, r->size - begin, &r->text))
                return TAIL_FAILED;
        int64_t at = find_line(buf_str(&r->text), r->text.len, r->ask->value);
        *found = at >= 0 || is_all;
        r->from = begin + (at < 0 ? 0 : at);
        buf_drop(&r->text, at < 0 ? 0 : (size_t)at);
        return TAIL_OK;
}

static enum tail_result from_lines(struct reading *r)
{
        enum tail_result got = TAIL_OK;
        bool found = false;

        for (int64_t most = FIRST_LOOK; got == TAIL_OK && !found;
             most = readback_least(most * 4, TAIL_MOST))
                got = look_for_lines(r, most, &found);
        return got;
}

static enum tail_result from_time(struct reading *r)
{
        struct log_set_want want = { .since_ms = r->ask->value };
        enum tail_result got = open_all(r, &want);

        if (got != TAIL_OK)
                return got;
        return since_find(&r->pile, r->ask->value, &r->from, &r->is_vague) ? TAIL_OK : TAIL_FAILED;
}

/* ---- what comes from there */

static enum tail_result readback_take_text(struct reading *r, struct log_part *out)
{
        bool follow = r->ask->follow;
        int64_t end = follow ? 0 : r->size, most = follow ? TAIL_FOLLOW_MOST : TAIL_MOST;
        int64_t to = r->from < end - most ? r->from + most : end;

        if (follow && r->from >= 0) {
                out->at = r->from;
        } else if (r->text.len && !follow) {
                out->text = r->text;
                r->text = BUF_INIT;
        } else if (!log_set_read(&r->pile, r->from, to > r->from ? to - r->from : 0, &out->text)) {
                return TAIL_FAILED;
        }
        if (follow && to >= end)
                out->fd = fd_take(&r->pile.files[0].fd);
        return TAIL_OK;
}

static void readback_describe(const struct reading *r, struct log_part *out)
{
        const struct log_set_file *f = &r->pile.files[0];

        out->offset = add_capped(r->base, r->from);
        out->end = add_capped(r->base, r->size);
        out->is_vague = r->is_vague;
        out->mtime_ms = f->mtime_ms;
        out->inode = f->inode;
}

void log_part_read(const char *path, struct ledger_box *ledger, const struct log_ask *ask,
                   struct log_part *out)
{
        static enum tail_result (*const ways[])(struct reading *) = {
                [FROM_BEGINNING] = from_beginning, [FROM_OFFSET] = from_offset,
                [FROM_TAIL] = from_tail,           [FROM_LINES] = from_lines,
                [FROM_TIME] = from_time,
        };
        static const struct log_set_want little;
        struct patience patience = {
                .until_ms = clock_mono_ms() + (ask->within_ms ? ask->within_ms : TAIL_READ_MS),
                .turn = ask->turn,
        };
        struct reading r = { .of = { path, ask->owner, &patience }, .ask = ask };

        if (ledger) {
                r.ledger = ledger_box_counts(ledger) ? ledger : NULL;
                r.moves = ledger->moves;
        }
        *out = (struct log_part){ .fd = -1 };
        out->result = path ? open_all(&r, &little) : TAIL_NO_FILE;
        if (out->result == TAIL_OK)
                out->result = ways[ask->from](&r);
        if (out->result == TAIL_OK)
                out->result = readback_take_text(&r, out);
        if (out->result == TAIL_OK)
                readback_describe(&r, out);
        else
                out->offset = out->result == TAIL_ASTRAY ? (int64_t)r.last.written : 0;
        out->life = r.last.life;
        if (out->text.failed || r.text.failed)
                out->result = TAIL_FAILED;
        if (out->result == TAIL_FAILED && patience.is_over)
                out->result = TAIL_LATE;
        log_set_close(&r.pile);
        buf_release(&r.text);
}

void log_part_release(struct log_part *p)
{
        fd_close(&p->fd);
        buf_release(&p->text);
}
