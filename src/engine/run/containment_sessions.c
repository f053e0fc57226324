/* What is below a worker, by the session that it led, by the descendants seen before its stop, by
 * what is above it, and by our variables in its environment, which survive when it leaves its
 * session and its parent ends. What is left without a parent is our child, as the daemon is a
 * subreaper: whose it is, is looked up for all of them at once. */
#include "engine/run/containment.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/vec.h"
#include "engine/core/configuration.h"
#include "engine/core/worker.h"
#include "engine/run/reaper.h"

#define PASSES 64 /* while a look finds others that forked */

/* ---- by the environment */

/* The value of `key` in "NAME=value" texts, NUL behind each; NULL: not there. */
static const char *survey_env_value(const struct buf *env, const char *key)
{
        size_t len = strlen(key);

        for (size_t at = 0; at < env->len; at += strlen(env->data + at) + 1)
                if (strncmp(env->data + at, key, len) == 0 && env->data[at + len] == '=')
                        return env->data + at + len + 1;
        return NULL;
}

/* Another daemon may have a process of this name. */
static bool is_our_url(const struct supervisor *s, const struct process *p, const char *url)
{
        const char *given =
            p->program->serverurl ? p->program->serverurl : configuration_of(s)->server_url;

        return given && url && strcmp(given, url) == 0;
}

struct claim {
        struct process *process; /* NULL: no process's */
        bool of_check, has_url;
};

static struct claim claim_of(struct supervisor *s, pid_t pid)
{
        struct claim c = { 0 };
        AUTO_BUF env = BUF_INIT;

        if (!s->sys->process->environ(s->sys, pid, &env) || env.len == 0)
                return c;
        const char *group = survey_env_value(&env, "SUPERVISOR_GROUP_NAME");
        const char *name = survey_env_value(&env, "SUPERVISOR_PROCESS_NAME");
        const char *run = survey_env_value(&env, RUN_KEY);
        struct group *g = group && name ? registry_group(&s->registry, group) : NULL;
        if (!g || (run && strcmp(run, RUN_BY_CHECK) != 0))
                return c;
        c.process = group_process(g, name);
        c.of_check = run != NULL;
        c.has_url =
            c.process && is_our_url(s, c.process, survey_env_value(&env, "SUPERVISOR_SERVER_URL"));
        return c;
}

/* ---- the table */

static int survey_by_pid(const void *a, const void *b)
{
        pid_t x = ((const struct found *)a)->who.pid, y = ((const struct found *)b)->who.pid;

        return (x > y) - (x < y);
}

static struct found *found_of(const struct survey *v, pid_t pid)
{
        struct found key = { .who.pid = pid };

        return v->count ? bsearch(&key, v->items, v->count, sizeof *v->items, survey_by_pid) : NULL;
}

static int survey_by_number(const void *a, const void *b)
{
        pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

        return (x > y) - (x < y);
}

/* Our children that we did not start, ascending. -1: cannot be told. */
static ssize_t list_strangers(struct supervisor *s, pid_t **out)
{
        ssize_t n = child_children(s->sys, getpid(), out), count = 0;

        for (ssize_t i = 0; i < n; i++)
                if (reaper_is_stranger(s, (*out)[i]))
                        (*out)[count++] = (*out)[i];
        if (count > 1)
                qsort(*out, (size_t)count, sizeof **out, survey_by_number);
        return n < 0 ? n : count;
}

/* Both lists ascend: those of the first one that are not in the second move to its front. */
static size_t keep_new(pid_t *list, size_t count, const pid_t *had, size_t had_count)
{
        size_t left = 0, at = 0;

        for (size_t i = 0; i < count; i++) {
                while (at < had_count && had[at] < list[i])
                        at++;
                if (at == had_count || had[at] != list[i])
                        list[left++] = list[i];
        }
        return left;
}

static bool add_trees(struct sys *s, const pid_t *roots, size_t count, struct proc_table *out)
{
        struct proc_table t;
        bool fine = child_tree(s, roots, count, &t);

        if (!fine)
                return false;
        for (size_t i = 0; fine && i < t.count; i++)
                fine = proc_table_add(out, &t.items[i]);
        proc_table_release(&t);
        return fine;
}

static void drop_doubles(struct proc_table *t)
{
        size_t left = 0;

        proc_table_sort(t);
        for (size_t i = 0; i < t->count; i++)
                if (left == 0 || t->items[left - 1].pid != t->items[i].pid)
                        t->items[left++] = t->items[i];
        t->count = left;
}

