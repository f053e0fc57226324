/* The calls of logs.h: streams come, change and go. */
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "base/fd.h"

#define AUTO_MODE 0600
#define FILE_MODE 0666

/* ---- the part as a whole */

struct logs *logs_new(struct ev_loop *loop, struct sys *sys, struct log *log,
                      const struct logs_news *news)
{
        struct logs *l = calloc(1, sizeof *l);

        if (!l)
                return NULL;
        *l = (struct logs){ .loop = loop,
                            .sys = sys,
                            .log = log,
                            .news = *news,
                            .scratch = SCRATCH_NONE,
                            .real = !sys->arg };
        return l;
}

void logs_free(struct logs *l)
{
        if (!l)
                return;
        writers_free(l);
        sink_syslog_free(l->syslog);
        scratch_release(&l->scratch);
        free(l->chunk);
        free(l);
}

char *chunk_take(struct logs *l)
{
        char *chunk = l->chunk;

        l->chunk = NULL;
        return chunk ? chunk : malloc(CHUNK_SIZE);
}

void chunk_give(struct logs *l, char *chunk)
{
        if (l->chunk)
                free(chunk);
        else
                l->chunk = chunk;
}

/* ---- settings */

static void conf_release(struct stream_conf *c)
{
        free((char *)c->process);
        free((char *)c->path);
        *c = (struct stream_conf){ 0 };
}

static bool conf_copy(struct stream_conf *to, const struct stream_conf *from, struct err *e)
{
        *to = *from;
        to->process = strdup(from->process ? from->process : "");
        to->path = from->path ? strdup(from->path) : NULL;
        if (to->process && (to->path || !from->path))
                return true;
        conf_release(to);
        return err_nomem(e);
}

static bool same_path(const char *a, const char *b)
{
        return a == b || (a && b && strcmp(a, b) == 0);
}

static bool open_writer(struct logs *l, const struct stream_conf *c, struct writer **out,
                        struct err *e)
{
        *out = NULL;
        if (!c->path)
                return true;
        *out =
            writer_get(l, c->path, c->is_auto ? AUTO_MODE : FILE_MODE, c->maxbytes, c->backups, e);
        return *out != NULL;
}

static bool prepare_syslog(struct logs *l, const struct stream_conf *c, struct err *e)
{
        if (c->syslog && !l->syslog)
                l->syslog = sink_syslog_new(program_invocation_short_name, NULL);
        return !c->syslog || l->syslog || err_nomem(e);
}

/* An AUTO file exists from the beginning. */
static bool prepare_file(struct logs *l, const struct stream_conf *c, struct err *e)
{
        if (!c->path || !c->is_auto)
                return true;
        int fd = l->sys->open(l->sys, c->path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, AUTO_MODE);
        if (fd < 0)
                return err_set(e, ERR_SYS, "make %s", c->path);
        l->sys->close(l->sys, fd);
        return true;
}

/* ---- life */

struct stream *stream_new(struct logs *l, const struct stream_conf *conf, void *owner,
                          struct err *e)
{
        struct stream *s = calloc(1, sizeof *s);

        if (!s) {
                err_nomem(e);
                return NULL;
        }
        s->logs = l;
        s->owner = owner;
        s->out.stream = s;
        if (conf_copy(&s->conf, conf, e) && prepare_syslog(l, &s->conf, e) &&
            prepare_file(l, &s->conf, e))
                return s;
        conf_release(&s->conf);
        free(s);
        return NULL;
}

static void destroy(struct stream *s)
{
        struct pipe_in *p, *next;

        s->silent = true;
        s->busy++;
        DL_FOREACH_SAFE (s->pipes, p, next)
                pipe_drain(p);
        DL_FOREACH_SAFE (s->pipes, p, next)
                pipe_close(p);
        outlet_abandon(&s->out);
        conf_release(&s->conf);
        free(s);
}

void stream_free(struct stream *s)
{
        if (!s)
                return;
        if (s->busy) {
                s->silent = s->free_later = true;
                return;
        }
        destroy(s);
}

