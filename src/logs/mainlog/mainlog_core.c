/* Writes the lines of the main log: to its file with rotation, to syslog, and as a copy on
 * standard output. While the disk refuses, up to 1 MiB waits and the rest is counted. Never waits,
 * and logs nothing about itself that could come back here. */
#include "logs/mainlog/mainlog_core.h"

#include <errno.h>
#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/sanitize.h"
#include "logs/intake/channel.h"
#include "logs/intake/ledger.h"
#include "logs/store/sink_file.h"
#include "logs/syslog/sink_syslog.h"
#include "logs/syslog/syslog_message.h"

#define REST_MAX      (1024 * 1024) /* lines that wait while the disk is full */
#define STDOUT_MAX    65536         /* and while stdout is */
#define RETRY         1.0
#define TELL_AGAIN_MS 60000

struct mainlog_core {
        struct log log;
        struct sys *sys; /* borrowed */
        struct sink_file file;
        char *path; /* owned: its */
        bool has_file;
        struct sink_syslog *syslog; /* owned */
        char *ident;                /* owned: there */
        struct syslog_sender sender;
        bool syslog_dropped; /* and not yet said */
        struct log_stamp stamp;
        struct buf rest;  /* for the file; begins where the last write broke off */
        uint64_t dropped; /* lines that had no room there */
        int error;        /* why */
        bool refused;     /* the disk refuses what is in `rest` */
        bool said;        /* and it was said */
        int64_t said_ms;  /* when last; 0: never */
        int64_t rotation_said_ms;
        struct ledger_box *shown; /* owned: what is wrong */
        struct outfd out;         /* copy to stdout */
        bool has_out;
        struct buf out_rest;
        struct ev_loop *loop; /* borrowed; NULL: none */
        ev_timer retry;
        ev_io file_ready, out_ready;
};

/* ---- watchers, active only while something could not be written */

static void file_flush(struct mainlog_core *m);
static void out_flush(struct mainlog_core *m);

static void mainlog_core_on_retry(EV_P_ ev_timer *w, int revents)
{
        (void)loop, (void)revents;
        file_flush(w->data);
        out_flush(w->data);
}

static void on_file_ready(EV_P_ ev_io *w, int revents)
{
        (void)loop, (void)revents;
        file_flush(w->data);
}

static void mainlog_core_on_out_ready(EV_P_ ev_io *w, int revents)
{
        (void)loop, (void)revents;
        out_flush(w->data);
}

static void watch_fd(struct mainlog_core *m, ev_io *w, int fd)
{
        if (!m->loop || ev_is_active(w))
                return;
        ev_io_set(w, fd, EV_WRITE);
        ev_io_start(m->loop, w);
}

static void watch_disk(struct mainlog_core *m)
{
        if (!m->loop || ev_is_active(&m->retry))
                return;
        ev_timer_set(&m->retry, RETRY, 0.);
        ev_timer_start(m->loop, &m->retry);
}

static void unwatch_file(struct mainlog_core *m)
{
        if (!m->loop)
                return;
        ev_timer_stop(m->loop, &m->retry);
        ev_io_stop(m->loop, &m->file_ready);
}

static void unwatch_out(struct mainlog_core *m)
{
        if (m->loop)
                ev_io_stop(m->loop, &m->out_ready);
}

/* ---- the file */

static void file_close(struct mainlog_core *m)
{
        unwatch_file(m);
        if (m->has_file)
                sink_file_close(&m->file);
        m->has_file = false;
        free(m->path);
        m->path = NULL;
}

