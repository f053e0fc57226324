/* The daemon's signals (compat section 11). */
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "daemon.h"
#include "engine/events/forward.h"
#include "engine/order/orders.h"
#include "engine/order/shutdown.h"
#include "engine/order/upgrade.h"
#include "engine/run/reaper.h"

static void daemon_signals_on_read(void *arg)
{
        struct daemon *d = arg;
        struct supervisor *s = &d->sup;
        struct diags diags = { 0 };
        struct plan plan = { 0 };

        d->has_hung_up = false;
        if (s->config->settings.sighup == SIGHUP_RESTART)
                order_restart_all(s, NULL, &diags);
        else
                order_apply(s, false, NULL, &plan, &diags);
        plan_release(&plan);
        diags_release(&diags);
}

static void on_hangup(struct daemon *d)
{
        struct supervisor *s = &d->sup;
        bool restart = s->config->settings.sighup == SIGHUP_RESTART;

        if (s->daemon_state != DAEMON_RUNNING) {
                log_line(s->log, LVL_WARN,
                         "ignored SIGHUP indicating restart request (shutdown in progress)");
                return;
        }
        log_line(s->log, LVL_WARN, "received SIGHUP indicating %s request",
                 restart ? "restart" : "reload");
        if (d->has_hung_up)
                return; /* the file is read when its names are known: that is still to come */
        d->has_hung_up = true;
        d->hangup = (struct reading){ .on_read = daemon_signals_on_read, .arg = d };
        reading_begin(s, &d->hangup);
}

static void on_end_signal(struct daemon *d, int sig, const char *name)
{
        struct supervisor *s = &d->sup;
        bool again = s->daemon_state == DAEMON_SHUTDOWN;

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
                forward_signal(&d->sup, w->signum);
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
        reaper_signal(&d->sup, (pid_t)info.ssi_pid);
}

bool daemon_watch_children(struct daemon *d, struct err *e)
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

static void watch_signal(struct daemon *d, int sig)
{
        ev_signal *w = &d->signals[d->signal_count++];

        ev_signal_init(w, on_signal, sig);
        w->data = d;
        ev_signal_start(d->loop, w);
        ev_unref(d->loop);
}

void daemon_watch_signals(struct daemon *d)
{
        static const int watched[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2 };
        static const int ignored[] = { SIGPIPE, SIGXFSZ, SIGALRM, SIGVTALRM, SIGPROF, SIGIO };

        for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
                if (ignored[i] != SIGALRM || d->handover.list < 0) /* then it is the watch's */
                        signal(ignored[i],
                               SIG_IGN); /* would end us; workers start with the defaults */
        for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
                watch_signal(d, watched[i]);
        for (int sig = 1; sig < NSIG && getpid() == 1; sig++)
                if (forward_wants(sig))
                        watch_signal(d, sig);
}

void daemon_unwatch_signals(struct daemon *d)
{
        unwatch_children(d);
        for (int i = 0; i < d->signal_count; i++) {
                ev_ref(d->loop);
                ev_signal_stop(d->loop, &d->signals[i]);
        }
}
