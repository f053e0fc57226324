/* From sections to groups: [group:x], and the group that each other program forms for itself. */
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "model/config/conf_load.h"
#include "model/config/pytext.h"
#include "model/config/recipe.h"

#define POOL_PRIORITY  (-1)
#define GROUP_PRIORITY 999

struct group_conf *group_conf_ref(struct group_conf *g)
{
        g->refs++;
        return g;
}

void group_conf_unref(struct group_conf *g)
{
        if (!g || --g->refs > 0)
                return;
        for (int i = 0; i < g->program_count; i++)
                program_unref(g->programs[i]);
        free(g->programs);
        free(g->name);
        free(g);
}

/* ---- making one */

/* Owned by the configuration from here on; NULL: no memory (said). */
static struct group_conf *conf_groups_add_group(struct load *l, const char *name, int priority)
{
        struct config *c = l->c;
        struct group_conf *g = calloc(1, sizeof *g);

        if (g)
                g->name = strdup(name);
        if (g)
                g->refs = 1;
        if (!g || !g->name || !vec_grow(c->groups, c->group_count)) {
                group_conf_unref(g);
                load_nomem(l);
                return NULL;
        }
        g->priority = priority;
        g->kind = KIND_PROGRAM;
        c->groups[c->group_count++] = g;
        return g;
}

/* Takes the reference over, NULL included. */
static void conf_groups_add_program(struct load *l, struct group_conf *g, struct program *p)
{
        if (!p || !vec_grow(g->programs, g->program_count)) {
                l->diags->failed |= p != NULL;
                program_unref(p);
                return;
        }
        g->programs[g->program_count++] = p;
}

/* ---- names inside a group */

struct named {
        char *name; /* owned */
        int program;
};

static int by_name_then_program(const void *a, const void *b)
{
        const struct named *x = a, *y = b;
        int d = strcmp(x->name, y->name);

        return d ? d : x->program - y->program;
}

static struct named *all_names(struct load *l, const struct group_conf *g, size_t *count_out)
{
        size_t room = 0, count = 0;

        for (int i = 0; i < g->program_count; i++)
                room += g->programs[i]->numprocs > 0 ? (size_t)g->programs[i]->numprocs : 0;
        struct named *names = calloc(room ? room : 1, sizeof *names);
        for (int i = 0; names && i < g->program_count; i++) {
                const struct program *p = g->programs[i];
                for (int n = 0; n < p->numprocs; n++) {
                        struct err e;
                        char *name = recipe_name(p, g->name, p->numprocs_start + n, l->w, &e);
                        l->diags->failed |= !name && e.code == ERR_NOMEM;
                        if (name)
                                names[count++] = (struct named){ name, i };
                }
        }
        *count_out = count;
        return names;
}

static void remove_program(struct group_conf *g, int at)
{
        program_unref(g->programs[at]);
        g->program_count--;
        memmove(g->programs + at, g->programs + at + 1,
                (size_t)(g->program_count - at) * sizeof *g->programs);
}

static void warn_same_name(struct load *l, const struct group_conf *g, const struct named *n)
{
        const struct program *p = g->programs[n->program];
        const struct conf_section *s = conf_doc_section(&l->doc, p->section);

        load_warn(l, s, conf_doc_key(&l->doc, s, "process_name"), "the last definition wins",
                  "several processes of group '%s' are called '%s'", g->name, n->name);
}

/* The last one of a name wins. Marks the programs whose only process loses. */
static void find_losers(struct load *l, const struct group_conf *g, const struct named *names,
                        size_t count, bool *lost)
{
        bool said = false;

        for (size_t i = 0; i + 1 < count; i++) {
                const struct named *n = &names[i], *next = &names[i + 1];
                if (strcmp(n->name, next->name) != 0)
                        continue;
                if (!said)
                        warn_same_name(l, g, next);
                said = true;
                if (n->program != next->program && g->programs[n->program]->numprocs == 1)
                        lost[n->program] = true;
        }
}

