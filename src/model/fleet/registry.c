/* Groups, fleets and processes, in sorted lists, and a table of pids. Look-ups do not walk the
 * whole. Only adds, finds and removes: no process is started or stopped, and no state is changed
 * here. */
#include "model/fleet/registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/vec.h"
#include "model/config/recipe.h"

void registry_init(struct registry *r)
{
        *r = (struct registry){ 0 };
}

/* ---- lists of pointers, whose room is always a power of two that is at least their count */

static void list_insert(void *items, int count, int at, void *item)
{
        void **v = items;

        memmove(v + at + 1, v + at, (size_t)(count - at) * sizeof *v);
        v[at] = item;
}

static void list_remove(void *items, int count, int at)
{
        void **v = items;

        memmove(v + at, v + at + 1, (size_t)(count - at - 1) * sizeof *v);
}

/* ---- look-ups by name: where it is, or would be */

/* strcmp(s, name) with only the first len bytes of name. */
static int compare_first(const char *s, const char *name, size_t len)
{
        int c = strncmp(s, name, len);

        return c ? c : s[len] != '\0';
}

static int group_place(const struct registry *r, const char *name, size_t len, bool *found)
{
        int low = 0, high = r->group_count;

        *found = false;
        while (low < high) {
                int mid = low + (high - low) / 2;
                int c = compare_first(r->groups[mid]->name, name, len);
                if (c == 0) {
                        *found = true;
                        return mid;
                }
                if (c < 0)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low;
}

static int process_place(const struct group *g, const char *name, bool *found)
{
        int low = 0, high = g->count;

        *found = false;
        while (low < high) {
                int mid = low + (high - low) / 2;
                int c = strcmp(g->procs[mid]->name, name);
                if (c == 0) {
                        *found = true;
                        return mid;
                }
                if (c < 0)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low;
}

static int number_place(const struct fleet *f, int number, bool *found)
{
        int low = 0, high = f->count;

        while (low < high) {
                int mid = low + (high - low) / 2;
                if (f->procs[mid]->number < number)
                        low = mid + 1;
                else
                        high = mid;
        }
        *found = low < f->count && f->procs[low]->number == number;
        return low;
}

struct group *registry_group(const struct registry *r, const char *name)
{
        bool found;
        int at = group_place(r, name, strlen(name), &found);

        return found ? r->groups[at] : NULL;
}

struct process *group_process(const struct group *g, const char *name)
{
        bool found;
        int at = process_place(g, name, &found);

        return found ? g->procs[at] : NULL;
}

struct process *fleet_process(const struct fleet *f, int number)
{
        bool found;
        int at = number_place(f, number, &found);

        return found ? f->procs[at] : NULL;
}

struct fleet *group_fleet(const struct group *g, const char *program)
{
        for (int i = 0; i < g->fleet_count; i++)
                if (strcmp(g->fleets[i].program->name, program) == 0)
                        return &g->fleets[i];
        return NULL;
}

/* While old processes of a renamed program go, two fleets have its name. */
struct fleet *process_fleet(const struct process *p)
{
        struct group *g = p->group;

        for (int i = 0; i < g->fleet_count; i++)
                if (strcmp(g->fleets[i].program->name, p->program->name) == 0 &&
                    fleet_process(&g->fleets[i], p->number) == p)
                        return &g->fleets[i];
        return NULL;
}

struct process *registry_process(const struct registry *r, const char *namespec)
{
        size_t len = strcspn(namespec, ":");
        bool found;
        int at = group_place(r, namespec, len, &found);

        if (!found)
                return NULL;
        return group_process(r->groups[at], namespec[len] ? namespec + len + 1 : namespec);
}

struct fleet *registry_fleet(const struct registry *r, const char *name, bool *ambiguous)
{
        size_t len = strcspn(name, ":");
        struct fleet *found = NULL;
        int count = 0;

        *ambiguous = false;
        for (int i = 0; i < r->group_count; i++) {
                struct group *g = r->groups[i];
                if (name[len] && (strncmp(g->name, name, len) != 0 || g->name[len]))
                        continue;
                struct fleet *f = group_fleet(g, name[len] ? name + len + 1 : name);
                if (!f)
                        continue;
                found = f;
                count++;
        }
        *ambiguous = count > 1;
        return count == 1 ? found : NULL;
}

/* ---- groups come and go */

static void fleet_release(struct fleet *f)
{
        program_unref(f->program);
        free(f->procs);
}

/* Frees what is there of a half-built group as well. Processes belong to their fleets' lists until
 * the group's own list exists. */
static void group_free(struct group *g)
{
        for (int i = 0; i < g->fleet_count; i++) {
                for (int k = 0; k < g->fleets[i].count; k++)
                        process_free(g->fleets[i].procs[k]);
                fleet_release(&g->fleets[i]);
        }
        free(g->fleets);
        free(g->procs);
        free(g->name);
        if (g->conf)
                group_conf_unref(g->conf);
        free(g);
}

static struct process *make_process(struct group *g, struct program *program, int number,
                                    const struct host *w, struct err *e)
{
        char *name = recipe_name(program, g->name, number, w, e);

        if (!name)
                return NULL;
        struct process *p = process_new(name, g, program, number);
        free(name);
        if (!p)
                err_nomem(e);
        return p;
}

static bool fleet_fill(struct fleet *f, const struct host *w, struct err *e)
{
        f->procs = malloc(vec_room((size_t)f->replicas) * sizeof(struct process *));
        if (!f->procs)
                return err_nomem(e);
        for (int i = 0; i < f->replicas; i++) {
                int number = f->program->numprocs_start + i;
                f->procs[i] = make_process(f->group, f->program, number, w, e);
                if (!f->procs[i])
                        return false;
                f->count++;
        }
        return true;
}

/* A program that is named twice counts once. */
static bool add_fleets(struct group *g, const struct host *w, struct err *e)
{
        g->fleets = calloc(vec_room((size_t)g->conf->program_count), sizeof *g->fleets);
        if (!g->fleets)
                return err_nomem(e);
        for (int i = 0; i < g->conf->program_count; i++) {
                struct program *p = g->conf->programs[i];
                if (group_fleet(g, p->name))
                        continue;
                struct fleet *f = &g->fleets[g->fleet_count++];
                *f = (struct fleet){ .group = g,
                                     .program = program_ref(p),
                                     .replicas = program_replicas(p, p->numprocs) };
                if (!fleet_fill(f, w, e))
                        return false;
        }
        return true;
}

struct entry {
        struct process *p;
        int priority, order;
};

static int by_name_then_order(const void *a, const void *b)
{
        const struct entry *x = a, *y = b;
        int c = strcmp(x->p->name, y->p->name);

        return c ? c : (x->order > y->order) - (x->order < y->order);
}

/* A fleet that the configuration does not know any more goes with its last process. */
static void drop_if_gone(struct group *g, struct fleet *f)
{
        if (f->count)
                return;
        for (int i = 0; i < g->conf->program_count; i++)
                if (g->conf->programs[i] == f->program)
                        return;
        fleet_release(f);
        g->fleet_count--;
        memmove(f, f + 1, (size_t)(g->fleets + g->fleet_count - f) * sizeof *f);
}

static void registry_unlink_process(struct group *g, struct process *p)
{
        struct fleet *f = process_fleet(p);
        bool found;
        int at;

        if (f) {
                at = number_place(f, p->number, &found);
                list_remove(f->procs, f->count--, at);
                drop_if_gone(g, f);
        }
        at = process_place(g, p->name, &found);
        if (found && g->procs[at] == p)
                list_remove(g->procs, g->count--, at);
        process_free(p);
}

/* All processes in order of definition. Caller frees; NULL: no memory. */
static struct entry *defined_entries(const struct group *g, int *count_out)
{
        size_t count = 0;

        for (int i = 0; i < g->fleet_count; i++)
                count += (size_t)g->fleets[i].count;
        struct entry *all = calloc(count + 1, sizeof *all);
        *count_out = 0;
        for (int i = 0; all && i < g->fleet_count; i++)
                for (int k = 0; k < g->fleets[i].count; k++)
                        all[(*count_out)++] = (struct entry){ .p = g->fleets[i].procs[k] };
        return all;
}

/* The group's list by name. Of two processes with the same name the later definition wins, silently
 * (compat section 9). */
static bool sort_processes(struct group *g, struct err *e)
{
        int count;
        struct entry *all = defined_entries(g, &count);

        g->procs = malloc(vec_room((size_t)count) * sizeof(struct process *));
        if (!all || !g->procs) {
                free(all);
                return err_nomem(e);
        }
        for (int i = 0; i < count; i++)
                all[i].order = i;
        qsort(all, (size_t)count, sizeof *all, by_name_then_order);
        for (int i = 0; i < count; i++)
                if (i + 1 == count || strcmp(all[i].p->name, all[i + 1].p->name) != 0)
                        g->procs[g->count++] = all[i].p;
                else
                        registry_unlink_process(g, all[i].p);
        free(all);
        return true;
}

static struct group *group_new(struct group_conf *conf, const struct host *w, struct err *e)
{
        struct group *g = calloc(1, sizeof *g);

        if (!g || !(g->name = strdup(conf->name))) {
                free(g);
                err_nomem(e);
                return NULL;
        }
        g->conf = group_conf_ref(conf);
        if (add_fleets(g, w, e) && sort_processes(g, e))
                return g;
        group_free(g);
        return NULL;
}

struct group *registry_add(struct registry *r, struct group_conf *conf, const struct host *w,
                           struct err *e)
{
        bool found;
        int at = group_place(r, conf->name, strlen(conf->name), &found);

        if (found) {
                err_set(e, ERR_BUSY, "group %s exists already", conf->name);
                return NULL;
        }
        if (!vec_grow(r->groups, r->group_count)) {
                err_nomem(e);
                return NULL;
        }
        struct group *g = group_new(conf, w, e);
        if (!g)
                return NULL;
        list_insert(r->groups, r->group_count++, at, g);
        r->process_count += g->count;
        return g;
}

void registry_remove(struct registry *r, struct group *g)
{
        bool found;
        int at = group_place(r, g->name, strlen(g->name), &found);

        if (found)
                list_remove(r->groups, r->group_count--, at);
        r->process_count -= g->count;
        group_free(g);
}

void registry_release(struct registry *r)
{
        for (int i = 0; i < r->group_count; i++)
                group_free(r->groups[i]);
        free(r->groups);
        free(r->by_pid);
        registry_init(r);
}

/* ---- processes come and go */

struct process *registry_add_process(struct registry *r, struct fleet *f, int number,
                                     const struct host *w, struct err *e)
{
        struct group *g = f->group;
        bool found;
        int in_fleet = number_place(f, number, &found);

        if (found)
                return f->procs[in_fleet];
        if (!vec_grow(f->procs, f->count) || !vec_grow(g->procs, g->count)) {
                err_nomem(e);
                return NULL;
        }
        struct process *p = make_process(g, f->program, number, w, e);
        if (!p)
                return NULL;
        int in_group = process_place(g, p->name, &found);
        if (found) {
                err_set(e, ERR_BUSY, "group %s has a process called %s already", g->name, p->name);
                process_free(p);
                return NULL;
        }
        list_insert(f->procs, f->count++, in_fleet, p);
        list_insert(g->procs, g->count++, in_group, p);
        r->process_count++;
        return p;
}

void registry_forget(struct registry *r, struct process *p)
{
        r->process_count--;
        registry_unlink_process(p->group, p);
}

/* ---- by pid */

static unsigned slot_of(const struct registry *r, pid_t pid)
{
        return (unsigned)hash_word(0, (uint64_t)pid) & (r->pid_slots - 1);
}

/* One slot for each process that there is. Without memory for more the chains grow instead. */
static bool pid_table_grow(struct registry *r)
{
        struct registry wider = { .pid_slots = r->pid_slots ? r->pid_slots : 64 };

        if (r->by_pid && (size_t)r->process_count <= r->pid_slots)
                return true;
        while (wider.pid_slots < (size_t)r->process_count)
                wider.pid_slots *= 2;
        wider.by_pid = calloc(wider.pid_slots, sizeof(struct process *));
        if (!wider.by_pid)
                return r->by_pid != NULL;
        for (unsigned i = 0; r->by_pid && i < r->pid_slots; i++)
                for (struct process *p = r->by_pid[i], *rest; p; p = rest) {
                        struct process **slot = &wider.by_pid[slot_of(&wider, p->pid)];
                        rest = p->by_pid_next;
                        p->by_pid_next = *slot;
                        *slot = p;
                }
        free(r->by_pid);
        r->by_pid = wider.by_pid;
        r->pid_slots = wider.pid_slots;
        return true;
}

bool registry_pid_reserve(struct registry *r)
{
        return pid_table_grow(r);
}

void registry_pid_add(struct registry *r, struct process *p)
{
        if (!pid_table_grow(r))
                return;
        struct process **slot = &r->by_pid[slot_of(r, p->pid)];
        p->by_pid_next = *slot;
        *slot = p;
}

void registry_pid_remove(struct registry *r, struct process *p)
{
        if (!r->by_pid)
                return;
        struct process **at = &r->by_pid[slot_of(r, p->pid)];
        while (*at && *at != p)
                at = &(*at)->by_pid_next;
        if (*at)
                *at = p->by_pid_next;
        p->by_pid_next = NULL;
}

struct process *registry_by_pid(const struct registry *r, pid_t pid)
{
        struct process *p = r->by_pid ? r->by_pid[slot_of(r, pid)] : NULL;

        while (p && p->pid != pid)
                p = p->by_pid_next;
        return p;
}
