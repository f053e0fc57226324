/* What differs between two programs, and between what runs and a new configuration group by group
 * (compat section 20.7). */
#include <stdlib.h>
#include <string.h>

#include "model/opt_kind.h"
#include "model/plan.h"

static void note(struct strs *keys, const char *key)
{
        /* Without memory a name is missing from a list for people; the verdict is not affected. */
        if (keys && !strs_has(keys, key))
                (void)strs_add(keys, key);
}

enum change program_diff(const struct program *a, const struct program *b, struct strs *keys)
{
        enum change worst = CHANGE_NONE;

        if (a == b)
                return CHANGE_NONE;
        for (const struct opt *o = program_opts; o->key; o++) {
                if (!(o->kinds & a->kind) || !(o->kinds & b->kind) || opt_same(o, a, b))
                        continue;
                note(keys, o->key);
                if (o->change > worst)
                        worst = o->change;
        }
        if (!opt_same_text(&a->global_env, &b->global_env)) {
                note(keys, "environment");
                worst = CHANGE_RESTART;
        }
        if (a->kind != b->kind || !opt_same_text(&a->name, &b->name)) {
                note(keys, "section");
                worst = CHANGE_RESTART;
        }
        return worst;
}

/* ---- groups */

static bool group_changed(const struct group *g, const struct group_conf *next)
{
        const struct group_conf *was = g->conf;

        if (was == next)
                return false;
        if (was->priority != next->priority || was->kind != next->kind ||
            was->program_count != next->program_count)
                return true;
        for (int i = 0; i < next->program_count; i++) {
                const struct program *a = was->programs[i], *b = next->programs[i];
                if (strcmp(a->name, b->name) != 0 || program_diff(a, b, NULL) != CHANGE_NONE)
                        return true;
        }
        return false;
}

/* A new group that a lone program forms, and the group of a running one, compare alike whether or
 * not a [group:x] section stands behind them. */
bool group_diff_make(const struct registry *r, const struct config *next, struct group_diff *out,
                     struct err *e)
{
        bool ok = true;

        *out = (struct group_diff){ 0 };
        for (int i = 0; ok && i < next->group_count; i++) {
                const struct group_conf *conf = next->groups[i];
                const struct group *g = registry_group(r, conf->name);
                if (!g)
                        ok = strs_add(&out->added, conf->name);
                else if (group_changed(g, conf))
                        ok = strs_add(&out->changed, conf->name);
        }
        AUTO_STRS names = STRS_INIT;
        for (int i = 0; ok && i < next->group_count; i++)
                ok = strs_add(&names, next->groups[i]->name);
        strs_sort(&names);
        size_t at = 0; /* both lists are sorted: one walk */
        for (int i = 0; ok && i < r->group_count; i++) {
                const char *name = r->groups[i]->name;
                while (at < names.count && strcmp(names.items[at], name) < 0)
                        at++;
                if (at == names.count || strcmp(names.items[at], name) != 0)
                        ok = strs_add(&out->removed, name);
        }
        if (!ok) {
                group_diff_release(out);
                return err_nomem(e);
        }
        strs_sort(&out->added);
        strs_sort(&out->changed);
        return true;
}

void group_diff_release(struct group_diff *d)
{
        strs_release(&d->added);
        strs_release(&d->changed);
        strs_release(&d->removed);
}
