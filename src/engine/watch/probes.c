/* When health checks are asked, how long they may take, and what their results are given to. How
 * one is asked is its kind's; what results mean is model/unit/health.c's. */
#include "engine/watch/probes.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/fd.h"
#include "engine/watch/probe_kinds.h"
#include "model/config/recipe.h"
#include "model/unit/health.h"

static const struct probe_kind *const kinds[] = {
        [CHECK_EXEC] = &probe_by_exec,
        [CHECK_HTTP] = &probe_by_http,
        [CHECK_TCP] = &probe_by_connect,
        [CHECK_UNIX] = &probe_by_connect,
};

/* ---- time */

static void probes_arm(struct probe *pr, int64_t in_ms)
{
        ev_timer_stop(pr->sup->loop, &pr->timer);
        ev_timer_set(&pr->timer, (double)(in_ms > 0 ? in_ms : 0) / 1000, 0);
        ev_timer_start(pr->sup->loop, &pr->timer);
}

/* What is wrong with the target shows as the result of every probe: that it cannot be asked is no
 * reason not to start the process. */
static bool probes_prepare(struct probe *pr, struct err *e)
{
        const struct process *p = pr->process;
        char *target = recipe_expand(pr->program, p->group->name, p->number, pr->sup->host,
                                     "healthcheck", pr->program->healthcheck.target, e);
        bool ok = target && pr->kind->prepare(pr, target, e);

        free(target);
        return ok;
}

/* False: no memory; the next question tries again. */
static bool renew_target(struct probe *pr)
{
        struct err e = { 0 };
        char *refusal = NULL;

        pr->kind->release(pr);
        if (!probes_prepare(pr, &e) && !(refusal = strdup(e.text)))
                return false;
        free(pr->refusal);
        pr->refusal = refusal;
        pr->is_old = false;
        return true;
}

static void begin_asking(struct probe *pr)
{
        pr->asking = true;
        pr->began_ms = clock_mono_ms();
        pr->began_wall_ms = clock_wall_ms();
        buf_reset(&pr->output);
        probes_arm(pr, pr->program->healthcheck_timeout_ms);
        if (pr->is_old && !renew_target(pr))
                probe_answer(pr, false, "out of memory");
        else if (pr->refusal)
                probe_answer(pr, false, "%s", pr->refusal);
        else
                pr->kind->ask(pr);
}

static void time_is_up(struct probe *pr)
{
        AUTO_BUF limit = BUF_INIT;

        if (pr->kind->conclude && pr->kind->conclude(pr))
                return;
        duration_format(pr->program->healthcheck_timeout_ms, &limit);
        probe_answer(pr, false, "timed out after %s", buf_str(&limit));
}

static void probes_on_timer(EV_P_ ev_timer *w, int revents)
{
        struct probe *pr = w->data;

        (void)loop, (void)revents;
        if (pr->asking)
                time_is_up(pr);
        else
                begin_asking(pr);
}

static int64_t offset_ms(const struct probe *pr)
{
        const struct process *p = pr->process;
        const struct fleet *f = process_fleet(p);

        return health_offset_ms(&p->health, pr->program, p->number, f ? f->replicas : 1);
}

static int64_t pause_ms(const struct probe *pr)
{
        const struct process *p = pr->process;

        return health_pause_ms(&p->health, pr->program, clock_mono_ms() - p->spawned_ms);
}

static void schedule_next(struct probe *pr)
{
        const struct process *p = pr->process;
        bool ready = pr->at_once && p->health.ever_ok;

        if (ready) { /* a fleet that was asked at once is spread from now on */
                pr->at_once = false;
                probes_arm(pr, offset_ms(pr));
                return;
        }
        probes_arm(pr, pause_ms(pr));
}

/* ---- results */

void probe_keep(struct probe *pr, const char *data, size_t len)
{
        size_t room = PROBE_OUTPUT_MAX - pr->output.len;

        if (len > room)
                len = room;
        if (len)
                buf_put(&pr->output, data, len);
}

/* The result goes to the machine, which may end this probe, begin it anew, or free it. */
static void probes_report(struct probe *pr)
{
        pr->reporting = true;
        supervisor_probed(pr->sup, pr->process, pr->last_ok, buf_str(&pr->last_output),
                          pr->last_output.len);
        pr->reporting = false;
        if (pr->doomed)
                free(pr);
        else if (pr->active && !ev_is_active(&pr->timer))
                schedule_next(pr);
}

void probe_answer(struct probe *pr, bool ok, const char *fmt, ...)
{
        struct buf *last = &pr->last_output;
        va_list ap;

        if (!pr->asking)
                return;
        pr->asking = false;
        ev_timer_stop(pr->sup->loop, &pr->timer);
        pr->kind->cut(pr);
        buf_reset(last);
        if (fmt) {
                va_start(ap, fmt);
                buf_vprintf(last, fmt, ap);
                va_end(ap);
                if (pr->output.len)
                        buf_putc(last, '\n');
        }
        buf_put(last, buf_str(&pr->output), pr->output.len);
        if (last->len > PROBE_OUTPUT_MAX) {
                last->len = PROBE_OUTPUT_MAX;
                last->data[last->len] = '\0';
        }
        buf_release(&pr->output);
        pr->any = true;
        pr->last_ok = ok;
        pr->last_wall_ms = pr->began_wall_ms;
        pr->last_ms = clock_mono_ms() - pr->began_ms;
        probes_report(pr);
}

