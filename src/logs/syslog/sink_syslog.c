/* The socket of syslog: sends, and holds what it does not take, within bounds, in order. Never
 * waits; what finds no room is counted for its sender. */
#include "logs/syslog/sink_syslog.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/clock.h"

#define FIRST_DELAY   0.1
#define LONGEST_DELAY 1.0
#define TELL_AGAIN_MS 60000

struct waiting {
        struct waiting *next;
        struct syslog_sender *from; /* borrowed; NULL: it is gone */
        size_t bytes, len;
        char data[];
};

struct sink_syslog {
        struct sys *sys;      /* borrowed */
        struct ev_loop *loop; /* borrowed; NULL: none */
        char *path;           /* owned */
        int fd;
        struct waiting *first, **end;
        size_t backlog; /* bytes of messages that wait */
        struct syslog_sender *senders;
        bool busy; /* a sender that is notified may send */
        double delay;
        ev_timer retry;
        ev_io ready;
        char reason[256]; /* "": no trouble */
        bool said;        /* in this run of it */
        int64_t said_ms;
        void (*say)(void *arg, const char *reason);
        void *arg;
};

static void sink_syslog_flush(struct sink_syslog *s);

static void sink_syslog_on_retry(EV_P_ ev_timer *t, int revents)
{
        (void)loop, (void)revents;
        sink_syslog_flush(t->data);
}

static void sink_syslog_on_ready(EV_P_ ev_io *io, int revents)
{
        (void)loop, (void)revents;
        sink_syslog_flush(io->data);
}

struct sink_syslog *sink_syslog_new(struct sys *sys, struct ev_loop *loop, const char *socket_path,
                                    void (*say)(void *arg, const char *reason), void *arg)
{
        struct sink_syslog *s = calloc(1, sizeof *s);

        if (!s)
                return NULL;
        *s = (struct sink_syslog){
                .sys = sys, .loop = loop, .fd = -1, .delay = FIRST_DELAY, .say = say, .arg = arg
        };
        s->end = &s->first;
        ev_init(&s->retry, sink_syslog_on_retry);
        ev_init(&s->ready, sink_syslog_on_ready);
        s->retry.data = s->ready.data = s;
        s->path = strdup(socket_path);
        if (s->path)
                return s;
        free(s);
        return NULL;
}

/* ---- the socket */

static void sink_syslog_unwatch(struct sink_syslog *s)
{
        if (!s->loop)
                return;
        ev_timer_stop(s->loop, &s->retry);
        ev_io_stop(s->loop, &s->ready);
}

static void sink_syslog_hang_up(struct sink_syslog *s)
{
        int saved = errno;

        sink_syslog_unwatch(s);
        if (s->fd >= 0)
                s->sys->close(s->sys, s->fd);
        s->fd = -1;
        errno = saved;
}

/* A daemon that was restarted has another socket behind the same path: one fresh attempt. */
static bool send_now(struct sink_syslog *s, const char *message, size_t len)
{
        for (int attempt = 0; attempt < 2; attempt++) {
                bool fresh = s->fd < 0;
                if (fresh)
                        s->fd = s->sys->dial(s->sys, s->path);
                if (s->fd < 0)
                        return false;
                ssize_t n;
                do
                        n = s->sys->send(s->sys, s->fd, message, len);
                while (n < 0 && errno == EINTR);
                if (n >= 0)
                        return true;
                if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == EMSGSIZE)
                        return false;
                sink_syslog_hang_up(s);
                if (fresh)
                        return false;
        }
        return false;
}

/* ---- trouble: a socket that is full is none, it is read */

static void tell_senders(struct sink_syslog *s)
{
        const char *reason = sink_syslog_reason(s);
        struct syslog_sender *from;
        int count;

        DL_COUNT(s->senders, from, count);
        while (count-- > 0 && (from = s->senders)) { /* the notified one may forget any of them */
                DL_DELETE(s->senders, from);
                from->waits = from->buffered > 0;
                if (from->waits)
                        DL_APPEND(s->senders, from);
                from->changed(from->arg, reason);
        }
}

static void note_trouble(struct sink_syslog *s, int error)
{
        int64_t now = clock_mono_ms();

        snprintf(s->reason, sizeof s->reason, "send to %s: %s", s->path, strerror(error));
        if (s->said_ms && now - s->said_ms < TELL_AGAIN_MS)
                return;
        s->said = true;
        s->said_ms = now;
        if (s->say)
                s->say(s->arg, s->reason);
}

static void note_health(struct sink_syslog *s)
{
        s->delay = FIRST_DELAY;
        if (!s->reason[0])
                return;
        s->reason[0] = '\0';
        if (s->said && s->say)
                s->say(s->arg, NULL);
        s->said = false;
}

