/* Watches the file of a Unix server's socket by inotify and binds it again when it has been
 * removed. Another process's socket at that path is left alone. */
#include "api/http/sock_file.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/http/server_socket.h"
#include "base/fd.h"

/* A bound socket outlives its name: that it was unlinked shows as a changed link count only. */
#define EVENTS (IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_DONT_FOLLOW)

#define FIRST_TRY_S 1.0
#define LAST_TRY_S  60.0

bool sock_file_is_ours(const struct listener *l)
{
        struct stat st;

        return l->ino && lstat(l->conf.file, &st) == 0 && st.st_dev == l->dev &&
               st.st_ino == l->ino;
}

/* Another process may have the path, or its directory is gone as well: again, ever more seldom. */
static void try_later(struct listener *l, const struct err *e)
{
        struct ev_loop *loop = l->api->loop;
        bool first = l->again_s == 0.0;

        if (first)
                log_line(l->api->sup->log, LVL_ERROR,
                         "socket %s has gone and cannot be made again: %s; trying on", l->conf.file,
                         e->text);
        l->again_s = first ? FIRST_TRY_S : l->again_s * 2;
        if (l->again_s > LAST_TRY_S)
                l->again_s = LAST_TRY_S;
        ev_timer_set(&l->again, l->again_s, 0.);
        ev_timer_start(loop, &l->again);
}

static void sock_file_look(struct listener *l)
{
        struct err e = { 0 };

        if (sock_file_is_ours(l)) /* its rights were changed, or it was moved back */
                return;
        if (!listener_renew(l, &e)) {
                try_later(l, &e);
                return;
        }
        log_line(l->api->sup->log, LVL_WARN, "socket %s had gone: made again", l->conf.file);
        l->again_s = 0.0;
        sock_file_watch(l);
}

static void sock_file_on_again(EV_P_ ev_timer *w, int revents)
{
        (void)loop, (void)revents;
        sock_file_look(w->data);
}

static void sock_file_on_changed(EV_P_ ev_io *w, int revents)
{
        char events[4096];
        struct listener *l = w->data;

        (void)loop, (void)revents;
        while (read(w->fd, events, sizeof events) > 0)
                ;
        if (!ev_is_active(&l->again))
                sock_file_look(l);
}

static void cannot_watch(struct listener *l)
{
        log_line(l->api->sup->log, LVL_WARN,
                 "cannot watch %s: %s; it is not made again when it is deleted", l->conf.file,
                 strerror(errno));
}

void sock_file_watch(struct listener *l)
{
        sock_file_unwatch(l);
        if (l->conf.kind != SERVER_UNIX)
                return;
        ev_timer_init(&l->again, sock_file_on_again, 0., 0.);
        l->again.data = l;
        AUTO_FD fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (fd < 0 || (inotify_add_watch(fd, l->conf.file, EVENTS) < 0 && errno != ENOENT)) {
                cannot_watch(l);
                return;
        }
        l->watch = fd_take(&fd);
        ev_io_init(&l->changed, sock_file_on_changed, l->watch, EV_READ);
        l->changed.data = l;
        ev_io_start(l->api->loop, &l->changed);
        if (!sock_file_is_ours(l)) /* between bind and here */
                ev_feed_event(l->api->loop, &l->changed, EV_READ);
}

void sock_file_unwatch(struct listener *l)
{
        if (l->watch >= 0) {
                ev_io_stop(l->api->loop, &l->changed);
                ev_timer_stop(l->api->loop, &l->again);
        }
        fd_close(&l->watch);
}
