/* The state directory is watched: when it or a file of it is removed or replaced, or where it was
 * found read-only, that is said and stands there for those who ask, and all of it is written anew
 * from memory, as soon as that can be done. A daemon that was killed without its state would have
 * everything started a second time: until then nothing is started. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/persist/state.h"
#include "engine/persist/state_record.h"
#include "sys/host/daemonize.h"

#define EVENTS                                                                                  \
        (IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | \
         IN_DONT_FOLLOW)

#define FIRST_TRY_S 0.5
#define LAST_TRY_S  30.0
#define SETTLE_S    0.2 /* one who removes it all is not met with new files meanwhile */

struct state_watch {
        struct supervisor *sup; /* borrowed */
        int fd;                 /* owned */
        ev_io changed;
        ev_timer again;
        double wait_s;    /* until the next try; 0: all is well */
        const char *what; /* has come to it */
        char *trouble;    /* owned; NULL: none */
};

const char *state_watch_trouble(const struct state_watch *w)
{
        return w ? w->trouble : NULL;
}

void state_watch_free(struct state_watch *w)
{
        if (!w)
                return;
        ev_io_stop(w->sup->loop, &w->changed);
        ev_timer_stop(w->sup->loop, &w->again);
        fd_close(&w->fd);
        free(w->trouble);
        free(w);
}

/* ---- writing it anew */

/* It was opened to be read only. The new one is held before it is in place: there is no moment at
 * which another daemon could have it. */
static bool sign_lock(struct state *st, struct err *e)
{
        AUTO_BUF fresh = BUF_INIT;
        AUTO_FD fd = -1;
        pid_t holder;

        buf_printf(&fresh, "%s.new", st->lock_path);
        if (fresh.failed)
                return err_nomem(e);
        if (!pidfile_open(fresh.data, &fd, &holder, e))
                return false;
        bool ok = pidfile_write(fd, getpid(), e);
        if (ok && rename(fresh.data, st->lock_path) < 0)
                ok = err_set(e, ERR_SYS, "rename %s", fresh.data);
        if (!ok) {
                unlink(fresh.data);
                return false;
        }
        fd_close(&st->lock);
        st->lock = fd_take(&fd);
        return true;
}

static bool take_new_lock(struct state *st, struct err *e)
{
        pid_t holder;
        int fd;

        if (pidfile_is_there(st->lock_path, st->lock))
                return !st->table.file.copy || sign_lock(st, e);
        if (!pidfile_open(st->lock_path, &fd, &holder, e))
                return false;
        fd_close(&st->lock);
        st->lock = fd;
        return pidfile_write(fd, getpid(), e);
}

static bool write_file_anew(struct mapped *m, struct err *e)
{
        return (!m->copy && mapped_is_there(m)) ||
               (mapped_write_anew(m, e) && mapped_put_in_place(m, e));
}

/* A child of a start that has not written down its pid yet does so in the file that it was cloned
 * with. So that is in the new one before the next instance can find it. */
static bool write_records_anew(struct supervisor *s, struct err *e)
{
        struct mapped *m = &state_of(s)->table.file;

        if (!m->copy && mapped_is_there(m))
                return true;
        if (!mapped_write_anew(m, e))
                return false;
        components_records_moved(s);
        return mapped_put_in_place(m, e);
}

static bool write_all_anew(struct supervisor *s, struct err *e)
{
        struct state *st = state_of(s);

        if (!state_make_dir(st->dir, e) || !take_new_lock(st, e) ||
            !write_file_anew(&st->events.file, e) || !write_file_anew(&st->texts.file, e) ||
            !write_records_anew(s, e))
                return false;
        state_ends_follow(s);
        state_persist_ends(s); /* where they could not be so far */
        return true;
}

/* ---- noticing */

/* The directory may be another one: the old one has nothing to tell any more. */
static bool watch_place(struct state_watch *w)
{
        int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

        if (fd < 0)
                return false;
        if (inotify_add_watch(fd, state_of(w->sup)->dir, EVENTS) < 0) {
                fd_close(&fd);
                return false;
        }
        ev_io_stop(w->sup->loop, &w->changed);
        fd_close(&w->fd);
        w->fd = fd;
        ev_io_set(&w->changed, fd, EV_READ);
        ev_io_start(w->sup->loop, &w->changed);
        return true;
}

