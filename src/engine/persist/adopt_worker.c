/* One worker of an earlier daemon: held and gone on with, taken for ended where that is proved, or
 * left as it is and looked at again. */
#include "engine/persist/adopt_own.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/core/startup.h"
#include "engine/events/listeners.h"
#include "engine/persist/fdstore.h"
#include "engine/persist/state_record.h"
#include "engine/run/exec_env.h"
#include "engine/run/launches.h"
#include "engine/run/pipes.h"
#include "engine/watch/probes.h"
#include "sys/net/listen_fds.h"
#include "sys/process/orphan.h"
#include "sys/store/handover.h"

/* Those whose adoption is not complete are looked at again after a second, and after waits that
 * double while nothing comes of it; not all of a large fleet in one turn. */
#define LOOK_LAST_S 16.
#define LOOK_MOST   256

static void say_adopted(struct supervisor *s, const struct process *p)
{
        struct event ev = { .type = EV_ADOPTED, .at = clock_now(), .process = p, .pid = p->pid };

        log_line(s->log, LVL_INFO, "adopted: '%s' with pid %d, %s for %lld s", p->name, (int)p->pid,
                 pstate_name(p->state), (long long)((ev.at.mono_ms - p->spawned_ms) / 1000));
        bus_publish(&s->bus, &ev);
}

/* An earlier image of us passes its ends of the pipes on: they can be read when no process is left
 * to open them anew by. */
bool adopt_was_handed_over(const struct supervisor *s)
{
        return startup_of(s)->handover && startup_of(s)->handover->list >= 0;
}

/* Or the descriptor store had them. */
static bool were_stored(const struct supervisor *s, const struct saved_record *k)
{
        char name[48];

        for (int i = 1; i < 3; i++) {
                handover_pipe_name(name, sizeof name, k->record.mark.pipes[i], true);
                if (k->record.mark.pipes[i] && handover_has(startup_of(s)->handover, name))
                        return true;
        }
        return false;
}

static bool can_be_read(const struct supervisor *s, const struct saved_record *k)
{
        return adopt_was_handed_over(s) || were_stored(s, k);
}

static void adopt_go_on(struct supervisor *s, struct process *p, const struct saved_record *k,
                        bool lives)
{
        p->worker->mark.adopted = true;
        registry_pid_add(&s->registry, p);
        if (lives || can_be_read(s, k))
                adopt_take_pipes(s, p);
        if (p->program->kind == KIND_LISTENER)
                listener_adopted(s, p);
        if (p->state == PS_STARTING && p->health.status == HEALTH_NONE)
                health_begin(&p->health, p->program); /* killed between the birth and this */
        if (p->state == PS_STARTING && p->program->ready == READY_HEALTHCHECK)
                health_await(&p->health);
        bool under_way = lives && launch_resume(s, p);
        bool probed = !under_way && (p->state == PS_STARTING || p->state == PS_RUNNING);
        if (lives && probed && p->program->healthcheck.kind != CHECK_NONE && !probe_begin(s, p))
                log_line(s->log, LVL_ERROR, "out of memory: '%s' is not health-checked", p->name);
        say_adopted(s, p);
}

/* It may live, and cannot be held even by a note of it: never a second one beside it. */
static void adopt_give_up(struct supervisor *s, struct process *p)
{
        log_line(s->log, LVL_ERROR, "cannot adopt '%s' (pid %d): %s; it is left alone", p->name,
                 (int)p->pid, strerror(ENOMEM));
        supervisor_act(s, p, p->state, process_signal_failed(p, "cannot be adopted", clock_now()));
}

/* It may live, but cannot be held yet: it stays as it was. */
static void leave_alone(struct supervisor *s, struct process *p, const struct saved_record *k,
                        const struct orphan *who)
{
        int error = errno;
        struct adopted *a = adopted_new(s, p, who, -1);

        if (!a) {
                adopt_give_up(s, p);
                return;
        }
        log_line(s->log, LVL_ERROR,
                 "cannot adopt '%s' (pid %d): %s; it is left alone, and looked at again", p->name,
                 (int)p->pid, strerror(error));
        p->worker->adopted = a;
        p->worker->mark.adopted = true;
        a->work = k->record.work & (DO_TERM | DO_KILL);
        registry_pid_add(&s->registry, p);
        adopted_list(a);
}

/* It has ended: what its pipes still hold is read where they were held for us. */
static void adopt_take_rest(struct supervisor *s, struct process *p, const struct saved_record *k)
{
        if (can_be_read(s, k))
                adopt_take_pipes(s, p);
        if (adopt_was_handed_over(s))
                return;
        if (p->worker->mark.adopted_logs)
                log_line(s->log, LVL_INFO,
                         "'%s' (pid %d) ended while unsupervised; what it wrote last was kept",
                         p->name, (int)p->pid);
        else
                adopt_say_lost(s, p);
}

