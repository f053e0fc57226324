/* fg: a process as if it ran here. Its two logs come as streams, typed lines go to its standard
 * input, and one poll(2) waits for all of it (compat 21.4; 23, row 35: never hang). */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/state.h"
#include "ctl/commands/commands.h"
#include "ctl/commands/follow.h"
#include "ctl/transport/json_get.h"
#include "ctl/transport/v1.h"

#define LOOK_MS 1000 /* how often to look whether the process still runs */

enum { SRC_STDOUT, SRC_STDERR, SRC_INPUT, SRC_INTERRUPT, SRC_COUNT };

struct fg {
        struct ctl *ctl;
        const char *name;
        struct http *streams[2]; /* owned; NULL: there is none, or it has ended */
        bool answered[2];        /* it is known whether there is such a log */
        bool missing[2];         /* there is none */
        bool said;
        bool over;
};

/* ---- is it there? */

static bool fg_ask(struct ctl *c, const char *name, struct reply *r)
{
        AUTO_BUF path = BUF_INIT;

        v1_put_process_path(&path, name);
        buf_puts(&path, "?fields=statecode");
        return session_json(&c->session, r, buf_str(&path), NULL);
}

static bool still_running(struct fg *f)
{
        AUTO_REPLY r = REPLY_INIT;

        return fg_ask(f->ctl, f->name, &r) && json_int(r.json, "statecode") == STATE_RUNNING;
}

static bool may_attach(struct ctl *c, const char *name)
{
        AUTO_REPLY r = REPLY_INIT;

        bool answered = fg_ask(c, name, &r);
        if (!answered || v1_items(r.json)) { /* several: a group, or a pattern */
                if (answered || reply_is(&r, "BAD_NAME"))
                        ctl_fail(c, EXIT_GENERIC, "ERROR: bad process name supplied");
                else
                        ctl_report(c, &r);
                return false;
        }
        if (json_int(r.json, "statecode") != STATE_RUNNING) {
                ctl_fail(c, EXIT_GENERIC, "ERROR: process not running");
                return false;
        }
        return true;
}

/* ---- the two directions */

static void open_stream(struct fg *f, int at, const char *channel)
{
        AUTO_REPLY r = REPLY_INIT;
        AUTO_BUF path = BUF_INIT;

        log_path_put(&path, f->name, channel);
        buf_puts(&path, LOG_FOLLOW);
        f->streams[at] = session_get(&f->ctl->session, &r, buf_str(&path), NULL);
        if (f->streams[at])
                http_stream(f->streams[at], follow_print, f->ctl->out);
        else
                f->answered[at] = true;
}

/* A process without one log is watched through its second log. That there is none of its standard
 * error is no news: with redirect_stderr all of it is in the first. */
static void say_missing(struct fg *f)
{
        if (f->said || !f->answered[SRC_STDOUT] || !f->answered[SRC_STDERR])
                return;
        f->said = true;
        if (!f->missing[SRC_STDOUT])
                return;
        if (f->missing[SRC_STDERR])
                ctl_say(f->ctl, "%s has no log: nothing of what it writes can be shown", f->name);
        else
                ctl_say(f->ctl,
                        "%s has no log of its standard output: only what it writes to its standard "
                        "error is shown",
                        f->name);
        fflush(f->ctl->out);
}

static void pump_stream(struct fg *f, int at)
{
        struct err e = { 0 };

        bool more = http_feed(f->streams[at], &e) == HTTP_MORE;
        int status = http_answer(f->streams[at])->status;
        f->missing[at] = status == 404;
        f->answered[at] = f->answered[at] || status || !more;
        say_missing(f);
        if (more)
                return;
        http_free(f->streams[at]);
        f->streams[at] = NULL;
}

static void process_is_gone(struct fg *f)
{
        ctl_say(f->ctl, "Process got killed");
        f->over = true;
}

static void fg_send_line(struct fg *f, struct buf *line)
{
        AUTO_REPLY r = REPLY_INIT;

        buf_putc(line, '\n');
        json_t *body = json_pack("{s:s%}", "data", buf_str(line), line->len);
        if (!body)
                ctl_fail(f->ctl, EXIT_GENERIC, "ERROR: what was typed is not UTF-8");
        else if (v1_post(f->ctl, &r, "processes", f->name, "stdin", body))
                return;
        else if (reply_is(&r, "NOT_RUNNING"))
                process_is_gone(f);
        else
                ctl_report(f->ctl, &r);
        f->over = true;
}

static void pump_input(struct fg *f)
{
        AUTO_BUF line = BUF_INIT;

        input_fill(&f->ctl->in);
        while (!f->over && input_ready_line(&f->ctl->in, &line))
                fg_send_line(f, &line);
        f->over = f->over || f->ctl->in.ended;
}

/* ---- waiting for all of it */

static void fill_poll(const struct fg *f, struct pollfd *p)
{
        for (int i = 0; i < 2; i++)
                p[i] = (struct pollfd){ .fd = f->streams[i] ? http_fd(f->streams[i]) : -1,
                                        .events = POLLIN };
        p[SRC_INPUT] = (struct pollfd){ .fd = f->ctl->in.fd, .events = POLLIN };
        p[SRC_INTERRUPT] =
            (struct pollfd){ .fd = f->ctl->session.wait.interrupt_fd, .events = POLLIN };
}

static void fg_step(struct fg *f)
{
        struct pollfd p[SRC_COUNT];

        fill_poll(f, p);
        int n = poll(p, SRC_COUNT, LOOK_MS);
        if (n < 0 && errno != EINTR)
                f->over = true;
        if (n == 0 && !still_running(f))
                process_is_gone(f);
        if (n <= 0)
                return;
        for (int i = 0; i < 2; i++)
                if (p[i].revents)
                        pump_stream(f, i);
        if (p[SRC_INPUT].revents)
                pump_input(f);
        if (p[SRC_INTERRUPT].revents) {
                http_wait_fd(-1, 0, p[SRC_INTERRUPT].fd, 0, NULL); /* take the signal */
                f->over = true;
        }
}

static void fg_attach(struct ctl *c, const char *name)
{
        struct fg f = { .ctl = c, .name = name };

        ctl_say(c, "==> Press Ctrl-C to exit <==");
        fflush(c->out);
        open_stream(&f, SRC_STDOUT, "stdout");
        open_stream(&f, SRC_STDERR, "stderr");
        while (!f.over)
                fg_step(&f);
        ctl_say(c, "Exiting foreground");
        c->in.ended = false;
        for (int i = 0; i < 2; i++)
                http_free(f.streams[i]);
}

void cmd_fg(struct ctl *c, const struct args *a)
{
        if (!a->words.count) {
                ctl_fail(c, EXIT_GENERIC, "ERROR: no process name supplied");
                fputs(cmd_find("fg")->help, c->out);
        } else if (a->words.count > 1) {
                ctl_fail(c, EXIT_GENERIC, "ERROR: too many process names supplied");
        } else if (may_attach(c, a->words.items[0])) {
                fg_attach(c, a->words.items[0]);
        }
}
