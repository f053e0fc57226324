#include "engine/stdin_pipe.h"

#include <errno.h>
#include <ev.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"

/* What the pipe would not take yet. Nearly no worker ever has any. */
struct rest {
        ev_io writable;
        struct buf queue;
        size_t sent; /* bytes at the front of the queue that are written already */
};

struct stdin_pipe {
        struct ev_loop *loop; /* borrowed */
        struct rest *rest;    /* owned; NULL: nothing waits */
        int fd;               /* owned; -1: the reader is gone */
};

static void drop_rest(struct stdin_pipe *p)
{
        if (!p->rest)
                return;
        ev_io_stop(p->loop, &p->rest->writable);
        buf_release(&p->rest->queue);
        free(p->rest);
        p->rest = NULL;
}

static void hang_up(struct stdin_pipe *p)
{
        drop_rest(p);
        fd_close(&p->fd);
}

bool stdin_pipe_open(struct stdin_pipe **at, struct ev_loop *loop, int fd, int *old)
{
        struct stdin_pipe *p = *at ? *at : calloc(1, sizeof *p);

        if (!p || !fd_nonblock(fd, true)) {
                fd_close(&fd);
                stdin_pipe_free(p);
                *at = NULL;
                return false;
        }
        drop_rest(p);
        if (*at && old)
                *old = fd_take(&p->fd);
        else if (*at)
                fd_close(&p->fd);
        p->loop = loop;
        p->fd = fd;
        *at = p;
        return true;
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
        return p->rest ? p->rest->queue.len - p->rest->sent : 0;
}

bool stdin_pipe_unread(const struct stdin_pipe *p)
{
        int bytes = 0;

        return p->fd >= 0 && ioctl(p->fd, FIONREAD, &bytes) == 0 && bytes > 0;
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

static void on_writable(EV_P_ ev_io *w, int revents)
{
        struct stdin_pipe *p = w->data;
        struct rest *r = p->rest;
        ssize_t n = put(p, r->queue.data + r->sent, r->queue.len - r->sent);

        (void)loop, (void)revents;
        if (n < 0) {
                hang_up(p);
                return;
        }
        r->sent += (size_t)n;
        if (r->sent == r->queue.len)
                drop_rest(p);
}

/* Room for `len` bytes more. What was sent is cut off only when it is half of the whole, so that a
 * long queue is moved seldom. */
static bool make_room(struct stdin_pipe *p, size_t len)
{
        if (!p->rest) {
                p->rest = calloc(1, sizeof *p->rest);
                if (!p->rest)
                        return false;
                ev_io_init(&p->rest->writable, on_writable, p->fd, EV_WRITE);
                p->rest->writable.data = p;
        }
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
                        drop_rest(p);
                return STDIN_OK;
        }
        if (!make_room(p, len - (size_t)n))
                return STDIN_NOMEM;
        buf_put(&p->rest->queue, (const char *)data + n, len - (size_t)n);
        ev_io_start(p->loop, &p->rest->writable);
        return STDIN_OK;
}
