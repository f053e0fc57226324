/* One inotify instance for all followers of a loop: which file or folder belongs to which
 * followers. A lost event wakes all of them. */
#include "readlog/inotify_hub.h"

#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <utlist.h>

#include "base/fd.h"
#include "readlog/follower.h"

#define READS_MOST 16 /* of the queue in one go: others want a turn, too */

static struct hub_watch *inotify_hub_find(struct follow_hub *h, int wd)
{
        struct hub_watch *w;

        HASH_FIND_INT(h->watches, &wd, w);
        return w;
}

static struct hub_watch *find_or_make(struct follow_hub *h, int wd)
{
        struct hub_watch *w = inotify_hub_find(h, wd);

        if (w || !(w = calloc(1, sizeof *w)))
                return w;
        w->wd = wd;
        HASH_ADD_INT(h->watches, wd, w);
        if (w->hh.tbl)
                return w;
        free(w);
        return NULL;
}

void inotify_hub_unlink(struct follow_hub *h, struct hub_link *l)
{
        struct hub_watch *w = l->watch;

        if (!w)
                return;
        DL_DELETE(w->links, l);
        l->watch = NULL;
        if (w->links)
                return;
        inotify_rm_watch(h->notify, w->wd);
        HASH_DEL(h->watches, w);
        free(w);
}

/* The same file has the same number, so the new one is asked for before the old one is let go. */
bool inotify_hub_link_to(struct follow_hub *h, struct hub_link *l, const char *path,
                         uint32_t events)
{
        int wd = inotify_add_watch(h->notify, path, events);

        if (wd >= 0 && l->watch && l->watch->wd == wd)
                return true;
        inotify_hub_unlink(h, l);
        struct hub_watch *w = wd < 0 ? NULL : find_or_make(h, wd);
        if (!w)
                return false;
        DL_APPEND(w->links, l);
        l->watch = w;
        return true;
}

/* ---- what has happened */

static void inotify_hub_wake(struct follow_hub *h, struct follower *f)
{
        if (f->woken)
                return;
        f->woken = true;
        DL_APPEND2(h->woken, f, woken_prev, woken_next);
}

static void wake_all(struct follow_hub *h)
{
        for (struct follower *f = h->all; f; f = f->all_next)
                inotify_hub_wake(h, f);
}

static void inotify_hub_take_event(struct follow_hub *h, const struct inotify_event *ev)
{
        const struct hub_watch *w = inotify_hub_find(h, ev->wd);
        struct hub_link *l;

        if (ev->mask & IN_Q_OVERFLOW)
                wake_all(h);
        if (!w)
                return;
        DL_FOREACH (w->links, l)
                if (!l->name || (ev->len > 0 && strcmp(l->name, ev->name) == 0))
                        inotify_hub_wake(h, l->follower);
}

static bool take_events(struct follow_hub *h)
{
        char events[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
        ssize_t n = read(h->notify, events, sizeof events);
        ssize_t at = 0;

        while (at < n) {
                const struct inotify_event *ev = (const void *)(events + at);
                inotify_hub_take_event(h, ev);
                at += (ssize_t)(sizeof *ev + ev->len);
        }
        return n > 0;
}

/* What happened does not matter, only to which file. */
static void on_notify(EV_P_ ev_io *w, int revents)
{
        struct follow_hub *h = w->data;
        struct follower *f;

        (void)loop, (void)revents;
        for (int i = 0; i < READS_MOST && take_events(h); i++)
                ;
        while ((f = h->woken)) {
                hub_forget(h, f);
                h->look(f);
        }
}

void hub_forget(struct follow_hub *h, struct follower *f)
{
        if (!f->woken)
                return;
        f->woken = false;
        DL_DELETE2(h->woken, f, woken_prev, woken_next);
}

/* ---- life */

bool inotify_hub_open(struct follow_hub *h)
{
        if (h->notify >= 0)
                return true;
        h->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (h->notify < 0)
                return false;
        ev_io_init(&h->io, on_notify, h->notify, EV_READ);
        h->io.data = h;
        ev_io_start(h->loop, &h->io);
        return true;
}

void inotify_hub_close(struct follow_hub *h)
{
        if (h->notify < 0 || h->all)
                return;
        ev_io_stop(h->loop, &h->io);
        fd_close(&h->notify);
}

struct follow_hub *follow_hub_new(struct ev_loop *loop)
{
        struct follow_hub *h = calloc(1, sizeof *h);

        if (!h)
                return NULL;
        h->loop = loop;
        h->notify = -1;
        return h;
}

void follow_hub_free(struct follow_hub *h)
{
        free(h);
}
