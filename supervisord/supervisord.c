/* The daemon: wiring only. Start-up in the order of compat section 10; every refusal before
 * supervision begins is exit code 2 with "Error: ..." on stderr. */
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/server.h"
#include "base/fault_point.h"
#include "engine/children.h"
#include "engine/fdstore.h"
#include "engine/gzip.h"
#include "engine/orders.h"
#include "engine/reload.h"
#include "engine/service.h"
#include "engine/shutdown.h"
#include "engine/state.h"
#include "engine/supervisor.h"
#include "engine/upgrade.h"
#include "logs/mainlog.h"
#include "model/cmdline.h"
#include "sys/daemonize.h"
#include "sys/given.h"
#include "sys/handover.h"
#include "sys/trim.h"
#include "sys/user.h"
#include "sys/world.h"
#include "version.h"

enum { EXIT_REFUSED = 2, EXIT_FAILED = 1 };

struct daemon {
        struct cmdline cmd;
        const char *argv0;
        const struct world *world;
        struct config *config; /* until the supervisor takes it */
        struct diags diags;    /* of the start: told to the main log */
        struct mainlog *mainlog;
        struct ev_loop *loop;
        struct supervisor sup;
        struct api *api;
        struct service service;
        sigset_t original_mask;
        int pidfile;
        char *pidfile_path;
        struct err pidfile_error; /* why there is none */
        ev_signal signals[8];
        int signal_count;
        ev_io child_signal; /* a signalfd: libev's would not say who has ended */
        ev_timer farewell;
        int farewells;
        struct handover handover;
        char *binary;      /* owned: what we were started from */
        char *next_binary; /* owned: to become it as soon as everybody has an answer; or NULL */
        bool refused;
};

#define FAREWELL_S      0.01
#define PATIENCE_ROUNDS 1000 /* whoever waits for a process gets an answer before an upgrade */
#define FAREWELL_ROUNDS 100  /* a client that does not take its last answer is not waited for */

static int refuse(const struct daemon *d, const char *text)
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
        path = config_search(d->argv0, d->world, &tried);
        if (!path)
                err_set(e, ERR_CONFIG,
                        "No config file found at default paths (%s); use the -c option to specify "
                        "a config file at a different path",
                        tried ? tried : "");
        else if (d->world->euid == 0)
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

static int check_config(const struct daemon *d, const char *path)
{
        const struct diags *g = &d->diags;
        int processes = 0, programs = 0;

        for (size_t i = 0; i < g->count; i++)
                print_diag(&g->items[i]);
        for (int i = 0; d->config && i < d->config->group_count; i++)
                for (int j = 0; j < d->config->groups[i]->program_count; j++, programs++)
                        processes += d->config->groups[i]->programs[j]->numprocs;
        bool bad = !d->config || g->errors || (d->cmd.strict && g->warnings);
        printf("%s: %s: %zu error%s, %zu warning%s", path, bad ? "refused" : "good", g->errors,
               g->errors == 1 ? "" : "s", g->warnings, g->warnings == 1 ? "" : "s");
        if (d->config)
                printf("; %d program%s, %d process%s", programs, programs == 1 ? "" : "s",
                       processes, processes == 1 ? "" : "es");
        printf("\n");
        return bad ? EXIT_REFUSED : 0;
}

static int refuse_config(const struct daemon *d, const char *path)
{
        const struct diag *first = diags_first_error(&d->diags);
        int code = refuse(d, first && first->message ? first->message : "out of memory");

        if (first && first->file && (first->line || first->hint)) {
                print_where(first, "");
                fprintf(stderr, "%s\n", first->hint ? first->hint : "refused");
        }
        if (d->diags.errors > 1)
                fprintf(stderr, "(and %zu more: supervisord --check -c %s shows all)\n",
                        d->diags.errors - 1, path);
        return code;
}

