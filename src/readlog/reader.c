/* The reader thread: questions go to it and answers come back as messages. A question that the
 * disk does not answer in time gets a refusal, and its work goes on. The main loop never waits
 * here. */
#include "readlog/reader.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault_point.h"
#include "base/fd.h"
#include "base/worker_thread.h"
#include "logs/intake/ledger.h"
#include "readlog/log_tail.h"

#define JOBS_MOST   64           /* that wait: behind a disk that hangs more are refused */
#define AHEAD_BYTES (256u << 10) /* of one log on their way to its follower */
#define THREAD      "the thread that reads logs"
#define END_S       1  /* so long a job that is under way is waited for at the end */
#define TURN_MS     20 /* so long one reads before others are looked at */
#define NESTED_MOST 64 /* that have given a turn to one another */

struct reader {
        struct ev_loop *loop;        /* the main loop; borrowed */
        struct worker_thread worker; /* its inbox, while there is no thread: the main loop's */
        struct mailbox to_main;
        bool wants_thread;
        int jobs;
        struct read_job *first, **end; /* that wait for the one that is under way */
        struct read_job *present;      /* that one; one that takes long is not waited for */
        atomic_bool is_ending;

        /* The thread's. */
        struct follow_hub *hub; /* owned; NULL: no log was followed yet */
        int nested;
};

/* ---- the thread */

static bool reader_start(struct reader *r, struct err *e)
{
        mailbox_close(&r->worker.inbox);
        if (worker_thread_open(&r->worker, THREAD, e)) {
                if (worker_thread_start(&r->worker, THREAD, NULL, NULL, e))
                        return true;
                mailbox_close(&r->worker.inbox);
                worker_thread_close(&r->worker);
        }
        mailbox_open(&r->worker.inbox, r->loop);
        return false;
}

static bool is_ready(struct reader *r, struct err *e)
{
        return !r->wants_thread || r->worker.loop || reader_start(r, e);
}

/* As if the disk did not answer any more. */
static void hang_if_told(void)
{
        while (fault_switch("log-disk-hangs"))
                pause();
}

/* ---- turns: what takes long runs what has come meanwhile, on top of itself */

struct turn {
        struct read_turn face; /* first */
        struct reader *reader;
        const atomic_bool *left; /* who asked has gone */
        int64_t next_ms;
        void (*on_first)(void *arg); /* it takes long; NULL: none */
        void *arg;
};

static void others_run(struct reader *r)
{
        r->nested++;
        mailbox_run(&r->worker.inbox);
        if (!atomic_load(&r->is_ending)) /* or the loop would forget that it was broken off */
                ev_run(r->worker.loop, EVRUN_NOWAIT);
        r->nested--;
}

/* Without a thread there is no other loop: it is the main one. */
static bool turn_go_on(struct read_turn *face)
{
        struct turn *t = (struct turn *)face;
        struct reader *r = t->reader;

        if (atomic_load(t->left) || atomic_load(&r->is_ending))
                return false;
        if (!r->worker.loop || face->holds || r->nested >= NESTED_MOST ||
            clock_mono_ms() < t->next_ms)
                return true;
        if (t->on_first)
                t->on_first(t->arg);
        t->on_first = NULL;
        others_run(r);
        t->next_ms = clock_mono_ms() + TURN_MS;
        return !atomic_load(t->left) && !atomic_load(&r->is_ending);
}

static struct turn turn_of(struct reader *r, const atomic_bool *left)
{
        return (struct turn){ .face.go_on = turn_go_on,
                              .reader = r,
                              .left = left,
                              .next_ms = clock_mono_ms() + TURN_MS };
}

/* ---- one question, one answer */

struct read_job {
        struct mail mail;      /* first */
        struct mail slow;      /* that it takes long */
        struct read_job *next; /* waits behind it */
        struct reader *reader;
        struct read_work work;
        void *arg, *owner;
        atomic_bool cancelled;
        ev_timer limit;
};

static void thread_work(struct mail *m);

/* The clock of who waits for an answer. */
static void limit_start(struct reader *r, ev_timer *limit)
{
        ev_now_update(r->loop);
        ev_timer_start(r->loop, limit);
}

static void on_job_late(struct ev_loop *loop, ev_timer *w, int revents)
{
        struct read_job *j = w->data;

        (void)loop, (void)revents;
        atomic_store(&j->cancelled, true);
        j->work.late(j->owner);
}

static void reader_job_drop(struct read_job *j)
{
        ev_timer_stop(j->reader->loop, &j->limit);
        j->reader->jobs--;
        j->work.drop(j->arg);
        free(j);
}

/* One at a time, so that what was read for others does not lie about by the dozen. What was
 * cancelled meanwhile is not read at all. */
static void begin_next(struct reader *r)
{
        while (!r->present && r->first) {
                struct read_job *j = r->first;
                r->first = j->next;
                if (!r->first)
                        r->end = &r->first;
                if (atomic_load(&j->cancelled)) {
                        reader_job_drop(j);
                        continue;
                }
                r->present = j;
                j->mail.run = thread_work;
                mailbox_send(&r->worker.inbox, &j->mail);
        }
}