/* The head of the queue was refused. */
static void wait_for(struct sink_syslog *s, int error)
{
        bool full = error == EAGAIN && s->fd >= 0;

        if (!full)
                note_trouble(s, error);
        sink_syslog_unwatch(s);
        if (!s->loop)
                return;
        if (full) {
                ev_io_set(&s->ready, s->fd, EV_WRITE);
                ev_io_start(s->loop, &s->ready);
                return;
        }
        ev_timer_set(&s->retry, s->delay, 0.);
        ev_timer_start(s->loop, &s->retry);
        s->delay = s->delay * 2 < LONGEST_DELAY ? s->delay * 2 : LONGEST_DELAY;
}

/* ---- the queue */

static void take_off(struct sink_syslog *s, bool was_sent)
{
        struct waiting *w = s->first;

        s->first = w->next;
        if (!s->first)
                s->end = &s->first;
        s->backlog -= w->len;
        if (w->from) {
                w->from->buffered -= w->bytes;
                *(was_sent ? &w->from->sent : &w->from->dropped) += w->bytes;
        }
        free(w);
}

static void sink_syslog_flush(struct sink_syslog *s)
{
        if (s->busy)
                return;
        s->busy = true;
        sink_syslog_unwatch(s);
        while (s->first) {
                bool was_sent = send_now(s, s->first->data, s->first->len);
                if (!was_sent && errno != EMSGSIZE) {
                        wait_for(s, errno);
                        break;
                }
                take_off(s, was_sent);
        }
        if (!s->first)
                note_health(s);
        tell_senders(s);
        s->busy = false;
}

static bool sink_syslog_enqueue(struct sink_syslog *s, struct syslog_sender *from,
                                const char *message, size_t len, size_t bytes)
{
        bool room =
            from->buffered + bytes <= SYSLOG_BACKLOG_EACH && s->backlog + len <= SYSLOG_BACKLOG_ALL;
        struct waiting *w = room ? malloc(sizeof *w + len) : NULL;

        if (!w) {
                errno = room ? ENOMEM : ENOBUFS;
                return false;
        }
        *w = (struct waiting){ .from = from, .bytes = bytes, .len = len };
        memcpy(w->data, message, len);
        *s->end = w;
        s->end = &w->next;
        s->backlog += len;
        from->buffered += bytes;
        if (!from->waits)
                DL_APPEND(s->senders, from);
        from->waits = true;
        return true;
}

bool sink_syslog_send(struct sink_syslog *s, struct syslog_sender *from, const char *message,
                      size_t len, size_t bytes)
{
        if (s->first && !s->loop)
                sink_syslog_flush(s);
        if (!s->first && send_now(s, message, len)) {
                from->sent += bytes;
                note_health(s);
                return true;
        }
        bool was_empty = !s->first;
        int error = errno;
        if ((was_empty && error == EMSGSIZE) ||
            !sink_syslog_enqueue(s, from, message, len, bytes)) {
                from->dropped += bytes;
                return false;
        }
        if (was_empty)
                wait_for(s, error);
        return true;
}

/* ---- changes */

void sink_syslog_forget(struct sink_syslog *s, struct syslog_sender *from)
{
        if (!s || !from->waits)
                return;
        for (struct waiting *w = s->first; w; w = w->next)
                if (w->from == from)
                        w->from = NULL;
        DL_DELETE(s->senders, from);
        from->waits = false;
}

bool sink_syslog_move(struct sink_syslog *s, const char *socket_path)
{
        if (strcmp(s->path, socket_path) == 0)
                return true;
        char *path = strdup(socket_path);
        if (!path)
                return false;
        free(s->path);
        s->path = path;
        s->delay = FIRST_DELAY;
        sink_syslog_hang_up(s);
        if (s->first)
                sink_syslog_flush(s);
        return true;
}

void sink_syslog_set_loop(struct sink_syslog *s, struct ev_loop *loop)
{
        sink_syslog_unwatch(s);
        s->loop = loop;
        if (s->first)
                sink_syslog_flush(s);
}

const char *sink_syslog_reason(const struct sink_syslog *s)
{
        return s->reason[0] ? s->reason : NULL;
}

const char *sink_syslog_path(const struct sink_syslog *s)
{
        return s->path;
}

size_t sink_syslog_free(struct sink_syslog *s)
{
        size_t lost = 0;

        if (!s)
                return 0;
        if (s->first)
                sink_syslog_flush(s);
        while (s->first) {
                lost += s->first->bytes;
                take_off(s, false);
        }
        sink_syslog_hang_up(s);
        free(s->path);
        free(s);
        return lost;
}
