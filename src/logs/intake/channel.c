/* Channels come, change and go. */
#include "logs/intake/channel.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "logs/intake/capture.h"
#include "logs/intake/channel_ledger.h"
#include "logs/intake/conf_copy.h"
#include "logs/intake/reusable_pipe.h"
#include "logs/intake/text.h"
#include "logs/spool/detached.h"
#include "logs/spool/spool.h"
#include "logs/store/outlet_locate.h"
#include "logs/store/rename_seq.h"
#include "logs/syslog/to_syslog.h"

#define AUTO_MODE 0600
#define FILE_MODE 0666

/* ---- the file */

static bool same_path(const char *a, const char *b)
{
        return a == b || (a && b && strcmp(a, b) == 0);
}

static bool open_writer(struct core *core, const struct stream_conf *c, struct writer **out,
                        struct err *e)
{
        *out = NULL;
        if (!c->path)
                return true;
        *out = writer_get(core, c, c->is_auto ? AUTO_MODE : FILE_MODE, e);
        return *out != NULL;
}

bool channel_open(struct channel *s, struct err *e)
{
        if (s->out.writer)
                return true;
        bool fine = open_writer(s->core, &s->conf, &s->out.writer, e);
        outlet_joined(&s->out);
        return fine;
}

/* An AUTO file exists from the beginning. Its name cannot have been known before; one that is there
 * is of an earlier life. */
static bool prepare_file(struct core *core, const struct stream_conf *c, struct err *e)
{
        struct sys *sys = core->sys;

        if (!c->path || !c->is_auto)
                return true;
        int fd = sys->open_file(sys, c->path, 0, O_WRONLY | O_APPEND | O_CREAT, AUTO_MODE, NULL, e);
        if (fd < 0)
                return err_wrap(e, "make %s: ", c->path);
        sys->close(sys, fd);
        return true;
}

/* ---- life */

static bool make_extras(struct channel *s)
{
        if (s->extras)
                return true;
        s->extras = calloc(1, sizeof *s->extras);
        if (!s->extras)
                return false;
        s->extras->drops = (struct drops){ .channel = s };
        syslog_join(s);
        return true;
}

static void free_extras(struct channel *s)
{
        if (!s->extras)
                return;
        syslog_leave(s);
        drops_forget(&s->extras->drops);
        free(s->extras);
}

/* Everything that settings need besides the file that is written to. */
static bool channel_prepare(struct channel *s, const struct stream_conf *c, bool moves,
                            struct err *e)
{
        struct pipe_in *p;

        LL_FOREACH (s->pipes, p)
                if (!text_prepare(p, c))
                        return err_nomem(e);
        if ((c->drops || c->syslog.on) && !make_extras(s))
                return err_nomem(e);
        return syslog_prepare(s->core, &c->syslog, e) && (!moves || prepare_file(s->core, c, e));
}

struct channel *channel_new(struct core *core, const struct stream_conf *conf, void *owner,
                            struct ledger_box *shown, struct err *e)
{
        struct channel *s = calloc(1, sizeof *s);

        if (!s) {
                err_nomem(e);
                return NULL;
        }
        s->core = core;
        s->owner = owner;
        s->shown = shown;
        s->out.channel = s;
        stream_conf_share(&s->conf, conf);
        if (channel_prepare(s, &s->conf, true, e)) {
                struct stream_ledger was;
                if (!channel_ledger_take(s, &was))
                        return s;
                if ((was.syslog_sent || was.syslog_dropped) && make_extras(s)) {
                        s->extras->to_syslog.sent = was.syslog_sent;
                        s->extras->to_syslog.dropped = was.syslog_dropped;
                }
                channel_ledger_show(s);
                return s;
        }
        free_extras(s);
        stream_conf_release(&s->conf);
        free(s);
        return NULL;
}

static void channel_destroy(struct channel *s)
{
        struct pipe_in *p, *next;

        s->silent = true;
        s->busy++;
        capture_unhold(s);
        LL_FOREACH_SAFE (s->pipes, p, next)
                pipe_drain(p);
        LL_FOREACH_SAFE (s->pipes, p, next)
                pipe_close(p);
        if (s->pipes) { /* their spools are not empty, and the disk refuses */
                detached_add(s);
                return;
        }
        detached_remove(s);
        outlet_abandon(&s->out);
        free_extras(s);
        persistent_ledger_drop(s->core->ledgers, s->ledger_slot);
        stream_conf_release(&s->conf);
        free(s);
}

void channel_free(struct channel *s)
{
        if (!s)
                return;
        if (s->busy) {
                s->silent = s->free_later = true;
                return;
        }
        channel_destroy(s);
}

static void finish_now(struct channel *s)
{
        s->finish_later = s->is_awaited = false;
        if (s->current)
                pipe_drain(s->current);
        if (s->current)
                text_flush(s->current);
        if (s->current && !s->current->reusable_pipe)
                s->current = NULL;
}

void channel_finish(struct channel *s)
{
        channel_enter(s);
        s->finish_later = true;
        channel_leave(s);
}

