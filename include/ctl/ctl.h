/* The client's context, and what every command needs: say something, fail with a code, ask whether
 * the daemon is there. */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stdbool.h>
#include <stdio.h>

#include "base/strlist.h"
#include "ctl/input.h"
#include "ctl/transport/session.h"

/* Exit codes of one-shot commands (compat 21.2). */
enum ctl_exit {
        EXIT_GENERIC = 1,
        EXIT_USAGE = 2,
        EXIT_NOT_UP = 3,      /* status: something is down */
        EXIT_UNREACHABLE = 4, /* no daemon answers, or status of an unknown name */
        EXIT_VERSION = 5,     /* another version, or another protocol */
        EXIT_NOT_RUNNING = 7,
        EXIT_INTERRUPTED = 130, /* as a shell says for SIGINT */
};

struct ctl {
        struct session session;
        struct input in;
        FILE *out, *err;    /* borrowed */
        FILE *talk;         /* borrowed: where sentences go; out, or err while JSON is printed */
        const char *prompt; /* borrowed */
        const char *history_file; /* borrowed; NULL: none */
        bool interactive;         /* reads commands from a prompt */
        bool tty_in, tty_out;
        bool colour;
        bool json, verbose; /* said on the command line, for every command */
        int exit_code;      /* the last error wins */
        bool leave;         /* quit was said */
};

struct cmd;

/* A command's operands. */
struct args {
        const struct cmd *cmd; /* borrowed; NULL: not run from a line */
        struct strlist words;
        bool json, verbose, plan; /* flags said among the operands, or for all commands */
};

/* One line to the user, the newline is added. */
void ctl_say(struct ctl *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same, and the exit code; 0 leaves it as it is. */
void ctl_fail(struct ctl *c, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* An answer that no command made sense of: one line in Supervisor's shape ("error: <class ...>"),
 * exit code 1. Use the macro: the line names its place. */
#define ctl_report(c, r) ctl_report_at((c), (r), __FILE__, __LINE__)
void ctl_report_at(struct ctl *c, const struct reply *r, const char *file, int line);

/* "BAD_NAME: x" of a problem or a result; the name where it has no detail. */
void ctl_put_problem(struct buf *out, const json_t *problem, const char *name);

/* Is the daemon there, and does it serve clients? False: said so (compat 21.3). */
bool ctl_upcheck(struct ctl *c);
/* The same of a document that says it: "state" and "rpc_version" of the daemon. */
bool ctl_is_served(struct ctl *c, const json_t *doc);

/* A failed call: ctl_say_down, or else ctl_report_at. */
#define ctl_say_failed(c, r) (ctl_say_down((c), (r)) || (ctl_report((c), (r)), true))

/* "<url> no such file" and "<url> refused connection" with their codes. False: some other failure,
 * nothing was said. */
bool ctl_say_down(struct ctl *c, const struct reply *r);

/* Yes or no; anything but a y at the beginning is no. */
bool ctl_confirm(struct ctl *c, const char *question);

/* What to do with a 401 at the prompt; arg is the struct ctl. */
bool ctl_ask_login(void *arg, char **user_out, char **password_out);

/* One line of input: find the command and run it. */
void ctl_run(struct ctl *c, const char *line);

#endif
