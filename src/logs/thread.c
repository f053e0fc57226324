/* The log thread: its loop, its beginning and end, and the news that come from it. */
#include "logs/thread.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/fd.h"
#include "logs/intake/capture.h"
#include "logs/mainlog/mainlog_thread.h"

#define TEXT_MOST (4 * 1024 * 1024) /* bytes of text that the main loop may be behind */
#define THREAD    "the log thread"
#define END_S     10 /* so long the end waits for a disk that hangs */

/* ---- news: messages to the main loop */

struct text_news {
        struct mail mail; /* first */
        struct stream *stream;
        enum text_kind kind;
        unsigned show; /* of TEXT_RAW: channel->shows */
        size_t len, taken;
        char data[];
};

struct resume {
        struct mail mail; /* first */
        struct logs *logs;
};

static void core_resume(struct mail *m)
{
        struct resume *r = (struct resume *)m;

        if (r->logs->core)
                capture_hold(r->logs->core, false);
        free(r);
}

/* The main loop has caught up: the core may read on. */
static void thread_let_go(struct logs *l)
{
        struct resume *r;

        if (!atomic_load(&l->held) || atomic_load(&l->unread) > TEXT_MOST / 2)
                return;
        r = malloc(sizeof *r);
        if (!r)
                return; /* with the next text */
        *r = (struct resume){ { NULL, core_resume }, l };
        atomic_store(&l->held, false);
        mailbox_send(&l->worker.inbox, &r->mail);
}

static void core_taken(struct mail *m)
{
        struct text_news *t = (struct text_news *)m;

        if (t->stream->channel)
                channel_taken(t->stream->channel, t->show, t->taken);
        free(t);
}

static void thread_main_text(struct mail *m)
{
        struct text_news *t = (struct text_news *)m;
        struct stream *s = t->stream;
        struct logs *l = s->logs;

        atomic_fetch_sub(&l->unread, t->len);
        t->taken = t->len;
        if (!s->dead && l->news.on_text)
                t->taken =
                    l->news.on_text(l->news.arg, s->owner, s->is_stderr, t->kind, t->data, t->len);
        thread_let_go(l);
        if (t->kind != TEXT_RAW || s->dead) {
                free(t);
                return;
        }
        t->mail.run = core_taken;
        mailbox_send(&l->worker.inbox, &t->mail);
}

static size_t core_text(void *arg, void *owner, bool is_stderr, enum text_kind kind,
                        const char *data, size_t len)
{
        struct logs *l = arg;
        struct stream *s = owner;

        (void)is_stderr;
        struct text_news *t = malloc(sizeof *t + len + 1);
        if (!t && kind == TEXT_RAW) {
                channel_not_shown(s->channel);
                return 0;
        }
        if (!t) {
                log_line(l->core->log, LVL_CRITICAL, "out of memory: an event of '%s' is lost",
                         s->channel->conf.process);
                return 0;
        }
        *t = (struct text_news){ .mail = { NULL, thread_main_text },
                                 .stream = s,
                                 .kind = kind,
                                 .show = s->channel->shows,
                                 .len = len };
        memcpy(t->data, data, len);
        t->data[len] = '\0';
        if (atomic_fetch_add(&l->unread, len) + len > TEXT_MOST) {
                capture_hold(l->core, true);
                atomic_store(&l->held, true);
        }
        mailbox_send(&l->to_main, &t->mail);
        return len;
}

static void main_trouble(struct mail *m)
{
        struct order *o = (struct order *)m;
        struct stream *s = o->stream;
        const struct logs_news *n = &s->logs->news;

        if (!s->dead && n->on_trouble)
                n->on_trouble(n->arg, s->owner, s->is_stderr, o->err ? o->err->text : NULL);
        free(o->err);
        free(o);
}

static void core_trouble(void *arg, void *owner, bool is_stderr, const char *detail)
{
        struct logs *l = arg;
        struct stream *s = owner;

        (void)is_stderr;
        struct order *o = calloc(1, sizeof *o);
        struct err *e = o && detail ? malloc(sizeof *e) : NULL;
        if (!o || (detail && !e)) {
                free(o);
                return; /* the line in the main log has to do */
        }
        o->stream = s;
        o->mail.run = main_trouble;
        o->err = e;
        if (e)
                err_set(e, ERR_BUSY, "%s", detail);
        mailbox_send(&l->to_main, &o->mail);
}

static void main_dropped(struct mail *m)
{
        struct order *o = (struct order *)m;
        struct stream *s = o->stream;
        const struct logs_news *n = &s->logs->news;

        if (!s->dead && n->on_dropped)
                n->on_dropped(n->arg, s->owner, s->is_stderr, o->bytes);
        free(o);
}

