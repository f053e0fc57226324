/* Compares what exists with a new configuration and says for each process what would happen to it
 * and why. Changes nothing: engine/order/reload.c carries it out. */
#include "model/fleet/plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "model/config/process_given.h"
#include "model/config/recipe.h"

/* One program in one group, of either side; sorted by program to find where else it lives. */
struct place {
        const char *program, *group; /* borrowed */
};

struct places {
        struct place *items; /* owned */
        int count;
};

/* A process that the new configuration asks for. */
struct wanted {
        char *name; /* owned */
        struct program *to;
        struct fleet *fleet; /* the present one of this program in this group, or NULL */
        int number;
        int order;
};

struct planner {
        const struct registry *r;
        const struct host *w;
        struct plan *plan;
        struct places old, new;
        struct err *e;

        /* the group at hand */
        struct group *group;     /* NULL: it is new */
        struct group_conf *conf; /* NULL: it goes */
        struct wanted *wanted;   /* owned, by name */
        int wanted_count;

        /* the last pair of programs, for the next process of the same fleet */
        const struct program *from, *to;
        bool varies; /* what it says is true of one process only */
        enum change change;
        struct strlist keys;
};

const char *plan_action_word(enum plan_action a)
{
        static const char *const words[] = {
                [PLAN_KEEP] = "keep", [PLAN_LIVE] = "live",       [PLAN_START] = "start",
                [PLAN_STOP] = "stop", [PLAN_RESTART] = "restart",
        };

        return words[a];
}

void plan_release(struct plan *p)
{
        for (int i = 0; i < p->count; i++) {
                free(p->items[i].name);
                free(p->items[i].program);
                free(p->items[i].why);
                strlist_release(&p->items[i].keys);
        }
        free(p->items);
        for (int i = 0; i < p->setting_count; i++) {
                free(p->settings[i].section);
                free(p->settings[i].from);
                free(p->settings[i].to);
        }
        free(p->settings);
        *p = (struct plan){ 0 };
}

/* ---- where programs live */

static int by_program(const void *a, const void *b)
{
        const struct place *x = a, *y = b;
        int c = strcmp(x->program, y->program);

        return c ? c : strcmp(x->group, y->group);
}

static bool places_make(struct places *p, size_t most)
{
        p->items = calloc(most + 1, sizeof *p->items);
        return p->items != NULL;
}

static bool places_of_registry(struct places *p, const struct registry *r)
{
        size_t most = 0;

        for (int i = 0; i < r->group_count; i++)
                most += (size_t)r->groups[i]->fleet_count;
        if (!places_make(p, most))
                return false;
        for (int i = 0; i < r->group_count; i++)
                for (int k = 0; k < r->groups[i]->fleet_count; k++)
                        p->items[p->count++] =
                            (struct place){ r->groups[i]->fleets[k].program->name,
                                            r->groups[i]->name };
        qsort(p->items, (size_t)p->count, sizeof *p->items, by_program);
        return true;
}

static bool places_of_config(struct places *p, const struct config *c)
{
        size_t most = 0;

        for (int i = 0; i < c->group_count; i++)
                most += (size_t)c->groups[i]->program_count;
        if (!places_make(p, most))
                return false;
        for (int i = 0; i < c->group_count; i++)
                for (int k = 0; k < c->groups[i]->program_count; k++)
                        p->items[p->count++] =
                            (struct place){ c->groups[i]->programs[k]->name, c->groups[i]->name };
        qsort(p->items, (size_t)p->count, sizeof *p->items, by_program);
        return true;
}

/* The first place of the program, and how many there are. */
static const struct place *places_find(const struct places *p, const char *program, int *count_out)
{
        int low = 0, high = p->count;

        while (low < high) {
                int mid = low + (high - low) / 2;
                if (strcmp(p->items[mid].program, program) < 0)
                        low = mid + 1;
                else
                        high = mid;
        }
        *count_out = 0;
        while (low + *count_out < p->count &&
               strcmp(p->items[low + *count_out].program, program) == 0)
                (*count_out)++;
        return *count_out ? &p->items[low] : NULL;
}

/* The one group where the program lives on the other side, but not on this one; else NULL. */
static const char *plan_moved(const struct places *here, const struct places *there,
                              const char *program)
{
        int count_here, count_there;
        const struct place *at = places_find(there, program, &count_there);

        places_find(here, program, &count_here);
        return count_here == 1 && count_there == 1 ? at->group : NULL;
}

