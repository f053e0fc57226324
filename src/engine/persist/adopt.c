/* Resumes the workers of the previous instance: holds each by pidfd and start time, opens its
 * pipes again and continues its state. A worker that cannot be held yet is left as it is and tried
 * again; it is never taken for ended without proof. */
#include "engine/persist/adopt.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault_point.h"
#include "base/fd.h"
#include "engine/core/startup.h"
#include "engine/core/transition.h"
#include "engine/events/listeners.h"
#include "engine/order/scale.h"
#include "engine/persist/adopt_own.h"
#include "engine/persist/fdstore.h"
#include "engine/persist/last_process.h"
#include "engine/persist/state_record.h"
#include "engine/run/descendants.h"
#include "engine/run/exec_env.h"
#include "engine/run/hangups.h"
#include "engine/run/launcher.h"
#include "engine/run/launches.h"
#include "engine/run/pipes.h"
#include "engine/run/stdin_pipe.h"
#include "engine/run/streams.h"
#include "engine/watch/probes.h"
#include "model/config/recipe.h"
#include "model/fleet/plan.h"
#include "sys/net/listen_fds.h"
#include "sys/process/orphan.h"
#include "sys/store/handover.h"

/* Those whose adoption is not complete are looked at again after a second, and after waits that
 * double while nothing comes of it; not all of a large fleet in one turn. */
#define LOOK_LAST_S 16.
#define LOOK_MOST   256

/* ---- its pipes */

/* Of an earlier image of this process it is open already; else it is opened anew. */
static int our_end(struct supervisor *s, const struct process *p, int number, ino_t pipe)
{
        char name[48];

        handover_pipe_name(name, sizeof name, pipe, number != 0);
        int fd = handover_fd(startup_of(s)->handover, name);
        return fd >= 0 ? fd : orphan_pipe(p->pid, number, pipe, number ? O_RDONLY : O_WRONLY);
}

/* One of its logs, read again. False: it could not be, and it is tried again. *closed_out: it has
 * no longer what it was given. */
static bool take_log(struct supervisor *s, struct process *p, int number, struct stream *to,
                     bool *closed_out, struct err *e)
{
        static const char *const words[] = { "stdin", "stdout", "stderr" };
        ino_t pipe = (ino_t)p->worker->mark.pipes[number];

        if (!pipe || !to)
                return true;
        int fd = our_end(s, p, number, pipe);
        *closed_out = *closed_out || fd < 0;
        if (fd < 0 && errno == ENOENT)
                return true;
        if (fd >= 0 && !pipes_leave_reserve(s, fd, false))
                fd_close(&fd);
        if (fd < 0)
                return err_set(e, ERR_SYS, "open its %s", words[number]);
        return stream_attach(to, fd, NULL, e);
}

/* Of `wanted` (LOG_*). Returns those that are still not read. */
static unsigned take_logs(struct supervisor *s, struct process *p, unsigned wanted,
                          bool *closed_out, struct err *e)
{
        struct worker *w = p->worker;
        unsigned lacking = 0;
        struct err second = { 0 }; /* what is said is why the first one could not be opened */

        if (!streams_prepare(s, w, e))
                return wanted;
        if ((wanted & LOG_OUT) && !take_log(s, p, 1, w->out, closed_out, e))
                lacking |= LOG_OUT;
        if ((wanted & LOG_ERR) && !take_log(s, p, 2, w->err, closed_out, lacking ? &second : e))
                lacking |= LOG_ERR;
        streams_started(w, p->pid);
        return lacking;
}