void worker_probe_last(const struct worker *w, struct probe_last *out)
{
        const struct probe *pr = w ? w->probe : NULL;

        *out = (struct probe_last){ .output = "" };
        if (!pr || !pr->any || w->process->program->healthcheck.kind == CHECK_NONE)
                return;
        *out = (struct probe_last){ .any = true,
                                    .ok = pr->last_ok,
                                    .at_wall_ms = pr->last_wall_ms,
                                    .duration_ms = pr->last_ms,
                                    .output = buf_str(&pr->last_output),
                                    .output_len = pr->last_output.len };
}

/* ---- descriptors */

void probe_watch(struct probe *pr, int events, void (*on_ready)(EV_P_ ev_io *w, int revents))
{
        ev_io_stop(pr->sup->loop, &pr->io);
        ev_set_cb(&pr->io, on_ready);
        ev_io_set(&pr->io, pr->fd, events);
        ev_io_start(pr->sup->loop, &pr->io);
}

void probe_close(struct probe *pr)
{
        ev_timer_stop(pr->sup->loop, &pr->turn);
        ev_io_stop(pr->sup->loop, &pr->io);
        fd_close(&pr->fd);
}

/* ---- from start to end of a process */

static void probes_never(EV_P_ ev_io *w, int revents)
{
        (void)loop, (void)w, (void)revents;
}

static void no_turn(EV_P_ ev_timer *w, int revents)
{
        (void)loop, (void)w, (void)revents;
}

static struct probe *probe_new(struct supervisor *s, struct worker *w)
{
        struct probe *pr = calloc(1, sizeof *pr);

        if (!pr)
                return NULL;
        pr->sup = s;
        pr->worker = w;
        pr->process = w->process;
        pr->fd = -1;
        ev_timer_init(&pr->timer, probes_on_timer, 0, 0);
        ev_timer_init(&pr->turn, no_turn, 0, 0);
        ev_io_init(&pr->io, probes_never, -1, 0);
        pr->timer.data = pr;
        pr->turn.data = pr;
        pr->io.data = pr;
        return pr;
}

static void probes_stop(struct probe *pr)
{
        pr->active = false;
        pr->asking = false;
        ev_timer_stop(pr->sup->loop, &pr->timer);
        if (pr->kind)
                pr->kind->cut(pr);
        buf_release(&pr->output);
}

/* Forget what to ask, and the last result. */
static void probes_clear(struct probe *pr)
{
        probes_stop(pr);
        if (pr->kind)
                pr->kind->release(pr);
        pr->kind = NULL;
        program_unref(pr->program);
        pr->program = NULL;
        free(pr->refusal);
        pr->refusal = NULL;
        buf_release(&pr->last_output);
        pr->any = false;
}

void probe_end(struct worker *w)
{
        if (w && w->probe)
                probes_stop(w->probe);
}

void probe_free(struct probe *pr)
{
        if (!pr)
                return;
        probes_clear(pr);
        if (pr->reporting)
                pr->doomed = true;
        else
                free(pr);
}

bool probe_begin(struct supervisor *s, struct process *p)
{
        struct worker *w = worker_of(s, p);
        enum check_kind kind = p->program->healthcheck.kind;
        struct err e = { 0 };

        if (!w)
                return false;
        if (kind == CHECK_NONE) {
                probe_free(w->probe);
                w->probe = NULL;
                return true;
        }
        struct probe *pr = w->probe ? w->probe : probe_new(s, w);
        if (!pr)
                return false;
        w->probe = pr;
        probes_clear(pr);
        pr->program = program_ref(p->program);
        pr->kind = kinds[kind];
        if (!probes_prepare(pr, &e) && !(pr->refusal = strdup(e.text)))
                return false;
        pr->active = true;
        pr->at_once = p->health.awaited && !p->health.ever_ok;
        probes_arm(pr, offset_ms(pr));
        return true;
}

void probe_follow(struct worker *w)
{
        struct probe *pr = w ? w->probe : NULL;

        if (!pr || !pr->active)
                return;
        int64_t before_ms = pause_ms(pr);
        program_unref(pr->program);
        pr->program = program_ref(pr->process->program);
        pr->is_old = true;
        if (pr->asking || pause_ms(pr) >= before_ms)
                return; /* the limit of the question under way, or the pause, is not made longer */
        int64_t left_ms = (int64_t)(ev_timer_remaining(pr->sup->loop, &pr->timer) * 1000);
        int64_t offset = offset_ms(pr);
        if (offset < left_ms)
                probes_arm(pr, offset);
}

bool probe_runs(const struct worker *w)
{
        return w && w->probe && w->probe->child;
}

/* ---- the component */

/* Health is asked while it is STARTING or RUNNING, and of no other. */
static bool probes_is_probed(enum pstate state)
{
        return state == PS_STARTING || state == PS_RUNNING;
}

static void probes_on_executed(struct supervisor *s, struct process *p)
{
        if (probes_is_probed(p->state) && p->program->healthcheck.kind != CHECK_NONE &&
            !probe_begin(s, p))
                log_line(s->log, LVL_ERROR, "out of memory: '%s' is not health-checked", p->name);
}

static void probes_on_step(struct supervisor *s, struct process *p, const struct step *step)
{
        (void)s;
        if (probes_is_probed(step->from) && !probes_is_probed(p->state))
                probe_end(p->worker);
}

static void probes_on_process_gone(struct supervisor *s, struct process *p)
{
        (void)s;
        if (p->worker)
                probe_free(p->worker->probe);
}

const struct component component_probes = { .name = "probes",
                                            .on_process_gone = probes_on_process_gone,
                                            .on_executed = probes_on_executed,
                                            .on_step = probes_on_step };
