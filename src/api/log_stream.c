#include "api/log_stream.h"

#include <stdlib.h>
#include <string.h>

#include "engine/worker.h"
#include "logs/tail.h"

#define AHEAD_BYTES (256u << 10) /* read on when the client has taken what was read */

struct tailer {
        struct request *request;
        struct follower *follower; /* owned */
        bool marks, paused;
};

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
        follower_free(t->follower); /* it bears that from within on_data */
        free(t);
}

/* A stream that refuses is gone, and the tailer with it. */
static bool on_data(void *arg, enum follow_news news, const char *data, size_t len)
{
        static const char mark[] = "==> File truncated <==\n";
        struct tailer *t = arg;

        if (news == FOLLOW_TRUNCATED && t->marks && !stream_send(t->request, mark, sizeof mark - 1))
                return false;
        if (!stream_send(t->request, data, len))
                return false;
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
        t->follower = follower_new(r->sup->loop, path, how->back, &h, NULL);
        if (!t->follower) {
                free(t);
                return false;
        }
        r->state = t;
        r->on_gone = on_gone;
        if (!stream_begin_reply(r, 200, how->type, how->extra))
                return true;
        stream_on_drained(r, on_drained);
        follower_more(t->follower);
        return true;
}
