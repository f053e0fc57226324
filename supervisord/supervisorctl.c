/* supervisorctl: the command line and the configuration become a client, and the client runs one
 * command or a prompt. Wiring only. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "ctl/commands/commands.h"
#include "ctl/commands/complete.h"
#include "ctl/ctl.h"
#include "ctl/options.h"
#include "ctl/render/render.h"
#include "ctl/shell.h"
#include "model/config/config.h"
#include "sys/host/host.h"

#define DEFAULT_URL    "http://localhost:9001"
#define DEFAULT_PROMPT "supervisor"

static int usage_error(const char *program, const char *text)
{
        fprintf(stderr, "Error: %s\nFor help, use %s -h\n", text, program);
        return EXIT_USAGE;
}

static int print_text(struct buf *text)
{
        fputs(buf_str(text), stdout);
        return text->failed || fflush(stdout) != 0;
}

/* ---- configuration */

/* The file to read: the one that was named, or the first of the search list; NULL with an empty
 * error: none, and that is fine. */
static char *config_path(const struct options *o, const char *argv0, struct err *e)
{
        const struct host *w = host_real();

        if (!o->config)
                return config_search(argv0, w, NULL);
        if (!w->is_file(w, o->config)) {
                err_set(e, ERR_NOENT, "could not find config file %s", o->config);
                return NULL;
        }
        char *path = strdup(o->config);
        if (!path)
                err_nomem(e);
        return path;
}

static struct config *read_config(const char *path, struct err *e)
{
        struct diags diags = { 0 };
        struct config *conf = config_load(path, WANT_CTL, NULL, 0, host_real(), &diags);
        const struct diag *d = diags_first_error(&diags);

        if (!conf)
                err_set(e, ERR_CONFIG, "%s", d ? d->message : "out of memory");
        else if (!conf->has_ctl)
                err_set(e, ERR_CONFIG, ".ini file does not include supervisorctl section");
        diags_release(&diags);
        if (conf && !conf->has_ctl) {
                config_free(conf);
                conf = NULL;
        }
        return conf;
}

static bool load_config(const struct options *o, const char *argv0, struct config **out,
                        struct err *e)
{
        char *path = config_path(o, argv0, e);

        *out = NULL;
        if (!path)
                return e->code == ERR_NONE;
        *out = read_config(path, e);
        free(path);
        return *out != NULL;
}

static const char *first_of(const char *flag, const char *file, const char *dflt)
{
        return flag ? flag : file ? file : dflt;
}

/* ---- the client */

/* Ctrl-C becomes readable, so that every wait hears it and nothing is interrupted half-way. */
static int interrupt_fd(void)
{
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -1;
        int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd < 0)
                sigprocmask(SIG_UNBLOCK, &set, NULL);
        return fd;
}

static void client_init(struct ctl *c, const struct options *o, const struct ctl_conf *conf,
                        int sigfd)
{
        c->out = c->talk = stdout;
        c->err = stderr;
        c->in = (struct input){ .fd = STDIN_FILENO, .interrupt_fd = sigfd };
        c->prompt = first_of(NULL, conf->prompt, DEFAULT_PROMPT);
        c->history_file = first_of(o->history_file, conf->history_file, NULL);
        c->tty_in = isatty(STDIN_FILENO);
        c->tty_out = isatty(STDOUT_FILENO);
        c->colour = colour_wanted(c->tty_out, getenv("NO_COLOR"), getenv("TERM"));
        c->json = o->json;
        c->verbose = o->verbose;
        c->session.wait.interrupt_fd = sigfd;
}

static int supervisorctl_run_once(struct ctl *c, char **words, int count)
{
        AUTO_BUF line = BUF_INIT;

        cmd_join(&line, words, count);
        if (line.failed)
                return EXIT_GENERIC;
        ctl_run(c, buf_str(&line));
        return c->exit_code;
}

