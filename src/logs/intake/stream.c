/* The calls of logs.h about one stream, as messages to the core, and the answers to them. Without a
 * thread each message is run at once. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/fd.h"
#include "base/unconst.h"
#include "logs/intake/conf_copy.h"
#include "logs/intake/ledger.h"
#include "logs/intake/reusable_pipe.h"
#include "logs/thread.h"

#define FINISH_S 1. /* so long an ended worker's last output is waited for */

/* ---- settings travel as copies */

/* Stands for every failure that there is no memory to describe. */
static const struct err no_memory = { .code = ERR_NOMEM, .text = "out of memory" };

static struct err *keep_err(const struct err *e)
{
        struct err *copy = malloc(sizeof *copy);

        if (!copy)
                return unconst(&no_memory);
        *copy = *e;
        return copy;
}

static void drop_err(struct err *e)
{
        if (e != &no_memory)
                free(e);
}

static void order_free(struct order *o)
{
        if (o->conf)
                stream_conf_release(o->conf);
        free(o->conf);
        drop_err(o->err);
        free(o);
}

static struct order *order_new(struct stream *s, void (*run)(struct mail *))
{
        struct order *o = calloc(1, sizeof *o);

        if (!o)
                return NULL;
        o->mail.run = run;
        o->stream = s;
        o->fd = -1;
        return o;
}

/* Takes *copy over, also when it fails. */
static struct order *order_with_conf(struct stream *s, struct stream_conf *copy,
                                     void (*run)(struct mail *), struct err *e)
{
        struct order *o = order_new(s, run);

        if (o && (o->conf = malloc(sizeof *o->conf))) {
                *o->conf = *copy;
                return o;
        }
        free(o);
        stream_conf_release(copy);
        err_nomem(e);
        return NULL;
}

static void send_order(struct order *o)
{
        mailbox_send(&o->stream->logs->worker.inbox, &o->mail);
}

/* The same message goes back as the answer. */
static void stream_answer(struct order *o, void (*run)(struct mail *))
{
        o->mail.run = run;
        mailbox_send(&o->stream->logs->to_main, &o->mail);
}

/* Without memory it is just not sent; who gives such an order can do without. */
static void send_plain(struct stream *s, void (*run)(struct mail *))
{
        struct order *o = order_new(s, run);

        if (o)
                send_order(o);
        else
                log_line(s->logs->log, LVL_CRITICAL, "log of '%s': out of memory", s->process);
}

/* ---- what the core does with them */

static void stream_say_failure(const struct stream *s, const char *process, const struct err *e)
{
        log_line(s->logs->core->log, LVL_ERROR, "log of '%s' %s: %s", process,
                 s->is_stderr ? "stderr" : "stdout", e->text);
}

/* The result of a configuration: why the stream cannot be attached, if it cannot. */
static void note_outcome(struct stream *s, const char *process, bool fine, const struct err *e)
{
        drop_err(s->why);
        s->why = fine ? NULL : keep_err(e);
        if (!fine)
                stream_say_failure(s, process, e);
}

static bool make_channel(struct stream *s, const struct stream_conf *conf, struct err *e)
{
        s->channel = channel_new(s->logs->core, conf, s, s->shown, e);
        return s->channel != NULL;
}

/* A channel that could not be made is made by the next settings. */
static void stream_core_configure(struct mail *m)
{
        struct order *o = (struct order *)m;
        struct stream *s = o->stream;
        struct err e = { 0 };
        bool fine =
            s->channel ? channel_configure(s->channel, o->conf, &e) : make_channel(s, o->conf, &e);

        note_outcome(s, o->conf->process, fine, &e);
        order_free(o);
}

static void main_attached(struct mail *m)
{
        struct order *o = (struct order *)m;
        struct stream *s = o->stream;
        const struct logs_news *n = &s->logs->news;
        bool is_newest = o->ticket == s->attach_ticket;

        if (is_newest && !o->err && s->holds_pipe)
                s->pipe = o->fd;
        if (s->answer && o->err)
                *s->answer = *o->err;
        else if (!s->dead && is_newest && o->err && n->on_attach_failed)
                n->on_attach_failed(n->arg, s->owner, s->is_stderr, o->err);
        else if (!s->dead && is_newest && o->is_awaited && n->on_attached)
                n->on_attached(n->arg, s->owner, s->is_stderr);
        order_free(o);
}

static void core_attach(struct mail *m)
{
        struct order *o = (struct order *)m;
        struct stream *s = o->stream;
        struct err e;

        if (s->why) {
                fd_close(&o->fd);
                o->err = keep_err(s->why);
        } else if (!channel_attach(s->channel, o->fd, &e)) {
                o->err = keep_err(&e);
        } else {
                o->fd = channel_pipe(s->channel);
        }
        atomic_store(&s->is_proven, !o->err);
        atomic_fetch_sub(&s->logs->attaching, 1);
        stream_answer(o, main_attached);
}

