#include "engine/sweep.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/children.h"
#include "sys/kin.h"
#include "sys/procfs.h"

#define ROUNDS 5 /* a descendant may fork between our look and our signal */

struct ended {
        struct process *process; /* borrowed: sweep_forget comes before it is freed */
        pid_t leader;
        bool kill_them;
        bool adopted; /* its orphans are not our children */
        int rounds;
};

struct sweep {
        struct ended *items; /* owned */
        size_t count, cap;
        int asker; /* owned; -1: not yet */
};

static struct sweep *sweep_of(struct supervisor *s)
{
        if (!s->sweep && (s->sweep = calloc(1, sizeof *s->sweep)))
                s->sweep->asker = -1;
        return s->sweep;
}

void sweep_free(struct supervisor *s)
{
        if (!s->sweep)
                return;
        fd_close(&s->sweep->asker);
        free(s->sweep->items);
        free(s->sweep);
        s->sweep = NULL;
}

static struct proc_entry *descendants(const struct proc_table *t, pid_t leader, size_t *count)
{
        size_t n = proc_descendants(t, leader, NULL, 0);
        struct proc_entry *list = n ? calloc(n, sizeof *list) : NULL;

        *count = list ? n : 0;
        if (list)
                proc_descendants(t, leader, list, n);
        return list;
}

static void forget_kin(struct worker *w)
{
        if (w->remains)
                proc_table_release(&w->remains->kin);
}

/* At the daemon's own end everybody below us goes anyway. */
void sweep_look(struct supervisor *s, struct process *p)
{
        const struct program *g = p->program;
        struct proc_table tree;

        if (!p->worker || p->pid <= 0 || s->mood != MOOD_RUNNING)
                return;
        forget_kin(p->worker);
        if (!kin_tree(&p->pid, 1, &tree) &&
            !((g->stopasgroup || g->killasgroup) && proc_table_read(&tree)))
                return;
        size_t count;
        struct proc_entry *found = descendants(&tree, p->pid, &count);
        proc_table_release(&tree);
        struct remains *r = count ? worker_remains(p->worker) : NULL;
        if (!r) {
                free(found);
                return;
        }
        r->kin = (struct proc_table){ .items = found, .count = count, .cap = count };
        log_line(s->log, LVL_DEBUG, "%s (pid %d) has %zu descendants", p->name, (int)p->pid, count);
}

void sweep_note(struct supervisor *s, struct process *p, pid_t leader, bool kill_them)
{
        if (p->worker && p->worker->remains)
                strs_release(&p->worker->remains->leftovers);
        struct sweep *sweep = sweep_of(s);
        if (sweep && sweep->count == sweep->cap) {
                size_t cap = sweep->cap ? sweep->cap * 2 : 16;
                struct ended *items = realloc(sweep->items, cap * sizeof *items);
                if (items) {
                        sweep->items = items;
                        sweep->cap = cap;
                }
        }
        if (!sweep || sweep->count == sweep->cap) {
                log_line(s->log, LVL_WARN, "out of memory: descendants of '%s' are not looked for",
                         p->name);
                return;
        }
        sweep->items[sweep->count++] = (struct ended){
                .process = p,
                .leader = leader,
                .kill_them = kill_them,
                .adopted = p->worker && p->worker->mark.adopted &&
                           (p->program->stopasgroup || p->program->killasgroup),
        };
}

/* Whom have workers left to us? Known children are workers, probes and hooks; any other is an
 * orphan of theirs, and what is below it belongs to it. Nobody, as a rule. */
static bool read_orphans(struct supervisor *s, struct proc_table *out)
{
        pid_t *kids;
        ssize_t n = kin_children(getpid(), &kids);
        size_t count = 0;

        for (ssize_t i = 0; i < n; i++)
                if (children_is_stranger(s, kids[i]))
                        kids[count++] = kids[i];
        bool fine = n >= 0 && kin_tree(kids, count, out);
        free(kids);
        return fine || proc_table_read(out); /* cannot be told: look in full */
}

static void take(struct supervisor *s, struct ended *end, const struct proc_entry *who)
{
        char command[256];
        AUTO_BUF text = BUF_INIT;

        if (who->state == 'Z' || registry_by_pid(&s->registry, who->pid))
                return;
        proc_command(who->pid, command, sizeof command);
        buf_printf(&text, "%d %s", (int)who->pid, command);
        struct worker *w = end->process->worker;
        struct remains *r = end->rounds == 0 && w && !text.failed ? worker_remains(w) : NULL;
        if (r)
                strs_add(&r->leftovers, text.data);
        if (!end->kill_them)
                log_line(s->log, LVL_WARN, "left over from '%s': pid %s", end->process->name,
                         buf_str(&text));
        else if (kin_signal(who, SIGKILL))
                log_line(s->log, LVL_WARN, "killed what '%s' left over: pid %s", end->process->name,
                         buf_str(&text));
}

