/* The daemon: wiring only. Start-up in the order of compat section 10; every refusal before
 * supervision begins is exit code 2 with "Error: ..." on stderr. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault_point.h"
#include "base/fd.h"
#include "base/loop_quiet.h"
#include "base/reserve.h"
#include "daemon.h"
#include "engine/core/startup.h"
#include "engine/persist/dump.h"
#include "engine/persist/fdstore.h"
#include "engine/persist/state.h"
#include "engine/run/gzip_child.h"
#include "engine/run/pipes.h"
#include "engine/run/reaper.h"
#include "engine/run/streams.h"
#include "sys/host/daemonize.h"
#include "sys/host/host.h"
#include "sys/host/user.h"
#include "sys/net/listen_fds.h"
#include "version.h"

#define LARGE_BYTES (128 << 10) /* a block that goes back to the kernel when it is freed */
#define OWN_FDS     128         /* sockets, some clients, files of its own */

/* ---- start-up */

static bool become_user(struct daemon *d, struct err *e)
{
        const struct user_ref *user = &d->config->settings.user;

        return !user->set || user_switch(&user->who, d->host, e);
}

static bool main_make_loop(struct daemon *d, struct err *e)
{
        /* EVFLAG_SIGNALFD: the signals stay blocked in us. A periodic that never fires keeps libev
         * from waking once a minute to look for time jumps. */
        d->loop = ev_loop_new(EVFLAG_SIGNALFD | EVFLAG_NOENV | EVBACKEND_EPOLL);
        return d->loop || err_set(e, ERR_SYS, "cannot make an event loop");
}

