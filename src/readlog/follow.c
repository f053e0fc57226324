/* Follows one file through rotation and truncation: inotify says when to look, the inode and the
 * size say what happened. Never polls. Runs in the reader thread, and may wait for the disk. */
#include "readlog/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "base/fd.h"
#include "base/path.h"
#include "readlog/follower.h"
#include "sys/store/guarded.h"

#define READ_SIZE   65536
#define WAKE_BUDGET (1024 * 1024)
#define NOT_YET_S   0.05 /* what says which file is the next one may be a little behind */

#define FILE_EVENTS   (IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF)
#define FOLDER_EVENTS (IN_CREATE | IN_MOVED_TO | IN_ONLYDIR)

static bool open_file(struct follower *f, int *fd_out, struct stat *st, struct err *e)
{
        AUTO_FD fd = guarded_open(f->path, f->owner, O_RDONLY, 0, st, e);

        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
                return err_set(e, ERR_NOENT, "no such file: %s", f->path);
        if (fd < 0)
                return false;
        if (!S_ISREG(st->st_mode))
                return err_set(e, ERR_USAGE, "%s is not a regular file", f->path);
        *fd_out = fd_take(&fd);
        return true;
}

/* The file that is open, whatever its name is. Without /proc the name has to do: the little time
 * between opening and this is made up for by looking again after it. */
static bool watch_file(struct follower *f)
{
        char ours[40];

        snprintf(ours, sizeof ours, "/proc/self/fd/%d", f->fd);
        return inotify_hub_link_to(f->hub, &f->file, ours, FILE_EVENTS) ||
               inotify_hub_link_to(f->hub, &f->file, f->path, FILE_EVENTS);
}

static bool watch_folder(struct follower *f, struct err *e)
{
        char *dir = path_dirname(f->path);

        if (!dir)
                return err_nomem(e);
        f->folder.name = f->name;
        bool fine = inotify_hub_link_to(f->hub, &f->folder, *dir ? dir : ".", FOLDER_EVENTS) ||
                    err_set(e, ERR_SYS, "watch the directory of %s", f->path);
        free(dir);
        return fine;
}

/* ---- looking */

static bool follow_tell(struct follower *f, enum follow_news news, const char *data, size_t len)
{
        if (!f->handler.on_data(f->handler.arg, news, data, len))
                f->paused = true;
        return !f->paused && !f->doomed;
}

enum look { LOOK_MORE, LOOK_END, LOOK_LATER, LOOK_STOP };

static enum look follow_read_some(struct follower *f, char *chunk, size_t *budget)
{
        ssize_t n = pread(f->fd, chunk, READ_SIZE, f->at);

        if (n <= 0)
                return n < 0 && errno == EINTR ? LOOK_MORE : LOOK_END;
        f->at += n;
        *budget -= (size_t)n < *budget ? (size_t)n : *budget;
        return follow_tell(f, FOLLOW_DATA, chunk, (size_t)n) ? LOOK_MORE : LOOK_STOP;
}

static enum look follow_go_over(struct follower *f)
{
        struct stat st;
        int fd = -1;

        if (!open_file(f, &fd, &st, NULL))
                return LOOK_END;
        close(f->fd);
        f->fd = fd;
        f->at = 0;
        inotify_hub_unlink(f->hub, &f->next);
        watch_file(f);
        return follow_tell(f, FOLLOW_REPLACED, "", 0) ? LOOK_MORE : LOOK_STOP;
}

static bool follow_may_leave(const struct follower *f, ino_t from, ino_t to)
{
        return !f->handler.may_leave || f->handler.may_leave(f->handler.arg, from, to);
}

/* At the end of the file: was it cut, or does its name belong to another one by now? What was
 * written to it before that was known has to be read first. */
static enum look look_around(struct follower *f)
{
        struct stat ours = { 0 }, there = { 0 };