/* 0: go on; else exit with *code. */
static bool read_config(struct daemon *d, int *code)
{
        struct err e = { 0 };
        char *path = find_config(d, &e);

        if (!path) {
                *code = refuse(d, e.text);
                return false;
        }
        d->config = config_load(path, WANT_DAEMON, d->cmd.overrides, d->cmd.override_count,
                                d->world, &d->diags);
        bool go_on = d->config && !d->cmd.check;
        if (d->cmd.check)
                *code = check_config(d, path);
        else if (!d->config)
                *code = refuse_config(d, path);
        free(path);
        return go_on;
}

/* ---- the log */

static struct mainlog_conf log_conf(const struct settings *s)
{
        return (struct mainlog_conf){ .path = s->logfile,
                                      .maxbytes = s->logfile_maxbytes,
                                      .backups = s->logfile_backups,
                                      .level = s->loglevel,
                                      .to_stdout = s->nodaemon && !s->silent,
                                      .identifier = s->identifier,
                                      .syslog_socket = s->syslog_socket };
}

/* What reading the file had to say: criticals, warnings, infos (compat section 8). */
static void flush_messages(struct log *log, const struct diags *d)
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
                        if (g->file && g->line && g->key && !g->quoted)
                                log_line(log, rounds[r].level, "%s:%d: %s%s%s", g->file, g->line,
                                         g->message, g->hint ? "; " : "", g->hint ? g->hint : "");
                        else
                                log_line(log, rounds[r].level, "%s", g->message);
                }
}

/* ---- signals (compat section 11) */

static void on_hangup(struct daemon *d)
{
        struct supervisor *s = &d->sup;
        struct diags diags = { 0 };
        struct plan plan = { 0 };
        bool restart = s->config->settings.sighup == SIGHUP_RESTART;

        if (s->mood != MOOD_RUNNING) {
                log_line(s->log, LVL_WARN,
                         "ignored SIGHUP indicating restart request (shutdown in progress)");
                return;
        }
        log_line(s->log, LVL_WARN, "received SIGHUP indicating %s request",
                 restart ? "restart" : "reload");
        if (restart)
                order_restart_all(s, NULL, &diags);
        else
                order_apply(s, false, NULL, &plan, &diags);
        plan_release(&plan);
        diags_release(&diags);
}

static void on_end_signal(struct daemon *d, int sig, const char *name)
{
        struct supervisor *s = &d->sup;
        bool again = s->mood == MOOD_SHUTDOWN;

        log_line(s->log, LVL_WARN, "received %s indicating exit request", name);
        if (again && sig == SIGINT && s->config->settings.nodaemon && isatty(STDIN_FILENO)) {
                log_line(s->log, LVL_WARN, "interrupted twice: killing everything now");
                shutdown_hurry(s);
        }
        shutdown_request(s, name);
}

static void on_upgrade_signal(struct daemon *d)
{
        struct err e = { 0 };

        log_line(d->sup.log, LVL_WARN, "received SIGUSR1 indicating upgrade request");
        if (!upgrade_begin(&d->sup, NULL, NULL, NULL, NULL, &e))
                log_line(d->sup.log, LVL_ERROR, "not upgraded: %s", e.text);
}

static void on_signal(struct ev_loop *loop, ev_signal *w, int revents)
{
        struct daemon *d = w->data;

        (void)loop, (void)revents;
        switch (w->signum) {
        case SIGTERM:
                on_end_signal(d, SIGTERM, "SIGTERM");
                break;
        case SIGINT:
                on_end_signal(d, SIGINT, "SIGINT");
                break;
        case SIGQUIT:
                on_end_signal(d, SIGQUIT, "SIGQUIT");
                break;
        case SIGHUP:
                on_hangup(d);
                break;
        case SIGUSR1:
                on_upgrade_signal(d);
                break;
        case SIGUSR2:
                log_line(d->sup.log, LVL_INFO, "received SIGUSR2 indicating log reopen request");
                log_line(d->sup.log, LVL_INFO, "supervisord logreopen");
                order_reopen_logs(&d->sup);
                break;
        default:
                log_line(d->sup.log, LVL_INFO, "ignored signal %d", w->signum);
                break;
        }
}