/* Returns how many bytes are done with: written, or of no use any more. */
static size_t file_put(struct mainlog_core *m, const char *data, size_t len)
{
        size_t done = 0;

        enum put result = sink_file_put(&m->file, data, len, NULL, &done);

        rename_seq_end(m->file.moves);
        m->refused = false;
        switch (result) {
        case PUT_ALL:
                break;
        case PUT_LATER:
                m->error = errno;
                watch_fd(m, &m->file_ready, m->file.out.fd);
                break;
        case PUT_REFUSED:
                m->error = errno;
                m->refused = true;
                watch_disk(m);
                break;
        case PUT_GONE: /* there is nowhere to say so */
                file_close(m);
                return len;
        }
        return done;
}

static bool mainlog_core_is_due(int64_t told_ms)
{
        return !told_ms || clock_mono_ms() - told_ms >= TELL_AGAIN_MS;
}

/* What is wrong goes to stdout now, and stands here for later readers of the file. */
static void tell_trouble(struct mainlog_core *m)
{
        if (m->refused && mainlog_core_is_due(m->said_ms)) {
                m->said = true;
                m->said_ms = clock_mono_ms();
                log_line(&m->log, LVL_ERROR, "cannot write %s: %s; its lines wait", m->file.path,
                         strerror(m->error));
        } else if (!m->rest.len && m->said) {
                m->said = false;
                log_line(&m->log, LVL_INFO, "%s is written again", m->file.path);
        }
}

static void show_trouble(struct mainlog_core *m)
{
        AUTO_BUF text = BUF_INIT;
        const char *why = NULL;

        if (m->has_file && m->file.refused)
                buf_puts(&text, m->file.refused);
        else if (m->refused)
                buf_printf(&text, "write %s: %s", m->file.path, strerror(m->error));
        else if (m->has_file && m->file.stuck)
                buf_printf(&text, "rotate %s: %s", m->file.path, strerror(m->file.stuck));
        if (text.len)
                why = text.data;
        else if (m->syslog && m->sender.buffered)
                why = sink_syslog_reason(m->syslog);
        ledger_box_put(m->shown, NULL, why);
}

static void tell_rotation(struct mainlog_core *m)
{
        char *why = m->has_file ? sink_file_failure(&m->file) : NULL;

        if (why && mainlog_core_is_due(m->rotation_said_ms)) {
                m->rotation_said_ms = clock_mono_ms();
                log_line(&m->log, LVL_WARN, "cannot rotate %s: %s", m->file.path, why);
        }
        free(why);
}

static void tell_dropped(struct mainlog_core *m)
{
        unsigned long long n = m->dropped;

        m->dropped = 0;
        if (n)
                log_line(&m->log, LVL_WARN, "%llu lines of this log are missing here: %s", n,
                         strerror(m->error));
}

static void file_flush(struct mainlog_core *m)
{
        unwatch_file(m);
        if (!m->rest.len || !m->has_file)
                return;
        buf_drop(&m->rest, file_put(m, m->rest.data, m->rest.len));
        if (!m->rest.len) {
                buf_release(&m->rest);
                tell_rotation(m);
                tell_dropped(m);
        }
        tell_trouble(m);
        show_trouble(m);
}

static size_t line_len(const char *lines, size_t len)
{
        const char *end = memchr(lines, '\n', len);

        return end ? (size_t)(end - lines) + 1 : len;
}

/* A line that was begun is never cut, so that the next one does not end up in its middle. */
static void mainlog_core_defer(struct mainlog_core *m, const char *lines, size_t len, bool begun)
{
        while (len > 0) {
                size_t n = line_len(lines, len);
                if (begun || m->rest.len + n <= REST_MAX)
                        buf_put(&m->rest, lines, n);
                else
                        m->dropped++;
                if (m->rest.failed) {
                        m->rest.failed = false;
                        m->dropped++;
                }
                begun = false;
                lines += n;
                len -= n;
        }
}

static void file_lines(struct mainlog_core *m, const char *lines, size_t len)
{
        if (m->rest.len) {
                mainlog_core_defer(m, lines, len, false);
                file_flush(m);
                return;
        }
        size_t done = file_put(m, lines, len);
        if (done < len)
                mainlog_core_defer(m, lines + done, len - done,
                                   done > 0 && lines[done - 1] != '\n');
        bool failed = m->file.rotation_failed;
        tell_rotation(m);
        if (!m->refused && !failed)
                return;
        tell_trouble(m);
        show_trouble(m);
}