static void conf_groups_check_names(struct load *l, struct group_conf *g)
{
        size_t count = 0;
        struct named *names = all_names(l, g, &count);
        bool *lost = calloc((size_t)g->program_count + 1, sizeof *lost);

        if (!names || !lost) {
                load_nomem(l);
        } else {
                qsort(names, count, sizeof *names, by_name_then_program);
                find_losers(l, g, names, count, lost);
                for (int i = g->program_count; i-- > 0;)
                        if (lost[i])
                                remove_program(g, i);
        }
        for (size_t i = 0; names && i < count; i++)
                free(names[i].name);
        free(names);
        free(lost);
}

/* ---- [group:x] */

static struct conf_section *program_section(struct load *l, const char *prefix, const char *name)
{
        AUTO_BUF key = BUF_INIT;

        buf_printf(&key, "%s:%s", prefix, name);
        l->diags->failed |= key.failed;
        return conf_doc_section(&l->doc, buf_str(&key));
}

/* A member's section, or NULL (said). */
static struct conf_section *find_member(struct load *l, const struct conf_section *s,
                                        const struct conf_key *k, const char *name)
{
        struct conf_section *program = program_section(l, "program", name);
        struct conf_section *fcgi = program_section(l, "fcgi-program", name);

        if (program && fcgi) {
                load_error(l, s, k, "give one of them another name",
                           "[%s] name %s is ambiguous (exists as program and fcgi-program)",
                           s->name, name);
                return NULL;
        }
        if (!program && !fcgi)
                load_error(l, s, k,
                           program_section(l, "eventlistener", name)
                               ? "event listeners cannot be grouped"
                               : NULL,
                           "[%s] names unknown program or fcgi-program %s", s->name, name);
        return program ? program : fcgi;
}

static void add_members(struct load *l, const struct conf_section *s, struct group_conf *g,
                        const struct strlist *members)
{
        const struct conf_key *k = conf_doc_key(&l->doc, s, "programs");

        for (size_t i = 0; i < members->count; i++) {
                const char *name = members->items[i];
                bool again = false;
                for (size_t n = 0; n < i && !again; n++)
                        again = strcmp(members->items[n], name) == 0;
                if (again) {
                        load_warn(l, s, k, NULL, "[%s] names program %s twice", s->name, name);
                        continue;
                }
                if (!*name && members->count == 1)
                        return;
                struct conf_section *member = find_member(l, s, k, name);
                if (member)
                        conf_groups_add_program(l, g, load_program(l, member, g->name));
        }
}

/* The rows of [group:x] have no place of their own; the value lands in a variable of their type. */
static void read_value(struct load *l, struct conf_section *s, const struct section_kind *kind,
                       const char *key, void *out)
{
        struct filling f = { .kind = kind, .section = s, .base = out };
        const struct conf_key *k = conf_doc_key(&l->doc, s, key);
        const struct opt *o = opt_find(kind, key);
        struct err e = { 0 };

        if (!k || !o)
                return;
        f.names = load_names(l, NAME_HERE, s);
        char *text = load_expand(l, &f, k, &f.names);
        if (text && !opt_parse(o, out, text, l->w, &e)) {
                l->diags->failed |= e.code == ERR_NOMEM;
                load_error(l, s, k, NULL, "%s", e.text);
        }
        free(text);
}

static void load_group(struct load *l, struct conf_section *s, const struct section_kind *kind,
                       const char *rest)
{
        char *name = load_section_name(l, s, rest);
        AUTO_STRLIST members = STRLIST_INIT;
        int priority = GROUP_PRIORITY;

        s->used = true;
        if (!name)
                return;
        read_value(l, s, kind, "priority", &priority);
        read_value(l, s, kind, "programs", &members);
        struct group_conf *g = conf_groups_add_group(l, name, priority);
        free(name);
        if (!g)
                return;
        g->is_explicit = true;
        add_members(l, s, g, &members);
        load_oddities(l, kind, s);
        if (g->program_count > 1)
                conf_groups_check_names(l, g);
}

/* ---- programs on their own */

static void load_alone(struct load *l, struct conf_section *s, const struct section_kind *kind)
{
        struct program *p = load_program(l, s, NULL);

        if (!p)
                return;
        bool is_pool = p->kind == KIND_LISTENER && !conf_doc_key(&l->doc, s, "priority");
        struct group_conf *g =
            conf_groups_add_group(l, p->name, is_pool ? POOL_PRIORITY : p->priority);
        if (!g) {
                program_unref(p);
                return;
        }
        g->kind = (enum program_kind)kind->kind;
        conf_groups_add_program(l, g, p);
        if (p->numprocs > 1 && program_numbers_workers(p))
                conf_groups_check_names(l, g);
}

