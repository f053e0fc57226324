/* Starts that are under way: waits for the child's word without standing still for it. */
#include "engine/run/launches.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "base/fd.h"
#include "engine/core/worker.h"
#include "engine/order/waiters.h"
#include "engine/persist/adopted.h"
#include "engine/persist/state.h"
#include "engine/run/carry_out.h"
#include "engine/run/launcher.h"
#include "engine/run/launching.h"
#include "sys/process/procfs.h"

#define LOOK_S         0.1
#define LOG_PATIENCE_S .25 /* an open takes some ten microseconds, with a thread to wake up */

/* What the component has for itself: the head of its list. */
static struct launching **launches_first(const struct supervisor *s)
{
        return component_own(s, COMPONENT_launches);
}

static void launches_go_on(struct supervisor *s);

static void launch_close(struct launching *l)
{
        l->is_held = false;
        ev_io_stop(l->sup->loop, &l->said);
        ev_timer_stop(l->sup->loop, &l->limit);
        ev_timer_stop(l->sup->loop, &l->patience);
        if (l->st.report >= 0)
                l->sup->sys->spawn_drop(l->sup->sys, &l->st);
}

static void launch_free(struct launching *l)
{
        launch_close(l);
        if (l->process)
                l->process->worker->launching = NULL;
        DL_DELETE(*launches_first(l->sup), l);
        launches_go_on(l->sup);
        free(l);
}

/* ---- what comes of it */

static void launch_executed(struct launching *l)
{
        struct supervisor *s = l->sup;
        struct process *p = l->process;

        launch_free(l);
        supervisor_executed(s, p);
        waiters_look(s, p);
}

/* A process that was told to stop meanwhile has ended, then. False: that is to be told. */
static bool launch_failed(struct launching *l, bool is_reaped)
{
        struct supervisor *s = l->sup;
        struct process *p = l->process;
        struct err e = { 0 };

        if (p->state != PS_STARTING) {
                launch_free(l);
                return false;
        }
        if (l->no_log.code) {
                e = l->no_log;
                launcher_give_up(s, p);
        } else {
                launcher_refused(s, p, &l->st, &e);
        }
        registry_pid_remove(&s->registry, p);
        launch_close(l);
        p->worker->launching = NULL;
        l->process = NULL;
        if (is_reaped)
                launch_free(l);
        else
                launches_go_on(s);
        carry_out_refused(s, p, &e);
        return true;
}

static void launch_hear(struct launching *l)
{
        bool was_born = l->st.step != STEP_NONE;

        switch (launch_ask(l)) {
        case SPAWN_UNDER_WAY:
                if (!was_born && l->st.step != STEP_NONE)
                        state_note(l->sup, l->process, 0); /* what could not be written so far */
                return;
        case SPAWN_EXECUTED:
                launch_executed(l);
                return;
        case SPAWN_FAILED:
                launch_failed(l, false);
                return;
        }
}

static void on_said(struct ev_loop *loop, ev_io *w, int revents)
{
        (void)loop, (void)revents;
        launch_hear(w->data);
}

static void launch_kill(struct launching *l)
{
        adopted_kill(l->sup, l->process, false, SIGKILL);
        bool is_ours = adopted_let_go(l->process);
        launch_failed(l, !is_ours);
}

/* A stop has a bound of its own. */
static void launches_on_limit(struct ev_loop *loop, ev_timer *w, int revents)
{
        struct launching *l = w->data;

        (void)loop, (void)revents;
        if (l->process->state != PS_STARTING)
                return;
        if (launch_ask(l) != SPAWN_UNDER_WAY) { /* how far it has got is not known before */
                launch_hear(l);
                return;
        }
        l->st.error = ETIME;
        launch_kill(l);
}

/* Nothing tells of its exec. */
static void on_look(struct ev_loop *loop, ev_timer *w, int revents)
{
        struct launching *l = w->data;
        int64_t late_ms = l->process->spawned_ms + LAUNCH_LIMIT_S * 1000;

        if (launch_ask(l) == SPAWN_EXECUTED)
                launch_executed(l);
        else if (clock_now().mono_ms >= late_ms && l->process->state == PS_STARTING)
                launches_on_limit(loop, w, revents);
}

/* ---- its logs */

/* In the order of the starts, which is that of priorities. */
static void launches_go_on(struct supervisor *s)
{
        for (struct launching *l = *launches_first(s); l; l = l->next) {
                if (l->is_held && l->logs > 0)
                        return;
                if (!l->is_held)
                        continue;
                l->is_held = false;
                ev_timer_stop(s->loop, &l->patience);
                carry_out_say_spawned(s, l->process);
                s->sys->spawn_go(s->sys, &l->st);
        }
}

/* The disk hangs: a failure is told when the process runs already. */
static void launch_on_patience(struct ev_loop *loop, ev_timer *w, int revents)
{
        struct launching *l = w->data;

        (void)loop, (void)revents;
        l->logs = 0;
        launches_go_on(l->sup);
}

bool launch_is_held(const struct process *p)
{
        return p->worker->launching && p->worker->launching->is_held;
}

bool launches_are_held(const struct supervisor *s)
{
        const struct launching *l = *launches_first(s);

        while (l && !l->is_held)
                l = l->next;
        return l != NULL;
}