static void give_place(struct read_job *j)
{
        if (j->reader->present == j)
                j->reader->present = NULL;
}

static void main_done(struct mail *m)
{
        struct read_job *j = (struct read_job *)m;
        struct reader *r = j->reader;

        if (!atomic_load(&j->cancelled))
                j->work.done(j->owner, j->arg);
        give_place(j);
        reader_job_drop(j);
        begin_next(r);
}

static void main_slow(struct mail *m)
{
        struct read_job *j = (struct read_job *)((char *)m - offsetof(struct read_job, slow));

        give_place(j);
        begin_next(j->reader);
}

static void thread_slow(void *arg)
{
        struct read_job *j = arg;

        j->slow.run = main_slow;
        mailbox_send(&j->reader->to_main, &j->slow);
}

static void thread_work(struct mail *m)
{
        struct read_job *j = (struct read_job *)m;
        struct turn turn = turn_of(j->reader, &j->cancelled);

        turn.on_first = thread_slow;
        turn.arg = j;
        hang_if_told();
        j->work.work(j->arg, &turn.face);
        j->mail.run = main_done;
        mailbox_send(&j->reader->to_main, m);
}

static struct read_job *reader_job_new(struct reader *r, struct err *e)
{
        struct read_job *j = NULL;

        if (r->jobs >= JOBS_MOST)
                err_set(e, ERR_BUSY, "%d others wait for the disk to read logs already", r->jobs);
        else if (is_ready(r, e) && !(j = calloc(1, sizeof *j)))
                err_nomem(e);
        return j;
}

struct read_job *reader_ask(struct reader *r, const struct read_work *w, void *arg, void *owner,
                            struct err *e)
{
        struct read_job *j = reader_job_new(r, e);

        if (!j) {
                w->drop(arg);
                return NULL;
        }
        *j = (struct read_job){ .reader = r, .work = *w, .arg = arg, .owner = owner };
        ev_timer_init(&j->limit, on_job_late, READ_ANSWER_S, 0.);
        j->limit.data = j;
        limit_start(r, &j->limit);
        r->jobs++;
        *r->end = j;
        r->end = &j->next;
        begin_next(r);
        return j;
}

void reader_cancel(struct read_job *j)
{
        ev_timer_stop(j->reader->loop, &j->limit);
        atomic_store(&j->cancelled, true);
}

/* ---- a log that is followed: one object, half of it each thread's */

struct read_stream {
        struct reader *reader;     /* borrowed */
        char *path;                /* owned */
        struct ledger_box *ledger; /* a reference; NULL: none */
        struct log_ask from;
        bool marks;
        struct follow_news_handler handler; /* the loop's */
        atomic_bool left;                   /* set by the loop: the answer is not wanted any more */

        struct mail open, begin, more, end, close;
        ev_timer limit;      /* the loop's: until `begin` is there */
        atomic_size_t taken; /* since the last mail about it */
        atomic_bool more_sent;

        /* The thread's, until `begin` is there. */
        struct log_part part;

        /* The thread's. */
        struct log_tail *tail; /* owned; NULL: not open, or it has ended */
        size_t ahead;          /* bytes on their way */
        bool ended;
        bool opening; /* which may take long: others run from within it */
        bool closing; /* when that is over */
};

#define STREAM_OF(m, member) \
        ((struct read_stream *)((char *)(m)-offsetof(struct read_stream, member)))

struct text_news {
        struct mail mail; /* first */
        struct read_stream *stream;
        size_t len;
        char text[];
};

static void reader_main_text(struct mail *m)
{
        struct text_news *n = (struct text_news *)m;
        struct read_stream *s = n->stream;

        if (!atomic_load(&s->left))
                s->handler.on_text(s->handler.arg, n->text, n->len);
        free(n);
}

static void main_begin(struct mail *m)
{
        struct read_stream *s = STREAM_OF(m, begin);

        ev_timer_stop(s->reader->loop, &s->limit);
        if (!atomic_load(&s->left))
                s->handler.on_begin(s->handler.arg, &s->part);
        log_part_release(&s->part);
}

static void on_begin_late(struct ev_loop *loop, ev_timer *w, int revents)
{
        struct read_stream *s = w->data;

        (void)loop, (void)revents;
        s->handler.on_late(s->handler.arg);
}

static void main_end(struct mail *m)
{
        struct read_stream *s = STREAM_OF(m, end);

        if (!atomic_load(&s->left))
                s->handler.on_end(s->handler.arg);
}

static void main_close(struct mail *m)
{
        struct read_stream *s = STREAM_OF(m, close);

        ledger_drop(s->ledger);
        free(s->path);
        free(s);
}

static void send_end(void *arg)
{
        struct read_stream *s = arg;

        if (s->ended)
                return;
        s->ended = true;
        s->end.run = main_end;
        mailbox_send(&s->reader->to_main, &s->end);
}

