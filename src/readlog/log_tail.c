/* A log that is followed from a place in its backups on: first what is there, then what comes,
 * without a gap and without a byte twice. */
#include "readlog/log_tail.h"

#include <stdlib.h>

#include "base/capped.h"
#include "base/fd.h"
#include "logs/intake/ledger.h"

#define CATCH_UP_MS 500 /* others that follow wait meanwhile; who is put off asks again */

struct log_tail {
        struct follower *follower; /* owned */
        const char *path;          /* borrowed, like the next one */
        struct ledger_box *ledger; /* NULL: none */
        struct log_tail_handler handler;
        uid_t owner;
        bool marks, ended;
        int64_t position; /* in the stream: what was handed on so far */
};

/* The daemon still writes to the file that is read, though its name is another one's by now. */
static bool log_tail_may_leave(void *arg, uint64_t from, uint64_t to)
{
        const struct log_tail *t = arg;
        struct stream_ledger l;

        (void)to;
        if (!t->ledger)
                return true;
        ledger_look(t->ledger, &l);
        return l.inode != from;
}

/* It reads another file by now. What was written to files that came and went in between is taken
 * from the backups. False: it cannot be told. */
static bool log_tail_catch_up(struct log_tail *t, struct log_part *part)
{
        struct log_ask ask = { .from = FROM_OFFSET,
                               .value = t->position,
                               .owner = t->owner,
                               .follow = true,
                               .within_ms = CATCH_UP_MS };

        log_part_read(t->path, t->ledger, &ask, part);
        if (part->result != TAIL_OK || part->offset != t->position || part->fd < 0 ||
            part->at != 0 || part->inode != follower_inode(t->follower))
                return false;
        t->position = add_capped(t->position, (int64_t)part->text.len);
        return true;
}

static bool log_tail_end(struct log_tail *t)
{
        t->ended = true;
        t->handler.on_end(t->handler.arg);
        return false;
}

/* The file was cut: it has to begin where we are, or the count of bytes is wrong. */
static bool lost_some(const struct log_tail *t)
{
        struct stream_ledger l;

        ledger_look(t->ledger, &l);
        return l.inode && l.base != t->position;
}

static bool log_tail_go_over(struct log_tail *t)
{
        struct log_part part = { .fd = -1 };
        bool fine = log_tail_catch_up(t, &part), more = true;

        if (fine && part.text.len)
                more = t->handler.on_text(t->handler.arg, part.text.data, part.text.len);
        log_part_release(&part);
        return fine ? more : log_tail_end(t);
}

static bool on_data(void *arg, enum follow_news news, const char *data, size_t len)
{
        static const char mark[] = "==> File truncated <==\n";
        struct log_tail *t = arg;

        if (t->ended)
                return false;
        if (news == FOLLOW_TRUNCATED && t->ledger && lost_some(t))
                return log_tail_end(t);
        if (news == FOLLOW_TRUNCATED)
                return !t->marks || t->handler.on_text(t->handler.arg, mark, sizeof mark - 1);
        if (news == FOLLOW_REPLACED)
                return !t->ledger || log_tail_go_over(t);
        t->position = add_capped(t->position, (int64_t)len);
        return t->handler.on_text(t->handler.arg, data, len);
}

struct log_tail *log_tail_new(struct follow_hub *hub, const char *path, uid_t owner,
                              struct ledger_box *ledger, struct log_part *part, bool marks,
                              const struct log_tail_handler *h, struct err *e)
{
        struct log_tail *t = calloc(1, sizeof *t);

        if (!t) {
                err_nomem(e);
                return NULL;
        }
        *t = (struct log_tail){ .path = path,
                                .owner = owner,
                                .ledger = ledger && ledger_box_counts(ledger) ? ledger : NULL,
                                .handler = *h,
                                .marks = marks,
                                .position = add_capped(part->offset, (int64_t)part->text.len) };
        struct follow_handler inner = { .arg = t,
                                        .on_data = on_data,
                                        .may_leave = log_tail_may_leave };
        t->follower = follower_at(hub, path, owner, fd_take(&part->fd), part->at, &inner, e);
        if (t->follower)
                return t;
        free(t);
        return NULL;
}

void log_tail_free(struct log_tail *t)
{
        if (!t)
                return;
        follower_free(t->follower);
        free(t);
}

void log_tail_more(struct log_tail *t)
{
        if (!t->ended)
                follower_more(t->follower);
}
