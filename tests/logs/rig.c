#include "rig.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

static size_t on_text(void *arg, void *owner, bool is_stderr, enum text_kind kind, const char *data,
                      size_t len)
{
        struct rig *r = arg;

        (void)owner, (void)is_stderr;
        buf_put(&r->text[kind], data, len);
        r->texts[kind]++;
        stream_free(r->free_in_text);
        r->free_in_text = NULL;
        return r->take_most && r->take_most < len ? r->take_most : len;
}

static void on_finished(void *arg, void *owner, bool is_stderr)
{
        struct rig *r = arg;

        (void)owner, (void)is_stderr;
        r->finished++;
        stream_free(r->free_in_finish);
        r->free_in_finish = NULL;
}

static void on_trouble(void *arg, void *owner, bool is_stderr, const char *detail)
{
        struct rig *r = arg;

        (void)owner, (void)is_stderr;
        if (detail)
                snprintf(r->detail, sizeof r->detail, "%s", detail);
        if (detail)
                r->troubles++;
        else
                r->recoveries++;
        stream_free(r->free_in_trouble);
        r->free_in_trouble = NULL;
}

static void on_dropped(void *arg, void *owner, bool is_stderr, uint64_t bytes)
{
        struct rig *r = arg;

        (void)owner, (void)is_stderr;
        r->dropped += bytes;
}

static void on_attach_failed(void *arg, void *owner, bool is_stderr, const struct err *why)
{
        struct rig *r = arg;

        (void)owner, (void)is_stderr;
        snprintf(r->detail, sizeof r->detail, "%s", why->text);
        r->failures++;
}

static void on_attached(void *arg, void *owner, bool is_stderr)
{
        struct rig *r = arg;

        (void)owner, (void)is_stderr;
        r->attached++;
}

static void on_log(struct log *self, enum log_level level, const char *text, size_t len)
{
        struct rig *r = self->arg;

        buf_printf(&r->logged, "%s ", log_level_tag(level));
        buf_put(&r->logged, text, len);
        buf_putc(&r->logged, '\n');
}

static struct logs *make_logs(struct rig *r, struct sys *sys)
{
        const struct logs_news news = { .arg = r,
                                        .on_text = on_text,
                                        .on_finished = on_finished,
                                        .on_trouble = on_trouble,
                                        .on_dropped = on_dropped,
                                        .on_attach_failed = on_attach_failed,
                                        .on_attached = on_attached };

        return logs_new(r->loop, sys, &r->log, &news);
}

void rig_renew(struct rig *r)
{
        logs_free(r->logs);
        r->logs = make_logs(r, &r->kernel.ops);
        cr_assert(r->logs);
}

static void open_rig(struct rig *r, bool fake, struct sys *sys)
{
        *r = (struct rig){ .dir = "/tmp/logs-XXXXXX",
                           .log = { .level = LVL_INFO, .write = on_log, .arg = r } };
        cr_assert(mkdtemp(r->dir));
        r->loop = ev_loop_new(EVFLAG_NOENV);
        kernel_init(&r->kernel);
        r->logs = make_logs(r, fake ? &r->kernel.ops : sys);
        cr_assert(r->loop && r->logs);
}

void rig_open(struct rig *r, bool fake)
{
        open_rig(r, fake, sys_real());
}

void rig_open_on(struct rig *r, struct sys *sys)
{
        open_rig(r, false, sys);
}

/* Under a leak checker: its own check at exit does not see the forked tests. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

void rig_close(struct rig *r)
{
        DIR *dir;

        logs_free(r->logs);
        kernel_release(&r->kernel);
        ev_loop_destroy(r->loop);
        buf_release(&r->logged);
        for (int i = 0; i < 3; i++)
                buf_release(&r->text[i]);
        dir = opendir(r->dir);
        for (struct dirent *d = dir ? readdir(dir) : NULL; d; d = readdir(dir))
                unlink(rig_path(r, d->d_name));
        if (dir)
                closedir(dir);
        rmdir(r->dir);
        /* An expectation in a suite's end would not count. */
        if (__lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check())
                abort();
}

const char *rig_path(struct rig *r, const char *name)
{
        static char paths[4][512];
        static unsigned next;
        char *p = paths[next++ % 4];

        snprintf(p, sizeof paths[0], "%s/%s", r->dir, name);
        return p;
}

char *rig_read(struct rig *r, const char *name, size_t *len_out)
{
        struct buf b = BUF_INIT;
        char chunk[65536];
        ssize_t n;
        int fd = open(rig_path(r, name), O_RDONLY | O_CLOEXEC);

        while (fd >= 0 && (n = read(fd, chunk, sizeof chunk)) > 0)
                buf_put(&b, chunk, (size_t)n);
        if (fd >= 0)
                close(fd);
        if (len_out)
                *len_out = b.len;
        return buf_take(&b);
}

bool rig_holds(struct rig *r, const char *name, const char *text)
{
        size_t len;
        char *have = rig_read(r, name, &len);
        bool same = len == strlen(text) && memcmp(have, text, len) == 0;

        if (!same)
                fprintf(stderr, "%s holds '%.300s'\n", name, have);
        free(have);
        return same;
}

void rig_write(struct rig *r, const char *name, const char *text)
{
        FILE *f = fopen(rig_path(r, name), "a");

        cr_assert(f);
        fputs(text, f);
        fclose(f);
}

int rig_attach(struct rig *r, struct stream *s)
{
        int fds[2];

        cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
        cr_assert(fd_nonblock(fds[1], true));
        cr_assert(stream_attach(s, fds[0], NULL, &r->err), "%s", r->err.text);
        return fds[1];
}

void rig_say(int fd, const char *text)
{
        cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

void rig_settle(struct rig *r)
{
        for (int i = 0; i < 20; i++)
                ev_run(r->loop, EVRUN_NOWAIT);
}

static void on_guard(EV_P_ ev_timer *w, int revents)
{
        (void)revents;
        *(bool *)w->data = true;
        ev_break(loop, EVBREAK_ONE);
}

bool rig_until(struct rig *r, bool (*holds)(struct rig *r))
{
        bool late = false;
        ev_timer guard;

        ev_timer_init(&guard, on_guard, 10., 0.);
        guard.data = &late;
        ev_timer_start(r->loop, &guard);
        while (!late && !holds(r))
                ev_run(r->loop, EVRUN_ONCE);
        ev_timer_stop(r->loop, &guard);
        return !late;
}

/* ev_run comes back at once when no watcher is active. */
bool rig_idle(struct rig *r)
{
        bool late = false;
        ev_timer guard;

        ev_timer_init(&guard, on_guard, .3, 0.);
        guard.data = &late;
        ev_timer_start(r->loop, &guard);
        ev_unref(r->loop);
        ev_run(r->loop, 0);
        ev_ref(r->loop);
        ev_timer_stop(r->loop, &guard);
        return !late;
}

struct stream *rig_stream(struct rig *r, const struct stream_conf *conf)
{
        struct stream *s = stream_new(r->logs, conf, r, &r->err);

        cr_assert(s, "%s", r->err.text);
        return s;
}

void rig_check(const struct stream *s)
{
        struct stream_ledger l;

        stream_ledger(s, &l);
        cr_assert_eq(l.read, l.written + l.dropped + l.buffered, "%lu != %lu + %lu + %lu",
                     (unsigned long)l.read, (unsigned long)l.written, (unsigned long)l.dropped,
                     (unsigned long)l.buffered);
}