static void core_dropped(void *arg, void *owner, bool is_stderr, uint64_t bytes)
{
        struct logs *l = arg;
        struct stream *s = owner;

        (void)is_stderr;
        struct order *o = calloc(1, sizeof *o);
        if (!o)
                return; /* the line in the main log has to do */
        o->stream = s;
        o->bytes = bytes;
        o->mail.run = main_dropped;
        mailbox_send(&l->to_main, &o->mail);
}

/* ---- the child that compresses: started by the main loop, which reaps it */

static void core_compressed(struct mail *m)
{
        struct helper *h = (struct helper *)m;

        gzip_ended(h->logs->core, h->fine);
}

void logs_compressed(struct logs *l, bool fine)
{
        l->helper.logs = l;
        l->helper.fine = fine;
        l->helper.mail.run = core_compressed;
        mailbox_send(&l->worker.inbox, &l->helper.mail);
}

static void main_compress(struct mail *m)
{
        struct helper *h = (struct helper *)m;
        struct logs *l = h->logs;

        if (!l->threaded) { /* everything ends: the result would not get its name */
                fd_close(&h->from);
                fd_close(&h->to);
        } else if (!l->news.compress(l->news.arg, h->from, h->to)) {
                logs_compressed(l, false);
        }
}

static bool core_compress(void *arg, int from, int to)
{
        struct logs *l = arg;
        struct helper *h = &l->helper;

        if (!l->threaded)
                return l->news.compress(l->news.arg, from, to);
        *h = (struct helper){ .mail.run = main_compress, .logs = l, .from = from, .to = to };
        mailbox_send(&l->to_main, &h->mail);
        return true;
}

/* ---- there and back */

struct logs_wait {
        struct mail mail; /* first */
        struct logs *logs;
        void (*fn)(void *arg); /* NULL: cancelled */
        void (*late)(void *arg);
        void *arg;
        ev_timer limit; /* the main loop's */
};

static void main_waited(struct mail *m)
{
        struct logs_wait *w = (struct logs_wait *)m;

        ev_timer_stop(w->logs->loop, &w->limit);
        if (w->fn)
                w->fn(w->arg);
        free(w);
}

static void on_wait_late(struct ev_loop *loop, ev_timer *t, int revents)
{
        struct logs_wait *w = t->data;

        (void)loop, (void)revents;
        w->fn = NULL;
        w->late(w->arg);
}

static void core_waited(struct mail *m)
{
        struct logs_wait *w = (struct logs_wait *)m;

        w->mail.run = main_waited;
        mailbox_send(&w->logs->to_main, m);
}

struct logs_wait *logs_wait(struct logs *l, void (*fn)(void *arg), void (*late)(void *arg),
                            void *arg)
{
        struct logs_wait *w = l->threaded ? malloc(sizeof *w) : NULL;

        if (!w)
                return NULL;
        *w = (struct logs_wait){
                .mail = { NULL, core_waited }, .logs = l, .fn = fn, .late = late, .arg = arg
        };
        ev_timer_init(&w->limit, on_wait_late, LOGS_ANSWER_S, 0.);
        w->limit.data = w;
        if (late) {
                ev_now_update(l->loop);
                ev_timer_start(l->loop, &w->limit);
        }
        mainlog_send(l->mainlog);
        mailbox_send(&l->worker.inbox, &w->mail);
        return w;
}

void logs_wait_cancel(struct logs_wait *w)
{
        w->fn = NULL;
        ev_timer_stop(w->logs->loop, &w->limit);
}

/* ---- lines of the core's for the main log */

struct line_news {
        struct mail mail; /* first */
        struct logs *logs;
        enum log_level level;
        size_t len;
        char text[];
};

static void main_line(struct mail *m)
{
        struct line_news *n = (struct line_news *)m;
        struct log *log = n->logs->log;

        if (log_wants(log, n->level))
                log->write(log, n->level, n->text, n->len);
        free(n);
}

static void core_line(struct log *self, enum log_level level, const char *text, size_t len)
{
        struct logs *l = self->arg;
        struct line_news *n = malloc(sizeof *n + len + 1);

        if (!n)
                return;
        *n = (struct line_news){ { NULL, main_line }, l, level, len };
        memcpy(n->text, text, len);
        n->text[len] = '\0';
        mailbox_send(&l->to_main, &n->mail);
}

/* ---- life */

/* Of no other daemon's, as far as chance goes. */
static uint64_t first_life(void)
{
        uint64_t n;

        if (getrandom(&n, sizeof n, GRND_NONBLOCK) == (ssize_t)sizeof n)
                return n;
        return (uint64_t)clock_wall_ms() << 20;
}

