/* What differs between two programs, and between what runs and a new configuration group by group
 * (compat section 20.7). */
#include <stdlib.h>
#include <string.h>

#include "model/config/opt_kind.h"
#include "model/config/process_given.h"
#include "model/fleet/plan.h"

static void diff_note(struct strlist *keys, const char *key)
{
        /* Without memory a name is missing from a list for people; the verdict is not affected. */
        if (keys && !strlist_has(keys, key))
                (void)strlist_add(keys, key);
}

/* Its worker has no pipe that could be read from now on. */
static bool diff_lacks_pipe(const struct program *a, const struct program *b)
{
        return (program_discards(a, false) && !program_discards(b, false)) ||
               (program_discards(a, true) && !program_discards(b, true));
}

/* Values of one process before and after, made only where they may differ. */
struct comparison {
        const struct program *a, *b;
        bool surely_same;
        struct given x, y;
};

static bool compare_begin(struct comparison *c, const struct pairing *at)
{
        struct err e = { 0 };

        c->surely_same = given_surely_same(c->a, at->number_a, c->b, at->number_b);
        return c->surely_same || (given_make(c->a, at->group, at->number_a, at->host, &c->x, &e) &&
                                  given_make(c->b, at->group, at->number_b, at->host, &c->y, &e));
}

static bool row_same(const struct comparison *c, const struct opt *o)
{
        if (!given_holds(o))
                return opt_same(o, c->a, c->b);
        if (o->type == OPT_ON_FATAL && c->a->on_fatal.kind != c->b->on_fatal.kind)
                return false;
        return c->surely_same || given_same(o, &c->x, &c->y);
}

static enum change compare_rows(const struct comparison *c, struct strlist *keys)
{
        enum change worst = CHANGE_NONE;

        for (const struct opt *o = program_opts; o->key; o++) {
                if (!(o->kinds & c->a->kind) || !(o->kinds & c->b->kind) || row_same(c, o))
                        continue;
                diff_note(keys, o->key);
                if (o->change > worst)
                        worst = o->change;
        }
        return worst;
}

/* Both have passed the checks, so what cannot be expanded is out of memory. */
enum change program_diff(const struct program *a, const struct program *b, const struct pairing *at,
                         struct strlist *keys)
{
        struct comparison c = { .a = a, .b = b };
        enum change worst = CHANGE_RESTART;

        if (a == b && at->number_a == at->number_b)
                return CHANGE_NONE;
        if (compare_begin(&c, at))
                worst = compare_rows(&c, keys);
        given_release(&c.x);
        given_release(&c.y);
        if (a->kind != b->kind || !opt_same_text(&a->name, &b->name)) {
                diff_note(keys, "section");
                worst = CHANGE_RESTART;
        }
        if (worst == CHANGE_LIVE && diff_lacks_pipe(a, b))
                worst = CHANGE_RESTART;
        return worst;
}

/* ---- groups */

/* Both have the same number of processes, or they differ already. */
static bool program_changed(const struct program *a, const struct program *b, const char *group,
                            const struct host *w)
{
        bool varies = given_varies(a) || given_varies(b) ||
                      !opt_same_text(&a->process_name, &b->process_name);

        for (int i = 0; i == 0 || (varies && i < b->numprocs); i++) {
                const struct pairing at = { .group = group,
                                            .number_a = a->numprocs_start + i,
                                            .number_b = b->numprocs_start + i,
                                            .host = w };
                if (program_diff(a, b, &at, NULL) != CHANGE_NONE)
                        return true;
        }
        return false;
}

static bool group_changed(const struct group *g, const struct group_conf *next,
                          const struct host *w)
{
        const struct group_conf *was = g->conf;

        if (was == next)
                return false;
        if (was->priority != next->priority || was->kind != next->kind ||
            was->program_count != next->program_count)
                return true;
        for (int i = 0; i < next->program_count; i++) {
                const struct program *a = was->programs[i], *b = next->programs[i];
                if (strcmp(a->name, b->name) != 0 || program_changed(a, b, g->name, w))
                        return true;
        }
        return false;
}

static int diff_by_priority(const void *a, const void *b)
{
        const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;

        if (x->conf->priority != y->conf->priority)
                return x->conf->priority < y->conf->priority ? -1 : 1;
        return strcmp(x->name, y->name);
}

/* Those that the next configuration does not have, in the order in which groups are started. */
static bool find_removed(const struct registry *r, const struct config *next, struct strlist *out)
{
        struct group **gone = calloc((size_t)r->group_count + 1, sizeof *gone);
        size_t count = 0, at = 0;
        bool ok = gone != NULL;
        AUTO_STRLIST names = STRLIST_INIT;

        for (int i = 0; ok && i < next->group_count; i++)
                ok = strlist_add(&names, next->groups[i]->name);
        strlist_sort(&names);
        for (int i = 0; ok && i < r->group_count; i++) { /* both are sorted by name: one walk */
                const char *name = r->groups[i]->name;
                while (at < names.count && strcmp(names.items[at], name) < 0)
                        at++;
                if (at == names.count || strcmp(names.items[at], name) != 0)
                        gone[count++] = r->groups[i];
        }
        if (ok)
                qsort(gone, count, sizeof *gone, diff_by_priority);
        for (size_t i = 0; ok && i < count; i++)
                ok = strlist_add(out, gone[i]->name);
        free(gone);
        return ok;
}

/* A new group that a lone program forms, and the group of a running one, compare alike whether or
 * not a [group:x] section stands behind them. */
bool group_diff_make(const struct registry *r, const struct config *next, const struct host *w,
                     struct group_diff *out, struct err *e)
{
        bool ok = true;

        *out = (struct group_diff){ 0 };
        for (int i = 0; ok && i < next->group_count; i++) {
                const struct group_conf *conf = next->groups[i];
                const struct group *g = registry_group(r, conf->name);
                if (!g)
                        ok = strlist_add(&out->added, conf->name);
                else if (group_changed(g, conf, w))
                        ok = strlist_add(&out->changed, conf->name);
        }
        ok = ok && find_removed(r, next, &out->removed);
        if (!ok) {
                group_diff_release(out);
                return err_nomem(e);
        }
        return true;
}

void group_diff_release(struct group_diff *d)
{
        strlist_release(&d->added);
        strlist_release(&d->changed);
        strlist_release(&d->removed);
}
