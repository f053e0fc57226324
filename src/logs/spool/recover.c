/* Finds the spools that the previous instance left, finishes the batch of each before anything
 * else is written to its log, and gives the rest to the stream that resumes the pipe, or writes it
 * out. */
#include "logs/spool/recover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "base/fd.h"
#include "logs/intake/capture.h"
#include "logs/intake/channel.h"
#include "logs/intake/conf_copy.h"
#include "logs/intake/text.h"
#include "logs/spool/detached.h"
#include "logs/spool/spool.h"
#include "logs/thread.h"
#include "sys/store/guarded.h"
#include "sys/store/slot_table.h"

/* ---- how much of a piece is in the log already */

static bool is_it(struct sys *sys, int fd, const struct spool_pos *pos)
{
        struct stat st;

        return fd >= 0 && sys->fstat(sys, fd, &st) == 0 && st.st_ino == pos->ino &&
               st.st_dev == pos->dev;
}

/* The entry of the log's directory with that inode: a rotation gives it another name there. */
static int find_renamed(struct sys *sys, const struct stream_conf *c, const struct spool_pos *pos)
{
        const char *slash = strrchr(c->path, '/');
        char *dir = slash ? strndup(c->path, (size_t)(slash - c->path) + 1) : strdup(".");
        DIR *d = dir ? guarded_opendir(dir, NULL) : NULL;
        AUTO_BUF name = BUF_INIT;
        int fd = -1;

        for (struct dirent *de = d ? readdir(d) : NULL; de && fd < 0; de = readdir(d)) {
                if (de->d_ino != pos->ino)
                        continue;
                buf_reset(&name);
                buf_printf(&name, "%s/%s", dir, de->d_name);
                if (name.failed)
                        break;
                fd = sys->open_file(sys, name.data, c->owner, O_RDWR | O_APPEND, 0, NULL, NULL);
                if (!is_it(sys, fd, pos))
                        fd_close(&fd);
        }
        if (d)
                closedir(d);
        free(dir);
        return fd;
}

/* How many bytes at `at` are those of data. */
static size_t same_bytes(struct sys *sys, int fd, uint64_t at, const char *data, size_t len)
{
        char have[4096];
        size_t same = 0;

        while (same < len) {
                size_t want = len - same < sizeof have ? len - same : sizeof have, i = 0;
                ssize_t n = sys->pread(sys, fd, have, want, (off_t)(at + same));
                if (n < 0 && errno == EINTR)
                        continue;
                while (n > 0 && i < (size_t)n && have[i] == data[same + i])
                        i++;
                same += i;
                if (n <= 0 || i < (size_t)n)
                        break;
        }
        return same;
}

/* The rest of a piece to a file that was renamed meanwhile, if that is still where it ends. */
static bool recover_complete(struct sys *sys, int fd, uint64_t at, const char *data, size_t len)
{
        struct stat st;

        if (sys->fstat(sys, fd, &st) < 0 || (uint64_t)st.st_size != at)
                return false;
        for (size_t done = 0; done < len;) {
                ssize_t n = sys->write(sys, fd, data + done, len - done);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return false;
                done += (size_t)n;
        }
        return true;
}

static size_t already_there(struct sys *sys, const struct stream_conf *c,
                            const struct spool_pos *pos, const char *data, size_t len)
{
        size_t take = pos->take < len ? (size_t)pos->take : len;
        int fd = sys->open_file(sys, c->path, c->owner, O_RDONLY, 0, NULL, NULL);
        bool renamed = !is_it(sys, fd, pos);

        if (renamed) {
                if (fd >= 0)
                        sys->close(sys, fd);
                fd = find_renamed(sys, c, pos);
        }
        if (fd < 0)
                return take; /* rotated out, so it was whole */
        size_t same = same_bytes(sys, fd, pos->at, data, take);
        if (renamed && same < take &&
            recover_complete(sys, fd, pos->at + same, data + same, take - same))
                same = take;
        sys->close(sys, fd);
        return same;
}

/* ---- the batch under way */

/* A batch that was made, but not aimed yet, is not in the log. */
static void recover_redo(struct pipe_in *p)
{
        struct channel *s = p->channel;
        const struct spool_pos *pos = &p->spool->pos;
        AUTO_BUF out = BUF_INIT;
        size_t skip;

        if (!pos->under_way)
                return;
        if (!detached_render(p, &out)) {
                log_line(s->core->log, LVL_ERROR,
                         "cannot make again what was being written to %s: read %s: %s",
                         s->conf.path, p->spool->path, strerror(errno));
                p->spool->broken = true;
                return;
        }
        skip = pos->skip < out.len ? (size_t)pos->skip : out.len;
        skip += already_there(s->core->sys, &s->conf, pos, buf_str(&out) + skip, out.len - skip);
        outlet_write_batch(&s->out, p->spool, buf_str(&out), out.len, skip);
}

/* ---- detached streams */

static struct channel *detached_new(struct core *core, struct spool_label *label, struct spool *sp,
                                    struct err *e)
{
        struct channel *s = channel_new(core, &label->conf, NULL, NULL, e);
        struct pipe_in *p = s ? calloc(1, sizeof *p) : NULL;