/* Keeps what is given (-1: it is opened). False: errno. */
static bool open_stdin(struct supervisor *s, const struct process *p, int fd)
{
        ino_t pipe = (ino_t)p->worker->mark.pipes[0];

        errno = ENOENT;
        if (fd < 0)
                fd = pipe ? our_end(s, p, 0, pipe) : -1;
        if (fd >= 0 && (!pipes_leave_reserve(s, fd, false) || !fd_nonblock(fd, true)))
                fd_close(&fd);
        if (fd < 0)
                return false;
        errno = ENOMEM;
        if (!stdin_pipe_open(&p->worker->in, state_stdin_home(s), fd, NULL))
                return false;
        if (stdin_pipe_resume(p->worker->in))
                log_line(s->log, LVL_DEBUG, "%s: what waits for its standard input goes on",
                         p->name);
        return true;
}

bool adopt_stdin(struct supervisor *s, const struct process *p)
{
        if (p->worker && p->worker->in)
                return true;
        errno = ENOENT;
        return p->worker && p->worker->mark.adopted && open_stdin(s, p, -1);
}

/* Only what has it now, or needs it. True: all is well. */
static bool adopt_take_stdin(struct supervisor *s, struct process *p)
{
        uint64_t pipe = p->worker->mark.pipes[0];
        char name[48];

        handover_pipe_name(name, sizeof name, pipe, false);
        bool is_here = pipe && handover_has(startup_of(s)->handover, name);
        if (is_here || p->program->kind == KIND_LISTENER || stdin_pipe_is_left(state_dir(s), pipe))
                return open_stdin(s, p, -1) || errno == ENOENT;
        return true;
}

static void say_lost(struct supervisor *s, const struct process *p)
{
        log_line(s->log, LVL_WARN,
                 "'%s' (pid %d) ended while unsupervised; what it wrote last is lost", p->name,
                 (int)p->pid);
}

/* One that is not complete is said, and listed if it may be tried again. */
static void say_without(struct supervisor *s, const struct process *p, const char *what,
                        const char *why)
{
        struct adopted *a = p->worker->adopted;

        log_line(s->log, LVL_WARN, "adopted '%s' (pid %d) without its %s: %s%s", p->name,
                 (int)p->pid, what, why, a ? "; this is tried again" : "");
        if (a)
                adopted_list(a);
}

static void take_pipes(struct supervisor *s, struct process *p)
{
        struct adopted *a = p->worker->adopted;
        struct err e = { 0 };
        bool closed = false;

        if (!adopt_take_stdin(s, p)) {
                if (a)
                        a->lacks_stdin = true;
                say_without(s, p, "standard input", strerror(errno));
        }
        unsigned lacking = take_logs(s, p, LOG_OUT | LOG_ERR, &closed, &e);
        p->worker->mark.adopted_logs = !lacking;
        if (closed && orphan_is_ending(p->pid)) {
                say_lost(s, p);
        } else if (lacking) {
                if (a)
                        a->lacks_logs = (uint8_t)lacking;
                say_without(s, p, "logs", e.text);
        }
}

bool adopt_log_failed(struct supervisor *s, const struct process *p, bool is_stderr,
                      const struct err *why)
{
        struct adopted *a = p->worker->adopted;

        if (!a)
                return false;
        a->lacks_logs |= is_stderr ? LOG_ERR : LOG_OUT;
        p->worker->mark.adopted_logs = false;
        say_without(s, p, "logs", why->text);
        return true;
}

/* ---- one worker */

static void say_adopted(struct supervisor *s, const struct process *p)
{
        struct event ev = { .type = EV_ADOPTED, .at = clock_now(), .process = p, .pid = p->pid };

        log_line(s->log, LVL_INFO, "adopted: '%s' with pid %d, %s for %lld s", p->name, (int)p->pid,
                 pstate_name(p->state), (long long)((ev.at.mono_ms - p->spawned_ms) / 1000));
        bus_publish(&s->bus, &ev);
}

/* An earlier image of us passes its ends of the pipes on: they can be read when no process is left
 * to open them anew by. */
static bool was_handed_over(const struct supervisor *s)
{
        return startup_of(s)->handover && startup_of(s)->handover->list >= 0;
}

