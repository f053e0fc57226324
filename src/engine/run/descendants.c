/* What is below a worker: stopped with it where its program asks for that, else named in the log.
 * How it is found is the containment's business, and what comes next is the rules' (below.h). */
#include "engine/run/descendants.h"

#include <signal.h>
#include <stdlib.h>

#include "base/fault_point.h"
#include "base/fd.h"
#include "base/signame.h"
#include "engine/persist/state.h"
#include "engine/run/containment.h"
#include "engine/watch/probes.h"
#include "model/unit/below.h"
#include "sys/process/orphan.h"

#define NAME_AFTER_S 0.25 /* ends within that time share one look at what they left */
#define KILL_AGAIN_S 0.02 /* until SIGKILL is seen to have worked */
#define CHECKS_MS    1000
#define NAMED_MOST   100 /* of one stop, in the log; the rest is counted */
#define SPARES       256 /* of those that end all the time */
#define SHARE        4   /* looks may take one part in so many of the time */

/* One whose worker has ended. */
struct ended {
        struct ended *next;
        struct process *process; /* borrowed until on_process_gone */
        pid_t leader;            /* 0: not known any more */
        enum below_stage stage;
        bool holds;    /* what comes after its end waits */
        bool is_asked; /* whether anything is below it, and that is `has_left` */
        bool has_left;
        bool astray;             /* its orphans are not our children */
        bool is_resumed;         /* what an earlier daemon has told was made to go on */
        bool group_had_it;       /* the stop signal went to its whole process group */
        unsigned long long told; /* when what is below it had the signal, in clock ticks; 0: not */
        struct proc_table had_it;
        struct proc_table killed;
        size_t told_count, kill_count; /* as far as they are named */
        int64_t kill_ms;               /* when the last one of them was found; 0: not yet */
        ev_io watch; /* astray: no SIGCHLD tells of their end, but this pidfd of one of them */
        int watched; /* owned; -1: none */
};

struct descendants {
        struct supervisor *sup; /* borrowed */
        const struct containment *below;
        struct ended *first; /* owned list */
        struct ended *spare; /* owned list of what is used again */
        int spare_count;
        ev_timer name, again;
        bool due;               /* a look is asked for */
        int64_t next_ms;        /* looks are not to be all that the daemon does */
        int64_t checks_ms;      /* the last one for what health checks have left */
        struct proc_table rest; /* at the daemon's end: told to end */
};

static struct descendants *descendants_own(const struct supervisor *s)
{
        return component_own(s, COMPONENT_descendants);
}

/* ---- when to look */

static void look_now(struct descendants *sweep)
{
        sweep->due = true;
        ev_prepare_start(sweep->sup->loop, &sweep->sup->settle);
}

static void descendants_on_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
        (void)revents;
        ev_timer_stop(loop, w);
        look_now(w->data);
}

static void descendants_look_in(struct descendants *sweep, ev_timer *timer, double seconds)
{
        struct ev_loop *loop = sweep->sup->loop;

        if (ev_is_active(timer))
                return;
        ev_now_update(loop);
        ev_timer_set(timer, seconds, 0.);
        ev_timer_start(loop, timer);
}

static bool descendants_init(struct supervisor *s, struct err *e)
{
        struct descendants *sweep = descendants_own(s);

        (void)e;
        sweep->sup = s;
        sweep->below = &containment_sessions;
        ev_timer_init(&sweep->name, descendants_on_timer, 0., 0.);
        ev_timer_init(&sweep->again, descendants_on_timer, 0., 0.);
        sweep->name.data = sweep->again.data = sweep;
        return true;
}

/* ---- those whose worker has ended */

static void descendants_unwatch(struct supervisor *s, struct ended *end)
{
        ev_io_stop(s->loop, &end->watch);
        fd_close(&end->watched);
}

static void ended_free(struct supervisor *s, struct ended *end)
{
        struct descendants *sweep = descendants_own(s);

        descendants_unwatch(s, end);
        proc_table_release(&end->had_it);
        proc_table_release(&end->killed);
        if (sweep->spare_count == SPARES) {
                free(end);
                return;
        }
        end->next = sweep->spare;
        sweep->spare = end;
        sweep->spare_count++;
}

