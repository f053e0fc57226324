/* A group follows a new configuration. */
#include <stdlib.h>
#include <string.h>

#include "model/registry.h"

int fleet_target(const struct fleet *f, const struct program *next)
{
        bool keep = f->scaled && f->program->numprocs == next->numprocs;

        return program_replicas(next, keep ? f->replicas : next->numprocs);
}

static bool same_text(const char *a, const char *b)
{
        return a == b || (a && b && strcmp(a, b) == 0);
}

/* Would the numbers have the same names? */
static bool names_alike(const struct program *a, const struct program *b)
{
        if (!same_text(a->process_name, b->process_name))
                return false;
        return !a->process_name || !strstr(a->process_name, "%(ENV_") ||
               (same_text(a->environment, b->environment) &&
                same_text(a->global_env, b->global_env));
}

static struct fleet *predecessor(struct group *g, const struct program *next)
{
        for (int i = 0; i < g->fleet_count; i++)
                if (strcmp(g->fleets[i].program->name, next->name) == 0 &&
                    names_alike(g->fleets[i].program, next))
                        return &g->fleets[i];
        return NULL;
}

/* Takes over the processes of the present fleet, if there is one. */
static struct fleet successor(struct group *g, struct program *next)
{
        struct fleet *was = predecessor(g, next);
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
        return f;
}

static bool names_program(const struct fleet *fleets, int count, const char *name)
{
        for (int i = 0; i < count; i++)
                if (strcmp(fleets[i].program->name, name) == 0)
                        return true;
        return false;
}

bool group_follow(struct group *g, struct group_conf *next, struct err *e)
{
        int count = 0;
        struct fleet *fleets =
            calloc((size_t)next->program_count + (size_t)g->fleet_count + 1, sizeof *fleets);

        if (!fleets)
                return err_nomem(e);
        for (int i = 0; i < next->program_count; i++)
                if (!names_program(fleets, count, next->programs[i]->name)) {
                        fleets[count] = successor(g, next->programs[i]);
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
        struct fleet *fleets = realloc(g->fleets, ((size_t)g->fleet_count + 2) * sizeof *g->fleets);

        if (!fleets)
                return NULL;
        g->fleets = fleets;
        struct fleet *f = &fleets[g->fleet_count++];
        *f = (struct fleet){ .group = g, .program = program_ref(program) };
        return f;
}
