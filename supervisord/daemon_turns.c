/* What makes the daemon another one while it runs: a new configuration, the next image, its end. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon.h"
#include "engine/core/startup.h"
#include "engine/order/lookup.h"
#include "engine/order/operations.h"
#include "engine/order/reload.h"
#include "engine/order/searches.h"
#include "engine/order/upgrade.h"
#include "engine/run/launches.h"
#include "sys/host/daemonize.h"

#define FAREWELL_S      0.01
#define PATIENCE_ROUNDS 1000 /* requests that wait for a process are answered before an upgrade */
#define FAREWELL_ROUNDS 100  /* a client that does not take its last answer is not waited for */

/* Returns when it cannot be done: then we go on as before. */
static void become_next(struct daemon *d)
{
        struct supervisor *s = &d->sup;
        AUTO_STRLIST items = STRLIST_INIT;
        AUTO_STRLIST argv = STRLIST_INIT;
        struct err e = { 0 };

        log_line(s->log, LVL_INFO, "upgrading: going on as %s", d->next_binary);
        api_dismiss(d->api);
        logs_quiesce(s->logs); /* descriptors that are not opened or closed can be handed over */
        AUTO_FD names = lookup_hand_over(d->names);
        bool fine = names >= 0 && handover_put_fd(&items, "names", names) &&
                    handover_put_start(&items, &d->original_mask, &startup_of(s)->limits.nofile,
                                       d->host->cwd) &&
                    (d->pidfile < 0 || handover_put_fd(&items, "pidfile", d->pidfile)) &&
                    upgrade_hand_over(s, &items) && api_hand_over(d->api, &items) &&
                    cmdline_again(d->next_binary, false, s->config->path, startup_of(s)->overrides,
                                  startup_of(s)->override_count, &argv);
        if (!fine)
                err_set(&e, ERR_SYS, "what the next image needs cannot be handed over");
        service_reloading(&d->service);
        mainlog_send(d->mainlog);
        if (!fine || !handover_exec(d->binary, d->next_binary, argv.items, &items, &e))
                log_line(s->log, LVL_ERROR, "not upgraded: %s", e.text);
        logs_go_on(s->logs);
        service_stays(&d->service);
        free(d->next_binary);
        d->next_binary = NULL;
        api_pause(d->api, false);
}

static void on_upgrade(struct supervisor *s, const char *binary)
{
        struct daemon *d = startup_of(s)->rebind_arg;

        free(d->next_binary);
        d->next_binary = strdup(binary);
        if (!d->next_binary)
                return;
        operations_finish(s); /* the next image would not know of them */
        searches_finish(s);
        d->farewells = 0;
        api_pause(d->api, true);
        ev_timer_start(d->loop, &d->farewell);
}

static void on_farewell(struct ev_loop *loop, ev_timer *w, int revents)
{
        struct daemon *d = w->data;

        (void)revents;
        if (d->next_binary) {
                bool quiet =
                    api_quiet(d->api) && !launches_any(&d->sup) && !lookup_has_children(&d->sup);
                if (quiet || ++d->farewells > PATIENCE_ROUNDS) {
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
        struct mainlog_conf conf = daemon_log_conf(&next->settings);

        if (!mainlog_configure(d->mainlog, &conf, e))
                return false;
        if (api_rebind(d->api, next, e)) {
                logs_syslog_socket(d->sup.logs, next->settings.syslog_socket);
                return true;
        }
        struct err ignored;
        conf = daemon_log_conf(&d->sup.config->settings);
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

static void daemon_turns_on_end(struct supervisor *s)
{
        struct daemon *d = startup_of(s)->rebind_arg;

        if (s->daemon_state == DAEMON_RESTARTING) {
                reload_begin_anew(s);
                move_pidfile(d, s->config->settings.pidfile);
                return;
        }
        ev_timer_start(d->loop, &d->farewell); /* who asked for it is still to be answered */
}

void daemon_hook(struct daemon *d)
{
        struct startup *st = startup_of(&d->sup);

        *st = (struct startup){ .started = st->started,
                                .binary = d->binary,
                                .overrides = d->cmd.overrides,
                                .override_count = d->cmd.override_count,
                                .handover = &d->handover,
                                .names = d->names,
                                .mainlog = d->mainlog,
                                .worker_mask = d->original_mask,
                                .on_end = daemon_turns_on_end,
                                .on_upgrade = on_upgrade,
                                .rebind = on_rebind,
                                .rebind_arg = d };
}

void daemon_hook_farewell(struct daemon *d)
{
        ev_timer_init(&d->farewell, on_farewell, 0., FAREWELL_S);
        d->farewell.data = d;
}