void launch_log_opened(const struct process *p)
{
        struct launching *l = p->worker->launching;

        if (l && l->logs && --l->logs == 0)
                launches_go_on(l->sup);
}

bool launch_log_failed(const struct process *p, const struct err *why)
{
        struct launching *l = p->worker->launching;

        if (!l || !l->is_held || p->state != PS_STARTING)
                return false;
        l->no_log = *why;
        launch_kill(l);
        return true;
}

/* ---- its life */

struct launching *launch_new(struct supervisor *s, struct process *p)
{
        struct launching *l = calloc(1, sizeof *l);

        if (!l)
                return NULL;
        l->sup = s;
        l->process = p;
        l->st.report = -1;
        ev_timer_init(&l->patience, launch_on_patience, LOG_PATIENCE_S, 0.);
        l->patience.data = l;
        return l;
}

void launch_discard(struct launching *l)
{
        free(l);
}

void launch_begin(struct launching *l, const struct spawned *st, bool is_gated, int logs)
{
        struct ev_loop *loop = l->sup->loop;

        l->st = *st;
        l->process->worker->launching = l;
        DL_APPEND(*launches_first(l->sup), l);
        ev_init(&l->said, on_said);
        ev_timer_init(&l->limit, launches_on_limit, LAUNCH_LIMIT_S, 0.);
        l->said.data = l->limit.data = l;
        launch_listen(l, launch_is_born(l->process) && !is_gated ? EV_WRITE : EV_READ);
        ev_now_update(loop);
        ev_timer_start(loop, &l->limit);
        l->is_gated = l->is_held = is_gated;
        l->logs = logs;
        if (is_gated)
                ev_timer_start(loop, &l->patience);
}

bool launch_resume(struct supervisor *s, struct process *p)
{
        struct proc_entry entry;
        struct launching *l;

        if (p->state != PS_STARTING || !s->sys->process->entry(s->sys, p->pid, &entry) ||
            !entry.before_exec)
                return false;
        l = launch_new(s, p);
        if (!l) {
                log_line(s->log, LVL_ERROR, "out of memory: '%s' counts as executed", p->name);
                return false;
        }
        l->resumed = true;
        l->st = (struct spawned){ .pid = p->pid, .step = STEP_EXEC, .report = -1 };
        p->worker->launching = l;
        DL_APPEND(*launches_first(s), l);
        ev_init(&l->said, on_said);
        ev_timer_init(&l->limit, on_look, LOOK_S, LOOK_S);
        l->limit.data = l;
        ev_now_update(s->loop);
        ev_timer_start(s->loop, &l->limit);
        process_under_way(p);
        return true;
}

void launch_forget(struct worker *w)
{
        if (w->launching)
                launch_free(w->launching);
}

void launch_look(const struct process *p)
{
        if (p->worker && p->worker->launching)
                launch_hear(p->worker->launching);
}

bool launch_ended(struct process *p)
{
        struct launching *l = p->worker ? p->worker->launching : NULL;

        if (!l)
                return false;
        if (launch_ask(l) == SPAWN_FAILED)
                return launch_failed(l, true);
        launch_executed(l);
        return false;
}

/* ---- those that have failed */

static struct launching *launch_of(const struct supervisor *s, pid_t pid)
{
        struct launching *l = *launches_first(s);

        while (l && (l->process || l->st.pid != pid))
                l = l->next;
        return l;
}

/* Children of failed starts, until they are reaped. */
static bool launches_own(const struct supervisor *s, pid_t pid)
{
        return launch_of(s, pid) != NULL;
}

/* What the children would write to the file of before is written for them. */
static void launches_on_records_moved(struct supervisor *s)
{
        for (struct launching *l = *launches_first(s); l; l = l->next)
                if (l->process && l->st.step == STEP_NONE)
                        state_note_birth(s, l->process);
}

bool launches_any(const struct supervisor *s)
{
        const struct launching *l = *launches_first(s);

        while (l && !l->process)
                l = l->next;
        return l != NULL;
}

static void launches_release(struct supervisor *s)
{
        for (struct launching *l = *launches_first(s); l; l = l->next)
                l->is_held = false; /* they go on by themselves */
        while (*launches_first(s))
                launch_free(*launches_first(s));
}

/* ---- the component */

/* That its start has failed is known already, or is known now. */
static bool launches_on_reaped(struct supervisor *s, pid_t pid, int status)
{
        struct process *p = registry_by_pid(&s->registry, pid);
        struct launching *l = p ? NULL : launch_of(s, pid);

        (void)status;
        if (p)
                return launch_ended(p);
        if (l)
                launch_free(l);
        return l != NULL;
}

static void launches_on_process_gone(struct supervisor *s, struct process *p)
{
        (void)s;
        if (p->worker)
                launch_forget(p->worker);
}

const struct component component_launches = { .name = "launches",
                                              .on_records_moved = launches_on_records_moved,
                                              .on_process_gone = launches_on_process_gone,
                                              .size = sizeof(struct launching *),
                                              .release = launches_release,
                                              .on_reaped = launches_on_reaped,
                                              .owns = launches_own };
