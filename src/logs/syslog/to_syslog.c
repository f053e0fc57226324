/* A stream's lines to syslog. It never holds up the worker: what finds no room is dropped, counted
 * in the ledger, and said. */
#include "logs/syslog/to_syslog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "logs/intake/channel.h"
#include "logs/syslog/syslog_message.h"

/* ---- the part as a whole */

static void to_syslog_say(void *arg, const char *reason)
{
        struct core *core = arg;

        if (reason)
                log_line(core->log, LVL_ERROR, "syslog: %s; what goes there waits", reason);
        else
                log_line(core->log, LVL_INFO, "syslog: %s takes messages again",
                         sink_syslog_path(core->syslog));
}

bool syslog_prepare(struct core *core, const struct syslog_conf *c, struct err *e)
{
        if (!c->on || core->syslog)
                return true;
        if (gethostname(core->host, sizeof core->host - 1) < 0)
                core->host[0] = '\0';
        core->syslog = sink_syslog_new(core->sys, core->loop,
                                       core->syslog_path ? core->syslog_path : SYSLOG_SOCKET,
                                       to_syslog_say, core);
        return core->syslog || err_nomem(e);
}

bool core_syslog_socket(struct core *core, const char *path)
{
        char *copy = strdup(path);

        if (!copy)
                return false;
        free(core->syslog_path);
        core->syslog_path = copy;
        return !core->syslog || sink_syslog_move(core->syslog, path);
}

void syslog_release(struct core *core)
{
        const char *reason = core->syslog ? sink_syslog_reason(core->syslog) : NULL;
        AUTO_BUF why = BUF_INIT;

        buf_puts(&why, reason ? reason : "it does not keep up");
        size_t lost = sink_syslog_free(core->syslog);
        if (lost)
                log_line(core->log, LVL_CRITICAL, "%zu bytes for syslog are lost: %s", lost,
                         buf_str(&why));
        core->syslog = NULL;
        free(core->syslog_path);
}

/* ---- what the sink has to say of a stream */

static void to_syslog_on_changed(void *arg, const char *reason)
{
        struct channel *s = arg;

        channel_enter(s);
        if (!reason && !s->extras->to_syslog.buffered)
                drops_over(&s->extras->syslog_drops);
        channel_leave(s);
}

void syslog_join(struct channel *s)
{
        s->extras->to_syslog = (struct syslog_sender){ .arg = s, .changed = to_syslog_on_changed };
        s->extras->syslog_drops = (struct drops){ .channel = s, .is_syslog = true };
}

void syslog_leave(struct channel *s)
{
        sink_syslog_forget(s->core->syslog, &s->extras->to_syslog);
        drops_forget(&s->extras->syslog_drops);
}

/* ---- lines */

static void send_part(struct pipe_in *p, bool is_cut, size_t bytes, const char *text, size_t len)
{
        struct channel *s = p->channel;
        struct syslog_part part = { .goes_on = p->begun->line_goes_on, .is_cut = is_cut };
        const struct syslog_head h = { .conf = &s->conf.syslog,
                                       .ident = program_invocation_short_name,
                                       .process = s->conf.process,
                                       .host = s->core->host,
                                       .is_stderr = s->conf.is_stderr,
                                       .pid = p->pid,
                                       .wall_us = clock_wall_us() };
        AUTO_BUF message = BUF_INIT;

        p->begun->line_goes_on = is_cut;
        syslog_message(&message, &h, part, text, len);
        if (message.failed)
                s->extras->to_syslog.dropped += bytes;
        else if (sink_syslog_send(s->core->syslog, &s->extras->to_syslog, message.data, message.len,
                                  bytes))
                return;
        drops_add(&s->extras->syslog_drops, bytes);
}

/* What was begun is as long as a message may be. */
static void send_begun(struct pipe_in *p)
{
        size_t n = syslog_cut(p->begun->line.data, p->begun->line.len);

        send_part(p, true, n, p->begun->line.data, n);
        buf_drop(&p->begun->line, n);
}

static void to_syslog_send_line(struct pipe_in *p, const char *data, size_t len)
{
        if (!p->begun->line.len) {
                send_part(p, false, len + 1, data, len);
                return;
        }
        buf_put(&p->begun->line, data, len);
        send_part(p, false, p->begun->line.len + 1, buf_str(&p->begun->line), p->begun->line.len);
        buf_reset(&p->begun->line);
}

void syslog_in(struct pipe_in *p, const char *data, size_t len)
{
        while (len > 0) {
                size_t room = SYSLOG_PIECE - p->begun->line.len;
                size_t most = len < room ? len : room;
                const char *end = memchr(data, '\n', most);
                size_t n = end ? (size_t)(end - data) : most;

                if (end)
                        to_syslog_send_line(p, data, n);
                else
                        buf_put(&p->begun->line, data, n);
                if (p->begun->line.failed) { /* its beginning stays */
                        p->begun->line.failed = false;
                        p->channel->extras->to_syslog.dropped += n;
                        drops_add(&p->channel->extras->syslog_drops, n);
                }
                if (p->begun->line.len >= SYSLOG_PIECE)
                        send_begun(p);
                data += n + (end != NULL);
                len -= n + (end != NULL);
        }
}

void syslog_flush(struct pipe_in *p)
{
        if (!p->begun->line.len)
                return;
        send_part(p, false, p->begun->line.len, buf_str(&p->begun->line), p->begun->line.len);
        buf_reset(&p->begun->line);
}
