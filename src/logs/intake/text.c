/* What is done to a worker's text on its way: capture tokens, escapes, events, syslog, the copy in
 * the main log. compat 15. */
#include "logs/intake/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "logs/intake/channel.h"
#include "logs/intake/strip_ansi.h"
#include "logs/spool/quote_bytes.h"
#include "logs/spool/spooled.h"
#include "logs/syslog/to_syslog.h"

bool text_is_verbatim(const struct channel *s)
{
        const struct stream_conf *c = &s->conf;

        return !c->events_enabled && !c->syslog.on && !c->strip_ansi && c->format == LOG_RAW &&
               c->capture_maxbytes <= 0 && !log_wants(s->core->log, LVL_DEBUG);
}

bool text_is_plain(const struct channel *s)
{
        return !s->conf.tap && text_is_verbatim(s);
}

bool text_is_news(const struct channel *s)
{
        const struct stream_conf *c = &s->conf;

        return !s->silent && (c->tap || c->events_enabled || c->capture_maxbytes > 0);
}

static void text_news(struct channel *s, enum text_kind kind, const char *data, size_t len)
{
        const struct logs_news *n = &s->core->news;

        if (!s->silent && n->on_text)
                n->on_text(n->arg, s->owner, s->conf.is_stderr, kind, data, len);
}

static void copy_to_main_log(struct channel *s, const char *data, size_t len)
{
        struct log *log = s->core->log;
        AUTO_BUF text = BUF_INIT;

        if (!log_wants(log, LVL_DEBUG))
                return;
        buf_printf(&text, "'%s' %s output:\n", s->conf.process,
                   s->conf.is_stderr ? "stderr" : "stdout");
        if (bytes_are_text(data, len)) {
                buf_put(&text, data, len);
        } else {
                buf_puts(&text, "Undecodable: ");
                quote_bytes(data, len, &text);
        }
        if (!text.failed)
                log->write(log, LVL_DEBUG, text.data, text.len);
}

/* ---- capture mode */

static void keep_captured(struct pipe_in *p, const char *data, size_t len)
{
        size_t most = (size_t)p->channel->conf.capture_maxbytes;

        buf_put(&p->begun->captured, data, len);
        /* Not each time: moving the bytes to the front costs as much as they are long. */
        if (p->begun->captured.len / 2 > most)
                buf_drop(&p->begun->captured, p->begun->captured.len - most);
}

static void send_captured(struct pipe_in *p)
{
        struct buf *b = &p->begun->captured;
        size_t most = (size_t)p->channel->conf.capture_maxbytes;

        if (b->len > most)
                buf_drop(b, b->len - most);
        text_news(p->channel, TEXT_COMM, buf_str(b), b->len);
        buf_release(b);
}

/* ---- formats */

static struct format_head head_of(const struct pipe_in *p)
{
        const struct channel *s = p->channel;

        return (struct format_head){ .format = s->conf.format,
                                     .process = s->conf.process,
                                     .is_stderr = s->conf.is_stderr,
                                     .pid = p->pid,
                                     .colour = s->out.writer && s->out.writer->file.out.is_tty,
                                     .now_ms =
                                         spooled_into(p) ? spooled_stamp(p) : clock_wall_ms() };
}

static void write_formed(struct pipe_in *p, struct buf *out)
{
        struct channel *s = p->channel;
        struct buf *into = spooled_into(p);

        if (out->failed)
                log_line(s->core->log, LVL_CRITICAL, "out of memory: output of '%s' is lost",
                         s->conf.process);
        if (into)
                buf_put(into, buf_str(out), out->len);
        else if (out->len)
                outlet_write(&s->out, out->data, out->len);
}

static void write_text(struct pipe_in *p, const char *data, size_t len)
{
        AUTO_BUF out = BUF_INIT;
        struct format_head h = head_of(p);
        struct buf *into = spooled_into(p);

        if (h.format != LOG_RAW) {
                format_in(&p->begun->form, &h, data, len, into ? into : &out);
                write_formed(p, &out);
        } else if (into) {
                buf_put(into, data, len);
        } else {
                outlet_write(&p->channel->out, data, len);
        }
}

