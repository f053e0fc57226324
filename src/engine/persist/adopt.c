/* Resumes the processes of the previous instance: each continues with its record; living workers
 * are held and read again (adopt_worker.c, adopt_pipes.c). A worker that cannot be held yet is left
 * as it is and tried again; it is never taken for ended without proof. */
#include "engine/persist/adopt_own.h"

#include <string.h>

#include "base/fault_point.h"
#include "engine/events/listeners.h"
#include "engine/order/scale.h"
#include "engine/persist/last_process.h"
#include "engine/persist/state_record.h"
#include "engine/run/descendants.h"

/* ---- one process */

/* Half stopped for the daemon's own end, or because it was configured no more: there is a daemon
 * again that knows it, so it is to run again. */
static bool is_wanted_again(const struct saved_record *k)
{
        enum pstate state = k->record.process.state;

        return state == PS_RETIRING || (state == PS_STOPPING && k->record.flags & RECORD_ENDING);
}

/* Made by last_program, only to be stopped. */
static bool is_gone(const struct process *p)
{
        return strcmp(p->program->section, GONE) == 0;
}

static bool adopt_recall(struct supervisor *s, struct process *p, struct saved_record *k)
{
        struct process image = k->record.process;
        const struct record *r = &k->record;
        struct worker *w = worker_of(s, p);

        if (w && !is_gone(p) && is_wanted_again(k))
                image.state = p->program->autostart ? PS_RESTARTING : PS_STOPPING;
        if (!w || !process_recall(p, &image, &r->failures, r->text[TEXT_SPAWNERR])) {
                log_line(s->log, LVL_WARN, "state of '%s' makes no sense, starting without it",
                         p->name);
                record_drop(state_of(s), k->slot, k->texts);
                return false;
        }
        w->mark = r->mark;
        w->mark.slot = k->slot + 1;
        w->mark.texts = k->texts;
        k->process = p;
        if (p->program->kind == KIND_LISTENER)
                listener_recall(s, p, &r->listener);
        return true;
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
        p->worker->astray = p->remains && !adopt_was_handed_over(s);
        if (waits_for_remains(p)) {
                descendants_signal(s, p, p->waiting == WAIT_KILLED);
                p->worker->owes_stop = work & DO_TERM;
                return;
        }
        if (p->state == PS_STARTING)
                supervisor_act(s, p, p->state, DO_SPAWN);
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

        if (k->record.process.pid <= 0) {
                record_drop(state_of(s), k->slot, k->texts);
                return;
        }
        struct process *p = last_process(s, &k->record, &e);
        if (!p) {
                log_line(s->log, LVL_ERROR,
                         "cannot stop '%s' (pid %d), which is configured no "
                         "more: %s",
                         k->record.text[TEXT_NAME], k->record.process.pid, e.text);
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
                        adopt_follow_changes(s, k->process, k);
        }
        logs_settled(s->logs);
        components_adopted(s);
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

const struct component component_adopt = { .name = "adopt", .on_begin = adopt_on_begin };
