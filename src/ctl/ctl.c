/* What every command needs: saying something, failing with a code, asking the user. Supervisor's
 * words stay its words, whatever the protocol beneath. */
#include "ctl/ctl.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>

#include "base/fault.h"
#include "ctl/transport/json_get.h"
#include "version.h"

void ctl_say(struct ctl *c, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        vfprintf(c->talk, fmt, ap);
        va_end(ap);
        fputc('\n', c->talk);
}

void ctl_fail(struct ctl *c, int code, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        vfprintf(c->talk, fmt, ap);
        va_end(ap);
        fputc('\n', c->talk);
        if (code)
                c->exit_code = code;
}

/* ---- failures that no command expected */

static const struct {
        int number;
        const char *name;
} os_errors[] = {
        { ENOENT, "FileNotFoundError" },        { ECONNREFUSED, "ConnectionRefusedError" },
        { EACCES, "PermissionError" },          { EPERM, "PermissionError" },
        { ECONNRESET, "ConnectionResetError" }, { EPIPE, "BrokenPipeError" },
        { ENOTDIR, "NotADirectoryError" },      { ETIMEDOUT, "TimeoutError" },
};

static const char *os_error_name(int number)
{
        for (size_t i = 0; i < sizeof os_errors / sizeof *os_errors; i++)
                if (os_errors[i].number == number)
                        return os_errors[i].name;
        return "OSError";
}

/* As Python writes a text: in single quotes unless it holds one and no double quote. */
static void put_repr(struct buf *out, const char *s)
{
        char quote = strchr(s, '\'') && !strchr(s, '"') ? '"' : '\'';

        buf_putc(out, quote);
        for (; *s; s++) {
                if (*s == '\n')
                        buf_puts(out, "\\n");
                else if (*s == quote || *s == '\\')
                        buf_printf(out, "\\%c", *s);
                else
                        buf_putc(out, *s);
        }
        buf_putc(out, quote);
}

/* The number that Supervisor gave it; 0: it is a code of ours. */
static int fault_number(const char *code)
{
        for (int n = 1; n <= FAULT_CANT_REREAD; n++)
                if (strcmp(fault_name((enum fault)n), code) == 0)
                        return n;
        return 0;
}

/* "BAD_NAME: x" */
void ctl_put_problem(struct buf *out, const json_t *problem, const char *name)
{
        const char *detail = json_text(problem, "detail");

        buf_puts(out, json_text(problem, "code"));
        if (*detail || *name)
                buf_printf(out, ": %s", *detail ? detail : name);
}

static void put_failure(struct buf *out, const struct ctl *c, const struct reply *r)
{
        const struct url *u = &c->session.url;
        AUTO_BUF problem = BUF_INIT;

        switch (r->kind) {
        case REPLY_PROBLEM:
                ctl_put_problem(&problem, r->json, "");
                buf_printf(out, "<class 'xmlrpc.client.Fault'>, <Fault %d: ",
                           fault_number(json_text(r->json, "code")));
                put_repr(out, buf_str(&problem));
                buf_putc(out, '>');
                return;
        case REPLY_DOWN:
                buf_printf(out, "<class '%s'>, [Errno %d] %s", os_error_name(r->code), r->code,
                           strerror(r->code));
                return;
        case REPLY_HTTP:
                buf_printf(out,
                           "<class 'xmlrpc.client.ProtocolError'>, <ProtocolError for %s/v1: %d>",
                           u->kind == URL_HTTP ? u->host : "127.0.0.1", r->code);
                return;
        default:
                buf_printf(out, "<class 'ValueError'>, %s", buf_str(&r->text));
        }
}

void ctl_report_at(struct ctl *c, const struct reply *r, const char *file, int line)
{
        AUTO_BUF text = BUF_INIT;

        if (r->kind == REPLY_INTERRUPTED) {
                c->exit_code = EXIT_INTERRUPTED;
                return;
        }
        if (r->kind == REPLY_AUTH) {
                ctl_fail(c, EXIT_GENERIC, "%s", buf_str(&r->text));
                return;
        }
        if (r->kind == REPLY_FOREIGN) {
                ctl_fail(c, EXIT_VERSION,
                         "ERROR: %s answered /v1 with HTTP status %d: supervisorctl speaks /v1 "
                         "only, and a daemon of Supervisor itself, which has none, is served by "
                         "Supervisor's own supervisorctl",
                         c->session.url.text, r->code);
                return;
        }
        if (r->kind == REPLY_HTTP && r->code == 503) {
                ctl_fail(c, EXIT_GENERIC,
                         "ERROR: %s cannot answer now (HTTP status 503): it is being upgraded or "
                         "is short of memory; try again",
                         c->session.url.text);
                return;
        }
        put_failure(&text, c, r);
        ctl_fail(c, EXIT_GENERIC, "error: %s: file: %s line: %d", buf_str(&text), file, line);
}