struct logs *logs_new(struct ev_loop *loop, struct sys *sys, struct log *log,
                      const struct logs_news *news)
{
        struct logs *l = calloc(1, sizeof *l);
        const struct logs_news inner = { .arg = l,
                                         .on_text = core_text,
                                         .on_trouble = core_trouble,
                                         .on_dropped = core_dropped,
                                         .compress = news->compress ? core_compress : NULL };

        if (!l)
                return NULL;
        l->loop = loop;
        l->log = log;
        l->news = *news;
        l->lives = first_life();
        ev_timer_init(&l->limit, finish_limit, 0., 0.);
        l->limit.data = l;
        l->core = core_new(loop, sys, log, &inner);
        if (l->core)
                return l;
        free(l);
        return NULL;
}

/* The thread's last work. */
static void core_end(void *arg)
{
        struct logs *l = arg;

        core_free(l->core);
        l->core = NULL;
        mainlog_leave_thread(l->mainlog);
}

static void settle_in(struct logs *l, bool in_thread)
{
        l->threaded = in_thread;
        l->core->loop = in_thread ? l->worker.loop : l->loop;
        l->core->log = in_thread ? &l->core_log : l->log;
        if (l->core->syslog)
                sink_syslog_set_loop(l->core->syslog, l->core->loop);
        if (in_thread)
                batch_timer_open(l->core);
        else
                batch_timer_close(l->core);
}

static void close_loop(struct logs *l)
{
        mailbox_close(&l->worker.inbox);
        mailbox_close(&l->to_main);
        worker_thread_close(&l->worker);
}

bool logs_persist_ledgers(struct logs *l, const char *path, const struct state_owner *who,
                          struct buf *said, struct err *e)
{
        l->core->ledgers = persistent_ledger_new(path, who, said, e);
        return l->core->ledgers != NULL;
}

struct anew {
        struct mail mail; /* first */
        struct logs *logs;
};

static void core_anew(struct mail *m)
{
        struct core *core = ((struct anew *)m)->logs->core;
        struct mapped *file = &core->ledgers->table.file;
        struct err e = { 0 };

        free(m);
        if (!file->copy && mapped_is_there(file))
                return;
        if (!mapped_write_anew(file, &e) || !mapped_put_in_place(file, &e))
                log_line(core->log, LVL_WARN, "%s; logs begin to count at 0 after a crash", e.text);
}

void logs_rewrite_ledgers(struct logs *l)
{
        struct anew *a = l->core->ledgers ? malloc(sizeof *a) : NULL;

        if (!l->core->ledgers)
                return;
        if (!a) {
                log_line(l->log, LVL_WARN, "out of memory: logs begin to count at 0 after a crash");
                return;
        }
        *a = (struct anew){ { NULL, core_anew }, l };
        mailbox_send(&l->worker.inbox, &a->mail);
}

static void core_settled(struct mail *m)
{
        struct logs *l = (struct logs *)((char *)m - offsetof(struct logs, settled));

        persistent_ledger_settle(l->core->ledgers);
}

void logs_settled(struct logs *l)
{
        if (!l->core->ledgers || l->settled.run)
                return;
        l->settled.run = core_settled;
        mailbox_send(&l->worker.inbox, &l->settled);
}

bool logs_run(struct logs *l, struct mainlog *mainlog, struct err *e)
{
        if (l->threaded || l->core->writers.count)
                return err_set(e, ERR_BUSY, "logs are being written already");
        if (!worker_thread_open(&l->worker, THREAD, e))
                return false;
        l->core_log = (struct log){ .level = l->log ? l->log->level : LVL_INFO,
                                    .write = core_line,
                                    .arg = l };
        mailbox_open(&l->to_main, l->loop);
        settle_in(l, true);
        l->mainlog = mainlog;
        mainlog_heed(mainlog, l->core->moves);
        mainlog_join_thread(mainlog, &l->worker.inbox, &l->to_main, l->worker.loop, &l->core_log);
        heartbeat_start(&l->heartbeat, &l->worker.inbox, &l->to_main, l->log);
        if (worker_thread_start(&l->worker, THREAD, core_end, l, e))
                return true;
        heartbeat_stop(&l->heartbeat);
        mainlog_leave_thread(mainlog);
        mainlog_back(mainlog, true);
        settle_in(l, false);
        close_loop(l);
        return false;
}

bool logs_trouble(struct logs *l, struct buf *out)
{
        return heartbeat_trouble(&l->heartbeat, out);
}

static bool thread_end(struct logs *l)
{
        heartbeat_stop(&l->heartbeat);
        mainlog_send(l->mainlog);
        bool ended = worker_thread_stop(&l->worker, END_S);
        mainlog_back(l->mainlog, ended);
        if (!ended)
                return false;
        l->threaded = false;
        close_loop(l);
        return true;
}

void logs_free(struct logs *l)
{
        if (!l)
                return;
        ev_timer_stop(l->loop, &l->limit);
        if (l->threaded && !thread_end(l))
                return; /* a disk hangs for good: the thread keeps what it stands on */
        core_free(l->core);
        free(l);
}
