/* Our end of a worker's standard input. Writes what the pipe takes and holds the rest in memory.
 * Never blocks the main loop, and takes all of a text or nothing. The state directory knows how
 * much waits, not what: a kill loses it, an upgrade hands it over. */
#include "engine/run/stdin_pipe.h"

#include <errno.h>
#include <ev.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "engine/core/startup.h"
#include "engine/core/worker.h"
#include "engine/persist/state.h"
#include "sys/store/handover.h"
#include "wire/base64.h"

/* What the pipe would not take yet. Nearly no worker ever has any. */
struct rest {
        ev_io writable;
        struct buf queue;
        size_t sent;    /* bytes at the front of the queue that are written already */
        uint32_t saved; /* state_stdin_waits */
};

struct stdin_pipe {
        const struct worker *worker; /* borrowed */
        struct rest *rest;           /* owned; NULL: nothing waits */
        int fd;                      /* owned; -1: the reader is gone */
        bool is_counted;             /* what waits is recorded and handed over */
};

static struct ev_loop *stdin_pipe_loop(const struct stdin_pipe *p)
{
        return p->worker->sup->loop;
}

static void stdin_pipe_count(struct stdin_pipe *p, size_t bytes)
{
        if (p->is_counted)
                state_stdin_waits(p->worker->sup, p->worker->process, &p->rest->saved, bytes);
}

static void drop_rest(struct stdin_pipe *p)
{
        if (!p->rest)
                return;
        ev_io_stop(stdin_pipe_loop(p), &p->rest->writable);
        stdin_pipe_count(p, 0);
        buf_release(&p->rest->queue);
        free(p->rest);
        p->rest = NULL;
}

static void stdin_pipe_hang_up(struct stdin_pipe *p)
{
        drop_rest(p);
        fd_close(&p->fd);
}

bool stdin_pipe_open(struct stdin_pipe **at, const struct worker *w, bool is_counted, int fd,
                     int *old)
{
        struct stdin_pipe *p = *at ? *at : calloc(1, sizeof *p);

        if (!p) {
                fd_close(&fd);
                return false;
        }
        drop_rest(p);
        if (*at && old)
                *old = fd_take(&p->fd);
        else if (*at)
                fd_close(&p->fd);
        p->worker = w;
        p->is_counted = is_counted;
        p->fd = fd;
        *at = p;
        return true;
}

void stdin_pipe_free(struct stdin_pipe *p)
{
        if (!p)
                return;
        stdin_pipe_hang_up(p);
        free(p);
}

size_t stdin_pipe_queued(const struct stdin_pipe *p)
{
        return p->rest ? p->rest->queue.len - p->rest->sent : 0;
}

/* Bytes taken; 0: the pipe is full; -1: it has no reader any more. */
static ssize_t stdin_pipe_put(struct stdin_pipe *p, const char *data, size_t len)
{
        size_t done = 0;

        while (done < len) {
                ssize_t n = write(p->fd, data + done, len - done);
                if (n >= 0)
                        done += (size_t)n;
                else if (errno == EAGAIN)
                        break;
                else if (errno != EINTR)
                        return -1;
        }
        return (ssize_t)done;
}

static void on_writable(EV_P_ ev_io *w, int revents)
{
        struct stdin_pipe *p = w->data;
        struct rest *r = p->rest;

        (void)loop, (void)revents;
        ssize_t n = stdin_pipe_put(p, r->queue.data + r->sent, stdin_pipe_queued(p));
        if (n < 0) {
                stdin_pipe_hang_up(p);
                return;
        }
        r->sent += (size_t)n;
        if (r->sent == r->queue.len)
                drop_rest(p);
        else
                stdin_pipe_count(p, stdin_pipe_queued(p));
}

static bool make_rest(struct stdin_pipe *p)
{
        if (p->rest)
                return true;
        p->rest = calloc(1, sizeof *p->rest);
        if (!p->rest)
                return false;
        ev_io_init(&p->rest->writable, on_writable, p->fd, EV_WRITE);
        p->rest->writable.data = p;
        return true;
}

/* Room for `len` bytes more. What was sent is cut off only when it is half of the whole, so that a
 * long queue is moved seldom. */
static bool stdin_pipe_make_room(struct stdin_pipe *p, size_t len)
{
        if (!make_rest(p))
                return false;
        struct rest *r = p->rest;
        if (r->sent && r->sent >= r->queue.len / 2) {
                buf_drop(&r->queue, r->sent);
                r->sent = 0;
        }
        if (buf_reserve(&r->queue, len))
                return true;
        r->queue.failed = false; /* what waits is untouched, and smaller writes may still fit */
        if (r->queue.len == 0)
                drop_rest(p);
        return false;
}

/* There is room for it. */
static void stdin_pipe_queue(struct stdin_pipe *p, const char *data, size_t len)
{
        buf_put(&p->rest->queue, data, len);
        stdin_pipe_count(p, stdin_pipe_queued(p));
        ev_io_start(stdin_pipe_loop(p), &p->rest->writable);
}

enum stdin_result stdin_pipe_write(struct stdin_pipe *p, const void *data, size_t len)
{
        bool idle = stdin_pipe_queued(p) == 0;

        if (p->fd < 0)
                return STDIN_CLOSED;
        if (len > STDIN_QUEUE_MAX - stdin_pipe_queued(p))
                return STDIN_FULL;
        /* All or nothing: only what a pipe takes in one piece may be tried without memory for the
         * rest (pipe(7), PIPE_BUF). */
        if ((!idle || len > PIPE_BUF) && !stdin_pipe_make_room(p, len))
                return STDIN_NOMEM;
        ssize_t n = idle ? stdin_pipe_put(p, data, len) : 0;
        if (n < 0) {
                stdin_pipe_hang_up(p);
                return STDIN_CLOSED;
        }
        if ((size_t)n == len) {
                if (idle)
                        drop_rest(p);
                return STDIN_OK;
        }
        if (!stdin_pipe_make_room(p, len - (size_t)n))
                return STDIN_NOMEM;
        stdin_pipe_queue(p, (const char *)data + n, len - (size_t)n);
        return STDIN_OK;
}

/* ---- over an upgrade */

/* No other pipe has this number while it lives. */
static bool stdin_pipe_item(const struct stdin_pipe *p, char out[static 32])
{
        struct stat st;

        if (fstat(p->fd, &st) < 0)
                return false;
        snprintf(out, 32, "stdin:%" PRIu64, (uint64_t)st.st_ino);
        return true;
}

bool stdin_pipe_hand_over(const struct stdin_pipe *p, struct strlist *items)
{
        AUTO_BUF text = BUF_INIT;
        char name[32];

        if (!stdin_pipe_queued(p))
                return true;
        base64_encode(p->rest->queue.data + p->rest->sent, stdin_pipe_queued(p), &text);
        return !text.failed && stdin_pipe_item(p, name) && handover_put(items, name, text.data);
}

bool stdin_pipe_resume(struct stdin_pipe *p)
{
        const struct handover *h = startup_of(p->worker->sup)->handover;
        AUTO_BUF data = BUF_INIT;
        char name[32];
        const char *text = h && stdin_pipe_item(p, name) ? handover_word(h, name) : NULL;

        if (!text)
                return true;
        if (!base64_decode(text, true, &data) || !stdin_pipe_make_room(p, data.len))
                return false;
        stdin_pipe_queue(p, data.data, data.len);
        return true;
}