static struct ended *ended_new(struct descendants *sweep)
{
        struct ended *end = sweep->spare;

        if (!end)
                return calloc(1, sizeof *end);
        sweep->spare = end->next;
        sweep->spare_count--;
        return end;
}

static struct ended *ended_of(const struct descendants *sweep, const struct process *p)
{
        struct ended *end = sweep ? sweep->first : NULL;

        while (end && (end->process != p || !end->holds))
                end = end->next;
        return end;
}

static void on_watched(struct ev_loop *loop, ev_io *w, int revents)
{
        struct ended *end = w->data;
        struct supervisor *s = end->process->worker->sup;

        (void)loop, (void)revents;
        descendants_unwatch(s, end);
        look_now(descendants_own(s));
}

static struct ended *ended_add(struct supervisor *s, struct process *p, enum below_stage stage)
{
        struct descendants *sweep = descendants_own(s);
        struct ended *end = sweep ? ended_new(sweep) : NULL;

        if (!end) {
                log_line(s->log, LVL_WARN, "out of memory: descendants of '%s' are not looked for",
                         p->name);
                return NULL;
        }
        const struct worker *w = p->worker;
        *end = (struct ended){ .next = sweep->first,
                               .process = p,
                               .stage = stage,
                               .holds = stage != BELOW_NAME,
                               .astray = w && w->astray && stage != BELOW_NAME,
                               .watched = -1 };
        ev_init(&end->watch, on_watched);
        end->watch.data = end;
        return sweep->first = end;
}

/* What it left behind and does not die belongs to no process any more. */
static void descendants_on_process_gone(struct supervisor *s, struct process *p)
{
        struct ended **at = &descendants_own(s)->first;

        while (*at) {
                struct ended *end = *at;
                if (end->process != p) {
                        at = &end->next;
                        continue;
                }
                *at = end->next;
                ended_free(s, end);
        }
}

static void descendants_release(struct supervisor *s)
{
        struct descendants *sweep = descendants_own(s);

        ev_timer_stop(s->loop, &sweep->name);
        ev_timer_stop(s->loop, &sweep->again);
        while (sweep->first) {
                struct ended *end = sweep->first;
                sweep->first = end->next;
                ended_free(s, end);
        }
        while (sweep->spare) {
                struct ended *end = sweep->spare;
                sweep->spare = end->next;
                free(end);
        }
        proc_table_release(&sweep->rest);
}

/* ---- before the stop */

static void forget_kin(struct worker *w)
{
        if (w && w->remains)
                proc_table_release(&w->remains->kin);
}

/* At the daemon's own end everything below us goes anyway. */
void descendants_look(struct supervisor *s, struct process *p)
{
        if (!p->worker || p->pid <= 0 || s->daemon_state != DAEMON_RUNNING)
                return;
        forget_kin(p->worker);
        descendants_own(s)->below->remember(s, p);
}

/* ---- its end */

static bool stops_all(const struct supervisor *s, const struct process *p)
{
        return p->program->stopasgroup || p->program->killasgroup ||
               s->daemon_state != DAEMON_RUNNING;
}

/* It was asked to stop, by whomever. */
static bool is_stopping(const struct process *p)
{
        return p->state == PS_STOPPING || p->state == PS_RESTARTING || p->state == PS_RETIRING ||
               p->state == PS_SICK || p->state == PS_LATE;
}

static bool descendants_owes(const struct supervisor *s, const struct process *p)
{
        return is_stopping(p) && stops_all(s, p);
}

static bool descendants_holds_end(struct supervisor *s, struct process *p)
{
        bool all = stops_all(s, p);
        struct ended *end = ended_add(s, p, all ? BELOW_ENDED : BELOW_NAME);

        if (!end)
                return false;
        end->leader = p->pid;
        end->group_had_it = is_stopping(p) && p->program->stopasgroup;
        if (all)
                look_now(descendants_own(s));
        else
                ev_prepare_start(s->loop, &s->settle);
        return all;
}

