/* The command line of supervisorctl, as rows (compat 2). Values are taken as they are; they are
 * checked where they are used. */
#include "ctl/options.h"

#include <stddef.h>
#include <string.h>

#include "base/flags.h"

/* A value or a mark goes where `id` says. Options of ours want their whole name: a prefix that
 * meant one of Supervisor's still does. */
#define AT(field) (int)offsetof(struct options, field)

static const struct flag flags[] = {
        { 'c', "configuration", "FILE",
          "read the section [supervisorctl] of this file (default: search for it)", AT(config),
          NULL, false, false },
        { 'h', "help", NULL, "print this text and exit", AT(help), NULL, false, false },
        { '?', NULL, NULL, "", AT(help), NULL, false, true },
        { 'i', "interactive", NULL,
          "read commands from a prompt (the default when no action is given)", AT(interactive),
          NULL, false, false },
        { 's', "serverurl", "URL",
          "where supervisord listens: unix:///PATH or http://HOST:PORT\n"
          "(default \"http://localhost:9001\")",
          AT(serverurl), NULL, false, false },
        { 'u', "username", "NAME", "user name for a server that wants one", AT(username), NULL,
          false, false },
        { 'p', "password", "PASSWORD", "password for a server that wants one", AT(password), NULL,
          false, false },
        { 'r', "history_file", "FILE", "keep the history of the prompt in this file",
          AT(history_file), NULL, false, false },
        { 'v', "verbose", NULL, "status: also say what happens next, and why", AT(verbose), NULL,
          true, false },
        { 0, "json", NULL, "print data as JSON", AT(json), NULL, true, false },
        { 0, "complete", NULL, "", AT(complete), NULL, true, true },
        { 0 },
};

static bool options_on_flag(void *arg, const struct flag *f, const char *typed, const char *value,
                            struct err *e)
{
        char *field = (char *)arg + f->id;

        (void)typed, (void)e;
        if (f->value)
                *(const char **)field = value;
        else
                *(bool *)field = true;
        return true;
}

bool options_parse(int argc, char **argv, struct options *out, struct err *e)
{
        *out = (struct options){ 0 };
        return flags_parse(flags, argc, argv, options_on_flag, out, &out->rest, e);
}

void options_each(options_visit visit, void *arg)
{
        for (const struct flag *f = flags; f->letter || f->name; f++)
                if (!f->hidden)
                        visit(arg, f->letter, f->name, f->value, f->help);
}

static void put_usage_line(void *arg, char letter, const char *name, const char *operand,
                           const char *help)
{
        struct buf *out = arg;

        if (letter)
                buf_printf(out, "-%c/", letter);
        buf_printf(out, "--%s%s%s -- ", name, operand ? " " : "", operand ? operand : "");
        for (; *help; help++) {
                buf_putc(out, *help);
                if (*help == '\n')
                        buf_puts(out, "     ");
        }
        buf_putc(out, '\n');
}

void options_usage(struct buf *out, const char *program)
{
        buf_printf(out,
                   "supervisorctl -- ask a running supervisord, and give it orders.\n\n"
                   "Usage: %s [options] [action [arguments]]\n\nOptions:\n",
                   program);
        options_each(put_usage_line, out);
        buf_puts(out,
                 "\naction [arguments] -- one command, run once; its exit code is ours\n\n"
                 "Without an action (or with -i alone) a prompt reads commands until \"quit\"\n"
                 "or the end of the input. The action \"help\" lists all commands.\n");
}

bool options_wants_file(const char *word)
{
        for (const struct flag *f = flags; f->letter || f->name; f++) {
                if (!f->value || strcmp(f->value, "FILE") != 0)
                        continue;
                if ((f->letter && word[0] == '-' && word[1] == f->letter && !word[2]) ||
                    (strncmp(word, "--", 2) == 0 && strcmp(word + 2, f->name) == 0))
                        return true;
        }
        return false;
}

void options_complete(const char *typed, struct buf *out)
{
        for (const struct flag *f = flags; f->letter || f->name; f++) {
                AUTO_BUF word = BUF_INIT;

                if (f->hidden)
                        continue;
                buf_printf(&word, "--%s", f->name);
                if (strncmp(buf_str(&word), typed, strlen(typed)) == 0)
                        buf_printf(out, "%s\t%.*s\n", buf_str(&word), (int)strcspn(f->help, "\n"),
                                   f->help);
        }
}
