/* One row for each process of the configuration that was read last. Only reads: the configuration,
 * and the registry for what is in service. */
#include "api/rest/config_rows.h"
#include "engine/core/configuration.h"

#include <stdlib.h>
#include <string.h>

#include "api/rest/log_stream.h"
#include "model/fleet/registry.h"

const char *config_row_log(const struct config_row *row, bool is_stderr)
{
        const char *configured = is_stderr ? row->recipe.err_logfile : row->recipe.out_logfile;

        if (is_stderr && row->program->redirect_stderr)
                return "none";
        if (!configured || strcmp(configured, "syslog") == 0)
                return "none";
        if (strcmp(configured, "AUTO") != 0)
                return configured;
        const char *real = row->process ? log_path_of(row->process, is_stderr) : NULL;
        return real ? real : "auto";
}

static bool config_rows_add(struct supervisor *s, struct config_rows *rows,
                            const struct group_conf *g, const struct program *program,
                            struct err *e)
{
        const struct group *active = registry_group(&s->registry, g->name);

        for (int i = 0; i < program->numprocs; i++) {
                struct config_row *row = &rows->items[rows->count++];
                row->group = g;
                row->program = program;
                if (!recipe_make(program, g->name, program->numprocs_start + i, s->host,
                                 &row->recipe, e))
                        return false;
                row->process = active ? group_process(active, row->recipe.name) : NULL;
        }
        return true;
}

static int config_row_compare(const void *a, const void *b)
{
        const struct config_row *x = a, *y = b;

        return strcmp(x->recipe.name, y->recipe.name);
}

bool config_rows_make(struct supervisor *s, struct config_rows *out, struct err *e)
{
        const struct config *conf = configuration_of(s)->latest;
        size_t count = 0;

        for (int i = 0; i < conf->group_count; i++)
                for (int k = 0; k < conf->groups[i]->program_count; k++)
                        count += (size_t)conf->groups[i]->programs[k]->numprocs;
        *out = (struct config_rows){ .items = calloc(count + 1, sizeof *out->items) };
        if (!out->items)
                return err_nomem(e);
        for (int i = 0; i < conf->group_count; i++)
                for (int k = 0; k < conf->groups[i]->program_count; k++)
                        if (!config_rows_add(s, out, conf->groups[i], conf->groups[i]->programs[k],
                                             e))
                                return false;
        qsort(out->items, (size_t)out->count, sizeof *out->items, config_row_compare);
        return true;
}

void config_rows_release(struct config_rows *rows)
{
        for (int i = 0; i < rows->count; i++)
                recipe_release(&rows->items[i].recipe);
        free(rows->items);
}