void descendants_signal(struct supervisor *s, struct process *p, bool kill_it)
{
        struct ended *end = ended_of(descendants_own(s), p);

        if (!worker_of(s, p) || (!end && p->pid > 0))
                return; /* it has ended just now: the rest follows */
        if (!end) {
                end = ended_add(s, p, BELOW_WAIT);
                if (!end) {
                        supervisor_act(s, p, p->state, process_cleared(p, clock_now()));
                        return;
                }
                p->worker->owes_stop = true;
                end->leader = p->worker->remains ? p->worker->remains->leader : 0;
        }
        if (kill_it && end->stage < BELOW_KILL)
                end->stage = BELOW_KILL;
        look_now(descendants_own(s));
}

/* ---- one look */

struct look {
        struct supervisor *sup;
        struct survey survey;
        unsigned long long ticks;        /* when it was begun */
        bool told_others, killed_others; /* who was not known to the last one */
};

/* What a check has left is none of the program's, and what was started later than its next run is
 * that one's. */
static bool is_below(const struct found *f, const struct process *p)
{
        if (f->owner != p || f->of_check || f->is_ours)
                return false;
        bool runs = p->pid > 0 && !p->worker->reaped;
        return !runs || f->who.start_ticks < p->worker->mark.start_low;
}

static size_t count_below(const struct look *l, const struct process *p)
{
        size_t n = 0;

        for (size_t i = 0; i < l->survey.count; i++)
                n += is_below(&l->survey.items[i], p);
        return n;
}

static void descendants_describe(struct supervisor *s, pid_t pid, struct buf *out)
{
        char command[256];

        s->sys->process->command(s->sys, pid, command, sizeof command);
        buf_printf(out, "%d %s", (int)pid, command);
}

static void list_leftover(struct process *p, const struct buf *text)
{
        struct remains *r = p->worker && !text->failed ? worker_remains(p->worker) : NULL;

        if (r)
                strlist_add(&r->leftovers, text->data);
}

static bool is_in(const struct proc_table *t, const struct proc_entry *who)
{
        const struct proc_entry *e = proc_table_find(t, who->pid);

        return e && e->start_ticks == who->start_ticks;
}

/* ---- naming */

/* Each once, however often its worker ends again. */
static void name_below(struct look *l, struct ended *end)
{
        struct process *p = end->process;
        struct proc_table there = { 0 };
        struct remains *r = count_below(l, p) ? worker_remains(p->worker) : p->worker->remains;

        if (!r)
                return;
        strlist_release(&r->leftovers);
        for (size_t i = 0; i < l->survey.count; i++) {
                const struct found *f = &l->survey.items[i];
                AUTO_BUF text = BUF_INIT;
                if (!is_below(f, p))
                        continue;
                descendants_describe(l->sup, f->who.pid, &text);
                list_leftover(p, &text);
                if (!is_in(&r->named, &f->who))
                        log_line(l->sup->log, LVL_WARN, "left over from '%s': pid %s", p->name,
                                 buf_str(&text));
                proc_table_add(&there, &f->who); /* without memory it is named once more */
        }
        proc_table_release(&r->named);
        r->named = there; /* ascending, as the survey is */
        r->leader = end->leader;
}

/* ---- its time */

static bool has_had_it(const void *arg, const struct proc_entry *who)
{
        const struct ended *end = arg;

        return (end->group_had_it && who->group == end->leader) || is_in(&end->had_it, who);
}

static void descendants_tell(struct look *l, struct ended *end, const struct proc_entry *who)
{
        struct process *p = end->process;
        AUTO_BUF text = BUF_INIT;
        char name[16];

        if (end->told_count++ < NAMED_MOST)
                descendants_describe(l->sup, who->pid, &text);
        if (child_signal(l->sup->sys, who, p->program->stopsignal) && text.len)
                log_line(l->sup->log, LVL_INFO, "'%s' has ended: %s to what is below it, pid %s",
                         p->name, signame_of(p->program->stopsignal, name, sizeof name),
                         buf_str(&text));
}

