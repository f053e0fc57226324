#include "engine/stdin_pipe.h"

#include <errno.h>
#include <ev.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"

/* A queue that grew beyond this gives its memory back once it is empty. */
#define KEEP_BYTES (64u << 10)

struct stdin_pipe {
        struct ev_loop *loop; /* borrowed */
        ev_io writable;       /* active while something waits */
        int fd;               /* owned; -1: the reader is gone */
        struct buf queue;
        size_t sent; /* bytes at the front of the queue that are written already */
};

static void on_writable(EV_P_ ev_io *w, int revents);

struct stdin_pipe *stdin_pipe_new(struct ev_loop *loop, int fd)
{
        struct stdin_pipe *p = calloc(1, sizeof *p);

        if (!p || !fd_nonblock(fd, true)) {
                fd_close(&fd);
                free(p);
                return NULL;
        }
        p->loop = loop;
        p->fd = fd;
        ev_io_init(&p->writable, on_writable, fd, EV_WRITE);
        p->writable.data = p;
        return p;
}

static void hang_up(struct stdin_pipe *p)
{
        ev_io_stop(p->loop, &p->writable);
        fd_close(&p->fd);
        buf_release(&p->queue);
        p->sent = 0;
}

void stdin_pipe_free(struct stdin_pipe *p)
{
        if (!p)
                return;
        hang_up(p);
        free(p);
}

size_t stdin_pipe_queued(const struct stdin_pipe *p)
{
        return p->queue.len - p->sent;
}

/* Bytes taken; 0: the pipe is full; -1: nobody reads any more. */
static ssize_t put(struct stdin_pipe *p, const char *data, size_t len)
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

static void emptied(struct stdin_pipe *p)
{
        ev_io_stop(p->loop, &p->writable);
        p->sent = 0;
        if (p->queue.cap > KEEP_BYTES)
                buf_release(&p->queue);
        else
                buf_reset(&p->queue);
}

static void on_writable(EV_P_ ev_io *w, int revents)
{
        struct stdin_pipe *p = w->data;
        ssize_t n = put(p, p->queue.data + p->sent, p->queue.len - p->sent);

        (void)loop, (void)revents;
        if (n < 0) {
                hang_up(p);
                return;
        }
        p->sent += (size_t)n;
        if (p->sent == p->queue.len)
                emptied(p);
}

/* Room for `len` bytes more. What was sent is cut off only when it is half of the whole, so that a
 * long queue is moved seldom. */
static bool make_room(struct stdin_pipe *p, size_t len)
{
        if (p->sent && p->sent >= p->queue.len / 2) {
                buf_drop(&p->queue, p->sent);
                p->sent = 0;
        }
        if (buf_reserve(&p->queue, len))
                return true;
        p->queue.failed = false; /* what waits is untouched, and smaller writes may still fit */
        return false;
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
        if ((!idle || len > PIPE_BUF) && !make_room(p, len))
                return STDIN_NOMEM;
        ssize_t n = idle ? put(p, data, len) : 0;
        if (n < 0) {
                hang_up(p);
                return STDIN_CLOSED;
        }
        if ((size_t)n == len) {
                if (idle)
                        emptied(p);
                return STDIN_OK;
        }
        if (!make_room(p, len - (size_t)n))
                return STDIN_NOMEM;
        buf_put(&p->queue, (const char *)data + n, len - (size_t)n);
        ev_io_start(p->loop, &p->writable);
        return STDIN_OK;
}