/* ---- items */

static const char *group_name(const struct planner *pl)
{
        return pl->group ? pl->group->name : pl->conf->name;
}

static bool program_label(const struct places *p, const char *group, const char *program,
                          struct buf *out)
{
        int count;

        places_find(p, program, &count);
        if (count > 1)
                buf_printf(out, "%s:", group);
        buf_puts(out, program);
        return !out->failed;
}

static struct change_item *plan_add_item(struct planner *pl, const char *name, const char *program,
                                         const struct places *side)
{
        struct plan *plan = pl->plan;
        struct buf label = BUF_INIT, spec = BUF_INIT;

        if (!vec_grow(plan->items, plan->count)) {
                err_nomem(pl->e);
                return NULL;
        }
        struct change_item *item = &plan->items[plan->count++];
        *item = (struct change_item){ .group = pl->conf };
        if (strcmp(group_name(pl), name) != 0)
                buf_printf(&spec, "%s:", group_name(pl));
        buf_puts(&spec, name);
        item->name = buf_take(&spec);
        program_label(side, group_name(pl), program, &label);
        item->program = buf_take(&label);
        if (item->name && item->program)
                return item;
        err_nomem(pl->e);
        return NULL;
}

static bool set_why(struct planner *pl, struct change_item *item, struct buf *why)
{
        item->why = buf_take(why);
        return item->why || err_nomem(pl->e);
}

static bool plan_add_key(struct planner *pl, struct change_item *item, const char *key)
{
        return strlist_has(&item->keys, key) || strlist_add(&item->keys, key) || err_nomem(pl->e);
}

/* ---- what makes a process come or go while its program stays in its group */

/* The reason and the key, in words; "" when nothing explains it. */
static const char *count_reason(const struct program *from, const struct program *to, bool grows,
                                struct buf *why)
{
        if (from->process_name && to->process_name &&
            strcmp(from->process_name, to->process_name) != 0) {
                buf_puts(why, "process_name changed");
                return "process_name";
        }
        if (from->numprocs_start != to->numprocs_start) {
                buf_printf(why, "numprocs_start %d -> %d", from->numprocs_start,
                           to->numprocs_start);
                return "numprocs_start";
        }
        if (from->numprocs != to->numprocs) {
                buf_printf(why, "numprocs %d -> %d", from->numprocs, to->numprocs);
                return "numprocs";
        }
        if (grows && from->numprocs_min != to->numprocs_min) {
                buf_printf(why, "numprocs_min %d -> %d", from->numprocs_min, to->numprocs_min);
                return "numprocs_min";
        }
        if (!grows && from->numprocs_max != to->numprocs_max) {
                buf_printf(why, "numprocs_max %d", to->numprocs_max);
                return "numprocs_max";
        }
        buf_puts(why, grows ? "added" : "removed");
        return NULL;
}

static bool plan_new(struct planner *pl, const struct wanted *want)
{
        struct change_item *item = plan_add_item(pl, want->name, want->to->name, &pl->new);
        struct buf why = BUF_INIT;
        const char *key = NULL;

        if (!item)
                return false;
        item->to = want->to;
        item->number = want->number;
        item->action = want->to->autostart ? PLAN_START : PLAN_LIVE;
        if (want->fleet) {
                key = count_reason(want->fleet->program, want->to, true, &why);
        } else {
                const char *from = plan_moved(&pl->new, &pl->old, want->to->name);
                if (from && strcmp(from, group_name(pl)) != 0)
                        buf_printf(&why, "moved from group %s", from);
                else
                        buf_puts(&why, "added");
        }
        if (!want->to->autostart)
                buf_puts(&why, " (autostart=false)");
        return set_why(pl, item, &why) && (!key || plan_add_key(pl, item, key));
}

static struct program *conf_program(const struct group_conf *conf, const char *name)
{
        for (int i = 0; conf && i < conf->program_count; i++)
                if (strcmp(conf->programs[i]->name, name) == 0)
                        return conf->programs[i];
        return NULL;
}

static bool plan_is_leaving(const struct process *p)
{
        return p->state == PS_RETIRING || p->state == PS_GONE;
}