/* Without memory some would be told twice. */
static bool descendants_remember(struct proc_table *those, const struct proc_table *more)
{
        size_t had = those->count;

        for (size_t i = 0; i < more->count; i++) {
                const struct proc_table sorted = { .items = those->items, .count = had };
                if (!is_in(&sorted, &more->items[i]))
                        proc_table_add(those, &more->items[i]);
        }
        proc_table_sort(those);
        return those->count > had;
}

/* What was forked after the signal by a process that is gone: no parent is there to pass it on. It
 * is stopped in place until all of it has the signal, or it would go on forking ahead of that. */
static void tell_orphans(struct look *l, struct ended *end)
{
        const struct lead lead = { end->leader, end->process, end->astray };
        struct child_stopped set = { 0 };

        descendants_own(l->sup)->below->freeze(l->sup, &lead, NULL, has_had_it, end, &set);
        for (size_t i = 0; i < set.all.count; i++)
                if (!has_had_it(end, &set.all.items[i]))
                        descendants_tell(l, end, &set.all.items[i]);
        for (size_t i = 0; i < set.all.count; i++)
                child_signal(l->sup->sys, &set.all.items[i], SIGCONT);
        l->told_others |= descendants_remember(&end->had_it, &set.all);
        child_stopped_release(&set);
}

/* An earlier daemon has told them; it may have been killed while they were stopped in place. */
static void let_go_on(const struct look *l, struct ended *end)
{
        for (size_t i = 0; i < l->survey.count && !end->is_resumed; i++)
                if (is_below(&l->survey.items[i], end->process))
                        child_signal(l->sup->sys, &l->survey.items[i].who, SIGCONT);
        end->is_resumed = true;
}

/* No process gets it twice, and what was forked afterwards (to clean up, as a rule) does not get
 * it, while there is a parent that waits for that and has had it. */
static void tell_below(struct look *l, struct ended *end)
{
        struct worker *w = end->process->worker;
        struct proc_table told = { 0 };

        if (!w->owes_stop && !end->told) {
                let_go_on(l, end);
                return;
        }
        for (size_t i = 0; i < l->survey.count; i++) {
                const struct found *f = &l->survey.items[i];
                if (!is_below(f, end->process) || has_had_it(end, &f->who) ||
                    (end->told && f->who.start_ticks >= end->told))
                        continue;
                descendants_tell(l, end, &f->who);
                proc_table_add(&told, &f->who);
        }
        l->told_others |= descendants_remember(&end->had_it, &told);
        proc_table_release(&told);
        if (!end->astray)
                tell_orphans(l, end);
        if (!w->owes_stop)
                return;
        w->owes_stop = false;
        end->told = l->ticks;
        state_note(l->sup, end->process, 0);
        fault_point("stop.below");
}

/* Their end is no child's: the next one that lives tells when to look again. */
static void watch_below(struct look *l, struct ended *end)
{
        if (!end->astray || end->watched >= 0)
                return;
        for (size_t i = 0; i < l->survey.count && end->watched < 0; i++)
                if (is_below(&l->survey.items[i], end->process))
                        end->watched =
                            l->sup->sys->process->pidfd(l->sup->sys, l->survey.items[i].who.pid);
        if (end->watched < 0) {
                descendants_look_in(descendants_own(l->sup), &descendants_own(l->sup)->again,
                                    NAME_AFTER_S);
                return;
        }
        ev_io_set(&end->watch, end->watched, EV_READ);
        ev_io_start(l->sup->loop, &end->watch);
}

/* ---- its end */

static void kill_one(struct look *l, struct ended *end, const struct proc_entry *who)
{
        AUTO_BUF text = BUF_INIT;

        bool is_known = is_in(&end->killed, who);
        if (!is_known && end->kill_count < NAMED_MOST)
                descendants_describe(l->sup, who->pid, &text);
        if (!child_signal(l->sup->sys, who, SIGKILL) || is_known)
                return;
        end->kill_count++;
        if (!text.len)
                return;
        log_line(l->sup->log, LVL_WARN, "killed what '%s' left over: pid %s", end->process->name,
                 buf_str(&text));
        list_leftover(end->process, &text);
}

