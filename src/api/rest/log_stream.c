/* A log as an answer: a part of it, or as it is followed, without an end. The reader thread reads;
 * the pieces of what is followed are sent when the client has taken the ones before. */
#include "api/rest/log_stream.h"

#include <stdlib.h>
#include <string.h>

#include "api/http/conn.h"
#include "engine/core/worker.h"

/* Read on when the client has taken what was read. With what is on its way then it stays below what
 * a stream's reader may leave waiting. */
#define AHEAD_BYTES (128u << 10)

const struct stream *log_stream_of(const struct process *p, bool is_stderr)
{
        const struct worker *w = p->worker;

        return !w ? NULL : is_stderr ? w->err : w->out;
}

const char *log_path_of(const struct process *p, bool is_stderr)
{
        const struct stream *s = log_stream_of(p, is_stderr);

        return s ? stream_path(s) : NULL;
}

uid_t log_owner_of(const struct process *p, bool is_stderr)
{
        const struct stream *s = log_stream_of(p, is_stderr);

        return s ? stream_owner(s) : 0;
}

/* ---- a part of it, once */

/* The reader's side. */
struct part_work {
        char *path;                /* owned */
        struct ledger_box *ledger; /* a reference; NULL: none */
        struct log_ask ask;
        struct log_part part;
};

struct part_job {
        struct request *request;
        struct read_job *job;
        void (*answer)(struct request *r, struct log_part *part);
};

static void part_work_run(void *arg, struct read_turn *turn)
{
        struct part_work *w = arg;

        w->ask.turn = turn;
        log_part_read(w->path, w->ledger, &w->ask, &w->part);
}

static void part_work_drop(void *arg)
{
        struct part_work *w = arg;

        free(w->path);
        ledger_drop(w->ledger);
        log_part_release(&w->part);
        free(w);
}

static void part_job_answer(struct part_job *j, struct log_part *part)
{
        struct part_job had = *j;

        free(j);
        had.request->state = NULL;
        had.request->on_gone = NULL;
        had.answer(had.request, part);
}

static void part_job_done(void *owner, void *arg)
{
        struct part_work *w = arg;

        part_job_answer(owner, &w->part);
}

static void part_job_late(void *owner)
{
        part_job_answer(owner, &(struct log_part){ .result = TAIL_SILENT });
}

static void part_job_gone(struct request *r)
{
        struct part_job *j = r->state;

        r->state = NULL;
        reader_cancel(j->job);
        free(j);
}

bool log_part_begin(struct request *r, const struct follow_ask *ask,
                    void (*answer)(struct request *r, struct log_part *part), struct err *e)
{
        static const struct read_work work = { part_work_run, part_job_done, part_work_drop,
                                               part_job_late };
        struct part_job *j = calloc(1, sizeof *j);
        struct part_work *w = calloc(1, sizeof *w);

        if (w)
                *w = (struct part_work){ .path = strdup(ask->path),
                                         .ledger = ask->ledger ? ledger_ref(ask->ledger) : NULL,
                                         .ask = ask->from,
                                         .part.fd = -1 };
        if (!j || !w || !w->path) {
                if (w)
                        part_work_drop(w);
                free(j);
                return err_nomem(e);
        }
        *j = (struct part_job){ r, reader_ask(r->sup->reader, &work, w, j, e), answer };
        if (!j->job) {
                free(j);
                return false;
        }
        r->state = j;
        r->on_gone = part_job_gone;
        return true;
}

/* ---- as it is followed */

struct tailer {
        struct request *request;
        struct read_stream *stream; /* owned */
        struct log_stream_how how;  /* the strings of its question are not looked at any more */
        size_t owed;                /* bytes that the client has not taken yet */
};

static void tailer_free(struct tailer *t)
{
        reader_unfollow(t->stream);
        free(t);
}

static void log_stream_on_gone(struct request *r)
{
        struct tailer *t = r->state;

        r->state = NULL;
        tailer_free(t);
}

/* The request is not ours any more as soon as it is answered. */
static struct request *log_stream_let_go(struct tailer *t)
{
        struct request *r = t->request;

        r->state = NULL;
        r->on_gone = NULL;
        tailer_free(t);
        return r;
}

static void on_drained(struct request *r)
{
        struct tailer *t = r->state;

        if (!t || !t->owed)
                return;
        reader_taken(t->stream, t->owed);
        t->owed = 0;
}

/* A stream that refuses is gone, and the tailer with it. */
static void log_stream_on_text(void *arg, const char *data, size_t len)
{
        struct tailer *t = arg;
        struct request *r = t->request;

        if (!stream_send(r, data, len))
                return;
        t->owed += len;
        if (stream_waiting(r) < AHEAD_BYTES)
                on_drained(r);
}

static void log_stream_refuse_by(struct tailer *t, const struct log_part *part)
{
        void (*refuse)(struct request *, const struct log_part *) = t->how.refuse;

        refuse(log_stream_let_go(t), part);
}

static void on_late(void *arg)
{
        log_stream_refuse_by(arg, &(struct log_part){ .result = TAIL_SILENT });
}

static void on_begin(void *arg, const struct log_part *part)
{
        struct tailer *t = arg;
        struct request *r = t->request;
        AUTO_BUF head = BUF_INIT;

        if (part->result != TAIL_OK) {
                log_stream_refuse_by(t, part);
                return;
        }
        t->how.put_head(r, part, &head);
        if (!stream_begin_reply(r, 200, t->how.type, buf_str(&head)))
                return;
        stream_on_drained(r, on_drained);
        if (part->text.len)
                log_stream_on_text(t, part->text.data, part->text.len);
}

static void log_stream_on_end(void *arg)
{
        stream_end(log_stream_let_go(arg));
}

void log_stream_begin(struct request *r, const struct log_stream_how *how)
{
        if (!places_take_file(r->conn)) /* the reader has the log open as long as it is followed */
                return;
        struct tailer *t = calloc(1, sizeof *t);
        struct follow_news_handler h = { .arg = t,
                                         .on_begin = on_begin,
                                         .on_late = on_late,
                                         .on_text = log_stream_on_text,
                                         .on_end = log_stream_on_end };
        struct log_part none = { .result = TAIL_FAILED };
        struct err e = { 0 };

        if (t)
                t->stream = reader_follow(r->sup->reader, &how->ask, &h, &e);
        if (!t || !t->stream) {
                free(t);
                how->refuse(r, &none);
                return;
        }
        t->request = r;
        t->how = *how;
        r->state = t;
        r->on_gone = log_stream_on_gone;
}