static bool open_everything(struct daemon *d, struct err *e)
{
        struct supervisor *s = &d->sup;
        const struct settings *set = &d->config->settings;
        struct mainlog_conf conf = daemon_log_conf(set);

        d->mainlog = mainlog_new(&conf, e);
        if (!d->mainlog)
                return false;
        struct log *log = mainlog_log(d->mainlog);
        daemon_tell_diags(log, &d->diags);
        struct config *config = d->config;
        d->config = NULL;
        if (!supervisor_init(s, components, d->loop, sys_real(), d->host, log, config, e))
                return false;
        daemon_hook(d);
        if (!limits_apply(set->minfds, set->minprocs, &startup_of(s)->limits, log, e))
                return false;
        handover_nofile(&d->handover, &startup_of(s)->limits.nofile);
        if (!state_open(s, set->statedir, e))
                return false;
        logs_syslog_socket(s->logs, set->syslog_socket);
        state_keep_logs(s);
        fdstore_open(s);
        d->api = api_new(s, config, e);
        if (!d->api)
                return false; /* another of us lives: its workers' logs are not to be touched */
        streams_inherit_claims(s);
        if (!set->nocleanup)
                logs_clean_auto(set->childlogdir, set->identifier, state_spared_logs(s),
                                streams_claims(s), log);
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

static int main_supervise(struct daemon *d)
{
        struct err e = { 0 };
        ev_periodic quiet;

        d->refused = true; /* until supervision begins: what an earlier daemon left stays */
        if (!become_user(d, &e) || !take_pidfile(d, &e) || !main_make_loop(d, &e) ||
            !open_everything(d, &e) || !go_to_background(d, &e) || !daemon_watch_children(d, &e)) {
                if (d->sup.log)
                        log_line(d->sup.log, LVL_CRITICAL, "%s", e.text);
                handover_go_back();
                return daemon_refuse(d, e.text);
        }
        fault_points_arm();
        if (d->handover.list >= 0)
                fault_point(d->handover.came_back ? "upgrade.back" : "upgrade.begun");
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        loop_quiet(d->loop, &quiet);
        limits_make_room(OWN_FDS + pipes_descriptors(&d->sup)); /* the threads begin here */
        if (!logs_run(d->sup.logs, d->mainlog, &e)) {
                log_line(d->sup.log, LVL_CRITICAL, "%s", e.text);
                handover_go_back();
                return daemon_refuse(d, e.text);
        }
        reader_run(d->sup.reader);
        d->refused = false;
        daemon_watch_signals(d);
        daemon_hook_farewell(d);
        write_pidfile(d);
        if (getpid() == 1)
                log_line(d->sup.log, LVL_INFO,
                         "running as process 1: when it dies, the kernel ends everything here");
        mainlog_send(d->mainlog); /* a script that has seen the pidfile looks for it */
        state_sign(&d->sup);
        supervisor_begin(&d->sup);
        reaper_drain(&d->sup); /* who ended between two images of us */
        if (d->handover.came_back)
                log_line(d->sup.log, LVL_ERROR, "not upgraded: %s did not begin to supervise",
                         handover_word(&d->handover, "binary"));
        if (d->handover.list >= 0)
                fault_point("upgrade.adopted");
        handover_confirmed(&d->handover);
        startup_of(&d->sup)->handover = NULL;
        service_ready(&d->service, &d->sup);
        ev_run(d->loop, 0);
        loop_unquiet(d->loop, &quiet);
        return d->sup.exit_code;
}

static void main_release(struct daemon *d)
{
        daemon_unwatch_signals(d);
        if (d->loop)
                ev_timer_stop(d->loop, &d->farewell);
        service_release(&d->service);
        api_free(d->api);
        if (d->refused && d->sup.components) /* before anything is forgotten in good order */
                state_close(&d->sup, true);
        if (d->sup.loop)
                supervisor_release(&d->sup);
        config_free(d->config);
        if (d->pidfile >= 0)
                pidfile_remove(d->pidfile_path, &d->pidfile);
        free(d->pidfile_path);
        free(d->binary);
        free(d->next_binary);
        handover_release(&d->handover);
        mainlog_free(d->mainlog);
        diags_release(&d->diags);
        lookups_free(d->names);
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

static int dump_state(const struct daemon *d)
{
        AUTO_BUF text = BUF_INIT;
        struct err e = { 0 };
        bool damaged = false;

        if (!state_dump(d->cmd.dump_state, &text, &damaged, &e))
                return daemon_refuse(d, e.text);
        if (fputs(buf_str(&text), stdout) >= 0 && fflush(stdout) == 0)
                return damaged ? EXIT_FAILED : 0;
        err_set(&e, ERR_SYS, "write to standard output");
        fprintf(stderr, "Error: %s\n", e.text);
        return EXIT_FAILED;
}

/* As it was named, so that a link may point to the next version later; NULL: not known. */
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

        if (!fd_standard_fill()) {
                err_set(&e, ERR_SYS, "open /dev/null in place of a closed standard descriptor");
                return daemon_refuse(&d, e.text);
        }
        if (argc == 2 && strcmp(argv[1], GZIP_FLAG) == 0)
                return gzip_child_main(); /* we are our own child */
        if (argc == 2 && strcmp(argv[1], LOOKUP_FLAG) == 0)
                return lookup_main();
        /* One heap for all threads: nothing here allocates so much that threads would wait for each
         * other, and a heap for each would cost a megabyte. Before the first thread. */
        mallopt(M_ARENA_MAX, 1);
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES); /* else it grows, and large answers stay with us */
        reserve_begin();                        /* before the first loop */
        if (handover_read(&d.handover))
                handover_watch(&d.handover, HANDOVER_LIMIT_S);
        else if (!listen_fds_read(&d.handover))
                return daemon_refuse(&d, "out of memory");
        sys_real(); /* reserves the descriptors that starts need, before anything else is open */
        sigprocmask(SIG_SETMASK, NULL, &d.original_mask);
        handover_mask(&d.handover, &d.original_mask);
        handover_chdir(&d.handover);
        d.names = lookups_new(host_real());
        if (!d.names) {
                handover_go_back();
                return daemon_refuse(&d, "out of memory");
        }
        d.host = lookups_world(d.names);
        if (!cmdline_parse(&d.cmd, argc, argv, &e)) {
                handover_go_back();
                code = daemon_refuse(&d, e.text);
                main_release(&d);
                return code;
        }
        if (answer_flags(&d)) {
                main_release(&d);
                return 0;
        }
        if (d.cmd.dump_state) {
                code = dump_state(&d);
                main_release(&d);
                return code;
        }
        d.binary = find_binary(argv[0]);
        if (daemon_read_config(&d, &code))
                code = main_supervise(&d);
        else
                handover_go_back();
        main_release(&d);
        return code;
}
