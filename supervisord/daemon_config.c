/* The daemon's configuration: found, read, checked, and what is said about it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"
#include "engine/persist/state.h"

int daemon_refuse(const struct daemon *d, const char *text)
{
        fprintf(stderr, "Error: %s\nFor help, use %s -h\n", text, d->argv0);
        return EXIT_REFUSED;
}

/* ---- configuration */

static char *find_config(struct daemon *d, struct err *e)
{
        char *tried = NULL, *path;

        if (d->cmd.config)
                return strdup(d->cmd.config);
        path = config_search(d->argv0, d->host, &tried);
        if (!path)
                err_set(e, ERR_CONFIG,
                        "No config file found at default paths (%s); use the -c option to specify "
                        "a config file at a different path",
                        tried ? tried : "");
        else if (d->host->euid == 0)
                fprintf(stderr,
                        "Warning: running as root and searching for the configuration in default "
                        "places, the current directory among them; say -c with an absolute path "
                        "to be sure which one is used.\n");
        free(tried);
        return path;
}

/* "FILE:LINE: WORD: [SECTION] KEY: ", as far as they are known; no WORD when there is none. */
static void print_where(const struct diag *g, const char *word)
{
        if (g->file)
                fprintf(stderr, "%s:", g->file);
        if (g->line)
                fprintf(stderr, "%d:", g->line);
        fprintf(stderr, "%s%s%s", g->file ? " " : "", word, *word ? ": " : "");
        if (g->section)
                fprintf(stderr, "[%s] ", g->section);
        if (g->key)
                fprintf(stderr, "%s: ", g->key);
}

static void print_diag(const struct diag *g)
{
        static const char *const words[] = {
                [DIAG_INFO] = "info",
                [DIAG_WARNING] = "warning",
                [DIAG_CRITICAL] = "note", /* for the log; not counted as a warning */
                [DIAG_ERROR] = "error",
        };

        if (g->severity == DIAG_INFO)
                return;
        print_where(g, words[g->severity]);
        fprintf(stderr, "%s\n", g->message ? g->message : "out of memory");
        if (g->hint)
                fprintf(stderr, "    %s\n", g->hint);
}

/* Who is about to take a running daemon's place by this binary wants to know beforehand. */
static size_t check_state(const struct daemon *d)
{
        struct err e = { 0 };

        if (!d->config || state_check(d->config->settings.statedir, &e))
                return 0;
        fprintf(stderr, "error: [supervisord] statedir: %s\n", e.text);
        return 1;
}

static int check_config(const struct daemon *d, const char *path)
{
        const struct diags *g = &d->diags;
        int processes = 0, programs = 0;

        for (size_t i = 0; i < g->count; i++)
                print_diag(&g->items[i]);
        size_t errors = g->errors + check_state(d);
        for (int i = 0; d->config && i < d->config->group_count; i++)
                for (int j = 0; j < d->config->groups[i]->program_count; j++, programs++)
                        processes += d->config->groups[i]->programs[j]->numprocs;
        bool bad = !d->config || errors || (d->cmd.strict && g->warnings);
        printf("%s: %s: %zu error%s, %zu warning%s", path, bad ? "refused" : "good", errors,
               errors == 1 ? "" : "s", g->warnings, g->warnings == 1 ? "" : "s");
        if (d->config)
                printf("; %d program%s, %d process%s", programs, programs == 1 ? "" : "s",
                       processes, processes == 1 ? "" : "es");
        printf("\n");
        return bad ? EXIT_REFUSED : 0;
}

static int refuse_config(const struct daemon *d, const char *path)
{
        const struct diag *first = diags_first_error(&d->diags);
        int code = daemon_refuse(d, first && first->message ? first->message : "out of memory");

        if (first && first->file && (first->line || first->hint)) {
                print_where(first, "");
                fprintf(stderr, "%s\n", first->hint ? first->hint : "refused");
        }
        if (d->diags.errors > 1)
                fprintf(stderr, "(and %zu more: supervisord --check -c %s shows all)\n",
                        d->diags.errors - 1, path);
        return code;
}

/* What another image of us knows of the file's names; -1: nothing. */
static int given_names(struct daemon *d)
{
        const char *where = d->cmd.check ? getenv(LOOKUP_GIVEN) : NULL;

        if (where && strcmp(where, "stdin") == 0)
                return dup(STDIN_FILENO);
        return handover_fd(&d->handover, "names");
}

bool daemon_read_config(struct daemon *d, int *code)
{
        struct err e = { 0 };
        char *path = find_config(d, &e);

        if (!path) {
                *code = daemon_refuse(d, e.text);
                return false;
        }
        enum config_want check = getenv(LOOKUP_GIVEN) ? WANT_RELOAD : WANT_CHECK;
        const struct lookup_file file = { .path = path,
                                          .want = d->cmd.check ? check : WANT_DAEMON,
                                          .overrides = d->cmd.overrides,
                                          .override_count = d->cmd.override_count };
        d->config = lookup_load(d->names, sys_real(), &file, given_names(d), &d->diags);
        bool go_on = d->config && !d->cmd.check;
        if (d->cmd.check)
                *code = check_config(d, path);
        else if (!d->config)
                *code = refuse_config(d, path);
        free(path);
        return go_on;
}

/* ---- the log */

struct mainlog_conf daemon_log_conf(const struct settings *s)
{
        return (struct mainlog_conf){ .path = s->logfile,
                                      .owner = user_owner(&s->user),
                                      .maxbytes = s->logfile_maxbytes,
                                      .backups = s->logfile_backups,
                                      .level = s->loglevel,
                                      .to_stdout = s->nodaemon && !s->silent,
                                      .identifier = s->identifier,
                                      .syslog_socket = s->syslog_socket };
}

void daemon_tell_diags(struct log *log, const struct diags *d)
{
        static const struct {
                enum severity severity;
                enum log_level level;
        } rounds[] = { { DIAG_CRITICAL, LVL_CRITICAL },
                       { DIAG_WARNING, LVL_WARN },
                       { DIAG_INFO, LVL_INFO } };

        for (size_t r = 0; r < sizeof rounds / sizeof *rounds; r++)
                for (size_t i = 0; i < d->count; i++) {
                        const struct diag *g = &d->items[i];
                        if (g->severity != rounds[r].severity || !g->message)
                                continue;
                        AUTO_BUF text = BUF_INIT;
                        diag_line(g, &text);
                        log_line(log, rounds[r].level, "%s", buf_str(&text));
                }
}
