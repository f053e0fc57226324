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

/* Its worker has no pipe that could be read from now on. */
static bool lacks_pipe(const struct program *a, const struct program *b)
{
        return (program_discards(a, false) && !program_discards(b, false)) ||
               (program_discards(a, true) && !program_discards(b, true));
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
        if (worst == CHANGE_LIVE && lacks_pipe(a, b))
                worst = CHANGE_RESTART;
        return worst;
}

static uint64_t hash_text(uint64_t h, const char *text)
{
        for (; *text; text++)
                h = (h ^ (unsigned char)*text) * 0x100000001b3u;
        return (h ^ 0x100) * 0x100000001b3u; /* an end that no byte can be */
}

uint64_t program_fingerprint(struct program *p)
{
        uint64_t h = 0xcbf29ce484222325u ^ p->kind;
        AUTO_BUF text = BUF_INIT;

        if (p->fingerprint)
                return p->fingerprint;
        for (const struct opt *o = program_opts; o->key; o++) {
                if (o->change != CHANGE_RESTART || !(o->kinds & p->kind))
                        continue;
                buf_reset(&text);
                opt_format(o, p, &text);
                if (text.failed)
                        return 1;
                h = hash_text(hash_text(h, o->key), buf_str(&text));
        }
        h = hash_text(h, p->global_env ? p->global_env : "");
        h = hash_text(h, p->name ? p->name : "");
        return p->fingerprint = h ? h : 1;
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

static int by_priority(const void *a, const void *b)
{
        const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;

        if (x->conf->priority != y->conf->priority)
                return x->conf->priority < y->conf->priority ? -1 : 1;
        return strcmp(x->name, y->name);
}

/* Those that the next configuration does not have, in the order in which groups are started. */
static bool find_removed(const struct registry *r, const struct config *next, struct strs *out)
{
        struct group **gone = calloc((size_t)r->group_count + 1, sizeof *gone);
        size_t count = 0, at = 0;
        bool ok = gone != NULL;
        AUTO_STRS names = STRS_INIT;

        for (int i = 0; ok && i < next->group_count; i++)
                ok = strs_add(&names, next->groups[i]->name);
        strs_sort(&names);
        for (int i = 0; ok && i < r->group_count; i++) { /* both are sorted by name: one walk */
                const char *name = r->groups[i]->name;
                while (at < names.count && strcmp(names.items[at], name) < 0)
                        at++;
                if (at == names.count || strcmp(names.items[at], name) != 0)
                        gone[count++] = r->groups[i];
        }
        if (ok)
                qsort(gone, count, sizeof *gone, by_priority);
        for (size_t i = 0; ok && i < count; i++)
                ok = strs_add(out, gone[i]->name);
        free(gone);
        return ok;
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
        ok = ok && find_removed(r, next, &out->removed);
        if (!ok) {
                group_diff_release(out);
                return err_nomem(e);
        }
        return true;
}

void group_diff_release(struct group_diff *d)
{
        strs_release(&d->added);
        strs_release(&d->changed);
        strs_release(&d->removed);
}