/* Or a service manager has kept them. */
static bool were_kept(const struct supervisor *s, const struct saved_record *k)
{
        char name[48];

        for (int i = 1; i < 3; i++) {
                handover_pipe_name(name, sizeof name, k->record.pipes[i], true);
                if (k->record.pipes[i] && handover_has(startup_of(s)->handover, name))
                        return true;
        }
        return false;
}

static bool can_be_read(const struct supervisor *s, const struct saved_record *k)
{
        return was_handed_over(s) || were_kept(s, k);
}

static void adopt_go_on(struct supervisor *s, struct process *p, const struct saved_record *k,
                        bool lives)
{
        p->worker->mark.adopted = true;
        registry_pid_add(&s->registry, p);
        if (lives || can_be_read(s, k))
                take_pipes(s, p);
        if (!p->worker->adopted)
                hangups_watch(s, p);
        if (p->program->kind == KIND_LISTENER)
                listener_adopted(s, p, &k->record.listener);
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
        a->listener = k->record.listener;
        registry_pid_add(&s->registry, p);
        adopted_list(a);
}

/* It has ended: what its pipes still hold is read where they were held for us. */
static void adopt_take_rest(struct supervisor *s, struct process *p, const struct saved_record *k)
{
        if (can_be_read(s, k))
                take_pipes(s, p);
        if (was_handed_over(s))
                return;
        if (p->worker->mark.adopted_logs)
                log_line(s->log, LVL_INFO,
                         "'%s' (pid %d) ended while unsupervised; what it wrote last was kept",
                         p->name, (int)p->pid);
        else
                say_lost(s, p);
}

/* A pidfd that a service manager has held knows, whichever process reaped it (Linux 6.15). */
static bool ask_kept_pidfd(struct supervisor *s, const struct process *p, int *status_out)
{
        const struct footprint *m = &p->worker->mark;
        const struct orphan who = { p->pid, m->start_low, m->start_high };
        char name[GIVEN_NAME_MAX];

        fdstore_name(p, name);
        AUTO_FD pidfd = listen_fds_pidfd(startup_of(s)->handover, name);
        return pidfd >= 0 && orphan_end(&who, pidfd, status_out) == END_KNOWN;
}

static void adopt_lost(struct supervisor *s, struct process *p, const struct saved_record *k)
{
        bool known = k->record.flags & RECORD_REAPED;
        int status = k->record.status;

        adopt_take_rest(s, p, k);
        known = known || state_end_kept(s, p->pid, &status) || ask_kept_pidfd(s, p, &status);
        registry_pid_add(&s->registry, p);
        p->worker->astray = !was_handed_over(s);
        supervisor_ended(s, p, status, !known);
        if (k->record.flags & (RECORD_REAPED | RECORD_LOST)) /* it was noted with what it owes */
                p->worker->owes_stop = k->record.work & DO_TERM;
}

/* It was not waited for yet, so it can be asked: before it is shown as alive. */
static void hold_zombie(struct supervisor *s, struct process *p, const struct saved_record *k)
{
        adopt_take_rest(s, p, k);
        registry_pid_add(&s->registry, p);
        ev_io_stop(s->loop, &p->worker->adopted->end);
        adopted_ask_how_it_ended(p->worker->adopted);
}

static void adopt_hold(struct supervisor *s, struct process *p, const struct saved_record *k)
{
        struct footprint *m = &p->worker->mark;
        struct orphan who = { p->pid, m->start_low, m->start_high };
        pid_t parent = 0;
        int pidfd = -1;

        enum orphan_found found = orphan_hold(&who, &pidfd, &parent);
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
        m->start_high = who.start_high;
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
        struct saved_record k = { .record = {
                                      .listener = a->listener,
                                      .pipes = { m->pipes[0], m->pipes[1], m->pipes[2] } } };
        unsigned work = a->work;

        adopted_watch(a, who, pidfd);
        m->start_low = who->start_low;
        m->start_high = who->start_high;
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

        enum orphan_found found = orphan_hold(&who, &pidfd, &parent);
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
        a->lacks_logs = (uint8_t)take_logs(s, p, a->lacks_logs, &closed, &e);
        if (had && !a->lacks_logs) {
                p->worker->mark.adopted_logs = true;
                log_line(s->log, LVL_INFO, "the logs of '%s' (pid %d) are read again", p->name,
                         (int)p->pid);
        }
        return a->lacks_logs != had || a->lacks_stdin != had_stdin;
}