static void is_well(struct state_watch *w)
{
        if (w->wait_s > 0)
                log_line(w->sup->log, LVL_WARN, "%s had %s: written anew", state_of(w->sup)->dir,
                         w->what);
        w->wait_s = 0;
        free(w->trouble);
        w->trouble = NULL;
}

static void is_troubled(struct state_watch *w, const struct err *e)
{
        AUTO_BUF text = BUF_INIT;

        buf_printf(&text, "it has %s and cannot be written anew: %s", w->what, e->text);
        if (w->wait_s == 0)
                log_line(w->sup->log, LVL_ERROR,
                         "%s: %s; what happens now does not survive the death of supervisord, and "
                         "nothing is started; trying on",
                         state_of(w->sup)->dir, buf_str(&text));
        free(w->trouble);
        w->trouble = buf_take(&text);
        w->wait_s = w->wait_s == 0 ? FIRST_TRY_S : w->wait_s * 2;
        if (w->wait_s > LAST_TRY_S)
                w->wait_s = LAST_TRY_S;
        ev_timer_set(&w->again, w->wait_s, 0.);
        ev_timer_start(w->sup->loop, &w->again);
}

static void state_watch_look(struct state_watch *w)
{
        struct err e = { 0 };

        ev_timer_stop(w->sup->loop, &w->again);
        if (state_is_there(w->sup)) {
                logs_rewrite_ledgers(w->sup->logs);
                if (w->wait_s > 0)
                        is_well(w);
                return;
        }
        if (w->wait_s == 0)
                w->what = state_of(w->sup)->table.file.copy ? "become read-only" : "gone";
        if (!write_all_anew(w->sup, &e)) {
                is_troubled(w, &e);
                return;
        }
        logs_rewrite_ledgers(w->sup->logs);
        if (!watch_place(w)) {
                err_set(&e, ERR_SYS, "watch %s", state_of(w->sup)->dir);
                is_troubled(w, &e);
                return;
        }
        if (w->wait_s == 0)
                w->wait_s = FIRST_TRY_S; /* it had gone, and is_well() says so */
        is_well(w);
        if (!state_is_there(w->sup)) /* removed again before it was watched */
                ev_feed_event(w->sup->loop, &w->changed, EV_READ);
}

void state_watch_retry(struct state_watch *w)
{
        if (w && w->trouble)
                state_watch_look(w);
}

static void state_watch_on_again(EV_P_ ev_timer *w, int revents)
{
        (void)loop, (void)revents;
        state_watch_look(w->data);
}

static void state_watch_on_changed(EV_P_ ev_io *w, int revents)
{
        char events[4096] __attribute__((aligned(8)));
        struct state_watch *self = w->data;

        (void)revents;
        while (read(w->fd, events, sizeof events) > 0)
                ;
        if (ev_is_active(&self->again))
                return;
        ev_now_update(loop);
        ev_timer_set(&self->again, SETTLE_S, 0.);
        ev_timer_start(loop, &self->again);
}

void state_watch_begin(struct supervisor *s)
{
        struct state_watch *w = state_of(s) ? calloc(1, sizeof *w) : NULL;

        if (!state_of(s))
                return;
        state_watch_free(state_of(s)->watch); /* of before a restart of everything */
        state_of(s)->watch = NULL;
        if (w) {
                *w = (struct state_watch){ .sup = s, .fd = -1 };
                ev_init(&w->changed, state_watch_on_changed);
                ev_timer_init(&w->again, state_watch_on_again, 0., 0.);
                w->changed.data = w->again.data = w;
        } else {
                errno = ENOMEM;
        }
        if (!w || !watch_place(w)) {
                log_line(s->log, LVL_WARN,
                         "cannot watch %s: %s; it is not written anew when it is removed",
                         state_of(s)->dir, strerror(errno));
                state_watch_free(w);
                return;
        }
        state_of(s)->watch = w;
        if (!state_is_there(s))
                state_watch_look(w);
}