/* Known children are workers, checks and hooks; any other is an orphan that was left to us. None,
 * as a rule, and that is one read. Where there are some, those may end while they are looked at,
 * and what was below them is ours then: until a look finds no other. */
static bool read_orphans(struct supervisor *s, struct proc_table *out)
{
        pid_t *had = NULL, *kids = NULL;
        ssize_t had_count = 0, n = 0;
        bool fine = true;

        *out = (struct proc_table){ 0 };
        for (int pass = 0; fine && pass < PASSES; pass++) {
                n = list_strangers(s, &kids);
                size_t size = n > 0 ? (size_t)n * sizeof *kids : 0;
                pid_t *fresh = size ? malloc(size) : NULL;
                fine = n >= 0 && (fresh || !size);
                size_t count = 0;
                if (fresh) {
                        memcpy(fresh, kids, size);
                        count = keep_new(fresh, (size_t)n, had, (size_t)had_count);
                        fine = add_trees(s->sys, fresh, count, out);
                }
                free(fresh);
                free(had);
                had = kids;
                had_count = n;
                if (count == 0)
                        break;
        }
        free(had);
        if (fine)
                drop_doubles(out);
        else
                proc_table_release(out);
        return fine;
}

static bool survey_fill(const struct proc_table *t, struct survey *v)
{
        *v = (struct survey){ .items = t->count ? calloc(t->count, sizeof *v->items) : NULL };
        if (t->count && !v->items)
                return false;
        for (size_t i = 0; i < t->count; i++)
                if (t->items[i].state != 'Z' && t->items[i].state != 'X')
                        v->items[v->count++].who = t->items[i];
        return true;
}

/* ---- by what was seen */

static int by_leader(const void *a, const void *b)
{
        pid_t x = ((const struct lead *)a)->leader, y = ((const struct lead *)b)->leader;

        return (x > y) - (x < y);
}

static void mark_sessions(struct survey *v, struct lead *leads, size_t count)
{
        if (count)
                qsort(leads, count, sizeof *leads, by_leader);
        for (size_t i = 0; i < v->count && count; i++) {
                struct lead key = { .leader = v->items[i].who.session };
                const struct lead *l =
                    key.leader > 0 ? bsearch(&key, leads, count, sizeof *leads, by_leader) : NULL;
                if (l)
                        v->items[i].owner = l->process;
        }
}

static void mark_kin(struct survey *v, const struct process *p, struct process *owner)
{
        const struct remains *r = p->worker ? p->worker->remains : NULL;

        for (size_t i = 0; r && i < r->kin.count; i++) {
                struct found *f = found_of(v, r->kin.items[i].pid);
                if (f && f->who.start_ticks == r->kin.items[i].start_ticks)
                        f->owner = owner;
        }
}

/* In a table of the whole machine: neither ours nor that of a process that we start. */
static void mark_ours(struct supervisor *s, struct survey *v)
{
        for (size_t i = 0; i < v->count; i++) {
                struct found *f = &v->items[i];
                f->is_ours = f->who.pid == getpid() || registry_by_pid(&s->registry, f->who.pid) ||
                             (f->who.parent == getpid() && !reaper_is_stranger(s, f->who.pid));
                f->settled = f->is_ours;
                if (f->is_ours)
                        f->owner = NULL;
        }
}

/* What a daemon that has died leaves behind becomes a child of a process that is above us, too. */
static bool is_above_us(const struct survey *v, pid_t pid)
{
        pid_t at = getppid();

        for (size_t steps = 0; at > 0 && steps <= v->count; steps++) {
                if (at == pid)
                        return true;
                const struct found *f = found_of(v, at);
                at = f ? f->who.parent : 0;
        }
        return false;
}

static void ask_environment(struct supervisor *s, const struct survey *v, struct found *f)
{
        struct claim c = claim_of(s, f->who.pid);

        if (!c.process)
                return;
        if (f->who.parent != getpid() && !c.has_url &&
            (configuration_of(s)->server_url || !is_above_us(v, f->who.parent)))
                return;
        f->owner = c.process;
        f->of_check = c.of_check;
}

/* Its own, or what is above it says. The table was not taken at one instant, so that a number used
 * again may close a circle: what is settled first stays. */
static void survey_settle(struct supervisor *s, struct survey *v, struct found *f)
{
        const struct found *above = found_of(v, f->who.parent);

        f->settled = true;
        if (f->owner)
                return;
        if (above && above->is_ours && above->who.pid != getpid()) {
                f->is_ours = true;
                return;
        }
        if (above && above->owner) {
                f->owner = above->owner;
                f->of_check = above->of_check;
                return;
        }
        ask_environment(s, v, f);
}