        if (s)
                s->silent = true;
        bool room = p && text_make_room(p);
        if (!room || !channel_open(s, e)) {
                if (s && !room)
                        err_nomem(e);
                if (p)
                        text_release(p);
                free(p);
                channel_free(s);
                return NULL;
        }
        p->channel = s;
        p->fd = -1;
        ev_init(&p->io, on_pipe);
        p->io.data = p;
        p->spool = sp;
        LL_APPEND(s->pipes, p);
        detached_add(s);
        return s;
}

/* It goes on by itself: no stream claims it. */
static void set_free(struct channel *s)
{
        struct spool *sp = s->pipes->spool;

        sp->to_be_claimed = false;
        if (sp->redone)
                spool_done(sp);
        pipe_visit(s->pipes);
}

static void find_spool(struct core *core, const char *path)
{
        struct spool_label label = { .pipe = 0 };
        struct err e = { 0 };
        struct spool *sp = spool_open(core->sys, path, &label, &e);

        if (!sp) {
                if (e.code == ERR_NOENT)
                        core->sys->unlink(core->sys, path);
                else
                        log_line(core->log, LVL_WARN, "%s: what it holds is not in its log",
                                 e.text);
                return;
        }
        struct channel *s = detached_new(core, &label, sp, &e);
        if (!s) {
                log_line(core->log, LVL_WARN, "%s: what %s holds of it is not in it yet", e.text,
                         path);
                spool_close(sp);
        } else {
                sp->to_be_claimed = strcmp(label.boot, core->recovery->boot) == 0;
                channel_enter(s);
                recover_redo(s->pipes);
                channel_leave(s);
        }
        stream_conf_release(&label.conf);
}

/* ---- all of them */

static void find_spools(struct core *core)
{
        DIR *d = guarded_opendir(core->recovery->dir, NULL);
        AUTO_BUF path = BUF_INIT;

        for (struct dirent *de = d ? readdir(d) : NULL; de; de = readdir(d)) {
                if (strncmp(de->d_name, SPOOL_PREFIX, strlen(SPOOL_PREFIX)) != 0)
                        continue;
                buf_reset(&path);
                buf_printf(&path, "%s/%s", core->recovery->dir, de->d_name);
                if (!path.failed)
                        find_spool(core, path.data);
        }
        if (d)
                closedir(d);
}

static void core_recover(struct core *core, const char *dir)
{
        struct recovery *r = core->recovery ? NULL : calloc(1, sizeof *r);
        struct state_owner here;
        struct err e = { 0 };

        if (core->recovery)
                return;
        if (r)
                r->dir = strdup(dir);
        if (!r || !r->dir || !state_owner_here(&here, &e)) {
                log_line(core->log, LVL_WARN, "%s: logs are not kept over a kill of supervisord",
                         e.code ? e.text : "out of memory");
                if (r)
                        free(r->dir);
                free(r);
                return;
        }
        memcpy(r->boot, here.boot_id, sizeof r->boot);
        r->claims = true;
        core->recovery = r;
        find_spools(core);
}

static void core_recovered(struct core *core)
{
        struct recovery *r = core->recovery;
        struct channel *s, *next;

        if (!r || !r->claims)
                return;
        r->claims = false;
        DL_FOREACH_SAFE (r->detached_streams, s, next)
                set_free(s);
}

/* ---- the end */

static void leave_behind(struct channel *s)
{
        struct pipe_in *p, *next;

        LL_FOREACH_SAFE (s->pipes, p, next) {
                if (p->spool)
                        log_line(s->core->log, LVL_WARN,
                                 "the last output of '%s' is not in %s yet: it is kept in %s",
                                 s->conf.process, s->conf.path, p->spool->path);
                spool_close(p->spool);
                detached_forget(p);
                pipe_close(p);
        }
        if (s->out.spool) { /* the spool has it */
                s->out.spool = NULL;
                buf_release(&s->out.rest);
        }
}

void recovery_free(struct core *core)
{
        struct recovery *r = core->recovery;
        struct channel *s, *next;

        if (!r)
                return;
        core_recovered(core);
        DL_FOREACH_SAFE (r->detached_streams, s, next) {
                leave_behind(s);
                channel_free(s);
        }
        buf_release(&r->in);
        buf_release(&r->out);
        free(r->dir);
        free(r);
        core->recovery = NULL;
}

/* ---- from the other side */

struct recover_order {
        struct mail mail; /* first */
        struct logs *logs;
        char *dir; /* owned; NULL: it is over */
};

static void core_run(struct mail *m)
{
        struct recover_order *o = (struct recover_order *)m;

        if (o->dir)
                core_recover(o->logs->core, o->dir);
        else
                core_recovered(o->logs->core);
        free(o->dir);
        free(o);
}

static void give_order(struct logs *l, const char *dir)
{
        struct recover_order *o = calloc(1, sizeof *o);

        if (o)
                *o = (struct recover_order){ { NULL, core_run }, l, dir ? strdup(dir) : NULL };
        if (!o || (dir && !o->dir)) {
                log_line(l->log, LVL_CRITICAL, "out of memory: spools are not looked at");
                free(o);
        } else {
                mailbox_send(&l->worker.inbox, &o->mail);
        }
}

void logs_recover(struct logs *l, const char *dir)
{
        give_order(l, dir);
}

void logs_recovered(struct logs *l)
{
        give_order(l, NULL);
}
