#include "house.h"
#include "engine/core/startup.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#define CONF "/etc/s.conf"

static void keep_line(struct log *l, enum log_level level, const char *text, size_t len)
{
        struct house *h = l->arg;

        buf_printf(&h->lines, "%s %.*s\n", log_level_tag(level), (int)len, text);
}

static void keep_event(void *arg, const struct event *e)
{
        struct house *h = arg;

        if (event_is_a(e->type, EV_PROCESS_STATE))
                buf_printf(&h->events, "%s:%s>%s ", e->process->name, pstate_name(e->from),
                           pstate_name(e->to));
}

static void on_end(struct supervisor *s)
{
        ((struct house *)startup_of(s)->rebind_arg)->ended++;
}

void house_rewrite(struct house *h, const char *daemon, const char *body)
{
        AUTO_BUF text = BUF_INIT;

        buf_printf(&text, "[supervisord]\nlogfile=/tmp/s.log\npidfile=/tmp/s.pid\n%s\n%s", daemon,
                   body);
        fake_world_file(&h->host, CONF, buf_str(&text));
}

void house_open(struct house *h, const char *daemon, const char *body)
{
        struct diags diags = { 0 };
        struct err e = { 0 };

        signal(SIGPIPE, SIG_IGN);
        memset(h, 0, sizeof *h);
        kernel_init(&h->kernel);
        h->kernel.memory = true;
        h->kernel.obeys_term = h->kernel.obeys_kill = true;
        kernel_file(&h->kernel, "/bin/w", "", 0100755);
        fake_world_init(&h->host);
        house_rewrite(h, daemon, body);
        h->log = (struct log){ .level = LVL_DEBUG, .write = keep_line, .arg = h };
        struct config *c = config_load(CONF, WANT_DAEMON, NULL, 0, &h->host.ops, &diags);
        cr_assert(c, "%s", diags.count ? diags.items[0].message : "no diagnostics");
        diags_release(&diags);
        struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
        cr_assert(supervisor_init(&h->sup, components, loop, &h->kernel.ops, &h->host.ops, &h->log,
                                  c, &e),
                  "%s", e.text);
        startup_of(&h->sup)->rebind_arg = h;
        startup_of(&h->sup)->on_end = on_end;
        cr_assert(supervisor_add_all(&h->sup, &e), "%s", e.text);
        h->ear = (struct subscriber){ .on_event = keep_event, .arg = h };
        bus_subscribe(&h->sup.bus, &h->ear);
}

void house_begin(struct house *h)
{
        supervisor_begin(&h->sup);
        while (*(void **)component_own(&h->sup, COMPONENT_operations))
                ev_run(h->sup.loop, EVRUN_NOWAIT);
}

void house_settle(struct house *h)
{
        reaper_drain(&h->sup);
        supervisor_settle(&h->sup);
}

void house_close(struct house *h)
{
        struct ev_loop *loop = h->sup.loop;

        reaper_drain(&h->sup);
        bus_unsubscribe(&h->sup.bus, &h->ear);
        supervisor_release(&h->sup);
        ev_loop_destroy(loop);
        kernel_release(&h->kernel);
        fake_world_release(&h->host);
        buf_release(&h->lines);
        buf_release(&h->events);
}

struct process *house_process(struct house *h, const char *namespec)
{
        struct process *p = registry_process(&h->sup.registry, namespec);

        cr_assert(p, "no process %s", namespec);
        return p;
}

const char *house_state(struct house *h, const char *namespec)
{
        const struct process *p = registry_process(&h->sup.registry, namespec);

        return p ? pstate_name(p->state) : "-";
}

void house_end(struct house *h, const char *namespec, int status)
{
        kernel_end(&h->kernel, house_process(h, namespec)->pid, status);
        reaper_drain(&h->sup);
}

void house_later(struct house *h, int64_t ms)
{
        struct moment now = clock_now();

        now.mono_ms += ms;
        now.wall_ms += ms;
        supervisor_tick(&h->sup, now);
}

bool house_said(struct house *h, const char *text)
{
        return strstr(buf_str(&h->lines), text) != NULL;
}
