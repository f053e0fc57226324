/* The orders in which people and orders see what exists (compat section 9). */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "model/fleet/registry.h"

static bool is_lone(const struct process *p)
{
        return strcmp(p->group->name, p->name) == 0;
}

void process_namespec(const struct process *p, struct buf *out)
{
        if (!is_lone(p)) {
                buf_puts(out, p->group->name);
                buf_putc(out, ':');
        }
        buf_puts(out, p->name);
}

/* Room for `count`; NULL and *count_out 0 or -1 where there is nothing to return. */
static struct process **new_list(int count, int *count_out)
{
        struct process **list = count ? malloc((size_t)count * sizeof(struct process *)) : NULL;

        *count_out = list || !count ? 0 : -1;
        return list;
}

struct process **registry_all(const struct registry *r, int *count_out)
{
        struct process **list = new_list(r->process_count, count_out);

        for (int i = 0; list && i < r->group_count; i++)
                for (int k = 0; k < r->groups[i]->count; k++)
                        list[(*count_out)++] = r->groups[i]->procs[k];
        return list;
}

/* ---- starts */

struct entry {
        struct process *p;
        int priority;
        int program; /* place of its program in the definition */
};

static int lists_by_priority(const void *a, const void *b)
{
        const struct entry *x = a, *y = b;

        if (x->priority != y->priority)
                return x->priority < y->priority ? -1 : 1;
        if (x->program != y->program)
                return x->program < y->program ? -1 : 1;
        return strcmp(x->p->name, y->p->name);
}

/* Writes the group's processes to `list`, which has room. */
static bool put_start_order(const struct group *g, struct process **list)
{
        struct entry *all = calloc((size_t)g->count + 1, sizeof *all);
        size_t n = 0;

        if (!all)
                return false;
        for (int i = 0; i < g->fleet_count; i++)
                for (int k = 0; k < g->fleets[i].count; k++) {
                        struct process *p = g->fleets[i].procs[k];
                        all[n++] = (struct entry){ p, p->program->priority, i };
                }
        qsort(all, n, sizeof *all, lists_by_priority);
        for (size_t i = 0; i < n; i++)
                list[i] = all[i].p;
        free(all);
        return true;
}

struct process **group_start_order(const struct group *g, int *count_out)
{
        struct process **list = new_list(g->count, count_out);

        if (!list)
                return NULL;
        if (!put_start_order(g, list)) {
                free(list);
                *count_out = -1;
                return NULL;
        }
        *count_out = g->count;
        return list;
}

static int by_group_priority(const void *a, const void *b)
{
        const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;

        if (x->conf->priority != y->conf->priority)
                return x->conf->priority < y->conf->priority ? -1 : 1;
        return strcmp(x->name, y->name);
}

struct process **registry_start_order(const struct registry *r, int *count_out)
{
        size_t groups = (size_t)r->group_count;
        struct process **list = new_list(r->process_count, count_out);
        struct group **order = list ? malloc(groups * sizeof(struct group *)) : NULL;
        bool ok = order != NULL;

        if (!list)
                return NULL;
        if (ok) {
                memcpy(order, r->groups, groups * sizeof(struct group *));
                qsort(order, groups, sizeof(struct group *), by_group_priority);
        }
        for (size_t i = 0; ok && i < groups; i++) {
                ok = put_start_order(order[i], list + *count_out);
                *count_out += order[i]->count;
        }
        free(order);
        if (ok)
                return list;
        free(list);
        *count_out = -1;
        return NULL;
}

/* ---- globs */

static bool lists_matches(const char *pattern, const struct process *p, struct buf *name)
{
        buf_reset(name);
        buf_printf(name, "%s:%s", p->group->name, p->name);
        return fnmatch(pattern, buf_str(name), 0) == 0 ||
               (is_lone(p) && fnmatch(pattern, p->name, 0) == 0);
}

/* "group:*" and "group:" of a group that is there, also when its name looks like a pattern. */
static const struct group *whole_group(const struct registry *r, const char *pattern)
{
        const char *colon = strchr(pattern, ':');

        if (!colon || (colon[1] && strcmp(colon, ":*") != 0))
                return NULL;
        for (int i = 0; i < r->group_count; i++) {
                const char *name = r->groups[i]->name;
                if (strncmp(name, pattern, (size_t)(colon - pattern)) == 0 &&
                    !name[colon - pattern])
                        return r->groups[i];
        }
        return NULL;
}

struct process **registry_match(const struct registry *r, const char *pattern, int *count_out)
{
        size_t len = strlen(pattern);
        const struct group *only = whole_group(r, pattern);
        AUTO_BUF whole = BUF_INIT, name = BUF_INIT;

        if (strcmp(pattern, "all") == 0 || strcmp(pattern, "*") == 0)
                return registry_all(r, count_out);
        struct process *exact = registry_process(r, pattern);
        struct process **list = new_list(exact ? 1 : r->process_count, count_out);
        if (list && exact)
                list[(*count_out)++] = exact;
        if (!list || exact)
                return list;
        buf_puts(&whole, pattern);
        if (len && pattern[len - 1] == ':') /* "group:" is "group:*" */
                buf_putc(&whole, '*');
        for (int i = 0; i < r->group_count; i++)
                for (int k = 0; k < r->groups[i]->count; k++)
                        if (only ? r->groups[i] == only
                                 : lists_matches(buf_str(&whole), r->groups[i]->procs[k], &name))
                                list[(*count_out)++] = r->groups[i]->procs[k];
        if (whole.failed || name.failed)
                *count_out = -1;
        if (*count_out > 0)
                return list;
        free(list);
        return NULL;
}