static int run_prompt(struct ctl *c)
{
        c->interactive = true;
        c->session.ask = ctl_ask_login;
        c->session.ask_arg = c;
        shell_run(c);
        return 0;
}

static int run_client(const struct options *o, const struct ctl_conf *conf, int argc, char **argv)
{
        struct ctl c = { 0 };
        struct err e = { 0 };
        AUTO_FD sigfd = -1;
        const char *url = first_of(o->serverurl, conf->serverurl, DEFAULT_URL);

        if (!session_init(&c.session, url, first_of(o->username, conf->username, NULL),
                          first_of(o->password, conf->password, NULL), &e)) {
                err_wrap(&e, "invalid value for -s '%s': ", url);
                return usage_error(argv[0], e.text);
        }
        sigfd = interrupt_fd();
        client_init(&c, o, conf, sigfd);
        int code = o->rest < argc ? supervisorctl_run_once(&c, argv + o->rest, argc - o->rest)
                                  : run_prompt(&c);
        session_release(&c.session);
        input_release(&c.in);
        if ((fflush(stdout) != 0 || ferror(stdout)) && !code)
                code = EXIT_GENERIC;
        return code;
}

static void complete_words(const struct options *o, const struct ctl_conf *conf, int argc,
                           char **argv, struct buf *out)
{
        AUTO_BUF line = BUF_INIT;
        struct ctl c = { 0 };
        struct err e = { 0 };

        if (!session_init(&c.session, first_of(o->serverurl, conf->serverurl, DEFAULT_URL),
                          first_of(o->username, conf->username, NULL),
                          first_of(o->password, conf->password, NULL), &e))
                return;
        for (int i = o->rest; i < argc; i++)
                buf_printf(&line, "%s%s", i > o->rest ? " " : "", argv[i]);
        if (!line.failed)
                complete_command(&c, buf_str(&line), out);
        session_release(&c.session);
}

/* ---- the command line */

/* For the completion scripts. argv[0] is the client, and the last word is what is being typed.
 * ":files" asks the shell for the names of files. What cannot be answered offers nothing: a line
 * that is half typed is no place for error messages. */
static int print_candidates(int argc, char **argv)
{
        static const struct ctl_conf no_conf;
        AUTO_BUF text = BUF_INIT;
        struct options o;
        struct err e = { 0 };
        struct config *conf = NULL;
        const char *typed = argc > 1 ? argv[argc - 1] : "";

        if (argc > 2 && options_wants_file(argv[argc - 2]) &&
            (!options_parse(argc - 1, argv, &o, &e) || o.rest >= argc - 1))
                buf_puts(&text, ":files\n");
        else if (!options_parse(argc - 1, argv, &o, &e))
                return 0;
        else if (o.rest >= argc - 1 && *typed == '-')
                options_complete(typed, &text);
        else if (load_config(&o, argv[0], &conf, &e))
                complete_words(&o, conf ? &conf->ctl : &no_conf, argc, argv, &text);
        config_free(conf);
        return print_text(&text);
}

static int print_usage(const char *program)
{
        AUTO_BUF text = BUF_INIT;

        options_usage(&text, program);
        return print_text(&text);
}

int main(int argc, char **argv)
{
        static const struct ctl_conf no_conf;
        struct options o;
        struct err e = { 0 };
        struct config *conf = NULL;

        if (!fd_standard_fill()) {
                perror("supervisorctl: /dev/null in place of a closed standard descriptor");
                return EXIT_GENERIC;
        }
        if (!options_parse(argc, argv, &o, &e))
                return usage_error(argv[0], e.text);
        if (o.help)
                return print_usage(argv[0]);
        if (o.complete) {
                argv[o.rest - 1] = argv[0];
                return print_candidates(argc - o.rest + 1, argv + o.rest - 1);
        }
        if (!load_config(&o, argv[0], &conf, &e))
                return usage_error(argv[0], e.text);
        int code = run_client(&o, conf ? &conf->ctl : &no_conf, argc, argv);
        config_free(conf);
        return code;
}