/* From the top down along its own line; each is settled once, so all of them cost one step each. */
static bool settle_line(struct supervisor *s, struct survey *v, struct found *f,
                        struct found **line)
{
        size_t depth = 0;

        for (; f && !f->settled; f = found_of(v, f->who.parent)) {
                f->settled = true;
                line[depth++] = f;
        }
        while (depth > 0)
                survey_settle(s, v, line[--depth]);
        return true;
}

static bool sessions_list(struct supervisor *s, struct lead *leads, size_t count,
                          struct survey *out)
{
        struct proc_table t;
        bool whole = false;

        for (size_t i = 0; i < count; i++)
                whole = whole || leads[i].astray;
        *out = (struct survey){ 0 };
        if (whole || !read_orphans(s, &t))
                whole = true;
        if (whole && !s->sys->process->table(s->sys, &t))
                return false;
        struct found **line = calloc(t.count + 1, sizeof(struct found *));
        bool fine = line && survey_fill(&t, out);
        proc_table_release(&t);
        if (fine) {
                mark_sessions(out, leads, count);
                for (size_t i = 0; i < count; i++)
                        mark_kin(out, leads[i].process, leads[i].process);
                if (whole)
                        mark_ours(s, out);
                for (size_t i = 0; i < out->count; i++)
                        settle_line(s, out, &out->items[i], line);
        }
        free(line);
        return fine;
}

/* ---- stopped in place */

/* Our child `who`, which is an orphan: is it this one's? Those stopped already are. */
static bool sessions_is_of(struct supervisor *s, const struct proc_entry *who,
                           const struct lead *lead, const struct child_stopped *stopped)
{
        if ((lead->leader > 0 && who->session == lead->leader) ||
            child_stopped_has(stopped, who->session))
                return true;
        struct claim c = claim_of(s, who->pid);
        return c.process == lead->process && !c.of_check;
}

/* Our children that are of this one, and all below them. */
static ssize_t freeze_orphans(struct supervisor *s, const struct lead *lead, below_spares *spares,
                              const void *arg, struct child_stopped *set)
{
        pid_t *kids;
        ssize_t n = child_children(s->sys, getpid(), &kids);

        for (ssize_t i = 0; i < n; i++) {
                struct proc_entry who;
                if (!child_stopped_has(set, kids[i]) && (!lead || reaper_is_stranger(s, kids[i])) &&
                    s->sys->process->entry(s->sys, kids[i], &who) && who.state != 'Z' &&
                    !(spares && spares(arg, &who)) && (!lead || sessions_is_of(s, &who, lead, set)))
                        child_stop(s->sys, set, &who);
        }
        free(kids);
        return n;
}

static size_t sessions_freeze(struct supervisor *s, const struct lead *lead,
                              const struct proc_table *known, below_spares *spares, const void *arg,
                              struct child_stopped *set)
{
        ssize_t children = 0;
        size_t had;
        int passes = 0;

        for (size_t i = 0; known && i < known->count; i++)
                child_stop(s->sys, set, &known->items[i]);
        do {
                had = set->all.count;
                if (!lead || !lead->astray)
                        children = freeze_orphans(s, lead, spares, arg, set);
        } while (set->all.count > had && ++passes < PASSES);
        return children < 0 ? 1 : (size_t)children;
}

/* ---- before the stop, and at the end */

static void sessions_remember(struct supervisor *s, struct process *p)
{
        const struct program *g = p->program;
        struct proc_table tree;

        if (!child_tree(s->sys, &p->pid, 1, &tree) &&
            !((g->stopasgroup || g->killasgroup) && s->sys->process->table(s->sys, &tree)))
                return;
        size_t count = proc_descendants(&tree, p->pid, NULL, 0);
        struct remains *r = count ? worker_remains(p->worker) : NULL;
        struct proc_entry *found = r ? calloc(vec_room(count), sizeof *found) : NULL;
        if (found) {
                proc_descendants(&tree, p->pid, found, count);
                r->kin = (struct proc_table){ .items = found, .count = count };
                log_line(s->log, LVL_DEBUG, "%s (pid %d) has %zu descendants", p->name, (int)p->pid,
                         count);
        }
        proc_table_release(&tree);
}

static bool sessions_is_empty(struct supervisor *s, const struct process *p, pid_t leader)
{
        const struct worker *w = p->worker;

        return !(w && w->remains && w->remains->kin.count) &&
               s->sys->number_is_free(s->sys, leader);
}

const struct containment containment_sessions = { .remember = sessions_remember,
                                                  .is_empty = sessions_is_empty,
                                                  .list = sessions_list,
                                                  .freeze = sessions_freeze };