/* True when something was killed and another look is due. */
static bool sweep_one(struct supervisor *s, struct ended *end, const struct proc_table *all)
{
        size_t count, found = 0;
        struct proc_entry *list = descendants(all, end->leader, &count);

        for (size_t i = 0; i < count; i++, found++)
                take(s, end, &list[i]);
        free(list);
        const struct worker *w = end->process->worker;
        const struct remains *r = w ? w->remains : NULL;
        for (size_t i = 0; r && i < r->kin.count; i++) {
                struct proc_entry now;
                const struct proc_entry *kin = &r->kin.items[i];
                if (kin->session == end->leader || !proc_entry_read(kin->pid, &now) ||
                    now.start_ticks != kin->start_ticks)
                        continue;
                take(s, end, &now);
                found++;
        }
        end->rounds++;
        return end->kill_them && found > 0 && end->rounds < ROUNDS;
}

/* Most workers leave nobody, and that shows without a look at anybody else: the price of an end
 * must not grow with the fleet. */
static void drop_lone_ones(struct sweep *sweep)
{
        size_t keep = 0;

        if (sweep->asker < 0)
                sweep->asker = kin_asker();

        for (size_t i = 0; i < sweep->count; i++) {
                const struct ended *end = &sweep->items[i];
                const struct worker *w = end->process->worker;
                if ((w && w->remains && w->remains->kin.count) ||
                    !kin_is_gone(sweep->asker, end->leader))
                        sweep->items[keep++] = *end;
        }
        sweep->count = keep;
}

static bool any_adopted(const struct sweep *sweep)
{
        for (size_t i = 0; i < sweep->count; i++)
                if (sweep->items[i].adopted)
                        return true;
        return false;
}

void sweep_run(struct supervisor *s)
{
        struct sweep *sweep = s->sweep;
        struct proc_table orphans;
        size_t keep = 0;

        if (!sweep || sweep->count == 0)
                return;
        drop_lone_ones(sweep);
        if (sweep->count == 0)
                return;
        bool found = any_adopted(sweep) ? proc_table_read(&orphans) : read_orphans(s, &orphans);
        if (!found)
                orphans = (struct proc_table){ 0 };
        for (size_t i = 0; i < sweep->count; i++) {
                struct process *p = sweep->items[i].process;
                if (sweep_one(s, &sweep->items[i], &orphans) && p->state != PS_GONE)
                        sweep->items[keep++] = sweep->items[i];
                else if (p->worker)
                        forget_kin(p->worker);
        }
        sweep->count = keep;
        proc_table_release(&orphans);
}

void sweep_forget(struct supervisor *s, const struct process *p)
{
        struct sweep *sweep = s->sweep;
        size_t keep = 0;

        if (!sweep)
                return;
        for (size_t i = 0; i < sweep->count; i++)
                if (sweep->items[i].process != p)
                        sweep->items[keep++] = sweep->items[i];
        sweep->count = keep;
}

static const struct proc_entry *find(const struct proc_table *t, pid_t pid)
{
        for (size_t i = 0; i < t->count; i++)
                if (t->items[i].pid == pid)
                        return &t->items[i];
        return NULL;
}

/* By ancestry alone: our own session may hold somebody else's jobs (`exec supervisord` in a shell).
 */
static bool is_below_us(const struct proc_table *t, const struct proc_entry *who)
{
        for (int depth = 0; who && depth < 1000; depth++) {
                if (who->parent == getpid())
                        return true;
                who = find(t, who->parent);
        }
        return false;
}

/* Our children and everything below them; as a rule nobody, and that is one read. */
static bool read_descendants(struct proc_table *out)
{
        pid_t *kids;
        ssize_t n = kin_children(getpid(), &kids);
        bool fine = n >= 0 && kin_tree(kids, (size_t)n, out);

        free(kids);
        return fine || proc_table_read(out);
}

size_t sweep_everything(struct supervisor *s)
{
        struct proc_table all;
        size_t alive = 0;

        if (!read_descendants(&all))
                return 0;
        for (size_t i = 0; i < all.count; i++) {
                const struct proc_entry *who = &all.items[i];
                char command[256];
                if (who->state == 'Z' || !is_below_us(&all, who))
                        continue;
                alive++;
                proc_command(who->pid, command, sizeof command);
                if (kin_signal(who, SIGKILL))
                        log_line(s->log, LVL_WARN, "killed what was left over: pid %d %s",
                                 (int)who->pid, command);
        }
        proc_table_release(&all);
        return alive;
}