static void say_rest(struct supervisor *s, const struct ended *end)
{
        const char *name = end->process->name;

        if (end->told_count > NAMED_MOST)
                log_line(s->log, LVL_INFO, "'%s': the stop signal went to %zu others below it",
                         name, end->told_count - NAMED_MOST);
        if (end->kill_count > NAMED_MOST)
                log_line(s->log, LVL_WARN, "killed what '%s' left over: %zu others", name,
                         end->kill_count - NAMED_MOST);
}

/* First they are stopped in place, until a look finds no other: who is killed while its children
 * fork on leaves them behind. */
static void kill_below(struct look *l, struct ended *end)
{
        const struct lead lead = { end->leader, end->process, end->astray };
        struct child_stopped set = { 0 };
        struct proc_table known = { 0 };

        for (size_t i = 0; i < l->survey.count; i++) /* without memory it is killed next time */
                if (is_below(&l->survey.items[i], end->process))
                        proc_table_add(&known, &l->survey.items[i].who);
        descendants_own(l->sup)->below->freeze(l->sup, &lead, &known, NULL, NULL, &set);
        proc_table_release(&known);
        for (size_t i = 0; i < set.all.count; i++)
                kill_one(l, end, &set.all.items[i]);
        bool others = descendants_remember(&end->killed, &set.all);
        child_stopped_release(&set);
        l->killed_others |= others;
        if (end->kill_ms == 0 || others)
                end->kill_ms = clock_mono_ms();
        descendants_look_in(descendants_own(l->sup), &descendants_own(l->sup)->again, KILL_AGAIN_S);
}

static void say_unkillable(const struct look *l, const struct ended *end)
{
        for (size_t i = 0; i < l->survey.count; i++) {
                const struct found *f = &l->survey.items[i];
                AUTO_BUF text = BUF_INIT;
                if (!is_below(f, end->process))
                        continue;
                descendants_describe(l->sup, f->who.pid, &text);
                log_line(l->sup->log, LVL_ERROR,
                         "cannot kill what '%s' left over, leaving it: pid %s", end->process->name,
                         buf_str(&text));
        }
}

/* ---- the steps */

static void descendants_step(struct look *l, struct ended *end)
{
        struct process *p = end->process;
        const struct below_seen seen = { .count = count_below(l, p),
                                         .is_stopping = is_stopping(p),
                                         .is_killed = p->waiting == WAIT_KILLED,
                                         .kill_ms = end->kill_ms,
                                         .now_ms = clock_mono_ms() };

        switch (below_next(&end->stage, &seen)) {
        case BELOW_DO_NAME:
                name_below(l, end);
                break;
        case BELOW_DO_WAIT_FOR: /* it is not to be started beside what it left */
                name_below(l, end);
                p->remains = true;
                break;
        case BELOW_DO_TELL:
                tell_below(l, end);
                watch_below(l, end);
                break;
        case BELOW_DO_KILL:
                kill_below(l, end);
                break;
        case BELOW_DO_LEAVE:
                say_unkillable(l, end);
                break;
        case BELOW_DO_NOTHING:
                break;
        }
}

/* What waited for it goes on: that may begin or end others. */
static void descendants_go_on(struct supervisor *s)
{
        struct ended **at;

        for (at = &descendants_own(s)->first; *at;) {
                struct ended *end = *at;
                if (end->stage != BELOW_OVER) {
                        at = &end->next;
                        continue;
                }
                struct process *p = end->process;
                bool holds = end->holds;
                say_rest(s, end);
                *at = end->next;
                ended_free(s, end);
                if (!holds)
                        continue;
                forget_kin(p->worker);
                p->worker->owes_stop = false;
                if (p->pid > 0) {
                        supervisor_over(s, p);
                } else {
                        enum pstate from = p->state;
                        supervisor_act(s, p, from, process_cleared(p, clock_now()));
                }
                at = &descendants_own(s)->first;
        }
}

