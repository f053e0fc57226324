/* Tells a service manager that the daemon is ready, reloading, stopping and alive. Does nothing
 * without NOTIFY_SOCKET. */
#include "engine/watch/service.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/net/notify.h"

const char *service_variable(const struct host *w, const char *name)
{
        size_t len = strlen(name);

        for (const char *const *e = w->environ; e && *e; e++)
                if (strncmp(*e, name, len) == 0 && (*e)[len] == '=')
                        return *e + len + 1;
        return NULL;
}

static void service_tell(struct service *v, const char *text)
{
        if (!v->socket || notify_send(v->socket, text) || v->told)
                return;
        v->told = true;
        log_line(v->sup->log, LVL_WARN, "cannot notify the service manager at %s: %s", v->socket,
                 strerror(errno));
}

void service_reloading(struct service *v)
{
        AUTO_BUF text = BUF_INIT;

        buf_printf(&text, "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\n", clock_mono_ms() * 1000);
        service_tell(v, buf_str(&text));
}

static void tell_ready(struct service *v)
{
        AUTO_BUF text = BUF_INIT;

        buf_printf(&text, "READY=1\nMAINPID=%d\nSTATUS=supervising %d processes\n", (int)getpid(),
                   v->sup->registry.process_count);
        service_tell(v, buf_str(&text));
}

void service_stays(struct service *v)
{
        tell_ready(v);
}

static void service_on_event(void *arg, const struct event *e)
{
        struct service *v = arg;

        if (e->type == EV_SUPERVISOR_STATE_CHANGE_STOPPING &&
            v->sup->daemon_state == DAEMON_SHUTDOWN) {
                service_tell(v, "STOPPING=1\n");
        } else if (e->type == EV_CONFIG_APPLIED) {
                service_reloading(v);
                tell_ready(v);
        } else if (e->type == EV_SUPERVISOR_STATE_CHANGE_RUNNING) {
                tell_ready(v);
        }
}

static void on_alive(EV_P_ ev_timer *w, int revents)
{
        (void)loop, (void)revents;
        service_tell(w->data, "WATCHDOG=1\n");
}

/* Twice as often as asked for, as sd_watchdog_enabled(3) advises. WATCHDOG_PID may name the process
 * that put us into the background: then no manager watches us. */
static void service_watch(struct service *v)
{
        const char *usec = service_variable(v->sup->host, "WATCHDOG_USEC");
        const char *pid = service_variable(v->sup->host, "WATCHDOG_PID");
        double period_s = usec ? strtod(usec, NULL) / 2e6 : 0;

        if (period_s < 0.001 || (pid && strtol(pid, NULL, 10) != (long)getpid()))
                return;
        ev_timer_set(&v->alive, 0., period_s);
        ev_timer_start(v->sup->loop, &v->alive);
}

void service_ready(struct service *v, struct supervisor *s)
{
        *v = (struct service){ .sup = s,
                               .socket = service_variable(s->host, "NOTIFY_SOCKET"),
                               .subscriber = { .on_event = service_on_event, .arg = v } };
        ev_timer_init(&v->alive, on_alive, 0., 0.);
        v->alive.data = v;
        if (!v->socket)
                return;
        bus_subscribe(&s->bus, &v->subscriber);
        tell_ready(v);
        service_watch(v);
}

void service_release(struct service *v)
{
        if (!v->sup)
                return;
        bus_unsubscribe(&v->sup->bus, &v->subscriber);
        ev_timer_stop(v->sup->loop, &v->alive);
        v->sup = NULL;
}