static bool send_text(void *arg, const char *data, size_t len)
{
        struct read_stream *s = arg;
        struct text_news *n = malloc(sizeof *n + len);

        if (!n) {
                send_end(s);
                return false;
        }
        *n = (struct text_news){ { NULL, reader_main_text }, s, len };
        memcpy(n->text, data, len);
        s->ahead += len;
        mailbox_send(&s->reader->to_main, &n->mail);
        return s->ahead < AHEAD_BYTES;
}

static bool open_tail(struct read_stream *s)
{
        struct log_tail_handler h = { .arg = s, .on_text = send_text, .on_end = send_end };
        struct reader *r = s->reader;

        if (!r->hub)
                r->hub = follow_hub_new(r->worker.loop ? r->worker.loop : r->loop);
        struct err e = { 0 };
        s->tail = r->hub ? log_tail_new(r->hub, s->path, s->from.owner, s->ledger, &s->part,
                                        s->marks, &h, &e)
                         : NULL;
        return s->tail != NULL;
}

static void thread_close(struct mail *m);

static void read_first(struct read_stream *s)
{
        struct turn turn = turn_of(s->reader, &s->left);

        s->from.turn = &turn.face;
        s->opening = true;
        log_part_read(s->path, s->ledger, &s->from, &s->part);
        s->opening = false;
        s->from.turn = NULL;
}

static void thread_open(struct mail *m)
{
        struct read_stream *s = STREAM_OF(m, open);
        struct log_part *p = &s->part;

        hang_if_told();
        read_first(s);
        if (p->result == TAIL_OK && p->fd >= 0 && !open_tail(s))
                p->result = TAIL_FAILED;
        s->ahead = p->text.len;
        s->begin.run = main_begin;
        mailbox_send(&s->reader->to_main, &s->begin);
        if (!s->tail)
                send_end(s);
        else if (s->ahead < AHEAD_BYTES)
                log_tail_more(s->tail);
        if (s->closing)
                thread_close(&s->close);
}

static void thread_more(struct mail *m)
{
        struct read_stream *s = STREAM_OF(m, more);

        atomic_store(&s->more_sent, false);
        size_t taken = atomic_exchange(&s->taken, 0);
        s->ahead -= taken < s->ahead ? taken : s->ahead;
        if (s->tail && !s->ended && s->ahead < AHEAD_BYTES)
                log_tail_more(s->tail);
}

static void thread_close(struct mail *m)
{
        struct read_stream *s = STREAM_OF(m, close);

        s->closing = s->opening;
        if (s->closing)
                return;
        log_tail_free(s->tail);
        s->close.run = main_close;
        mailbox_send(&s->reader->to_main, m);
}

struct read_stream *reader_follow(struct reader *r, const struct follow_ask *ask,
                                  const struct follow_news_handler *h, struct err *e)
{
        if (!is_ready(r, e))
                return NULL;
        struct read_stream *s = calloc(1, sizeof *s);
        if (!s || !(s->path = strdup(ask->path))) {
                free(s);
                err_nomem(e);
                return NULL;
        }
        s->reader = r;
        s->ledger = ask->ledger ? ledger_ref(ask->ledger) : NULL;
        s->from = ask->from;
        s->from.follow = true;
        s->marks = ask->marks;
        s->handler = *h;
        s->part.fd = -1;
        ev_timer_init(&s->limit, on_begin_late, READ_ANSWER_S, 0.);
        s->limit.data = s;
        limit_start(r, &s->limit);
        s->open.run = thread_open;
        mailbox_send(&r->worker.inbox, &s->open);
        return s;
}

/* The mail is one of a kind: not sent again before it has arrived. What comes after that is in it.
 */
void reader_taken(struct read_stream *s, size_t bytes)
{
        atomic_fetch_add(&s->taken, bytes);
        if (atomic_exchange(&s->more_sent, true))
                return;
        s->more.run = thread_more;
        mailbox_send(&s->reader->worker.inbox, &s->more);
}

void reader_unfollow(struct read_stream *s)
{
        atomic_store(&s->left, true);
        ev_timer_stop(s->reader->loop, &s->limit);
        s->close.run = thread_close;
        mailbox_send(&s->reader->worker.inbox, &s->close);
}

/* ---- life */

struct reader *reader_new(struct ev_loop *loop)
{
        struct reader *r = calloc(1, sizeof *r);

        if (!r)
                return NULL;
        r->loop = loop;
        r->end = &r->first;
        mailbox_open(&r->worker.inbox, loop);
        mailbox_open(&r->to_main, loop);
        return r;
}

void reader_run(struct reader *r)
{
        r->wants_thread = true;
}

static bool reader_join(struct reader *r)
{
        atomic_store(&r->is_ending, true);
        return worker_thread_stop(&r->worker, END_S);
}

void reader_free(struct reader *r)
{
        if (!r)
                return;
        if (r->worker.loop && !reader_join(r))
                return; /* a disk hangs for good: the thread keeps what it stands on */
        mailbox_close(&r->worker.inbox);
        mailbox_close(&r->to_main);
        follow_hub_free(r->hub);
        if (r->worker.loop)
                worker_thread_close(&r->worker);
        free(r);
}