/* A check is over with its process. */
static void kill_of_checks(struct look *l)
{
        for (size_t i = 0; i < l->survey.count; i++) {
                const struct found *f = &l->survey.items[i];
                AUTO_BUF text = BUF_INIT;
                if (!f->of_check || f->is_ours || probe_runs(f->owner->worker))
                        continue;
                descendants_describe(l->sup, f->who.pid, &text);
                if (child_signal(l->sup->sys, &f->who, SIGKILL))
                        log_line(l->sup->log, LVL_WARN,
                                 "killed what a health check of '%s' left over: pid %s",
                                 f->owner->name, buf_str(&text));
        }
}

static struct lead *make_leads(const struct descendants *sweep, size_t *count)
{
        size_t n = 0;

        for (const struct ended *end = sweep->first; end; end = end->next)
                n++;
        struct lead *leads = n ? calloc(n, sizeof *leads) : NULL;
        *count = 0;
        for (const struct ended *end = sweep->first; leads && end; end = end->next)
                leads[(*count)++] = (struct lead){ end->leader, end->process, end->astray };
        return leads;
}

static void descendants_look_at_all(struct supervisor *s)
{
        struct look l = { .sup = s, .ticks = orphan_ticks_now() };
        int64_t begun_ms = clock_mono_ms();
        size_t count;
        struct lead *leads = make_leads(descendants_own(s), &count);

        if (!descendants_own(s)->below->list(s, leads, count, &l.survey))
                log_line(s->log, LVL_ERROR, "cannot tell what ended processes have left");
        for (struct ended *end = descendants_own(s)->first; end; end = end->next)
                descendants_step(&l, end);
        kill_of_checks(&l);
        free(l.survey.items);
        free(leads);
        int64_t now_ms = clock_mono_ms();
        int64_t took_ms = now_ms - begun_ms;
        descendants_own(s)->next_ms = now_ms + took_ms * (l.killed_others ? 0
                                                          : l.told_others ? 1
                                                                          : SHARE);
        descendants_go_on(s);
}

/* Most workers leave nothing, and that shows without a look at other processes: the price of an end
 * must not grow with the fleet. Who has left the session, too, is looked for a little later, for
 * all that ended meanwhile. */
static bool is_urgent(struct descendants *sweep, struct ended *end)
{
        if (!end->is_asked)
                end->has_left = !sweep->below->is_empty(sweep->sup, end->process, end->leader);
        end->is_asked = true;
        return end->has_left || end->process->state == PS_GONE;
}

static void descendants_on_settle(struct supervisor *s)
{
        struct descendants *sweep = descendants_own(s);
        bool pressing = false;

        if (!sweep)
                return;
        for (struct ended *end = sweep->first; end; end = end->next) {
                if (end->stage == BELOW_NAME && is_urgent(sweep, end))
                        sweep->due = true;
                else if (end->stage == BELOW_NAME)
                        descendants_look_in(sweep, &sweep->name, NAME_AFTER_S);
                pressing = pressing || end->process->state == PS_GONE;
        }
        if (!sweep->due)
                return;
        int64_t wait_ms = sweep->next_ms - clock_mono_ms();
        if (wait_ms > 0 && !pressing) {
                descendants_look_in(sweep, &sweep->again, (double)wait_ms / 1000);
                return;
        }
        sweep->due = false;
        descendants_look_at_all(s);
}

static bool descendants_on_reaped(struct supervisor *s, pid_t pid, int status)
{
        (void)status;
        if (registry_by_pid(&s->registry, pid))
                return false;
        for (const struct ended *end = descendants_own(s)->first; end; end = end->next)
                if (end->holds) {
                        look_now(descendants_own(s));
                        break;
                }
        return false;
}