/* A pidfd that a service manager has held knows, whichever process reaped it (Linux 6.15). */
static bool ask_stored_pidfd(struct supervisor *s, const struct process *p, int *status_out)
{
        const struct footprint *m = &p->worker->mark;
        const struct orphan who = footprint_orphan(m, p->pid);
        char name[GIVEN_NAME_MAX];

        fdstore_name(p, name);
        AUTO_FD pidfd = listen_fds_pidfd(startup_of(s)->handover, name);
        return pidfd >= 0 && orphan_end(s->sys, &who, pidfd, status_out) == END_KNOWN;
}

static void adopt_lost(struct supervisor *s, struct process *p, const struct saved_record *k)
{
        bool known = k->record.flags & RECORD_REAPED;
        int status = k->record.status;

        adopt_take_rest(s, p, k);
        known = known || state_end_persisted(s, p->pid, &status) || ask_stored_pidfd(s, p, &status);
        registry_pid_add(&s->registry, p);
        p->worker->astray = !adopt_was_handed_over(s);
        supervisor_ended(s, p, status, !known);
        if (k->record.flags & (RECORD_REAPED | RECORD_LOST)) /* it was noted with what it owes */
                p->worker->owes_stop = k->record.flags & RECORD_OWES;
}

/* It was not waited for yet, so it can be asked: before it is shown as alive. */
static void hold_zombie(struct supervisor *s, struct process *p, const struct saved_record *k)
{
        adopt_take_rest(s, p, k);
        registry_pid_add(&s->registry, p);
        ev_io_stop(s->loop, &p->worker->adopted->end);
        adopted_ask_how_it_ended(p->worker->adopted);
}

void adopt_hold(struct supervisor *s, struct process *p, const struct saved_record *k)
{
        struct footprint *m = &p->worker->mark;
        struct orphan who = footprint_orphan(m, p->pid);
        pid_t parent = 0;
        int pidfd = -1;

        enum orphan_found found = orphan_hold(s->sys, &who, &pidfd, &parent);
        if (found == ORPHAN_GONE || (k->record.flags & (RECORD_REAPED | RECORD_LOST))) {
                fd_close(&pidfd);
                adopt_lost(s, p, k);
                return;
        }
        if (pidfd >= 0 && parent != getpid() && !pipes_leave_reserve(s, pidfd, false)) {
                fd_close(&pidfd);
                errno = EMFILE;
                found = ORPHAN_REFUSED;
        }
        if (found == ORPHAN_REFUSED) {
                leave_alone(s, p, k, &who);
                return;
        }
        m->start_low = who.start_low;
        m->start_span = (uint16_t)(who.start_high - who.start_low);
        if (parent == getpid()) { /* ours all along: waitpid will tell */
                fd_close(&pidfd);
        } else {
                p->worker->adopted = adopted_new(s, p, &who, pidfd);
                if (!p->worker->adopted) {
                        fd_close(&pidfd);
                        adopt_give_up(s, p);
                        return;
                }
        }
        if (found == ORPHAN_ENDED && p->worker->adopted)
                hold_zombie(s, p, k);
        else
                adopt_go_on(s, p, k, found == ORPHAN_LIVES);
}

/* ---- once more */

/* What hold() had not. */
static void hold_after_all(struct adopted *a, struct orphan *who, int pidfd, bool lives)
{
        struct supervisor *s = a->sup;
        struct process *p = a->process;

        assert(p->worker); /* made when its adoption began */
        struct footprint *m = &p->worker->mark;
        struct saved_record k = { .record.mark = *m };
        unsigned work = a->work;

        adopted_watch(a, who, pidfd);
        m->start_low = who->start_low;
        m->start_span = (uint16_t)(who->start_high - who->start_low);
        registry_pid_remove(&s->registry, p); /* it is added below */
        if (!lives) {
                hold_zombie(s, p, &k);
                return;
        }
        adopt_go_on(s, p, &k, true);
        if (p->pid > 0 && !p->worker->reaped)
                supervisor_act(s, p, p->state, work);
}