static void on_look_again(EV_P_ ev_timer *w, int revents)
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

/* ---- one process */

/* Half stopped for the daemon's own end, or because it was configured no more: there is a daemon
 * again that knows it, so it is to run again. */
static bool is_wanted_again(const struct saved_record *k)
{
        enum pstate state = (enum pstate)k->record.memory.state;

        return state == PS_RETIRING || (state == PS_STOPPING && k->record.flags & RECORD_ENDING);
}

/* Made by last_program, only to be stopped. */
static bool is_gone(const struct process *p)
{
        return strcmp(p->program->section, GONE) == 0;
}

static bool adopt_recall(struct supervisor *s, struct process *p, struct saved_record *k)
{
        struct process_memory memory = k->record.memory;
        const struct record *r = &k->record;
        struct worker *w = worker_of(s, p);

        if (w && !is_gone(p) && is_wanted_again(k))
                memory.state = p->program->autostart ? PS_RESTARTING : PS_STOPPING;
        if (!w || !process_recall(p, &memory)) {
                log_line(s->log, LVL_WARN, "state of '%s' makes no sense, starting without it",
                         p->name);
                record_drop(state_of(s), k->slot, k->texts);
                return false;
        }
        w->mark =
            (struct footprint){ .slot = k->slot + 1,
                                .texts = k->texts,
                                .start_low = r->start_low,
                                .start_high = r->start_high,
                                .given = r->given,
                                .pipes = { footprint_pipe(r->pipes[0]), footprint_pipe(r->pipes[1]),
                                           footprint_pipe(r->pipes[2]) } };
        k->process = p;
        if (p->program->kind == KIND_LISTENER)
                listener_recall(s, p, &r->listener);
        return true;
}

/* The previous instance had written its last step down, and died before everybody had heard of it.
 * A listener that has had it is passed over. */
static void tell_untold(struct supervisor *s, struct process *p, const struct saved_record *k)
{
        const struct record *r = &k->record;

        if (!r->unpublished.any || is_gone(p) || (int)p->state != r->memory.state)
                return;
        p->worker->unpublished = r->unpublished;
        listeners_retell(s, r->unpublished_serial);
        transition_tell(s, p, (enum pstate)r->unpublished.from, r->unpublished.pid);
        state_told(s, p);
        listeners_retold(s);
}

/* Its worker had ended, and what is below it has its time. */
static bool waits_for_remains(const struct process *p)
{
        bool stops =
            p->state == PS_STOPPING || p->state == PS_RESTARTING || p->state == PS_RETIRING;

        return p->remains && (stops || p->waiting == WAIT_KILL || p->waiting == WAIT_KILLED);
}

/* What was about to be done when the daemon died may have been done or not: once more does no
 * harm. */
static void adopt_resume(struct supervisor *s, struct process *p, const struct saved_record *k)
{
        const struct record *r = &k->record;
        unsigned work = r->work;

        supervisor_act(s, p, p->state, 0); /* its deadline */
        if (p->pid > 0) {
                adopt_hold(s, p, k);
                if (p->pid > 0 && !p->worker->reaped)
                        supervisor_act(s, p, p->state, work & (DO_TERM | DO_KILL));
                return;
        }
        p->worker->astray = p->remains && !was_handed_over(s);
        if (waits_for_remains(p)) {
                descendants_signal(s, p, p->waiting == WAIT_KILLED);
                p->worker->owes_stop = work & DO_TERM;
                return;
        }
        if (p->state == PS_STARTING)
                work = DO_SPAWN;
        supervisor_act(s, p, p->state, work & (DO_SPAWN | DO_START | DO_ON_FATAL));
}