bool ctl_say_down(struct ctl *c, const struct reply *r)
{
        const char *url = c->session.url.text;

        if (r->kind == REPLY_DOWN && r->code == ECONNREFUSED)
                ctl_fail(c, EXIT_UNREACHABLE, "%s refused connection", url);
        else if (r->kind == REPLY_DOWN && r->code == ENOENT)
                ctl_fail(c, EXIT_NOT_RUNNING, "%s no such file", url);
        else if (r->kind == REPLY_DOWN && r->code == EACCES)
                ctl_fail(c, EXIT_GENERIC,
                         "%s permission denied (who may is up to chmod and chown in "
                         "[unix_http_server])",
                         url);
        else
                return false;
        return true;
}

bool ctl_is_served(struct ctl *c, const json_t *doc)
{
        const char *version = json_text(doc, "rpc_version");
        AUTO_REPLY ending = { .kind = REPLY_PROBLEM };

        if (!*version) {
                ctl_fail(c, EXIT_NOT_UP,
                         "Sorry, supervisord responded but did not recognize the supervisor "
                         "namespace commands that supervisorctl uses to control it.  Please check "
                         "that the [rpcinterface:supervisor] section is enabled in the "
                         "configuration file (see sample.conf).");
        } else if (strcmp(json_text(doc, "state"), "RUNNING") != 0) {
                ending.json = json_pack("{s:s}", "code", fault_name(FAULT_SHUTDOWN_STATE));
                ctl_report(c, &ending);
        } else if (strcmp(version, RPC_API_VERSION) != 0) {
                ctl_fail(c, EXIT_VERSION,
                         "Sorry, this version of supervisorctl expects to talk to a server with "
                         "API version " RPC_API_VERSION ", but the remote version is %s.",
                         version);
        } else {
                return true;
        }
        return false;
}

bool ctl_upcheck(struct ctl *c)
{
        AUTO_REPLY r = REPLY_INIT;

        if (session_json(&c->session, &r, "/v1/info", NULL))
                return ctl_is_served(c, r.json);
        ctl_say_failed(c, &r);
        return false;
}

/* ---- questions */

bool ctl_confirm(struct ctl *c, const char *question)
{
        AUTO_BUF line = BUF_INIT;

        fputs(question, c->out);
        fflush(c->out);
        enum input_got got = input_line(&c->in, &line);
        if (got != INPUT_LINE)
                fputc('\n', c->out);
        return got == INPUT_LINE && line.len && tolower((unsigned char)line.data[0]) == 'y';
}

/* The terminal does not show what is typed until the line has come. */
static enum input_got read_secret(struct ctl *c, struct buf *line)
{
        struct termios before, quiet;
        bool hide = c->tty_in && tcgetattr(c->in.fd, &before) == 0;

        if (hide) {
                quiet = before;
                quiet.c_lflag &= ~(tcflag_t)ECHO;
                tcsetattr(c->in.fd, TCSAFLUSH, &quiet);
        }
        enum input_got got = input_line(&c->in, line);
        if (hide)
                tcsetattr(c->in.fd, TCSAFLUSH, &before);
        fputc('\n', c->err);
        return got;
}

bool ctl_ask_login(void *arg, char **user_out, char **password_out)
{
        struct ctl *c = arg;
        AUTO_BUF user = BUF_INIT;
        AUTO_BUF password = BUF_INIT;

        fputs("Server requires authentication\nUsername:", c->out);
        fflush(c->out);
        enum input_got got = input_line(&c->in, &user);
        if (!c->tty_in)
                fputc('\n', c->out);
        if (got != INPUT_LINE)
                return false;
        fputs("Password:", c->err);
        fflush(c->err);
        if (read_secret(c, &password) != INPUT_LINE)
                return false;
        buf_puts(&user, "");
        buf_puts(&password, "");
        *user_out = buf_take(&user);
        *password_out = buf_take(&password);
        return *user_out && *password_out;
}