/* ---- the copy on stdout */

static void out_close(struct mainlog_core *m)
{
        unwatch_out(m);
        if (m->has_out)
                outfd_close(m->sys, &m->out);
        m->has_out = false;
        buf_release(&m->out_rest);
}

static void out_broken(struct mainlog_core *m)
{
        int error = errno;

        out_close(m);
        log_line(&m->log, LVL_WARN, "cannot write to stdout, no more lines go there: %s",
                 strerror(error));
}

static void out_flush(struct mainlog_core *m)
{
        unwatch_out(m);
        while (m->has_out && m->out_rest.len) {
                ssize_t n = outfd_write(m->sys, &m->out, m->out_rest.data, m->out_rest.len);
                if (n > 0) {
                        buf_drop(&m->out_rest, (size_t)n);
                } else if (n < 0 && outfd_is_gone(&m->out, errno)) {
                        out_broken(m);
                } else {
                        if (m->out.kind == OUT_FILE)
                                watch_disk(m);
                        else
                                watch_fd(m, &m->out_ready, m->out.fd);
                        return;
                }
        }
}

/* Whole lines or none: what finds no room in a stdout that is not read is in the file. */
static void out_lines(struct mainlog_core *m, const char *lines, size_t len)
{
        if (m->out_rest.len)
                out_flush(m);
        while (m->has_out && len > 0) {
                size_t n = line_len(lines, len);
                if (m->out_rest.len && m->out_rest.len + n > STDOUT_MAX)
                        break;
                buf_put(&m->out_rest, lines, n);
                lines += n;
                len -= n;
        }
        m->out_rest.failed = false;
        if (m->has_out)
                out_flush(m);
}

/* ---- lines */

static void put_second(struct log_stamp *stamp, time_t second)
{
        struct tm tm = { 0 };

        if (stamp->text[0] && stamp->second == second)
                return;
        stamp->second = second;
        if (!localtime_r(&second, &tm) ||
            !strftime(stamp->text, sizeof stamp->text, "%Y-%m-%d %H:%M:%S", &tm))
                memcpy(stamp->text, "0000-00-00 00:00:00", sizeof stamp->text);
}

static void mainlog_core_put_head(struct log_stamp *stamp, struct buf *out, enum log_level level)
{
        int64_t now = clock_wall_ms();
        int ms = (int)(now % 1000);
        char fraction[] = { ',', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10),
                            (char)('0' + ms % 10), ' ' };

        put_second(stamp, (time_t)(now / 1000));
        buf_puts(out, stamp->text);
        buf_put(out, fraction, sizeof fraction);
        buf_puts(out, log_level_tag(level));
        buf_putc(out, ' ');
}

static void syslog_line(struct mainlog_core *m, const char *text, size_t len)
{
        static const struct syslog_conf user_info = { .facility = 1, .level = 6 };
        const struct syslog_head h = { .conf = &user_info,
                                       .ident = m->ident,
                                       .wall_us = clock_wall_us() };
        AUTO_BUF message = BUF_INIT;

        syslog_message(&message, &h, (struct syslog_part){ 0 }, text, len);
        if (message.failed ||
            !sink_syslog_send(m->syslog, &m->sender, message.data, message.len, 1))
                m->syslog_dropped = true;
}

static void to_syslog(struct mainlog_core *m, const char *text, size_t len)
{
        while (len > 0) {
                const char *end = memchr(text, '\n', len);
                size_t n = end ? (size_t)(end - text) : len;
                if (n)
                        syslog_line(m, text, n < SYSLOG_PIECE ? n : SYSLOG_PIECE);
                text += n + (end != NULL);
                len -= n + (end != NULL);
        }
}

