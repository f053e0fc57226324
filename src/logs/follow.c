/* tail -F without polling: inotify says when to look, and what is found decides. */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "logs/tail.h"

#define READ_SIZE   65536
#define WAKE_BUDGET (1024 * 1024)

#define FILE_EVENTS   (IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF)
#define FOLDER_EVENTS (IN_CREATE | IN_MOVED_TO | IN_ONLYDIR)

struct follower {
        struct ev_loop *loop; /* borrowed */
        struct follow_handler handler;
        char *path; /* owned */
        int fd;     /* the file being read, whatever its name is by now */
        int64_t at;
        int notify; /* inotify */
        int watch;  /* on the file; -1: none */
        ev_io io;
        ev_timer again; /* more is there than one wake-up may take */
        bool paused;    /* the reader has no room: nothing is watched */
        bool busy, doomed;
};

static bool open_file(struct follower *f, int *fd_out, struct stat *st, struct err *e)
{
        AUTO_FD fd = open(f->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
                return err_set(e, ERR_NOENT, "no such file: %s", f->path);
        if (fd < 0 || fstat(fd, st) < 0)
                return err_set(e, ERR_SYS, "open %s", f->path);
        if (!S_ISREG(st->st_mode))
                return err_set(e, ERR_USAGE, "%s is not a regular file", f->path);
        *fd_out = fd_take(&fd);
        return true;
}

/* By name: the little time between opening and this is made up for by looking again after it. */
static void watch_file(struct follower *f)
{
        if (f->watch >= 0)
                inotify_rm_watch(f->notify, f->watch);
        f->watch = inotify_add_watch(f->notify, f->path, FILE_EVENTS);
}

static bool watch_folder(struct follower *f, struct err *e)
{
        char *dir = path_dirname(f->path);

        if (!dir)
                return err_nomem(e);
        int w = inotify_add_watch(f->notify, *dir ? dir : ".", FOLDER_EVENTS);
        if (w < 0)
                err_set(e, ERR_SYS, "watch the directory of %s", f->path);
        free(dir);
        return w >= 0;
}

/* ---- looking */

static bool tell(struct follower *f, enum follow_news news, const char *data, size_t len)
{
        if (!f->handler.on_data(f->handler.arg, news, data, len))
                f->paused = true;
        return !f->paused && !f->doomed;
}

enum look { LOOK_MORE, LOOK_END, LOOK_STOP };

static enum look read_some(struct follower *f, char *chunk, size_t *budget)
{
        ssize_t n = pread(f->fd, chunk, READ_SIZE, f->at);

        if (n <= 0)
                return n < 0 && errno == EINTR ? LOOK_MORE : LOOK_END;
        f->at += n;
        *budget -= (size_t)n < *budget ? (size_t)n : *budget;
        return tell(f, FOLLOW_DATA, chunk, (size_t)n) ? LOOK_MORE : LOOK_STOP;
}

/* At the end of the file: was it cut, or does its name belong to another one by now? */
static enum look look_around(struct follower *f)
{
        struct stat ours = { 0 }, there = { 0 };
        int fd = -1;

        if (fstat(f->fd, &ours) == 0 && ours.st_size < f->at) {
                f->at = 0;
                return tell(f, FOLLOW_TRUNCATED, "", 0) ? LOOK_MORE : LOOK_STOP;
        }
        if (stat(f->path, &there) < 0 ||
            (there.st_dev == ours.st_dev && there.st_ino == ours.st_ino) ||
            !open_file(f, &fd, &there, NULL))
                return LOOK_END;
        close(f->fd);
        f->fd = fd;
        f->at = 0;
        watch_file(f);
        return tell(f, FOLLOW_REPLACED, "", 0) ? LOOK_MORE : LOOK_STOP;
}

/* Read on to the end, or until the reader has enough, or until others should have a turn. */
static void look(struct follower *f)
{
        size_t budget = WAKE_BUDGET;
        enum look now = LOOK_MORE;
        char *chunk = malloc(READ_SIZE);

        f->busy = true;
        while (chunk && now == LOOK_MORE && budget > 0) {
                now = read_some(f, chunk, &budget);
                if (now == LOOK_END)
                        now = look_around(f);
        }
        free(chunk);
        f->busy = false;
        if (f->doomed) {
                follower_free(f);
                return;
        }
        if (!f->paused && (now == LOOK_MORE || !chunk)) {
                ev_timer_set(&f->again, chunk ? 0. : 1., 0.);
                ev_timer_start(f->loop, &f->again);
        }
        if (f->paused)
                ev_io_stop(f->loop, &f->io);
        else
                ev_io_start(f->loop, &f->io);
}

static void on_again(EV_P_ ev_timer *w, int revents)
{
        (void)loop, (void)revents;
        look(w->data);
}

/* What happened does not matter, only that something did. */
static void drain_news(struct follower *f)
{
        char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

        while (read(f->notify, events, sizeof events) > 0)
                ;
}

static void on_notify(EV_P_ ev_io *w, int revents)
{
        struct follower *f = w->data;

        (void)loop, (void)revents;
        drain_news(f);
        look(f);
}

/* ---- life */

static bool start(struct follower *f, int64_t back, struct err *e)
{
        struct stat st = { 0 };

        f->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (f->notify < 0)
                return err_set(e, ERR_SYS, "follow %s", f->path);
        if (!open_file(f, &f->fd, &st, e) || !watch_folder(f, e))
                return false;
        watch_file(f);
        if (f->watch < 0)
                return err_set(e, ERR_SYS, "watch %s", f->path);
        f->at = back < 0 || back > st.st_size ? 0 : st.st_size - back;
        return true;
}

struct follower *follower_new(struct ev_loop *loop, const char *path, int64_t back,
                              const struct follow_handler *h, struct err *e)
{
        struct follower *f = calloc(1, sizeof *f);

        if (!f) {
                err_nomem(e);
                return NULL;
        }
        *f = (struct follower){ .loop = loop,
                                .handler = *h,
                                .path = strdup(path),
                                .fd = -1,
                                .notify = -1,
                                .watch = -1,
                                .paused = true };
        ev_timer_init(&f->again, on_again, 0., 0.);
        ev_init(&f->io, on_notify);
        f->again.data = f->io.data = f;
        if (!f->path)
                err_nomem(e);
        else if (start(f, back, e)) {
                ev_io_set(&f->io, f->notify, EV_READ);
                return f;
        }
        follower_free(f);
        return NULL;
}

bool follower_seek(struct follower *f, int64_t at, uint64_t inode)
{
        struct stat st;

        if (fstat(f->fd, &st) < 0 || st.st_ino != inode)
                return false;
        f->at = at < st.st_size ? at : st.st_size;
        return true;
}

uint64_t follower_inode(const struct follower *f)
{
        struct stat st;

        return fstat(f->fd, &st) == 0 ? st.st_ino : 0;
}

void follower_free(struct follower *f)
{
        if (!f)
                return;
        if (f->busy) {
                f->doomed = true;
                return;
        }
        ev_timer_stop(f->loop, &f->again);
        ev_io_stop(f->loop, &f->io);
        fd_close(&f->fd);
        fd_close(&f->notify);
        free(f->path);
        free(f);
}

void follower_more(struct follower *f)
{
        if (!f->paused)
                return;
        f->paused = false;
        if (f->busy)
                return; /* from within the handler: it goes on after it */
        drain_news(f);
        look(f);
}