static void on_child_signal(struct ev_loop *loop, ev_io *w, int revents)
{
        struct daemon *d = w->data;
        struct signalfd_siginfo info;

        (void)loop, (void)revents;
        /* There is one at a time; what comes meanwhile wakes the loop again. */
        if (read(w->fd, &info, sizeof info) != (ssize_t)sizeof info)
                return;
        log_line(d->sup.log, LVL_DEBUG, "received SIGCHLD indicating a child quit");
        children_signal(&d->sup, (pid_t)info.ssi_pid, clock_mono_ms());
}

static bool watch_children(struct daemon *d, struct err *e)
{
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGCHLD);
        sigprocmask(SIG_BLOCK, &set, NULL);
        int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd < 0)
                return err_set(e, ERR_SYS, "cannot watch for children that end");
        ev_io_init(&d->child_signal, on_child_signal, fd, EV_READ);
        d->child_signal.data = d;
        ev_io_start(d->loop, &d->child_signal);
        ev_unref(d->loop);
        return true;
}

static void unwatch_children(struct daemon *d)
{
        if (!ev_is_active(&d->child_signal))
                return;
        ev_ref(d->loop);
        ev_io_stop(d->loop, &d->child_signal);
        close(d->child_signal.fd);
}

static void watch_signals(struct daemon *d)
{
        static const int watched[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2 };
        static const int ignored[] = { SIGPIPE, SIGXFSZ, SIGALRM, SIGVTALRM, SIGPROF, SIGIO };

        for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
                if (ignored[i] != SIGALRM || d->handover.list < 0) /* then it is the watch's */
                        signal(ignored[i],
                               SIG_IGN); /* would end us; workers start with the defaults */
        for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
                ev_signal *w = &d->signals[d->signal_count++];
                ev_signal_init(w, on_signal, watched[i]);
                w->data = d;
                ev_signal_start(d->loop, w);
                ev_unref(d->loop);
        }
}

/* ---- the end, or a new beginning in this process */

/* Returns when it cannot be done: then we go on as before. */
static void become_next(struct daemon *d)
{
        struct supervisor *s = &d->sup;
        AUTO_STRS items = STRS_INIT;
        AUTO_STRS argv = STRS_INIT;
        struct err e = { 0 };

        log_line(s->log, LVL_INFO, "upgrading: going on as %s", d->next_binary);
        logs_park(s->logs); /* descriptors that nobody opens or closes can be handed over */
        bool fine = handover_put_start(&items, &d->original_mask, &s->limits.nofile) &&
                    (d->pidfile < 0 || handover_put_fd(&items, "pidfile", d->pidfile)) &&
                    upgrade_hand_over(s, &items) && api_hand_over(d->api, &items) &&
                    cmdline_again(&d->cmd, d->next_binary, s->config->path, &argv);
        service_reloading(&d->service);
        mainlog_send(d->mainlog);
        if (!fine)
                err_nomem(&e);
        if (!fine || !handover_exec(d->binary, d->next_binary, argv.items, &items, &e))
                log_line(s->log, LVL_ERROR, "not upgraded: %s", e.text);
        logs_go_on(s->logs);
        free(d->next_binary);
        d->next_binary = NULL;
        api_pause(d->api, false);
}

static void on_upgrade(struct supervisor *s, const char *binary)
{
        struct daemon *d = s->rebind_arg;

        free(d->next_binary);
        d->next_binary = strdup(binary);
        if (!d->next_binary)
                return;
        d->farewells = 0;
        api_pause(d->api, true);
        ev_timer_start(d->loop, &d->farewell);
}

static void on_farewell(struct ev_loop *loop, ev_timer *w, int revents)
{
        struct daemon *d = w->data;

        (void)revents;
        if (d->next_binary) {
                if (api_quiet(d->api) || ++d->farewells > PATIENCE_ROUNDS) {
                        ev_timer_stop(loop, w);
                        become_next(d);
                }
                return;
        }
        if (api_idle(d->api) || ++d->farewells > FAREWELL_ROUNDS)
                ev_break(loop, EVBREAK_ALL);
}