        if (fstat(f->fd, &ours) == 0 && ours.st_size < f->at) {
                f->at = 0;
                return follow_tell(f, FOLLOW_TRUNCATED, "", 0) ? LOOK_MORE : LOOK_STOP;
        }
        if (guarded_stat(f->path, &there) < 0 || !S_ISREG(there.st_mode) ||
            (there.st_dev == ours.st_dev && there.st_ino == ours.st_ino))
                return LOOK_END;
        if (!follow_may_leave(f, ours.st_ino, there.st_ino)) {
                inotify_hub_link_to(f->hub, &f->next, f->path, FILE_EVENTS);
                return LOOK_LATER;
        }
        if (fstat(f->fd, &ours) == 0 && ours.st_size > f->at)
                return LOOK_MORE;
        return follow_go_over(f);
}

static void look_again(struct follower *f, double seconds)
{
        ev_timer_stop(f->hub->loop, &f->again);
        ev_timer_set(&f->again, seconds, 0.);
        ev_timer_start(f->hub->loop, &f->again);
}

/* Read on to the end, or until the reader has enough, or until others should have a turn. */
static void follow_look(struct follower *f, bool is_news)
{
        size_t budget = WAKE_BUDGET;
        enum look now = LOOK_MORE;
        char *chunk = f->paused ? NULL : malloc(READ_SIZE);

        if (f->paused)
                return;
        f->busy = true;
        while (chunk && now == LOOK_MORE && budget > 0) {
                now = follow_read_some(f, chunk, &budget);
                if (now == LOOK_END)
                        now = look_around(f);
        }
        free(chunk);
        f->busy = false;
        if (f->doomed)
                follower_free(f);
        else if (!f->paused && !chunk)
                look_again(f, 1.);
        else if (!f->paused && now == LOOK_MORE)
                look_again(f, 0.);
        else if (now == LOOK_LATER && is_news)
                look_again(f, NOT_YET_S);
}

static void on_woken(struct follower *f)
{
        follow_look(f, true);
}

static void follow_on_again(EV_P_ ev_timer *w, int revents)
{
        (void)loop, (void)revents;
        follow_look(w->data, false);
}

/* ---- life */

static struct follower *follow_make(struct follow_hub *hub, const char *path, uid_t owner,
                                    const struct follow_handler *h, struct err *e)
{
        struct follower *f = calloc(1, sizeof *f);

        if (!f) {
                err_nomem(e);
                return NULL;
        }
        *f = (struct follower){ .hub = hub,
                                .handler = *h,
                                .path = strdup(path),
                                .owner = owner,
                                .fd = -1,
                                .paused = true };
        f->file.follower = f->folder.follower = f->next.follower = f;
        ev_timer_init(&f->again, follow_on_again, 0., 0.);
        f->again.data = f;
        DL_APPEND2(hub->all, f, all_prev, all_next);
        hub->look = on_woken;
        if (f->path) {
                const char *slash = strrchr(f->path, '/');
                f->name = slash ? slash + 1 : f->path;
                return f;
        }
        err_nomem(e);
        follower_free(f);
        return NULL;
}

static bool follow_watch(struct follower *f, struct err *e)
{
        if (!inotify_hub_open(f->hub))
                return err_set(e, ERR_SYS, "follow %s", f->path);
        return watch_folder(f, e) && (watch_file(f) || err_set(e, ERR_SYS, "watch %s", f->path));
}

struct follower *follower_at(struct follow_hub *hub, const char *path, uid_t owner, int fd,
                             int64_t at, const struct follow_handler *h, struct err *e)
{
        struct follower *f = follow_make(hub, path, owner, h, e);

        if (!f) {
                close(fd);
                return NULL;
        }
        f->fd = fd;
        f->at = at;
        if (follow_watch(f, e))
                return f;
        follower_free(f);
        return NULL;
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
        ev_timer_stop(f->hub->loop, &f->again);
        hub_forget(f->hub, f);
        inotify_hub_unlink(f->hub, &f->file);
        inotify_hub_unlink(f->hub, &f->folder);
        inotify_hub_unlink(f->hub, &f->next);
        DL_DELETE2(f->hub->all, f, all_prev, all_next);
        inotify_hub_close(f->hub);
        fd_close(&f->fd);
        free(f->path);
        free(f);
}

void follower_more(struct follower *f)
{
        if (!f->paused)
                return;
        f->paused = false;
        if (!f->busy) /* from within the handler: it goes on after it */
                follow_look(f, true);
}