static void core_await(struct mail *m)
{
        struct order *o = (struct order *)m;
        struct stream *s = o->stream;
        struct err e;

        if (!s->why)
                atomic_store(&s->is_proven, channel_await(s->channel, &e));
        order_free(o);
}

static void main_finished(struct mail *m);

static void core_finish(struct mail *m)
{
        struct order *o = (struct order *)m;

        if (o->stream->channel)
                channel_finish(o->stream->channel);
        stream_answer(o, main_finished);
}

static void core_let_go(struct mail *m)
{
        struct order *o = (struct order *)m;

        if (o->stream->channel)
                channel_let_go(o->stream->channel);
        order_free(o);
}

static void stream_core_reopen(struct mail *m)
{
        struct order *o = (struct order *)m;

        if (o->stream->channel)
                channel_reopen(o->stream->channel);
        order_free(o);
}

static void core_pid(struct mail *m)
{
        struct order *o = (struct order *)m;

        if (o->stream->channel)
                channel_pid(o->stream->channel, o->pid);
        order_free(o);
}

static void core_rotate(struct mail *m)
{
        struct order *o = (struct order *)m;

        if (o->stream->channel)
                channel_rotate(o->stream->channel);
        order_free(o);
}

static void stream_core_clear(struct mail *m)
{
        struct order *o = (struct order *)m;
        struct stream *s = o->stream;
        struct err e;

        if (s->channel && !channel_clear(s->channel, &e))
                stream_say_failure(s, s->channel->conf.process, &e);
        order_free(o);
}

static void stream_delete(struct stream *s)
{
        ledger_drop(s->shown);
        stream_names_release(s->process);
        drop_err(s->why);
        free(s);
}

static void main_freed(struct mail *m)
{
        stream_delete((struct stream *)m);
}

static void core_free_channel(struct mail *m)
{
        struct stream *s = (struct stream *)m;

        channel_free(s->channel);
        s->channel = NULL;
        s->last.run = main_freed;
        mailbox_send(&s->logs->to_main, &s->last);
}

/* ---- an ended worker is announced when its pipe is empty, or when its time is over */

static void arm_limit(struct logs *l)
{
        ev_timer_stop(l->loop, &l->limit);
        if (!l->finishing)
                return;
        ev_now_update(l->loop);
        double wait = l->finishing->finish_due - ev_now(l->loop);
        ev_timer_set(&l->limit, wait > 0. ? wait : 0., 0.);
        ev_timer_start(l->loop, &l->limit);
}

static void finish_done(struct stream *s)
{
        struct logs *l = s->logs;
        bool was_first = l->finishing == s;

        if (!s->is_finishing)
                return;
        s->is_finishing = false;
        DL_DELETE(l->finishing, s);
        if (was_first)
                arm_limit(l);
}

static void stream_announce(struct stream *s)
{
        const struct logs_news *n = &s->logs->news;

        finish_done(s);
        if (!s->dead && n->on_finished)
                n->on_finished(n->arg, s->owner, s->is_stderr);
}

static void main_finished(struct mail *m)
{
        struct order *o = (struct order *)m;
        struct stream *s = o->stream;

        if (s->is_finishing && s->finish_ticket == o->ticket)
                stream_announce(s);
        order_free(o);
}

void finish_limit(EV_P_ ev_timer *w, int revents)
{
        struct logs *l = w->data;
        struct stream *s = l->finishing;

        (void)loop, (void)revents;
        if (!s)
                return;
        log_line(l->log, LVL_WARN,
                 "log of '%s' %s: the disk does not answer; its last output follows later",
                 s->process, s->is_stderr ? "stderr" : "stdout");
        stream_announce(s);
        if (!ev_is_active(w))
                arm_limit(l);
}

static void stream_finish_later(struct stream *s)
{
        struct logs *l = s->logs;
        struct order *o = order_new(s, core_finish);

        s->finish_ticket++;
        if (s->is_finishing)
                DL_DELETE(l->finishing, s);
        s->is_finishing = true;
        ev_now_update(l->loop);
        s->finish_due = ev_now(l->loop) + FINISH_S;
        DL_APPEND(l->finishing, s);
        if (!ev_is_active(&l->limit) || l->finishing == s)
                arm_limit(l);
        if (!o)
                return; /* announced when its time is over */
        o->ticket = s->finish_ticket;
        send_order(o);
}

/* ---- the calls */

static void stream_remember(struct stream *s, const struct stream_conf *copy)
{
        const char *old = s->process, *path = stream_path(s);

        if (!path || !copy->path || strcmp(path, copy->path) != 0)
                atomic_store(&s->is_proven, false);
        s->process = stream_names_share(copy);
        stream_names_release(old);
}