static bool on_rebind(void *arg, const struct config *next, struct err *e)
{
        struct daemon *d = arg;
        struct mainlog_conf conf = log_conf(&next->settings);

        if (!mainlog_configure(d->mainlog, &conf, e))
                return false;
        if (api_rebind(d->api, next, e)) {
                logs_syslog_socket(d->sup.logs, next->settings.syslog_socket);
                return true;
        }
        struct err ignored;
        conf = log_conf(&d->sup.config->settings);
        mainlog_configure(d->mainlog, &conf, &ignored);
        return false;
}

/* The new file names another one. Where that cannot be had, the old one stays. */
static void move_pidfile(struct daemon *d, const char *next)
{
        char *path = strdup(next);
        struct err e = { 0 };
        pid_t holder;
        int fd = -1;

        if (!path || strcmp(next, d->pidfile_path) == 0) {
                free(path);
                return;
        }
        if (!pidfile_open(path, &fd, &holder, &e) || !pidfile_write(fd, getpid(), &e)) {
                log_line(d->sup.log, LVL_CRITICAL, "could not write pidfile %s: %s", path, e.text);
                if (fd >= 0)
                        close(fd);
                free(path);
                return;
        }
        pidfile_remove(d->pidfile_path, &d->pidfile);
        free(d->pidfile_path);
        d->pidfile_path = path;
        d->pidfile = fd;
}

static void on_end(struct supervisor *s)
{
        struct daemon *d = s->rebind_arg;
        struct err e = { 0 };

        if (s->mood == MOOD_RESTARTING) {
                if (reload_begin_anew(s, &e)) {
                        move_pidfile(d, s->config->settings.pidfile);
                        return;
                }
                log_line(s->log, LVL_CRITICAL, "cannot begin anew: %s", e.text);
                s->exit_code = EXIT_FAILED;
        }
        ev_timer_start(d->loop, &d->farewell); /* who asked for it is still to be answered */
}

/* ---- start-up */

static bool become_user(struct daemon *d, struct err *e)
{
        const struct user_ref *user = &d->config->settings.user;

        return !user->set || user_switch(&user->who, d->world, e);
}

static bool make_loop(struct daemon *d, struct err *e)
{
        /* EVFLAG_SIGNALFD: the signals stay blocked in us. A periodic that never fires keeps libev
         * from waking once a minute to look for time jumps. */
        d->loop = ev_loop_new(EVFLAG_SIGNALFD | EVFLAG_NOENV | EVBACKEND_EPOLL);
        return d->loop || err_set(e, ERR_SYS, "cannot make an event loop");
}

static ev_tstamp never(ev_periodic *w, ev_tstamp now)
{
        (void)w;
        return now + 1e10;
}

static void on_never(struct ev_loop *loop, ev_periodic *w, int revents)
{
        (void)loop, (void)w, (void)revents;
}

static void keep_quiet(struct daemon *d, ev_periodic *w)
{
        ev_periodic_init(w, on_never, 0., 0., never);
        ev_periodic_start(d->loop, w);
}