void descendants_check_ended(struct supervisor *s)
{
        struct descendants *sweep = descendants_own(s);

        if (!sweep)
                return;
        int64_t now_ms = clock_mono_ms(), wait_ms = sweep->checks_ms + CHECKS_MS - now_ms;
        if (wait_ms > 0) {
                descendants_look_in(sweep, &sweep->name, (double)wait_ms / 1000);
                return;
        }
        sweep->checks_ms = now_ms;
        look_now(sweep);
}

/* ---- the daemon's end */

static bool take_end_survey(struct supervisor *s, struct survey *v)
{
        const struct registry *r = &s->registry;
        struct lead *leads = calloc(r->process_count ? (size_t)r->process_count : 1, sizeof *leads);
        size_t count = 0;

        for (int g = 0; g < r->group_count && leads; g++)
                for (int i = 0; i < r->groups[g]->count; i++) {
                        struct process *p = r->groups[g]->procs[i];
                        if (!p->worker || p->pid > 0)
                                continue;
                        bool astray = p->remains && p->worker->astray;
                        pid_t leader = p->worker->remains ? p->worker->remains->leader : 0;
                        if (leader > 0 || astray)
                                leads[count++] = (struct lead){ leader, p, astray };
                }
        bool fine = descendants_own(s)->below->list(s, leads, count, v);
        free(leads);
        return fine;
}

void descendants_begin_end(struct supervisor *s)
{
        struct survey v;

        for (struct ended *end = descendants_own(s)->first; end; end = end->next)
                if (end->stage == BELOW_NAME)
                        end->stage = BELOW_OVER; /* it is stopped now, not named */
        if (!take_end_survey(s, &v))
                return;
        for (size_t i = 0; i < v.count; i++) {
                struct process *p = v.items[i].owner;
                if (p && !v.items[i].of_check && !v.items[i].is_ours && p->pid == 0 &&
                    worker_of(s, p))
                        p->remains = true;
        }
        free(v.items);
}

size_t descendants_tell_rest(struct supervisor *s)
{
        struct descendants *sweep = descendants_own(s);
        struct survey v;
        size_t count = 0;

        if (!sweep || !sweep->below->list(s, NULL, 0, &v))
                return 0;
        for (size_t i = 0; i < v.count; i++) {
                const struct proc_entry *who = &v.items[i].who;
                AUTO_BUF text = BUF_INIT;
                if (v.items[i].is_ours)
                        continue;
                count++;
                if (is_in(&sweep->rest, who) || !proc_table_add(&sweep->rest, who))
                        continue;
                proc_table_sort(&sweep->rest);
                descendants_describe(s, who->pid, &text);
                if (child_signal(s->sys, who, SIGTERM))
                        log_line(s->log, LVL_INFO, "SIGTERM to what is left over: pid %s",
                                 buf_str(&text));
        }
        free(v.items);
        return count;
}

/* One that ended while they were looked at may have left others: nothing is left when there is no
 * child at all, dead or alive. */
size_t descendants_everything(struct supervisor *s)
{
        struct child_stopped set = { 0 };
        size_t there = descendants_own(s)->below->freeze(s, NULL, NULL, NULL, NULL, &set);

        for (size_t i = 0; i < set.all.count; i++) {
                AUTO_BUF text = BUF_INIT;
                descendants_describe(s, set.all.items[i].pid, &text);
                if (child_signal(s->sys, &set.all.items[i], SIGKILL))
                        log_line(s->log, LVL_WARN, "killed what was left over: pid %s",
                                 buf_str(&text));
        }
        child_stopped_release(&set);
        return there;
}

static void descendants_on_exit(struct supervisor *s, struct process *p)
{
        p->worker->owes_stop = descendants_owes(s, p);
}

const struct component component_descendants = { .name = "descendants",
                                                 .on_exit = descendants_on_exit,
                                                 .holds_end = descendants_holds_end,
                                                 .size = sizeof(struct descendants),
                                                 .init = descendants_init,
                                                 .release = descendants_release,
                                                 .on_reaped = descendants_on_reaped,
                                                 .on_settle = descendants_on_settle,
                                                 .on_process_gone = descendants_on_process_gone };
