/* The calls of logs.h: done at once while there is no thread, sent to it when there is. */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/fd.h"
#include "thread.h"

#define FINISH_S 1. /* so long an ended worker's last output is waited for */

/* ---- settings travel as copies */

static void order_free(struct order *o)
{
        stream_conf_release(&o->conf);
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

static struct order *order_with_conf(struct stream *s, const struct stream_conf *conf,
                                     void (*run)(struct mail *), struct err *e)
{
        struct order *o = order_new(s, run);

        if (!o) {
                err_nomem(e);
                return NULL;
        }
        if (stream_conf_copy(&o->conf, conf, e))
                return o;
        free(o);
        return NULL;
}

static void send_order(struct order *o)
{
        mailbox_send(&o->stream->logs->to_core, &o->mail);
}

/* The same message goes back as the answer. */
static void answer(struct order *o, void (*run)(struct mail *))
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

static void say_failure(const struct stream *s, const struct err *e)
{
        log_line(s->logs->core->log, LVL_ERROR, "log of '%s' %s: %s", s->process,
                 s->is_stderr ? "stderr" : "stdout", e->text);
}

static void core_make(struct mail *m)
{
        struct order *o = (struct order *)m;
        struct stream *s = o->stream;

        s->channel = channel_new(s->logs->core, &o->conf, s, s->shown, &s->why);
        if (!s->channel)
                say_failure(s, &s->why);
        order_free(o);
}

/* A channel that could not be made is made by the next settings. */
static void core_configure(struct mail *m)
{
        struct order *o = (struct order *)m;
        struct stream *s = o->stream;
        bool fine;

        s->why = (struct err){ 0 };
        if (s->channel)
                fine = channel_configure(s->channel, &o->conf, &s->why);
        else
                fine = (s->channel = channel_new(s->logs->core, &o->conf, s, s->shown, &s->why));
        if (!fine)
                say_failure(s, &s->why);
        order_free(o);
}

static void main_attached(struct mail *m)
{
        struct order *o = (struct order *)m;
        struct stream *s = o->stream;
        const struct logs_news *n = &s->logs->news;

        if (!s->dead && o->ticket == s->attach_ticket && o->err.code && n->on_attach_failed)
                n->on_attach_failed(n->arg, s->owner, s->is_stderr, &o->err);
        order_free(o);
}

static void core_attach(struct mail *m)
{
        struct order *o = (struct order *)m;
        struct stream *s = o->stream;

        if (!s->channel || s->why.code) {
                fd_close(&o->fd);
                o->err = s->why;
        } else {
                channel_attach(s->channel, o->fd, &o->err);
        }
        answer(o, main_attached);
}

static void main_finished(struct mail *m);

static void core_finish(struct mail *m)
{
        struct order *o = (struct order *)m;

        if (o->stream->channel)
                channel_finish(o->stream->channel);
        answer(o, main_finished);
}

static void core_reopen(struct mail *m)
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

static void core_clear(struct mail *m)
{
        struct order *o = (struct order *)m;
        struct stream *s = o->stream;

        if (s->channel && !channel_clear(s->channel, &o->err))
                say_failure(s, &o->err);
        order_free(o);
}

static void stream_delete(struct stream *s)
{
        ledger_drop(s->shown);
        free(s->path);
        free(s->process);
        free(s);
}

static void main_freed(struct mail *m)
{
        stream_delete(((struct order *)m)->stream);
}

static void core_free_channel(struct mail *m)
{
        struct order *o = (struct order *)m;

        channel_free(o->stream->channel);
        o->stream->channel = NULL;
        answer(o, main_freed);
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

static void announce(struct stream *s)
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
                announce(s);
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
        announce(s);
        if (!ev_is_active(w))
                arm_limit(l);
}

static void finish_later(struct stream *s)
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

static bool remember(struct stream *s, const struct stream_conf *conf, struct err *e)
{
        char *path = conf->path ? strdup(conf->path) : NULL;

        if (conf->path && !path)
                return err_nomem(e);
        free(s->path);
        s->path = path;
        s->is_stderr = conf->is_stderr;
        return true;
}

struct stream *stream_new(struct logs *l, const struct stream_conf *conf, void *owner,
                          struct err *e)
{
        struct stream *s = calloc(1, sizeof *s);
        bool fine;

        if (!s) {
                err_nomem(e);
                return NULL;
        }
        s->logs = l;
        s->owner = owner;
        s->process = strdup(conf->process ? conf->process : "");
        s->shown = ledger_box_new();
        fine = (s->process && s->shown) || err_nomem(e);
        fine = fine && remember(s, conf, e);
        if (fine && l->threaded) {
                struct order *o = order_with_conf(s, conf, core_make, e);
                if (o)
                        send_order(o);
                fine = o != NULL;
        } else if (fine) {
                s->channel = channel_new(l->core, conf, s, s->shown, e);
                fine = s->channel != NULL;
        }
        if (fine)
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
        if (!s->logs->threaded) {
                channel_free(s->channel);
                stream_delete(s);
                return;
        }
        s->last.stream = s;
        s->last.mail.run = core_free_channel;
        send_order(&s->last);
}

bool stream_configure(struct stream *s, const struct stream_conf *conf, struct err *e)
{
        if (!s->logs->threaded)
                return channel_configure(s->channel, conf, e) && remember(s, conf, e);
        struct order *o = order_with_conf(s, conf, core_configure, e);
        if (!o)
                return false;
        if (!remember(s, conf, e)) {
                order_free(o);
                return false;
        }
        send_order(o);
        return true;
}

bool stream_attach(struct stream *s, int pipe_fd, struct err *e)
{
        struct order *o;

        if (!s->logs->threaded)
                return channel_attach(s->channel, pipe_fd, e);
        o = order_new(s, core_attach);
        if (!o) {
                fd_close(&pipe_fd);
                return err_nomem(e);
        }
        o->fd = pipe_fd;
        o->ticket = ++s->attach_ticket;
        send_order(o);
        return true;
}

void stream_finish(struct stream *s)
{
        if (s->logs->threaded)
                finish_later(s);
        else
                channel_finish(s->channel);
}

const char *stream_path(const struct stream *s)
{
        return s->path;
}

void stream_ledger(const struct stream *s, struct stream_ledger *out)
{
        if (s->logs->threaded)
                ledger_look(s->shown, out);
        else
                channel_ledger(s->channel, out);
}

struct ledger_box *stream_ledger_keep(const struct stream *s)
{
        return ledger_keep(s->shown);
}

void stream_reopen(struct stream *s)
{
        if (s->logs->threaded)
                send_plain(s, core_reopen);
        else
                channel_reopen(s->channel);
}

/* Only JSON lines say it: without memory they say null. */
void stream_pid(struct stream *s, pid_t pid)
{
        struct order *o;

        if (!s->logs->threaded) {
                channel_pid(s->channel, pid);
                return;
        }
        o = order_new(s, core_pid);
        if (!o)
                return;
        o->pid = pid;
        send_order(o);
}

void stream_rotate(struct stream *s)
{
        if (s->logs->threaded)
                send_plain(s, core_rotate);
        else
                channel_rotate(s->channel);
}

bool stream_clear(struct stream *s, struct err *e)
{
        if (!s->logs->threaded)
                return channel_clear(s->channel, e);
        send_plain(s, core_clear);
        return true;
}