static bool plan_gone(struct planner *pl, struct process *p)
{
        struct buf why = BUF_INIT;
        const char *key = NULL;

        if (plan_is_leaving(p))
                return true;
        struct change_item *item = plan_add_item(pl, p->name, p->program->name, &pl->old);
        if (!item)
                return false;
        item->process = p;
        item->number = p->number;
        item->action = PLAN_STOP;
        const struct program *stays = conf_program(pl->conf, p->program->name);
        const char *there = stays ? NULL : plan_moved(&pl->old, &pl->new, p->program->name);
        if (stays)
                key = count_reason(process_fleet(p)->program, stays, false, &why);
        else if (there && strcmp(there, group_name(pl)) != 0)
                buf_printf(&why, "moved to group %s", there);
        else
                buf_puts(&why, "removed");
        return set_why(pl, item, &why) && (!key || plan_add_key(pl, item, key));
}

/* ---- a process that stays */

/* Is it up, or will it be without anybody's help? Then a change that needs a new start restarts it;
 * FATAL too: the change may be the repair. */
static bool wants_restart(const struct process *p)
{
        switch (p->state) {
        case PS_STOPPED:
        case PS_WAITING:
        case PS_EXITED:
        case PS_STOPPING:
                return false;
        default:
                return true;
        }
}

static void remember_diff(struct planner *pl, const struct program *from, const struct process *p,
                          const struct wanted *want)
{
        const struct program *to = want->to;
        const struct pairing at = { .group = pl->group->name,
                                    .number_a = p->number,
                                    .number_b = want->number,
                                    .host = pl->w };

        if (pl->from == from && pl->to == to && !pl->varies)
                return;
        strlist_release(&pl->keys);
        pl->change = program_diff(from, to, &at, &pl->keys);
        pl->from = from;
        pl->to = to;
        pl->varies = p->number != want->number || given_varies(from) || given_varies(to);
}

static bool why_changed(struct planner *pl, struct change_item *item, const struct program *from)
{
        const struct program *to = item->to;
        struct buf why = BUF_INIT;
        const char *comma = "";

        for (size_t i = 0; i < pl->keys.count; i++) {
                const char *key = pl->keys.items[i];
                if (strcmp(key, "numprocs") == 0)
                        buf_printf(&why, "%snumprocs %d -> %d", comma, from->numprocs,
                                   to->numprocs);
                else
                        buf_printf(&why, "%s%s changed", comma, key);
                comma = ", ";
        }
        if (pl->group->conf->priority != pl->conf->priority)
                buf_printf(&why, "%sgroup priority %d -> %d", comma, pl->group->conf->priority,
                           pl->conf->priority);
        if (pl->change == CHANGE_RESTART && item->action == PLAN_LIVE)
                buf_puts(&why, " (at its next start)");
        return set_why(pl, item, &why);
}

static bool plan_staying(struct planner *pl, struct process *p, const struct wanted *want)
{
        const struct program *from = p->next_program ? p->next_program : p->program;

        assert(pl->group && pl->conf); /* or it would come or go */
        bool priority = pl->group->conf->priority != pl->conf->priority;
        struct change_item *item = plan_add_item(pl, p->name, want->to->name, &pl->new);

        if (!item)
                return false;
        remember_diff(pl, from, p, want);
        item->process = p;
        item->to = want->to;
        item->number = want->number;
        if (pl->change == CHANGE_RESTART && wants_restart(p))
                item->action = PLAN_RESTART;
        else if (pl->change != CHANGE_NONE || priority)
                item->action = PLAN_LIVE;
        if (!strlist_copy(&item->keys, &pl->keys))
                return err_nomem(pl->e);
        if (priority && !plan_add_key(pl, item, "priority"))
                return false;
        return why_changed(pl, item, from);
}

/* ---- one group */

static int plan_by_name(const void *a, const void *b)
{
        const struct wanted *x = a, *y = b;
        int c = strcmp(x->name, y->name);

        return c ? c : (x->order > y->order) - (x->order < y->order);
}

static void forget_wanted(struct planner *pl)
{
        for (int i = 0; i < pl->wanted_count; i++)
                free(pl->wanted[i].name);
        free(pl->wanted);
        pl->wanted = NULL;
        pl->wanted_count = 0;
}