/* It was started while its output was discarded, and now it is wanted. */
static bool adopt_lacks_pipe(const struct process *p, const struct saved_record *k)
{
        const struct program *g = p->program;
        const uint64_t *pipes = k->record.pipes;

        return (!pipes[1] && !program_discards(g, false)) ||
               (!pipes[2] && !g->redirect_stderr && !program_discards(g, true));
}

/* What cannot be made ready says so at the next start. */
static bool is_changed(struct supervisor *s, const struct process *p, const struct saved_record *k)
{
        struct err e = { 0 };
        enum fault f;

        const struct exec_env *o = exec_env_of(s, p, p->program, &f, &e);
        return !o || o->given != k->record.given;
}

/* The configuration may be another than the one it was started by. */
static void follow_changes(struct supervisor *s, struct process *p, const struct saved_record *k)
{
        if (p->pid <= 0 || (!is_changed(s, p, k) && !adopt_lacks_pipe(p, k)))
                return;
        if (p->state == PS_RUNNING || p->state == PS_STARTING) {
                log_line(s->log, LVL_INFO, "'%s' was started by another configuration: restarting",
                         p->name);
                supervisor_order(s, p, PE_RESTART);
        }
}

/* ---- those that the configuration does not know any more */

static struct process *find_process(struct supervisor *s, const struct saved_record *k)
{
        struct group *g = registry_group(&s->registry, k->record.text[TEXT_GROUP]);

        return g ? group_process(g, k->record.text[TEXT_NAME]) : NULL;
}

static void adopt_retire(struct supervisor *s, struct saved_record *k)
{
        struct err e = { 0 };

        if (k->record.memory.pid <= 0) {
                record_drop(state_of(s), k->slot, k->texts);
                return;
        }
        struct process *p = last_process(s, &k->record, &e);
        if (!p || !supervisor_adopt_process(s, p, &e)) {
                log_line(s->log, LVL_ERROR,
                         "cannot stop '%s' (pid %d), which is configured no "
                         "more: %s",
                         k->record.text[TEXT_NAME], k->record.memory.pid, e.text);
                return;
        }
        if (!adopt_recall(s, p, k))
                return;
        if (s->config->incomplete)
                log_line(s->log, LVL_ERROR,
                         "'%s' (pid %d) runs on: it may be in the included file that could not be "
                         "read",
                         p->name, (int)p->pid);
        else
                log_line(s->log, LVL_INFO, "'%s' (pid %d) is configured no more: stopping it",
                         p->name, (int)p->pid);
}

/* ---- fleets */

static void set_replicas(struct supervisor *s, struct fleet *f, int replicas)
{
        struct err e = { 0 };
        int last = f->program->numprocs_start + replicas - 1;

        for (int n = f->program->numprocs_start; n <= last; n++)
                if (!scale_grow(s, f, n, false, &e)) {
                        log_line(s->log, LVL_ERROR, "cannot scale %s to %d again: %s",
                                 f->program->name, replicas, e.text);
                        return;
                }
        for (int i = f->count; i-- > 0;)
                if (f->procs[i]->number > last)
                        supervisor_order(s, f->procs[i], PE_RETIRE);
        f->replicas = replicas;
        f->scaled = replicas != f->program->numprocs;
        log_line(s->log, LVL_INFO, "scaled: %s stays at %d", f->program->name, replicas);
}