/* ---- all of them */

static void load_kind(struct load *l, const char *prefix)
{
        for (struct conf_section *s = l->doc.sections; s; s = s->hh.next) {
                const char *rest = NULL;
                const struct section_kind *kind = section_find(s->name, &rest);
                if (!kind || strcmp(kind->prefix, prefix) != 0)
                        continue;
                if (!kind->kind)
                        load_group(l, s, kind, rest);
                else if (!s->tried)
                        load_alone(l, s, kind);
        }
}

struct placed {
        struct group_conf *group;
        int at; /* order of definition */
};

static int conf_groups_by_priority(const void *a, const void *b)
{
        const struct placed *x = a, *y = b;

        if (x->group->priority != y->group->priority)
                return x->group->priority < y->group->priority ? -1 : 1;
        int d = strcmp(x->group->name, y->group->name);
        return d ? d : x->at - y->at;
}

static int conf_groups_by_name(const void *a, const void *b)
{
        const struct placed *x = a, *y = b;
        int d = strcmp(x->group->name, y->group->name);

        return d ? d : x->at - y->at;
}

static void drop_group(struct load *l, struct group_conf *g)
{
        struct buf section = BUF_INIT;
        const struct program *p = g->program_count ? g->programs[0] : NULL;

        if (g->is_explicit)
                buf_printf(&section, "group:%s", g->name);
        else
                buf_puts(&section, p ? p->section : g->name);
        const struct conf_section *s = conf_doc_section(&l->doc, buf_str(&section));
        if (s)
                load_warn(l, s, NULL, "give one of them another name",
                          "there is another group called '%s': [%s] is left out", g->name,
                          buf_str(&section));
        buf_release(&section);
        group_conf_unref(g);
}

/* Sorted by priority and name, each name once (the first one that Supervisor would have added), and
 * beside it by name alone for look-ups. */
static void order_groups(struct load *l)
{
        struct config *c = l->c;
        size_t n = (size_t)c->group_count;
        struct placed *placed = calloc(n + 1, sizeof *placed);

        c->by_name = calloc(n + 1, sizeof *c->by_name);
        if (!placed || !c->by_name) {
                free(placed);
                load_nomem(l);
                return;
        }
        for (size_t i = 0; i < n; i++)
                placed[i] = (struct placed){ c->groups[i], (int)i };
        qsort(placed, n, sizeof *placed, conf_groups_by_priority);
        for (size_t i = 0; i < n; i++)
                placed[i].at = (int)i;
        qsort(placed, n, sizeof *placed, conf_groups_by_name);

        memset(c->groups, 0, n * sizeof *c->groups);
        c->group_count = 0;
        for (size_t i = 0; i < n; i++) {
                struct group_conf *g = placed[i].group;
                const struct group_conf *last =
                    c->group_count ? c->by_name[c->group_count - 1] : NULL;
                if (last && strcmp(last->name, g->name) == 0) {
                        drop_group(l, g);
                        continue;
                }
                c->by_name[c->group_count++] = g;
                c->groups[placed[i].at] = g;
        }
        size_t count = 0;
        for (size_t i = 0; i < n; i++)
                if (c->groups[i])
                        c->groups[count++] = c->groups[i];
        free(placed);
}

void load_groups(struct load *l)
{
        static const char *const order[] = { "group", "program", "eventlistener", "fcgi-program" };

        for (size_t i = 0; i < sizeof order / sizeof *order; i++)
                load_kind(l, order[i]);
        if (l->c->group_count)
                order_groups(l);
}

struct group_conf *config_group(const struct config *c, const char *name)
{
        int from = 0, to = c->by_name ? c->group_count : 0;

        while (from < to) {
                int mid = from + (to - from) / 2;
                int d = strcmp(name, c->by_name[mid]->name);
                if (d == 0)
                        return c->by_name[mid];
                if (d < 0)
                        to = mid;
                else
                        from = mid + 1;
        }
        return NULL;
}
