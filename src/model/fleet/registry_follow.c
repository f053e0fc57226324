/* A group follows a new configuration. */
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "model/config/opt_kind.h"
#include "model/config/recipe.h"
#include "model/fleet/registry.h"

int fleet_target(const struct fleet *f, const struct program *next)
{
        bool keep = f->scaled && f->program->numprocs == next->numprocs;

        return program_replicas(next, keep ? f->replicas : next->numprocs);
}

/* A name that nothing but the numbers goes into. */
static bool is_plain_name(const char *text)
{
        return !text || !(strstr(text, "(ENV_") || strstr(text, "(numprocs)"));
}

static bool follow_same_name(const struct program *a, int number_a, const struct program *b,
                             int number_b, const char *group, const struct host *w)
{
        struct err e = { 0 };
        char *x = recipe_name(a, group, number_a, w, &e),
             *y = recipe_name(b, group, number_b, w, &e);
        bool same = x && y && strcmp(x, y) == 0;

        free(x);
        free(y);
        return same;
}

/* Would the numbers have the same names? */
static bool names_alike(const struct program *a, const struct program *b, const char *group,
                        const struct host *w)
{
        bool numbered = program_numbers_workers(b);

        if (opt_same_text(&a->process_name, &b->process_name) && is_plain_name(a->process_name))
                return true;
        if (program_numbers_workers(a) != numbered)
                return false;
        for (int i = 0; i == 0 || (numbered && i < b->numprocs); i++) {
                int number = b->numprocs_start + i;
                if (!follow_same_name(a, numbered ? number : a->numprocs_start, b, number, group,
                                      w))
                        return false;
        }
        return true;
}

static struct fleet *follow_predecessor(struct group *g, const struct program *next,
                                        const struct host *w)
{
        for (int i = 0; i < g->fleet_count; i++)
                if (strcmp(g->fleets[i].program->name, next->name) == 0 &&
                    names_alike(g->fleets[i].program, next, g->name, w))
                        return &g->fleets[i];
        return NULL;
}

/* A lone process has the number at which the numbers start. */
static void follow_renumber(struct fleet *f)
{
        if (f->count == 1 && !program_numbers_workers(f->program))
                f->procs[0]->number = f->program->numprocs_start;
}

/* Takes over the processes of the present fleet, if there is one. */
static struct fleet follow_successor(struct group *g, struct program *next, const struct host *w)
{
        struct fleet *was = follow_predecessor(g, next, w);
        struct fleet f = { .group = g, .program = program_ref(next) };

        if (!was) {
                f.replicas = program_replicas(next, next->numprocs);
                return f;
        }
        f.replicas = fleet_target(was, next);
        f.scaled = was->scaled && f.replicas != next->numprocs;
        f.state_slot = was->state_slot;
        f.state_texts = was->state_texts;
        was->state_slot = 0;
        f.procs = was->procs;
        f.count = was->count;
        was->procs = NULL;
        was->count = 0;
        follow_renumber(&f);
        return f;
}

static bool names_program(const struct fleet *fleets, int count, const char *name)
{
        for (int i = 0; i < count; i++)
                if (strcmp(fleets[i].program->name, name) == 0)
                        return true;
        return false;
}

bool group_follow(struct group *g, struct group_conf *next, const struct host *w, struct err *e)
{
        int count = 0;
        size_t most = (size_t)next->program_count + (size_t)g->fleet_count;
        struct fleet *fleets = calloc(vec_room(most), sizeof *fleets);

        if (!fleets)
                return err_nomem(e);
        for (int i = 0; i < next->program_count; i++)
                if (!names_program(fleets, count, next->programs[i]->name)) {
                        fleets[count] = follow_successor(g, next->programs[i], w);
                        count++;
                }
        for (int i = 0; i < g->fleet_count; i++) {
                struct fleet *f = &g->fleets[i];
                if (!f->count) {
                        program_unref(f->program);
                        free(f->procs);
                        continue;
                }
                f->replicas = 0;
                f->scaled = false;
                fleets[count++] = *f;
        }
        free(g->fleets);
        g->fleets = fleets;
        g->fleet_count = count;
        struct group_conf *was = g->conf;
        g->conf = group_conf_ref(next);
        group_conf_unref(was);
        return true;
}

struct fleet *group_add_fleet(struct group *g, struct program *program)
{
        if (!vec_grow(g->fleets, g->fleet_count))
                return NULL;
        struct fleet *f = &g->fleets[g->fleet_count++];
        *f = (struct fleet){ .group = g, .program = program_ref(program) };
        return f;
}