static void flush_form(struct pipe_in *p, bool ends)
{
        AUTO_BUF out = BUF_INIT;
        struct format_head h = head_of(p);

        (ends ? format_flush : format_part)(&p->begun->form, &h, &out);
        write_formed(p, &out);
}

/* One piece, free of tokens. */
static void text_put_text(struct pipe_in *p, bool inside, char *data, size_t len)
{
        struct channel *s = p->channel;

        if (s->conf.strip_ansi)
                len = strip_ansi(data, len);
        if (!len)
                return;
        if (inside)
                keep_captured(p, data, len);
        else
                write_text(p, data, len);
        if (!inside && s->conf.syslog.on)
                syslog_in(p, data, len);
        copy_to_main_log(s, data, len);
        if (s->conf.events_enabled)
                text_news(s, TEXT_LOG, data, len);
}

/* What the tokens leave of one chunk, put together again so that it stays one write and one event
 * wherever no token was in between. */
struct run {
        struct pipe_in *pipe;
        struct buf text;
        bool inside;
};

static void end_run(struct run *r)
{
        if (r->text.len)
                text_put_text(r->pipe, r->inside, r->text.data, r->text.len);
        if (r->text.failed)
                log_line(r->pipe->channel->core->log, LVL_CRITICAL,
                         "out of memory: output of '%s' is lost", r->pipe->channel->conf.process);
        buf_reset(&r->text);
}

static void on_run_text(void *arg, bool inside, const char *data, size_t len)
{
        struct run *r = arg;
        struct outlet *o = &r->pipe->channel->out;

        if (inside != r->inside)
                end_run(r);
        r->inside = inside;
        buf_put(&r->text, data, len);
        if (r->text.failed) {
                o->read += len;
                o->dropped += len;
        }
}

static void on_run_end(void *arg)
{
        struct run *r = arg;

        end_run(r);
        send_captured(r->pipe);
}

void text_shown(struct channel *s, const char *data, size_t len)
{
        text_news(s, TEXT_RAW, data, len);
}

void text_in(struct pipe_in *p, char *data, size_t len)
{
        struct channel *s = p->channel;
        struct run run = { .pipe = p };
        const struct captokens_handler h = { &run, on_run_text, on_run_end };

        if (s->conf.capture_maxbytes <= 0) {
                text_put_text(p, false, data, len);
                return;
        }
        captokens_feed(&p->begun->tokens, data, len, &h);
        end_run(&run);
        buf_release(&run.text);
}

void text_part(struct pipe_in *p)
{
        if (p->begun)
                flush_form(p, false);
}

bool text_is_neutral(const struct pipe_in *p)
{
        const struct begun *b = p->begun;

        return !b || (!b->tokens.inside && !b->tokens.held && !b->form.begun.len &&
                      !b->form.goes_on && !b->captured.len);
}

void text_flush(struct pipe_in *p)
{
        struct run run = { .pipe = p };
        const struct captokens_handler h = { &run, on_run_text, on_run_end };

        if (p->spool && !spooled_into(p)) {
                spooled_flush(p);
                return;
        }
        if (!p->begun)
                return;
        captokens_flush(&p->begun->tokens, &h);
        end_run(&run);
        buf_release(&run.text);
        flush_form(p, true);
        syslog_flush(p);
}

/* ---- room for what was begun */

bool text_make_room(struct pipe_in *p)
{
        if (!p->begun)
                p->begun = calloc(1, sizeof *p->begun);
        return p->begun != NULL;
}

bool text_prepare(struct pipe_in *p, const struct stream_conf *c)
{
        bool holds = c->format != LOG_RAW || c->capture_maxbytes > 0 || c->syslog.on;

        return !holds || text_make_room(p);
}

void text_forget(struct pipe_in *p)
{
        struct begun *b = p->begun;

        if (!b)
                return;
        buf_release(&b->captured);
        buf_release(&b->line);
        format_release(&b->form);
        *b = (struct begun){ .captured = BUF_INIT };
}

void text_release(struct pipe_in *p)
{
        text_forget(p);
        free(p->begun);
        p->begun = NULL;
}