/* Returns whether something came of it; *a may be gone then. */
static bool try_hold(struct adopted *a)
{
        struct supervisor *s = a->sup;
        struct process *p = a->process;
        struct orphan who = a->who;
        struct saved_record k = { 0 };
        pid_t parent;
        int pidfd = -1;

        enum orphan_found found = orphan_hold(s->sys, &who, &pidfd, &parent);
        if (found == ORPHAN_GONE) {
                registry_pid_remove(&s->registry, p); /* lost() adds it */
                adopt_lost(s, p, &k);
                return true;
        }
        if (pidfd >= 0 && !pipes_leave_reserve(s, pidfd, false) && found == ORPHAN_LIVES)
                fd_close(&pidfd);
        if (pidfd < 0)
                return false;
        hold_after_all(a, &who, pidfd, found == ORPHAN_LIVES);
        return true;
}

static bool try_pipes(struct adopted *a)
{
        struct supervisor *s = a->sup;
        struct process *p = a->process;
        struct err e = { 0 };
        unsigned had = a->lacks_logs;
        bool had_stdin = a->lacks_stdin, closed = false;

        if (a->lacks_stdin)
                a->lacks_stdin = !adopt_take_stdin(s, p);
        a->lacks_logs = (uint8_t)adopt_take_logs(s, p, a->lacks_logs, &closed, &e);
        if (had && !a->lacks_logs) {
                p->worker->mark.adopted_logs = true;
                log_line(s->log, LVL_INFO, "the logs of '%s' (pid %d) are read again", p->name,
                         (int)p->pid);
        }
        return a->lacks_logs != had || a->lacks_stdin != had_stdin;
}

static void adopt_on_look_again(EV_P_ ev_timer *w, int revents)
{
        struct supervisor *s = w->data;
        double wait = w->repeat * 2 < LOOK_LAST_S ? w->repeat * 2 : LOOK_LAST_S;
        struct adopted *a;
        int looks = 0;

        (void)loop, (void)revents;
        /* Each is taken off the list, and put at its end where it is still not complete. */
        for (struct adopted *last = NULL;
             (a = adopt_own(s)->first) && a != last && looks < LOOK_MOST; looks++) {
                struct process *p = a->process;
                bool held = a->pidfd >= 0;
                adopted_unlist(a);
                if (held ? try_pipes(a) : try_hold(a))
                        wait = LOOK_FIRST_S;
                a = p->worker ? p->worker->adopted : NULL;
                if (!a || p->pid <= 0 || adopted_is_complete(a))
                        continue;
                adopted_list(a);
                last = last ? last : a;
        }
        if (adopt_own(s)->first)
                adopted_look_again_in(s, looks < LOOK_MOST ? wait : LOOK_FIRST_S);
        supervisor_settle(s);
}

/* ---- what has changed since its start */

/* It was started while its output was discarded, and now it is wanted. */
static bool adopt_lacks_pipe(const struct process *p, const struct saved_record *k)
{
        const struct program *g = p->program;
        const uint32_t *pipes = k->record.mark.pipes;

        return (!pipes[1] && !program_discards(g, false)) ||
               (!pipes[2] && !g->redirect_stderr && !program_discards(g, true));
}

/* What cannot be made ready says so at the next start. */
static bool is_changed(struct supervisor *s, const struct process *p, const struct saved_record *k)
{
        struct err e = { 0 };
        enum fault f;

        const struct exec_env *o = exec_env_of(s, p, p->program, &f, &e);
        return !o || o->given != k->record.mark.given;
}

/* The configuration may be another than the one it was started by. */
void adopt_follow_changes(struct supervisor *s, struct process *p, const struct saved_record *k)
{
        if (p->pid <= 0 || (!is_changed(s, p, k) && !adopt_lacks_pipe(p, k)))
                return;
        if (p->state == PS_RUNNING || p->state == PS_STARTING) {
                log_line(s->log, LVL_INFO, "'%s' was started by another configuration: restarting",
                         p->name);
                supervisor_order(s, p, PE_RESTART);
        }
}

/* ---- the component */

static bool adopted_init(struct supervisor *s, struct err *e)
{
        (void)e;
        ev_timer_init(&adopt_own(s)->look_again, adopt_on_look_again, 0., 0.);
        adopt_own(s)->look_again.data = s;
        return true;
}

static void adopted_on_exit(struct supervisor *s, struct process *p)
{
        struct worker *w = p->worker;

        (void)s;
        w->astray = w->astray || w->adopted;
        adopted_free(w->adopted);
        w->adopted = NULL;
}

static void adopted_on_process_gone(struct supervisor *s, struct process *p)
{
        (void)s;
        if (p->worker)
                adopted_free(p->worker->adopted);
}

const struct component component_adopted = { .name = "adopted",
                                             .size = sizeof(struct adopt),
                                             .init = adopted_init,
                                             .on_exit = adopted_on_exit,
                                             .on_process_gone = adopted_on_process_gone };
