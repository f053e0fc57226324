/* The command line of supervisord: flags become overrides of [supervisord] keys and a few
 * switches. Values are not checked here; that is done where the configuration is loaded. Reads no
 * file and prints nothing. */
#include "model/config/cmdline.h"

#include <stdio.h>
#include <string.h>

enum {
        FLAG_KEY,
        FLAG_CONFIG,
        FLAG_HELP,
        FLAG_VERSION,
        FLAG_CHECK,
        FLAG_STRICT,
        FLAG_DUMP,
        FLAG_IGNORED
};

#define KEY(c, key_, value_, help_)                                                                \
        {                                                                                          \
                .letter = (c), .name = (key_), .value = (value_), .help = (help_), .id = FLAG_KEY, \
                .key = (key_)                                                                      \
        }

const struct flag daemon_flags[] = {
        { 'c', "configuration", "FILE", "configuration file (searched for when not given)",
          FLAG_CONFIG, NULL, false, false },
        KEY('n', "nodaemon", NULL, "stay in the foreground"),
        KEY('s', "silent", NULL, "in the foreground, do not copy the log to stdout"),
        { 0, "check", NULL, "print every error and warning of the configuration and exit",
          FLAG_CHECK, NULL, false, false },
        { 0, "strict", NULL, "with --check: a warning counts as an error", FLAG_STRICT, NULL, false,
          false },
        { 0, "dump-state", "DIR", "print a state directory in words, only reading it, and exit",
          FLAG_DUMP, NULL, false, false },
        { 'h', "help", NULL, "print this and exit", FLAG_HELP, NULL, false, false },
        { '?', NULL, NULL, "the same", FLAG_HELP, NULL, false, false },
        { 'v', "version", NULL, "print the version and exit", FLAG_VERSION, NULL, false, false },
        KEY('u', "user", "USER", "run as this user (name or number)"),
        KEY('m', "umask", "UMASK", "umask of the daemon, octal (022)"),
        KEY('d', "directory", "DIR", "directory to change to in the background"),
        KEY('l', "logfile", "FILE", "main log"),
        KEY('y', "logfile_maxbytes", "BYTES", "size at which the main log is rotated (50MB)"),
        KEY('z', "logfile_backups", "NUM", "how many old main logs are kept (10)"),
        KEY('e', "loglevel", "LEVEL", "critical, error, warn, info, debug, trace or blather"),
        KEY('j', "pidfile", "FILE", "file for the daemon's pid"),
        KEY('i', "identifier", "STR", "name of this instance"),
        KEY('q', "childlogdir", "DIR", "directory of generated log files"),
        KEY('k', "nocleanup", NULL, "keep generated log files of earlier runs"),
        KEY('a', "minfds", "NUM", "least number of descriptors (1024)"),
        KEY(0, "minprocs", "NUM", "least number of processes (200)"),
        KEY('t', "strip_ansi", NULL, "remove ANSI escape sequences from logs"),
        { 0, "profile_options", "LIST", "accepted for compatibility, without effect", FLAG_IGNORED,
          NULL, false, false },
        { 0 },
};

static bool set_key(struct cmdline *c, const struct flag *f, const char *typed, const char *value,
                    struct err *e)
{
        for (int i = 0; i < c->override_count; i++)
                if (strcmp(c->overrides[i].key, f->key) == 0)
                        return err_set(e, ERR_USAGE, "conflicting command line option '%s'", typed);
        struct override *o = &c->overrides[c->override_count++];
        *o = (struct override){ .key = f->key, .value = value ? value : "true" };
        snprintf(o->flag, sizeof o->flag, "%s", typed);
        return true;
}

static bool cmdline_on_flag(void *arg, const struct flag *f, const char *typed, const char *value,
                            struct err *e)
{
        struct cmdline *c = arg;

        switch (f->id) {
        case FLAG_KEY:
                return set_key(c, f, typed, value, e);
        case FLAG_CONFIG:
                if (c->config)
                        return err_set(e, ERR_USAGE, "conflicting command line option '%s'", typed);
                c->config = value;
                return true;
        case FLAG_HELP:
                c->help = true;
                return true;
        case FLAG_VERSION:
                c->version = true;
                return true;
        case FLAG_CHECK:
                c->check = true;
                return true;
        case FLAG_STRICT:
                c->strict = true;
                return true;
        case FLAG_DUMP:
                if (c->dump_state)
                        return err_set(e, ERR_USAGE, "conflicting command line option '%s'", typed);
                c->dump_state = value;
                return true;
        default:
                return true;
        }
}

bool cmdline_parse(struct cmdline *c, int argc, char *const *argv, struct err *e)
{
        int first;

        *c = (struct cmdline){ 0 };
        if (!flags_parse(daemon_flags, argc, argv, cmdline_on_flag, c, &first, e))
                return false;
        if (c->help || c->version || first == argc)
                return true;
        AUTO_BUF rest = BUF_INIT;
        for (int i = first; i < argc; i++)
                buf_printf(&rest, "%s'%s'", i > first ? ", " : "", argv[i]);
        return err_set(e, ERR_USAGE, "positional arguments are not supported: [%s]",
                       buf_str(&rest));
}

void cmdline_help(struct buf *out)
{
        buf_puts(out, "supervisord -- run a fleet of processes and keep it alive.\n\n"
                      "Usage: supervisord [options]\n\nOptions:\n");
        flags_help(daemon_flags, out);
}

static bool cmdline_override_again(const struct override *o, struct strlist *argv)
{
        AUTO_BUF word = BUF_INIT;
        const struct flag *f = daemon_flags;

        while ((f->name || f->letter) && (!f->key || strcmp(f->key, o->key) != 0))
                f++;
        buf_printf(&word, "--%s", o->key);
        return !word.failed && strlist_add(argv, word.data) &&
               (!f->value || strlist_add(argv, o->value));
}

bool cmdline_again(const char *binary, bool check, const char *config,
                   const struct override *overrides, int count, struct strlist *argv)
{
        bool fine = strlist_add(argv, binary) && (!check || strlist_add(argv, "--check")) &&
                    strlist_add(argv, "-c") && strlist_add(argv, config);

        for (int i = 0; fine && i < count; i++)
                fine = cmdline_override_again(&overrides[i], argv);
        return fine;
}