/* An order to scale holds, unless numprocs itself was changed since. */
static void recall_fleet(struct supervisor *s, const struct saved_record *k)
{
        const struct record *r = &k->record;
        struct group *g = registry_group(&s->registry, k->record.text[TEXT_GROUP]);
        struct fleet *f = g ? group_fleet(g, k->record.text[TEXT_PROGRAM]) : NULL;

        if (!f || r->numprocs != f->program->numprocs || r->replicas < 0 ||
            r->replicas > FLEET_MAX) {
                record_drop(state_of(s), k->slot, k->texts);
                return;
        }
        f->state_slot = k->slot + 1;
        f->state_texts = k->texts;
        set_replicas(s, f, program_replicas(f->program, r->replicas));
        state_note_fleet(s, f);
}

/* ---- everything */

static bool has_rest(const void *arg, uint64_t pipe)
{
        const struct registry *r = arg;

        for (int g = 0; g < r->group_count; g++)
                for (int i = 0; i < r->groups[g]->count; i++) {
                        const struct worker *w = r->groups[g]->procs[i]->worker;
                        if (w && w->mark.pipes[0] == pipe &&
                            (w->in ? stdin_pipe_has_rest(w->in) : w->adopted != NULL))
                                return true;
                }
        return false;
}

static void adopt_saved_records(struct supervisor *s)
{
        struct state *st = state_of(s);

        if (!st)
                return;
        for (size_t i = st->process_count; i < st->saved_record_count; i++)
                recall_fleet(s, &st->saved_records[i]);
        supervisor_settle(s);
        for (size_t i = 0; i < st->process_count; i++) {
                struct process *p = find_process(s, &st->saved_records[i]);
                if (p)
                        adopt_recall(s, p, &st->saved_records[i]);
                else
                        adopt_retire(s, &st->saved_records[i]);
        }
        for (size_t i = 0; i < st->process_count; i++)
                if (st->saved_records[i].process)
                        tell_untold(s, st->saved_records[i].process, &st->saved_records[i]);
        for (size_t i = 0; i < st->process_count; i++) {
                fault_point("adopt.next");
                if (st->saved_records[i].process)
                        adopt_resume(s, st->saved_records[i].process, &st->saved_records[i]);
        }
        for (size_t i = 0; i < st->process_count; i++) {
                struct saved_record *k = &st->saved_records[i];
                if (!k->process)
                        continue;
                if (is_gone(k->process) && !s->config->incomplete)
                        supervisor_order(s, k->process, PE_RETIRE);
                else if (!is_gone(k->process))
                        follow_changes(s, k->process, k);
        }
        state_forget_saved_records(s);
        state_keep_ends(s);
        state_watch_begin(s);
        stdin_pipe_tidy(st->dir, has_rest, &s->registry);
        logs_settled(s->logs);
        listeners_settled(s);
        fdstore_settled(s);
        supervisor_settle(s);
}

/* Processes take up what their records say, living workers are held and read again, what ended
 * meanwhile is announced, what the configuration has no more is stopped, what it wants otherwise is
 * restarted. Every group has been made, and nothing was started yet. */
static void adopt_on_begin(struct supervisor *s)
{
        if (state_dir(s))
                logs_recover(s->logs, state_dir(s));
        adopt_saved_records(s);
        logs_recovered(s->logs);
}

static bool adopt_init(struct supervisor *s, struct err *e)
{
        (void)e;
        ev_timer_init(&adopt_own(s)->look_again, on_look_again, 0., 0.);
        adopt_own(s)->look_again.data = s;
        return true;
}

static void adopt_on_exit(struct supervisor *s, struct process *p)
{
        struct worker *w = p->worker;

        (void)s;
        w->astray = w->astray || w->adopted;
        adopted_free(w->adopted);
        w->adopted = NULL;
}

static void adopt_on_process_gone(struct supervisor *s, struct process *p)
{
        (void)s;
        if (p->worker)
                adopted_free(p->worker->adopted);
}

const struct component component_adopt = { .name = "adopt",
                                           .on_begin = adopt_on_begin,
                                           .on_exit = adopt_on_exit,
                                           .on_process_gone = adopt_on_process_gone,
                                           .size = sizeof(struct adopt),
                                           .init = adopt_init };