/* The file stays open while there is a pipe that is written to it. */
static void close_unused(struct channel *s)
{
        if (s->pipes || s->out.rest.len || s->is_awaited || !s->out.writer)
                return;
        outlet_leave(&s->out);
        outlet_count(&s->out);
        writer_put_back(s->out.writer);
        s->out.writer = NULL;
        s->out.seen = 0;
}

void channel_left(struct channel *s)
{
        struct rename_seq *moves = s->core->moves;

        while (s->finish_later)
                finish_now(s);
        outlet_heed_refusal(&s->out);
        s->busy = 0;
        if (s->free_later || (s->is_detached && !s->pipes)) { /* the ledger's reader has gone */
                channel_destroy(s);
                rename_seq_end(moves);
                return;
        }
        channel_ledger_show(s);
        rename_seq_end(moves);
        close_unused(s);
        if (s->shown)
                atomic_store(&s->shown->at_rest, channel_is_at_rest(s));
}

bool channel_attach(struct channel *s, int pipe_fd, struct err *e)
{
        struct core *core = s->core;
        struct pipe_in *p = calloc(1, sizeof *p);

        if (!p || !text_prepare(p, &s->conf))
                err_nomem(e);
        else if (!pipe_prepare(p, pipe_fd))
                err_set(e, ERR_SYS, "make a log pipe non-blocking");
        else if (channel_open(s, e)) {
                if (s->current) {
                        pipe_show_no_more(s->current);
                        pipe_let_go(s->current);
                }
                p->channel = s;
                ev_io_init(&p->io, on_pipe, pipe_fd, EV_READ);
                p->io.data = p;
                LL_APPEND(s->pipes, p);
                s->current = p;
                ev_io_start(core->loop, &p->io);
                detached_claim(p);
                s->is_awaited = false;
                return true;
        }
        if (p)
                text_release(p);
        free(p);
        core->sys->close(core->sys, pipe_fd);
        return false;
}

bool channel_await(struct channel *s, struct err *e)
{
        channel_enter(s);
        s->is_awaited = channel_open(s, e);
        bool fine = s->is_awaited;
        channel_leave(s);
        return fine;
}

/* ---- changes */

static void flush_tokens(struct channel *s)
{
        struct pipe_in *p;

        LL_FOREACH (s->pipes, p) {
                text_flush(p);
                if (p->begun)
                        p->begun->tokens = (struct captokens){ 0 };
        }
}

/* By the old settings: what was begun is ended so. */
static void flush_forms(struct channel *s)
{
        struct pipe_in *p;

        LL_FOREACH (s->pipes, p)
                text_flush(p);
}

bool channel_configure(struct channel *s, const struct stream_conf *conf, struct err *e)
{
        struct stream_conf fresh;
        struct writer *w = NULL;
        struct pipe_in *p;
        bool in_use = s->pipes || s->out.queued;

        stream_conf_share(&fresh, conf);
        bool moves = !same_path(fresh.path, s->conf.path);
        if (!channel_prepare(s, &fresh, moves, e) ||
            (in_use && !open_writer(s->core, &fresh, &w, e))) {
                stream_conf_release(&fresh);
                return false;
        }
        channel_enter(s);
        if (fresh.format != s->conf.format || !fresh.syslog.on)
                flush_forms(s);
        if ((fresh.capture_maxbytes > 0) != (s->conf.capture_maxbytes > 0))
                flush_tokens(s);
        struct stream_conf old = s->conf;
        s->conf = fresh;
        LL_FOREACH (s->pipes, p)
                if (p->spool)
                        p->spool->label_old = true;
        if (in_use)
                outlet_redirect(&s->out, w);
        stream_conf_release(&old);
        channel_leave(s);
        return true;
}

void channel_reopen(struct channel *s)
{
        struct err e;

        channel_enter(s);
        if (s->out.writer && !writer_reopen(s->out.writer, &e))
                log_line(s->core->log, LVL_WARN, "cannot reopen the log of '%s': %s",
                         s->conf.process, e.text);
        channel_leave(s);
}

void channel_pid(struct channel *s, pid_t pid)
{
        if (s->current)
                s->current->pid = pid;
}

/* The file is opened for that where it is not open. */
void channel_rotate(struct channel *s)
{
        struct writer *w = NULL;
        struct err e;

        channel_enter(s);
        if (open_writer(s->core, &s->conf, &w, &e)) {
                uint32_t before = w ? w->file.rotations : 0;
                if (w && w->file.refused && !s->out.writer) /* else its trouble is told */
                        log_line(s->core->log, LVL_WARN, "cannot rotate the log of '%s': %s",
                                 s->conf.process, w->file.refused);
                else if (w)
                        writer_rotate(w);
                if (w && !s->out.writer) /* which counts its own */
                        s->out.rotations += w->file.rotations - before;
                writer_put_back(w);
        } else {
                log_line(s->core->log, LVL_WARN, "cannot rotate the log of '%s': %s",
                         s->conf.process, e.text);
        }
        channel_leave(s);
}

bool channel_clear(struct channel *s, struct err *e)
{
        channel_enter(s);
        bool fine = !s->out.writer || writer_clear(s->out.writer, e);
        channel_leave(s);
        return fine;
}