static bool open_everything(struct daemon *d, struct err *e)
{
        struct supervisor *s = &d->sup;
        const struct settings *set = &d->config->settings;
        struct mainlog_conf conf = log_conf(set);

        d->mainlog = mainlog_new(&conf, e);
        if (!d->mainlog)
                return false;
        struct log *log = mainlog_log(d->mainlog);
        flush_messages(log, &d->diags);
        if (!limits_apply(set->minfds, set->minprocs, &s->limits, log, e))
                return false;
        handover_nofile(&d->handover, &s->limits.nofile);
        s->log = log;
        s->handover = &d->handover;
        if (!state_open(s, set->statedir, e))
                return false;
        s->mainlog = d->mainlog;
        s->worker_mask = d->original_mask;
        s->overrides = d->cmd.overrides;
        s->override_count = d->cmd.override_count;
        s->rebind = on_rebind;
        s->rebind_arg = d;
        s->on_end = on_end;
        s->on_upgrade = on_upgrade;
        s->binary = d->binary;
        struct config *config = d->config;
        d->config = NULL;
        if (!supervisor_init(s, d->loop, sys_real(), d->world, log, config, e))
                return false;
        logs_syslog_socket(s->logs, set->syslog_socket);
        state_keep_logs(s);
        fdstore_open(s);
        d->api = api_new(s, config, e);
        if (!d->api)
                return false; /* another of us lives: its workers' logs are not to be touched */
        if (!set->nocleanup)
                logs_clean_auto(set->childlogdir, set->identifier, state_spared_logs(s), log);
        return supervisor_add_all(s, e);
}

static bool go_to_background(struct daemon *d, struct err *e)
{
        const struct settings *set = &d->sup.config->settings;

        if (!set->nodaemon && d->handover.list < 0) {
                log_line(d->sup.log, LVL_INFO, "daemonizing the supervisord process");
                if (!daemonize(e))
                        return false;
                ev_loop_fork(d->loop);
        }
        if (set->directory) {
                if (chdir(set->directory) == 0)
                        log_line(d->sup.log, LVL_INFO, "set current directory: '%s'",
                                 set->directory);
                else
                        log_line(d->sup.log, LVL_CRITICAL, "can't chdir into '%s': %m",
                                 set->directory);
        }
        if (!set->nodaemon || set->umask >= 0)
                umask(set->umask >= 0 ? (mode_t)set->umask : 022);
        return true;
}

static void write_pidfile(struct daemon *d)
{
        struct err e = d->pidfile_error;

        if (d->pidfile >= 0 && pidfile_write(d->pidfile, getpid(), &e))
                log_line(d->sup.log, LVL_INFO, "supervisord started with pid %d", (int)getpid());
        else
                log_line(d->sup.log, LVL_CRITICAL, "could not write pidfile %s: %s",
                         d->pidfile_path, e.text);
}

static bool take_pidfile(struct daemon *d, struct err *e)
{
        pid_t holder = 0;

        d->pidfile_path = strdup(d->config->settings.pidfile);
        if (!d->pidfile_path)
                return err_nomem(e);
        d->pidfile = pidfile_inherit(d->pidfile_path, handover_fd(&d->handover, "pidfile"));
        if (d->pidfile >= 0 || pidfile_open(d->pidfile_path, &d->pidfile, &holder, e))
                return true;
        d->pidfile_error = *e;
        if (e->code != ERR_BUSY)
                return true; /* said when it is written: not fatal, as with Supervisor */
        return err_set(e, ERR_BUSY,
                       "Another program is already listening: supervisord with pid %d holds %s.  "
                       "Shut this program down first before starting supervisord.",
                       (int)holder, d->pidfile_path);
}

static int supervise(struct daemon *d)
{
        struct err e = { 0 };
        ev_periodic quiet;

        d->refused = true; /* until supervision begins: what an earlier daemon left stays */
        if (!become_user(d, &e) || !take_pidfile(d, &e) || !make_loop(d, &e) ||
            !open_everything(d, &e) || !go_to_background(d, &e) || !watch_children(d, &e)) {
                if (d->sup.log)
                        log_line(d->sup.log, LVL_CRITICAL, "%s", e.text);
                handover_go_back();
                return refuse(d, e.text);
        }
        fault_points_arm();
        if (d->handover.list >= 0)
                fault_point("upgrade.begun");
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        keep_quiet(d, &quiet);
        if (!logs_run(d->sup.logs, d->mainlog, &e)) {
                log_line(d->sup.log, LVL_CRITICAL, "%s", e.text);
                handover_go_back();
                return refuse(d, e.text);
        }
        reader_run(d->sup.reader);
        d->refused = false;
        watch_signals(d);
        ev_timer_init(&d->farewell, on_farewell, 0., FAREWELL_S);
        d->farewell.data = d;
        write_pidfile(d);
        if (getpid() == 1)
                log_line(d->sup.log, LVL_INFO,
                         "running as process 1: when it dies, the kernel ends everything here");
        state_sign(&d->sup);
        supervisor_begin(&d->sup);
        supervisor_reap(&d->sup); /* who ended between two images of us */
        if (d->handover.came_back)
                log_line(d->sup.log, LVL_ERROR, "not upgraded: %s did not begin to supervise",
                         handover_word(&d->handover, "binary"));
        if (d->handover.list >= 0)
                fault_point("upgrade.adopted");
        handover_confirmed(&d->handover);
        state_confirmed(&d->sup);
        d->sup.handover = NULL;
        service_ready(&d->service, &d->sup);
        ev_run(d->loop, 0);
        ev_periodic_stop(d->loop, &quiet);
        return d->sup.exit_code;
}

