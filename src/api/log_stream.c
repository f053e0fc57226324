#include "api/log_stream.h"

#include <stdlib.h>
#include <string.h>

#include "engine/worker.h"
#include "logs/tail.h"

#define HISTORY_MOST (16 << 20)
#define AHEAD_BYTES  (256u << 10) /* read on when the client has taken what was read */

struct tailer {
        struct request *request;
        struct follower *follower; /* owned */
        bool marks, paused;

        /* Of a process's log, to tell when files went by unseen. */
        char *process; /* owned; NULL: not known */
        char *path;    /* owned */
        bool is_stderr;
        int64_t position; /* in the stream: what was handed on so far */
};

static void tailer_free(struct tailer *t)
{
        follower_free(t->follower); /* it bears that from within on_data */
        free(t->process);
        free(t->path);
        free(t);
}

const char *log_readable(const char *path, struct stat *st)
{
        return path && stat(path, st) == 0 && S_ISREG(st->st_mode) ? path : NULL;
}

const char *log_path_of(const struct process *p, bool is_stderr)
{
        const struct worker *w = p->worker;
        const struct stream *s = !w ? NULL : is_stderr ? w->err : w->out;

        return s ? stream_path(s) : NULL;
}

static void on_gone(struct request *r)
{
        struct tailer *t = r->state;

        r->state = NULL;
        tailer_free(t);
}

static bool ledger_of(const struct tailer *t, struct stream_ledger *l)
{
        const struct process *p = registry_process(&t->request->sup->registry, t->process);
        const struct worker *w = p ? p->worker : NULL;
        const struct stream *s = !w ? NULL : t->is_stderr ? w->err : w->out;

        if (s)
                stream_ledger(s, l);
        return s != NULL;
}

enum caught {
        CAUGHT_UP,
        CAUGHT_LOST, /* it cannot be told; whoever follows comes again with the offset */
        CAUGHT_GONE, /* the client has left: there is no tailer any more */
};

/* It reads another file by now. What was written to files that came and went in between is taken
 * from the backups. */
static enum caught catch_up(struct tailer *t)
{
        struct stream_ledger now = { 0 }, later = { 0 };
        AUTO_BUF text = BUF_INIT;

        if (!ledger_of(t, &now) || now.inode != follower_inode(t->follower))
                return CAUGHT_LOST;
        int64_t missing = now.base - t->position;
        if (missing == 0)
                return CAUGHT_UP;
        if (missing < 0 || missing > HISTORY_MOST)
                return CAUGHT_LOST;
        /* Rotated meanwhile, the backups reach up to where the newer file begins. */
        for (int tries = 0; tries < 3; tries++) {
                if (!ledger_of(t, &later))
                        return CAUGHT_LOST;
                buf_reset(&text);
                struct stream_ledger after = { 0 };
                if (tail_history(t->path, later.inode, later.base - t->position, &text) ==
                        TAIL_OK &&
                    ledger_of(t, &after) && after.inode == later.inode &&
                    (int64_t)text.len == later.base - t->position)
                        break;
                buf_reset(&text);
        }
        if ((int64_t)text.len < missing)
                return CAUGHT_LOST;
        t->position = now.base;
        return stream_send(t->request, text.data, (size_t)missing) ? CAUGHT_UP : CAUGHT_GONE;
}

/* An end of ours, which on_gone is not told of. */
static void end_stream(struct tailer *t)
{
        struct request *r = t->request;

        r->state = NULL;
        r->on_gone = NULL;
        tailer_free(t);
        stream_end(r);
}

/* A stream that refuses is gone, and the tailer with it. */
static bool on_data(void *arg, enum follow_news news, const char *data, size_t len)
{
        static const char mark[] = "==> File truncated <==\n";
        struct tailer *t = arg;

        if (news == FOLLOW_TRUNCATED && t->marks && !stream_send(t->request, mark, sizeof mark - 1))
                return false;
        if (news == FOLLOW_REPLACED && t->process) {
                enum caught how = catch_up(t);
                if (how == CAUGHT_LOST)
                        end_stream(t);
                if (how != CAUGHT_UP)
                        return false;
        }
        if (!stream_send(t->request, data, len))
                return false;
        t->position += (int64_t)len;
        t->paused = stream_waiting(t->request) >= AHEAD_BYTES;
        return !t->paused;
}

static void on_drained(struct request *r)
{
        struct tailer *t = r->state;

        if (!t || !t->paused)
                return;
        t->paused = false;
        follower_more(t->follower);
}

bool log_stream_begin(struct request *r, const char *path, const struct log_stream_how *how)
{
        struct tailer *t = calloc(1, sizeof *t);

        if (!t)
                return false;
        struct follow_handler h = { .arg = t, .on_data = on_data };
        t->request = r;
        t->marks = how->marks;
        t->process = how->process ? strdup(how->process) : NULL;
        t->path = strdup(path);
        t->is_stderr = how->is_stderr;
        t->position = how->position;
        if (!t->path || (how->process && !t->process)) {
                tailer_free(t);
                return false;
        }
        t->follower = follower_new(r->sup->loop, path, how->back, &h, NULL);
        if (!t->follower || (how->exact && !follower_seek(t->follower, how->at, how->inode))) {
                tailer_free(t);
                return false;
        }
        r->state = t;
        r->on_gone = on_gone;
        if (!stream_begin_reply(r, 200, how->type, how->extra))
                return true;
        stream_on_drained(r, on_drained);
        if (how->before && how->before->len && !stream_send(r, how->before->data, how->before->len))
                return true;
        follower_more(t->follower);
        return true;
}