static bool want_fleet(struct planner *pl, struct program *to)
{
        struct fleet *f = pl->group ? group_fleet(pl->group, to->name) : NULL;
        int count = f ? fleet_target(f, to) : program_replicas(to, to->numprocs);
        size_t had = (size_t)pl->wanted_count;

        if (!vec_reserve(&pl->wanted, had, (size_t)count, sizeof *pl->wanted))
                return err_nomem(pl->e);
        for (int i = 0; i < count; i++) {
                struct wanted *want = &pl->wanted[pl->wanted_count];
                *want = (struct wanted){ .to = to,
                                         .fleet = f,
                                         .number = to->numprocs_start + i,
                                         .order = pl->wanted_count };
                want->name = recipe_name(to, pl->conf->name, want->number, pl->w, pl->e);
                if (!want->name)
                        return false;
                pl->wanted_count++;
        }
        return true;
}

/* Sorted by name; of two with the same name the later definition is left (compat section 9). */
static bool want_group(struct planner *pl)
{
        int count = 0;

        for (int i = 0; pl->conf && i < pl->conf->program_count; i++)
                if (conf_program(pl->conf, pl->conf->programs[i]->name) == pl->conf->programs[i] &&
                    !want_fleet(pl, pl->conf->programs[i]))
                        return false;
        if (pl->wanted_count)
                qsort(pl->wanted, (size_t)pl->wanted_count, sizeof *pl->wanted, plan_by_name);
        for (int i = 0; i < pl->wanted_count; i++) {
                if (count && strcmp(pl->wanted[count - 1].name, pl->wanted[i].name) == 0)
                        free(pl->wanted[--count].name);
                pl->wanted[count++] = pl->wanted[i];
        }
        pl->wanted_count = count;
        return true;
}

static bool plan_one(struct planner *pl, struct process *p, const struct wanted *want)
{
        if (!want)
                return !p || plan_gone(pl, p);
        if (!p || plan_is_leaving(p))
                return plan_new(pl, want);
        return plan_staying(pl, p, want);
}

static bool plan_group(struct planner *pl, struct group *g, struct group_conf *conf)
{
        int i = 0, k = 0;
        bool ok;

        pl->group = g;
        pl->conf = conf;
        ok = want_group(pl);
        while (ok && ((g && i < g->count) || k < pl->wanted_count)) {
                struct process *p = g && i < g->count ? g->procs[i] : NULL;
                struct wanted *want = k < pl->wanted_count ? &pl->wanted[k] : NULL;
                int c = !p ? 1 : !want ? -1 : strcmp(p->name, want->name);
                ok = plan_one(pl, c <= 0 ? p : NULL, c >= 0 ? want : NULL);
                i += c <= 0;
                k += c >= 0;
        }
        forget_wanted(pl);
        return ok;
}

/* ---- all groups, old and new together by name */

static int by_group_name(const void *a, const void *b)
{
        return strcmp((*(struct group_conf *const *)a)->name,
                      (*(struct group_conf *const *)b)->name);
}

static bool plan_groups(struct planner *pl, struct group_conf **next, int next_count)
{
        const struct registry *r = pl->r;
        int i = 0, k = 0;
        bool ok = true;

        while (ok && (i < r->group_count || k < next_count)) {
                struct group *g = i < r->group_count ? r->groups[i] : NULL;
                struct group_conf *conf = k < next_count ? next[k] : NULL;
                int c = !g ? 1 : !conf ? -1 : strcmp(g->name, conf->name);
                ok = plan_group(pl, c <= 0 ? g : NULL, c >= 0 ? conf : NULL);
                i += c <= 0;
                k += c >= 0;
        }
        return ok;
}

bool plan_make(const struct registry *r, const struct config *next, const struct host *w,
               struct plan *out, struct err *e)
{
        struct planner pl = { .r = r, .w = w, .plan = out, .e = e };
        size_t size = (size_t)next->group_count * sizeof(struct group_conf *);
        struct group_conf **groups = malloc(size + 1);

        *out = (struct plan){ 0 };
        bool ok = groups && places_of_registry(&pl.old, r) && places_of_config(&pl.new, next);
        if (!ok) {
                err_nomem(e);
        } else {
                if (size)
                        memcpy(groups, next->groups, size);
                qsort(groups, (size_t)next->group_count, sizeof *groups, by_group_name);
                ok = plan_groups(&pl, groups, next->group_count);
        }
        free(groups);
        free(pl.old.items);
        free(pl.new.items);
        strlist_release(&pl.keys);
        if (!ok)
                plan_release(out);
        return ok;
}
