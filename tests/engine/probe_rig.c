#include "probe_rig.h"
#include "engine/core/startup.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/host/host.h"

static void on_child(EV_P_ ev_signal *w, int revents)
{
        struct probe_rig *r = w->data;
        int status;
        pid_t pid;

        (void)loop, (void)revents;
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
                r->stray += !probe_reaped(&r->s, pid, status);
}

static bool no_host(const struct host *w, const char *host, struct strlist *out, struct err *e)
{
        (void)w, (void)host, (void)out, (void)e;
        return false;
}

static char *copy(const char *text)
{
        char *c = strdup(text);

        cr_assert(c);
        return c;
}

static void make_program(struct probe_rig *r, enum check_kind kind, const char *target)
{
        struct program *p = r->program = r->programs[0] = program_new();

        cr_assert(p);
        p->kind = KIND_PROGRAM;
        p->name = copy("web");
        p->section = copy("program:web");
        p->here = copy("/");
        p->command = copy("true");
        p->process_name = copy("%(program_name)s_%(process_num)d");
        p->numprocs = 1;
        p->numprocs_start = 3;
        p->umask = -1;
        p->stopsignal = SIGTERM;
        p->healthcheck.kind = kind;
        p->healthcheck.target = copy(target);
        p->healthcheck.text = copy(target);
        p->healthcheck_interval_ms = p->healthcheck_start_interval_ms = 20;
        p->healthcheck_timeout_ms = 5000;
        p->healthcheck_retries = p->healthcheck_successes = 1;
        p->healthcheck_action = CHECK_ACT_NONE;
}

void probe_rig_init(struct probe_rig *r, enum check_kind kind, const char *target)
{
        struct err e;

        memset(r, 0, sizeof *r);
        signal(SIGPIPE, SIG_IGN);
        strcpy(r->dir, "/tmp/test-probe-XXXXXX");
        cr_assert(mkdtemp(r->dir));
        r->s.loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
        r->s.sys = sys_real();
        r->host = *host_real();
        r->host.resolve = no_host;
        r->s.host = &r->host;
        r->s.config = &r->config;
        r->s.daemon_state = DAEMON_RUNNING;
        cr_assert(components_init(&r->s, components, &e));
        sigemptyset(&startup_of(&r->s)->worker_mask);
        make_program(r, kind, target);
        r->group_conf = (struct group_conf){ .refs = 1,
                                             .name = (char *)"web",
                                             .kind = KIND_PROGRAM,
                                             .programs = r->programs,
                                             .program_count = 1 };
        r->fleet = (struct fleet){ .group = &r->group,
                                   .program = r->program,
                                   .replicas = 1,
                                   .procs = r->procs,
                                   .count = 1 };
        r->group = (struct group){ .conf = &r->group_conf,
                                   .name = (char *)"web",
                                   .fleets = &r->fleet,
                                   .fleet_count = 1,
                                   .procs = r->procs,
                                   .count = 1 };
        r->process = r->procs[0] = process_new("web_3", &r->group, r->program, 3);
        cr_assert(r->process);
        r->process->state = PS_RUNNING;
        r->process->spawned_ms = clock_mono_ms();
        ev_signal_init(&r->on_child, on_child, SIGCHLD);
        r->on_child.data = r;
        ev_signal_start(r->s.loop, &r->on_child);
}

void probe_rig_release(struct probe_rig *r)
{
        char command[128];

        if (r->process->worker)
                probe_end(r->process->worker);
        components_process_gone(&r->s, r->process);
        components_release(&r->s);
        process_free(r->process);
        program_unref(r->program);
        ev_signal_stop(r->s.loop, &r->on_child);
        ev_loop_destroy(r->s.loop);
        snprintf(command, sizeof command, "rm -rf %s", r->dir);
        cr_expect_eq(system(command), 0);
}

void probe_rig_begin(struct probe_rig *r)
{
        health_begin(&r->process->health, r->program);
        cr_assert(probe_begin(&r->s, r->process));
}

/* What a test waits for is not always something that the loop would notice. */
static void on_look(EV_P_ ev_timer *w, int revents)
{
        (void)loop, (void)w, (void)revents;
}

static bool run_for(struct probe_rig *r, int64_t ms, bool (*done)(struct probe_rig *r))
{
        int64_t end_ms = clock_mono_ms() + ms;
        bool is_done = false;
        ev_timer look;

        ev_timer_init(&look, on_look, 0.005, 0.005);
        ev_timer_start(r->s.loop, &look);
        while (clock_mono_ms() < end_ms && !(is_done = done && done(r)))
                ev_run(r->s.loop, EVRUN_ONCE);
        ev_timer_stop(r->s.loop, &look);
        return is_done;
}

bool probe_rig_run(struct probe_rig *r, bool (*done)(struct probe_rig *r))
{
        return run_for(r, 10000, done);
}

void probe_rig_rest(struct probe_rig *r, int ms)
{
        run_for(r, ms, NULL);
}

struct probe_last probe_rig_last(struct probe_rig *r)
{
        struct probe_last last;

        worker_probe_last(r->process->worker, &last);
        return last;
}

static bool has_result(struct probe_rig *r)
{
        return probe_rig_last(r).any;
}

struct probe_last probe_rig_ask(struct probe_rig *r)
{
        probe_rig_begin(r);
        cr_assert(probe_rig_run(r, has_result), "no result came");
        return probe_rig_last(r);
}

void probe_rig_expect(struct probe_rig *r, bool ok, const char *output)
{
        struct probe_last last = probe_rig_ask(r);

        cr_expect_eq(last.ok, ok, "verdict %d, output '%s'", last.ok, last.output);
        cr_expect_str_eq(last.output, output);
        cr_expect_eq(last.output_len, strlen(output));
        cr_expect_eq(r->process->health.status, ok ? HEALTH_HEALTHY : HEALTH_UNHEALTHY);
}
