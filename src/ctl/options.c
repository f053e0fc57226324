#include "ctl/options.h"

#include <stddef.h>
#include <string.h>

enum opt_type { OPT_TEXT, OPT_FLAG };

/* Options of ours want their whole name: a prefix that meant one of Supervisor's still does. */
static const struct ctl_opt {
        char letter; /* 0: none */
        const char *name;
        enum opt_type type;
        size_t at;
        const char *operand; /* NULL: takes none */
        bool ours, hidden;
        const char *help; /* further lines are indented by the usage */
} opts[] = {
        { 'c', "configuration", OPT_TEXT, offsetof(struct options, config), "FILE", false, false,
          "read the section [supervisorctl] of this file (default: search for it)" },
        { 'h', "help", OPT_FLAG, offsetof(struct options, help), NULL, false, false,
          "print this text and exit" },
        { '?', "help", OPT_FLAG, offsetof(struct options, help), NULL, false, true, "" },
        { 'i', "interactive", OPT_FLAG, offsetof(struct options, interactive), NULL, false, false,
          "read commands from a prompt (the default when no action is given)" },
        { 's', "serverurl", OPT_TEXT, offsetof(struct options, serverurl), "URL", false, false,
          "where supervisord listens: unix:///PATH or http://HOST:PORT\n"
          "(default \"http://localhost:9001\")" },
        { 'u', "username", OPT_TEXT, offsetof(struct options, username), "NAME", false, false,
          "user name for a server that wants one" },
        { 'p', "password", OPT_TEXT, offsetof(struct options, password), "PASSWORD", false, false,
          "password for a server that wants one" },
        { 'r', "history_file", OPT_TEXT, offsetof(struct options, history_file), "FILE", false,
          false, "keep the history of the prompt in this file" },
        { 'v', "verbose", OPT_FLAG, offsetof(struct options, verbose), NULL, true, false,
          "status: also say what happens next, and why" },
        { 0, "json", OPT_FLAG, offsetof(struct options, json), NULL, true, false,
          "print data as JSON" },
        { 0, "completion", OPT_TEXT, offsetof(struct options, completion), "SHELL", true, true,
          "" },
};

#define OPT_COUNT (sizeof opts / sizeof *opts)

static void opt_set(const struct ctl_opt *o, struct options *out, const char *value)
{
        char *field = (char *)out + o->at;

        if (o->type == OPT_FLAG)
                *(bool *)field = true;
        else
                *(const char **)field = value;
}

static const struct ctl_opt *find_letter(char letter)
{
        for (size_t i = 0; i < OPT_COUNT; i++)
                if (opts[i].letter && opts[i].letter == letter)
                        return &opts[i];
        return NULL;
}

static const struct ctl_opt *find_long(const char *name, size_t len, struct err *e)
{
        const struct ctl_opt *prefix = NULL;
        int matches = 0;

        for (size_t i = 0; i < OPT_COUNT; i++) {
                const struct ctl_opt *o = &opts[i];
                if (o->letter == '?')
                        continue;
                if (strlen(o->name) == len && strncmp(o->name, name, len) == 0)
                        return o;
                if (!o->ours && strncmp(o->name, name, len) == 0) {
                        prefix = o;
                        matches++;
                }
        }
        if (matches == 1)
                return prefix;
        err_set(e, ERR_USAGE,
                matches ? "option --%.*s not a unique prefix" : "option --%.*s not recognized",
                (int)len, name);
        return NULL;
}

/* One "--name", "--name=value" or "--name value". *at is moved over what was eaten. */
static bool parse_long(char **argv, int argc, int *at, struct options *out, struct err *e)
{
        const char *name = argv[*at] + 2;
        size_t len = strcspn(name, "=");
        const char *value = name[len] == '=' ? name + len + 1 : NULL;
        const struct ctl_opt *o = find_long(name, len, e);

        if (!o)
                return false;
        if (o->type == OPT_FLAG && value)
                return err_set(e, ERR_USAGE, "option --%s must not have an argument", o->name);
        if (o->type == OPT_TEXT && !value) {
                if (*at + 1 >= argc)
                        return err_set(e, ERR_USAGE, "option --%s requires argument", o->name);
                value = argv[++*at];
        }
        opt_set(o, out, value);
        return true;
}

/* One word of short options: "-i", "-ic", "-cFILE", "-c FILE". */
static bool parse_short(char **argv, int argc, int *at, struct options *out, struct err *e)
{
        for (const char *p = argv[*at] + 1; *p; p++) {
                const struct ctl_opt *o = find_letter(*p);
                if (!o)
                        return err_set(e, ERR_USAGE, "option -%c not recognized", *p);
                if (o->type == OPT_FLAG) {
                        opt_set(o, out, NULL);
                        continue;
                }
                if (!p[1] && *at + 1 >= argc)
                        return err_set(e, ERR_USAGE, "option -%c requires argument", *p);
                opt_set(o, out, p[1] ? p + 1 : argv[++*at]);
                return true;
        }
        return true;
}

bool options_parse(int argc, char **argv, struct options *out, struct err *e)
{
        int at = 1;

        *out = (struct options){ 0 };
        for (; at < argc && argv[at][0] == '-' && argv[at][1]; at++) {
                if (strcmp(argv[at], "--") == 0) {
                        at++;
                        break;
                }
                bool is_long = argv[at][1] == '-';
                if (!(is_long ? parse_long : parse_short)(argv, argc, &at, out, e))
                        return false;
        }
        out->rest = at;
        return true;
}

void options_each(options_visit visit, void *arg)
{
        for (size_t i = 0; i < OPT_COUNT; i++)
                if (!opts[i].hidden)
                        visit(arg, opts[i].letter, opts[i].name, opts[i].operand, opts[i].help);
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