bool stream_configure(struct stream *s, const struct stream_conf *conf, struct err *e)
{
        struct stream_conf copy;

        if (!stream_conf_copy(&copy, conf, s->process, e))
                return false;
        struct order *o = order_with_conf(s, &copy, stream_core_configure, e);
        if (!o)
                return false;
        stream_remember(s, o->conf);
        send_order(o);
        return true;
}

/* 48 bits of it are persisted for the next instance. */
static uint64_t next_life(struct logs *l)
{
        l->lives = (l->lives + 1) & 0xffffffffffff;
        return l->lives ? l->lives : ++l->lives;
}

struct stream *stream_new(struct logs *l, const struct stream_conf *conf, void *owner,
                          struct err *e)
{
        struct stream *s = calloc(1, sizeof *s);

        if (!s) {
                err_nomem(e);
                return NULL;
        }
        s->logs = l;
        s->owner = owner;
        s->pipe = -1;
        s->is_stderr = conf->is_stderr;
        s->shown = ledger_box_new(next_life(l));
        if (s->shown)
                ledger_box_heed(s->shown, l->core->moves);
        if (s->shown ? stream_configure(s, conf, e) : err_nomem(e))
                return s;
        stream_delete(s);
        return NULL;
}

void stream_free(struct stream *s)
{
        if (!s)
                return;
        finish_done(s);
        s->dead = true;
        s->last.run = core_free_channel;
        mailbox_send(&s->logs->worker.inbox, &s->last);
}

/* A file that could be opened the last time will be found out about later, if it cannot be now: a
 * restart waits for nothing. For one that was never opened, or could not be, the caller may wait.
 */
bool stream_attach(struct stream *s, int pipe_fd, bool *later, struct err *e)
{
        struct order *o = order_new(s, core_attach);
        bool threaded = s->logs->threaded;
        struct err why = { 0 };

        if (!o) {
                fd_close(&pipe_fd);
                return err_nomem(e);
        }
        s->pipe = -1;
        s->holds_pipe = true;
        o->fd = pipe_fd;
        o->ticket = ++s->attach_ticket;
        o->is_awaited = later && threaded && stream_path(s) && !atomic_load(&s->is_proven);
        if (later)
                *later = o->is_awaited;
        s->answer = threaded ? NULL : &why;
        atomic_fetch_add(&s->logs->attaching, 1);
        send_order(o);
        s->answer = NULL;
        if (!why.code)
                return true;
        *e = why;
        return false;
}

unsigned logs_attaching(const struct logs *l)
{
        return atomic_load(&l->attaching);
}

/* Without memory stream_attach does it all. */
void stream_await(struct stream *s)
{
        struct order *o;

        if (!stream_path(s) || atomic_load(&s->is_proven))
                return;
        o = order_new(s, core_await);
        if (o)
                send_order(o);
}

int stream_pipe(const struct stream *s)
{
        return s->pipe;
}

void stream_let_go(struct stream *s)
{
        bool had_pipe = s->holds_pipe;

        s->holds_pipe = false;
        s->pipe = -1;
        if (had_pipe)
                send_plain(s, core_let_go);
}

/* Its pipe is empty, and the core had done with everything that was in it when we looked: all it
 * wrote is in its file, and no news of it are on their way. In this order: the core takes from a
 * pipe only while it is not at rest. */
static bool has_nothing_left(const struct stream *s)
{
        struct pollfd p = { .fd = s->pipe, .events = POLLIN };

        return s->pipe >= 0 && !s->is_finishing && poll(&p, 1, 0) == 0 &&
               atomic_load(&s->shown->at_rest) && mailbox_is_empty(&s->logs->to_main);
}

void stream_finish(struct stream *s)
{
        if (has_nothing_left(s))
                stream_announce(s);
        else
                stream_finish_later(s);
}

const char *stream_path(const struct stream *s)
{
        return stream_names_path(s->process);
}

uid_t stream_owner(const struct stream *s)
{
        return stream_names_owner(s->process);
}

void stream_ledger(const struct stream *s, struct stream_ledger *out)
{
        ledger_look(s->shown, out);
}

struct ledger_box *stream_ledger_ref(const struct stream *s)
{
        return ledger_ref(s->shown);
}

bool stream_trouble(const struct stream *s, struct buf *out)
{
        return ledger_box_trouble(s->shown, out);
}

void stream_reopen(struct stream *s)
{
        send_plain(s, stream_core_reopen);
}

/* Only JSON lines say it: without memory they say null. */
void stream_pid(struct stream *s, pid_t pid)
{
        struct order *o = order_new(s, core_pid);

        if (!o)
                return;
        o->pid = pid;
        send_order(o);
}

void stream_rotate(struct stream *s)
{
        send_plain(s, core_rotate);
}

void stream_clear(struct stream *s)
{
        send_plain(s, stream_core_clear);
}