static void finish_now(struct stream *s)
{
        const struct logs_news *n = &s->logs->news;

        s->finish_later = false;
        if (s->current)
                pipe_drain(s->current);
        if (s->current)
                text_flush(s->current);
        s->current = NULL;
        if (!s->silent && n->on_finished)
                n->on_finished(n->arg, s->owner, s->conf.is_stderr);
}

void stream_finish(struct stream *s)
{
        stream_enter(s);
        s->finish_later = true;
        stream_leave(s);
}

void stream_enter(struct stream *s)
{
        s->busy++;
}

/* The file stays open while there is somebody to write to it. */
static void close_unused(struct stream *s)
{
        if (s->pipes || s->out.queued || !s->out.writer)
                return;
        writer_put_back(s->out.writer);
        s->out.writer = NULL;
}

void stream_leave(struct stream *s)
{
        if (s->busy > 1) {
                s->busy--;
                return;
        }
        while (s->finish_later)
                finish_now(s);
        s->busy = 0;
        if (s->free_later)
                destroy(s);
        else
                close_unused(s);
}

bool stream_attach(struct stream *s, int pipe_fd, struct err *e)
{
        struct logs *l = s->logs;
        struct pipe_in *p = calloc(1, sizeof *p);

        if (!p)
                err_nomem(e);
        else if (!fd_nonblock(pipe_fd, true))
                err_set(e, ERR_SYS, "make a log pipe non-blocking");
        else if (s->out.writer || open_writer(l, &s->conf, &s->out.writer, e)) {
                p->stream = s;
                p->fd = pipe_fd;
                ev_io_init(&p->io, on_pipe, pipe_fd, EV_READ);
                p->io.data = p;
                DL_APPEND(s->pipes, p);
                s->current = p;
                ev_io_start(l->loop, &p->io);
                return true;
        }
        free(p);
        l->sys->close(l->sys, pipe_fd);
        return false;
}

/* ---- changes */

static void flush_tokens(struct stream *s)
{
        struct pipe_in *p;

        DL_FOREACH (s->pipes, p) {
                text_flush(p);
                p->tokens = (struct captokens){ 0 };
        }
}

bool stream_configure(struct stream *s, const struct stream_conf *conf, struct err *e)
{
        struct stream_conf fresh;
        struct writer *w = NULL;
        bool in_use = s->pipes || s->out.queued;

        if (!conf_copy(&fresh, conf, e))
                return false;
        bool moves = !same_path(fresh.path, s->conf.path);
        if (!prepare_syslog(s->logs, &fresh, e) || (moves && !prepare_file(s->logs, &fresh, e)) ||
            (in_use && !open_writer(s->logs, &fresh, &w, e))) {
                conf_release(&fresh);
                return false;
        }
        stream_enter(s);
        if ((fresh.capture_maxbytes > 0) != (s->conf.capture_maxbytes > 0))
                flush_tokens(s);
        struct stream_conf old = s->conf;
        s->conf = fresh;
        if (in_use)
                outlet_redirect(&s->out, w);
        conf_release(&old);
        stream_leave(s);
        return true;
}

void stream_reopen(struct stream *s)
{
        struct err e;

        stream_enter(s);
        if (s->out.writer && !writer_reopen(s->out.writer, &e))
                log_line(s->logs->log, LVL_WARN, "cannot reopen the log of '%s': %s",
                         s->conf.process, e.text);
        stream_leave(s);
}

bool stream_clear(struct stream *s, struct err *e)
{
        stream_enter(s);
        bool fine = !s->out.writer || writer_clear(s->out.writer, e);
        stream_leave(s);
        return fine;
}

/* ---- questions */

const char *stream_path(const struct stream *s)
{
        return s->conf.path;
}

void stream_ledger(const struct stream *s, struct stream_ledger *out)
{
        *out = (struct stream_ledger){ .read = s->out.read,
                                       .written = s->out.written,
                                       .dropped = s->out.dropped,
                                       .buffered = s->out.rest.len,
                                       .rotations = s->out.rotations };
}