/* All that waited was sent. */
static void on_syslog(void *arg, const char *reason)
{
        struct mainlog_core *m = arg;

        show_trouble(m);
        if (reason || m->sender.buffered || !m->syslog_dropped)
                return;
        m->syslog_dropped = false;
        log_line(&m->log, LVL_WARN, "%llu lines of this log are missing here: %s",
                 (unsigned long long)m->sender.dropped, "syslog did not take them");
        m->sender.dropped = 0;
}

void mainlog_make_line(struct log_stamp *stamp, struct buf *out, enum log_level level,
                       const char *text, size_t len)
{
        mainlog_core_put_head(stamp, out, level);
        size_t from = out->len;
        buf_put(out, text, len);
        if (!out->failed)
                sanitize_bytes(out->data + from, len, "\t\n"); /* copies of output have lines */
        buf_putc(out, '\n');
}

void mainlog_core_lines(struct mainlog_core *m, const char *lines, size_t len)
{
        if (m->syslog)
                to_syslog(m, lines, len);
        if (m->has_file)
                file_lines(m, lines, len);
        if (m->has_out)
                out_lines(m, lines, len);
}

void mainlog_core_missing(struct mainlog_core *m, unsigned long long lines)
{
        m->dropped += lines;
        m->error = ENOBUFS;
        if (!m->rest.len)
                tell_dropped(m);
}

static void mainlog_core_on_line(struct log *self, enum log_level level, const char *text,
                                 size_t len)
{
        struct mainlog_core *m = self->arg;
        AUTO_BUF line = BUF_INIT;

        mainlog_make_line(&m->stamp, &line, level, text, len);
        if (line.failed) {
                m->dropped += m->has_file;
                return;
        }
        mainlog_core_lines(m, line.data, line.len);
}

/* ---- life */

static bool is_syslog(const struct mainlog_conf *c)
{
        return c->path && strcmp(c->path, "syslog") == 0;
}

/* Made when first wanted and not freed before the end, so that a change of settings loses nothing
 * of what waits in it. */
static bool open_syslog(struct mainlog_core *m, const struct mainlog_conf *c, struct err *e)
{
        const char *path = c->syslog_socket ? c->syslog_socket : SYSLOG_SOCKET;
        char *ident = strdup(c->identifier ? c->identifier : program_invocation_short_name);

        if (!ident)
                return err_nomem(e);
        free(m->ident);
        m->ident = ident;
        if (m->syslog)
                return sink_syslog_move(m->syslog, path) || err_nomem(e);
        m->syslog = sink_syslog_new(m->sys, m->loop, path, NULL, NULL);
        return m->syslog || err_nomem(e);
}

static void close_syslog(struct mainlog_core *m)
{
        sink_syslog_forget(m->syslog, &m->sender);
        sink_syslog_free(m->syslog);
        m->syslog = NULL;
}

/* What the settings ask for is opened beside what is there. *path: owned, that of the file. */
static bool open_targets(struct mainlog_core *m, const struct mainlog_conf *c,
                         struct sink_file *file, char **path, struct err *e)
{
        if (!c->path)
                return true;
        if (is_syslog(c))
                return open_syslog(m, c, e);
        *path = strdup(c->path);
        if (!*path)
                return err_nomem(e);
        bool open = sink_file_open(file, m->sys, *path, c->owner, 0666, e);
        if (open && !file->refused)
                return true;
        if (open) {
                err_set(e, ERR_FOREIGN, "%s", file->refused);
                sink_file_close(file);
        }
        free(*path);
        return false;
}

static void set_stdout(struct mainlog_core *m, bool on)
{
        struct err e;

        if (on == m->has_out)
                return;
        out_close(m);
        if (!on)
                return;
        m->has_out = outfd_open(m->sys, "/dev/stdout", 0, 0666, &m->out, &e);
        if (!m->has_out)
                log_line(&m->log, LVL_WARN, "no copy of this log on stdout: %s", e.text);
}

