/* Answers that wait for a process to come up or to stop: each is given once, when the state says
 * so or the process is removed. A wait that is cancelled gives none. */
#include "engine/order/waiters.h"

#include <stdlib.h>

#include "engine/core/worker.h"

/* Is the answer known? compat 20.3: a start is answered as soon as a spawn error is there or the
 * process is neither starting nor running; a restart's stopping half is no answer. */
static bool waiters_started(const struct process *p, enum fault *f)
{
        if (p->state == PS_RUNNING) {
                *f = FAULT_NONE;
                return true;
        }
        if (p->state == PS_STARTING || p->state == PS_RESTARTING)
                return false;
        *f = process_spawnerr(p) && p->state != PS_EXITED && p->state != PS_RESPAWN
                 ? FAULT_SPAWN_ERROR
                 : FAULT_ABNORMAL_TERMINATION;
        return true;
}

/* As an order is answered whose start has failed within it. */
static bool waiters_executed(const struct process *p, enum fault *f)
{
        *f = p->state == PS_BACKOFF && process_spawnerr(p) ? FAULT_SPAWN_ERROR : FAULT_NONE;
        return !p->launching;
}

static bool waiters_stopped(const struct process *p, enum fault *f)
{
        *f = FAULT_NONE;
        return process_is_stopped(p);
}

static bool is_answered(const struct process *p, const struct waiter *w, enum fault *f)
{
        if (w->awaits_order || w->refusal)
                return false;
        switch (w->what) {
        case WAIT_FOR_EXECUTED:
                return waiters_executed(p, f);
        case WAIT_FOR_STARTED:
                return waiters_started(p, f);
        default:
                return waiters_stopped(p, f);
        }
}

/* ---- telling who is waited for (compat 14) */

#define NAG_S 2.

static bool is_nagging(const struct process *p)
{
        const struct waiter *w = p->worker->waiters;

        while (w && w->what != WAIT_FOR_STOPPED)
                w = w->next;
        return w && process_shown(p->state) == PS_STOPPING;
}

struct nag {
        ev_timer timer;
};

static void waiters_stop_nagging(struct worker *w)
{
        if (w->nag)
                ev_timer_stop(w->sup->loop, &w->nag->timer);
        free(w->nag);
        w->nag = NULL;
}

static void waiters_on_nag(struct ev_loop *loop, ev_timer *timer, int revents)
{
        struct worker *w = timer->data;

        (void)loop, (void)revents;
        if (is_nagging(w->process))
                log_line(w->sup->log, LVL_INFO, "waiting for %s to stop", w->process->name);
        else
                waiters_stop_nagging(w);
}

static void begin_nagging(struct worker *w)
{
        if (w->nag || !is_nagging(w->process))
                return;
        log_line(w->sup->log, LVL_INFO, "waiting for %s to stop", w->process->name);
        w->nag = calloc(1, sizeof *w->nag);
        if (!w->nag)
                return; /* said once, then */
        ev_timer_init(&w->nag->timer, waiters_on_nag, NAG_S, NAG_S);
        w->nag->timer.data = w;
        ev_timer_start(w->sup->loop, &w->nag->timer);
}

/* ---- adding and answering */

bool waiter_add(struct supervisor *s, struct waiter *w, struct process *p, enum wait_for what,
                enum fault *f_out)
{
        w->process = NULL;
        w->what = what;
        w->refusal = NULL;
        if (is_answered(p, w, f_out))
                return true;
        struct worker *worker = worker_of(s, p);
        if (!worker) {
                *f_out = FAULT_FAILED;
                return true;
        }
        struct waiter **end = &worker->waiters;
        while (*end)
                end = &(*end)->next;
        w->next = NULL;
        w->process = p;
        *end = w;
        begin_nagging(worker);
        return false;
}

static void unlink_waiter(struct waiter *w)
{
        struct waiter **at = &w->process->worker->waiters;

        while (*at && *at != w)
                at = &(*at)->next;
        if (*at)
                *at = w->next;
        w->process = NULL;
        w->next = NULL;
}

void waiter_cancel(struct waiter *w)
{
        if (w->process)
                unlink_waiter(w);
}

/* One at a time and from the front again: an answer may cancel or add others. */
static bool answer_one(struct process *p, bool stops_only)
{
        enum fault f;

        for (struct waiter *w = p->worker ? p->worker->waiters : NULL; w; w = w->next) {
                bool asked = !stops_only || w->what == WAIT_FOR_STOPPED;
                if (asked && is_answered(p, w, &f)) {
                        unlink_waiter(w);
                        w->on_done(w->arg, p, f);
                        return true;
                }
        }
        return false;
}

void waiters_look(struct supervisor *s, struct process *p)
{
        (void)s;
        while (answer_one(p, false))
                ;
}

/* It is stopped for this moment only, being restarted: that answers a wait for the stop. */
static void waiters_look_passing(struct supervisor *s, struct process *p)
{
        (void)s;
        while (answer_one(p, true))
                ;
}

static struct waiter *refused_one(const struct process *p)
{
        struct waiter *w = p->worker ? p->worker->waiters : NULL;

        while (w && !w->refusal)
                w = w->next;
        return w;
}

/* Marked first: an answer may cancel others, and add some that wait for another order. */
void waiters_ordered(struct supervisor *s, struct process *p, enum fault f, const char *refusal)
{
        struct waiter *w = p->worker ? p->worker->waiters : NULL;

        for (; w; w = w->next) {
                if (w->awaits_order && f != FAULT_NONE)
                        w->refusal = refusal;
                w->awaits_order = false;
        }
        while ((w = refused_one(p))) {
                unlink_waiter(w);
                w->on_done(w->arg, p, f);
        }
        waiters_look(s, p);
}

/* Everybody left gets FAULT_BAD_NAME. */
static void waiters_on_process_gone(struct supervisor *s, struct process *p)
{
        (void)s;
        while (p->worker && p->worker->waiters) {
                struct waiter *w = p->worker->waiters;
                unlink_waiter(w);
                w->on_done(w->arg, p, FAULT_BAD_NAME);
        }
        if (p->worker)
                waiters_stop_nagging(p->worker);
}

static void waiters_on_step(struct supervisor *s, struct process *p, const struct step *step)
{
        if (step->work & DO_START)
                waiters_look_passing(s, p);
}

static void waiters_on_step_done(struct supervisor *s, struct process *p, const struct step *step)
{
        if (step_is_transition(p, step))
                waiters_look(s, p);
}

const struct component component_waiters = { .name = "waiters",
                                             .on_step = waiters_on_step,
                                             .on_step_done = waiters_on_step_done,
                                             .on_process_gone = waiters_on_process_gone };
