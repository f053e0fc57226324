/* Our end of a worker's standard input. Writes what the pipe takes and holds the rest, in a file
 * of the state directory or in memory. Never blocks the main loop, and takes all of a text or
 * nothing. */
#include "engine/run/stdin_pipe.h"

#include <dirent.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "sys/store/pipe_backlog.h"

#define FEED_NAME "stdin-"

/* What the pipe would not take yet. Nearly no worker ever has any. */
struct rest {
        ev_io writable;
        struct pipe_backlog *feed; /* owned: where it is; NULL: in memory */
        struct buf queue;
        size_t sent; /* bytes at the front of the queue that are written already */
};

struct stdin_pipe {
        const struct stdin_home *home; /* borrowed */
        struct rest *rest;             /* owned; NULL: nothing waits */
        int fd;                        /* owned; -1: the reader is gone */
};

static void drop_rest(struct stdin_pipe *p)
{
        if (!p->rest)
                return;
        ev_io_stop(p->home->loop, &p->rest->writable);
        pipe_backlog_remove(p->rest->feed);
        buf_release(&p->rest->queue);
        free(p->rest);
        p->rest = NULL;
}

static void stdin_pipe_hang_up(struct stdin_pipe *p)
{
        drop_rest(p);
        fd_close(&p->fd);
}

bool stdin_pipe_open(struct stdin_pipe **at, const struct stdin_home *home, int fd, int *old)
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
        p->home = home;
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

int stdin_pipe_fd(const struct stdin_pipe *p)
{
        return p->fd;
}

size_t stdin_pipe_queued(const struct stdin_pipe *p)
{
        const struct rest *r = p->rest;

        return !r ? 0 : r->feed ? pipe_backlog_left(r->feed) : r->queue.len - r->sent;
}

bool stdin_pipe_unread(const struct stdin_pipe *p)
{
        int bytes = 0;

        return p->fd >= 0 && ioctl(p->fd, FIONREAD, &bytes) == 0 && bytes > 0;
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

/* One that is through stays until the loop comes by: the writer has noted by then that all of
 * it is on its way. */
static void move_on(struct stdin_pipe *p)
{
        if (!pipe_backlog_left(p->rest->feed))
                drop_rest(p);
        else if (!pipe_backlog_move(p->rest->feed, p->fd))
                stdin_pipe_hang_up(p);
}

static void on_writable(EV_P_ ev_io *w, int revents)
{
        struct stdin_pipe *p = w->data;
        struct rest *r = p->rest;

        (void)loop, (void)revents;
        if (r->feed) {
                move_on(p);
                return;
        }
        ssize_t n = stdin_pipe_put(p, r->queue.data + r->sent, r->queue.len - r->sent);
        if (n < 0) {
                stdin_pipe_hang_up(p);
                return;
        }
        r->sent += (size_t)n;
        if (r->sent == r->queue.len)
                drop_rest(p);
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

/* ---- in a file */

/* No other pipe has this number while it lives. */
static bool feed_path(const struct stdin_pipe *p, struct buf *out)
{
        struct stat st;

        if (fstat(p->fd, &st) < 0)
                return false;
        buf_printf(out, "%s/" FEED_NAME "%" PRIu64, p->home->dir, (uint64_t)st.st_ino);
        return !out->failed;
}

bool stdin_pipe_is_left(const char *dir, uint64_t pipe)
{
        AUTO_BUF path = BUF_INIT;

        if (!dir || !pipe)
                return false;
        buf_printf(&path, "%s/" FEED_NAME "%" PRIu64, dir, pipe);
        return path.failed || access(path.data, F_OK) == 0 || errno != ENOENT;
}

/* A pipe takes in one piece what it has room for: no kill cuts that short. */
static bool stdin_pipe_fits(const struct stdin_pipe *p, size_t len)
{
        int room;

        if (len <= PIPE_BUF)
                return true;
        room = stdin_pipe_unread(p) ? 0 : fcntl(p->fd, F_GETPIPE_SZ);
        return room > 0 && len <= (size_t)room;
}

static enum stdin_result put_in_file(struct stdin_pipe *p, const void *data, size_t len)
{
        AUTO_BUF path = BUF_INIT;
        struct err ignored;

        if (!make_rest(p))
                return STDIN_NOMEM;
        struct pipe_backlog **feed = &p->rest->feed;
        if (!*feed && feed_path(p, &path))
                *feed = pipe_backlog_new(path.data, &ignored);
        if (!*feed || !pipe_backlog_put(*feed, data, len, &ignored)) {
                if (!*feed || !ev_is_active(&p->rest->writable))
                        drop_rest(p);
                return STDIN_NOMEM;
        }
        ev_io_start(p->home->loop, &p->rest->writable);
        return STDIN_OK;
}

bool stdin_pipe_resume(struct stdin_pipe *p)
{
        AUTO_BUF path = BUF_INIT;
        struct pipe_backlog *feed =
            p->home->dir && feed_path(p, &path) ? pipe_backlog_take_up(path.data) : NULL;

        if (!feed)
                return false;
        if (!make_rest(p)) {
                pipe_backlog_close(feed);
                return false;
        }
        p->rest->feed = feed;
        ev_io_start(p->home->loop, &p->rest->writable);
        return true;
}

bool stdin_pipe_has_rest(const struct stdin_pipe *p)
{
        return p->rest != NULL;
}

void stdin_pipe_tidy(const char *dir, bool (*goes_on)(const void *arg, uint64_t pipe),
                     const void *arg)
{
        DIR *d = opendir(dir);
        struct dirent *entry;
        uint64_t pipe;

        while (d && (entry = readdir(d)))
                if (sscanf(entry->d_name, FEED_NAME "%" SCNu64, &pipe) == 1 && !goes_on(arg, pipe))
                        unlinkat(dirfd(d), entry->d_name, 0);
        if (d)
                closedir(d);
}

/* ---- writing */

enum stdin_result stdin_pipe_write(struct stdin_pipe *p, const void *data, size_t len)
{
        bool idle = stdin_pipe_queued(p) == 0;

        if (p->fd < 0)
                return STDIN_CLOSED;
        if (len > STDIN_QUEUE_MAX - stdin_pipe_queued(p))
                return STDIN_FULL;
        if (p->home->dir && (p->rest || !stdin_pipe_fits(p, len)))
                return put_in_file(p, data, len);
        /* All or nothing: only what a pipe takes in one piece may be tried without memory for the
         * rest (pipe(7), PIPE_BUF). */
        if (!p->home->dir && (!idle || len > PIPE_BUF) && !stdin_pipe_make_room(p, len))
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
        if (p->home->dir)
                return put_in_file(p, (const char *)data + n, len - (size_t)n);
        if (!stdin_pipe_make_room(p, len - (size_t)n))
                return STDIN_NOMEM;
        buf_put(&p->rest->queue, (const char *)data + n, len - (size_t)n);
        ev_io_start(p->home->loop, &p->rest->writable);
        return STDIN_OK;
}