static bool same_file(const struct mainlog_core *m, const struct mainlog_conf *c)
{
        return m->has_file && c->path && strcmp(m->file.path, c->path) == 0;
}

bool mainlog_core_configure(struct mainlog_core *m, const struct mainlog_conf *c, struct err *e)
{
        struct sink_file file = { .out = OUTFD_NONE };
        char *path = NULL;

        if (!same_file(m, c)) {
                if (!open_targets(m, c, &file, &path, e))
                        return false;
                file_flush(m);
                file_close(m);
                if (!is_syslog(c))
                        close_syslog(m);
                m->file = file;
                m->path = path;
                m->file.moves = m->shown->moves;
                m->has_file = file.path != NULL;
        }
        sink_file_set_rotation(&m->file, c->maxbytes, c->backups);
        m->log.level = c->level;
        set_stdout(m, c->to_stdout);
        file_flush(m);
        return true;
}

struct mainlog_core *mainlog_core_new(const struct mainlog_conf *conf, struct err *e)
{
        struct mainlog_core *m = calloc(1, sizeof *m);

        if (!m) {
                err_nomem(e);
                return NULL;
        }
        m->sys = conf->sys ? conf->sys : sys_real();
        m->log = (struct log){ .level = conf->level, .write = mainlog_core_on_line, .arg = m };
        m->out = m->file.out = OUTFD_NONE;
        m->sender = (struct syslog_sender){ .arg = m, .changed = on_syslog };
        ev_init(&m->retry, mainlog_core_on_retry);
        ev_init(&m->file_ready, on_file_ready);
        ev_init(&m->out_ready, mainlog_core_on_out_ready);
        m->retry.data = m->file_ready.data = m->out_ready.data = m;
        m->shown = ledger_box_new(0);
        if (!m->shown)
                err_nomem(e);
        else if (mainlog_core_configure(m, conf, e))
                return m;
        ledger_drop(m->shown);
        free(m->ident);
        free(m);
        return NULL;
}

void mainlog_core_free(struct mainlog_core *m)
{
        if (!m)
                return;
        file_flush(m);
        out_flush(m);
        file_close(m);
        out_close(m);
        close_syslog(m);
        free(m->ident);
        buf_release(&m->rest);
        ledger_drop(m->shown);
        free(m);
}

void mainlog_core_set_loop(struct mainlog_core *m, struct ev_loop *loop)
{
        unwatch_file(m);
        unwatch_out(m);
        m->loop = loop;
        if (m->syslog)
                sink_syslog_set_loop(m->syslog, loop);
        file_flush(m);
        out_flush(m);
}

void mainlog_core_reopen(struct mainlog_core *m)
{
        struct err e;

        if (m->has_file && !sink_file_reopen(&m->file, &e))
                log_line(&m->log, LVL_WARN, "cannot reopen the log: %s", e.text);
        file_flush(m);
}

bool mainlog_core_clear(struct mainlog_core *m, struct err *e)
{
        if (!m->has_file)
                return err_set(e, ERR_NOENT, "no log file");
        bool fine = sink_file_clear(&m->file, e);
        rename_seq_end(m->file.moves);
        file_flush(m);
        return fine;
}

struct ledger_box *mainlog_core_ledger(const struct mainlog_core *m)
{
        return m->shown;
}

void mainlog_core_heed(struct mainlog_core *m, struct rename_seq *moves)
{
        ledger_box_heed(m->shown, moves);
        m->file.moves = m->shown->moves;
}

const char *mainlog_core_path(const struct mainlog_core *m)
{
        return m->has_file ? m->file.path : NULL;
}

bool mainlog_core_trouble(const struct mainlog_core *m, struct buf *out)
{
        return ledger_box_trouble(m->shown, out);
}