static void release(struct daemon *d)
{
        unwatch_children(d);
        for (int i = 0; i < d->signal_count; i++) {
                ev_ref(d->loop);
                ev_signal_stop(d->loop, &d->signals[i]);
        }
        if (d->loop)
                ev_timer_stop(d->loop, &d->farewell);
        service_release(&d->service);
        api_free(d->api);
        if (d->refused) /* before anything is forgotten in good order */
                state_close(&d->sup, true);
        if (d->sup.loop)
                supervisor_release(&d->sup);
        fdstore_free(&d->sup);
        state_close(&d->sup, d->refused);
        config_free(d->config);
        if (d->pidfile >= 0)
                pidfile_remove(d->pidfile_path, &d->pidfile);
        free(d->pidfile_path);
        free(d->binary);
        free(d->next_binary);
        handover_release(&d->handover);
        mainlog_free(d->mainlog);
        diags_release(&d->diags);
        if (d->loop)
                ev_loop_destroy(d->loop);
}

static bool answer_flags(const struct daemon *d)
{
        AUTO_BUF text = BUF_INIT;

        if (d->cmd.version)
                buf_printf(&text, "%s (speaks Supervisor %s)\n", SUPERVISORD_VERSION,
                           SUPERVISOR_SPOKEN);
        else if (d->cmd.help)
                cmdline_help(&text);
        fputs(buf_str(&text), stdout);
        return text.len > 0;
}

/* As it was named, so that a link may point to the next version later; NULL: nobody knows. */
static char *find_binary(const char *argv0)
{
        char *cwd = argv0[0] == '/' || !strchr(argv0, '/') ? NULL : getcwd(NULL, 0);
        char *path = NULL;

        if (argv0[0] == '/')
                return strdup(argv0);
        if (cwd && asprintf(&path, "%s/%s", cwd, argv0) < 0)
                path = NULL;
        free(cwd);
        return path ? path : realpath("/proc/self/exe", NULL);
}

int main(int argc, char **argv)
{
        struct daemon d = { .argv0 = argv[0], .pidfile = -1 };
        struct err e = { 0 };
        int code = 0;

        if (argc == 2 && strcmp(argv[1], GZIP_FLAG) == 0)
                return gzip_main(); /* we are our own child */
        memory_share_heap();
        if (handover_read(&d.handover))
                handover_watch(&d.handover, HANDOVER_LIMIT_S);
        else if (!given_read(&d.handover))
                return refuse(&d, "out of memory");
        sys_real(); /* reserves the descriptors that starts need, before anything else is open */
        sigprocmask(SIG_SETMASK, NULL, &d.original_mask);
        handover_mask(&d.handover, &d.original_mask);
        d.world = world_real();
        if (!cmdline_parse(&d.cmd, argc, argv, &e)) {
                handover_go_back();
                return refuse(&d, e.text);
        }
        if (answer_flags(&d))
                return 0;
        d.binary = find_binary(argv[0]);
        if (read_config(&d, &code))
                code = supervise(&d);
        else
                handover_go_back();
        release(&d);
        return code;
}
