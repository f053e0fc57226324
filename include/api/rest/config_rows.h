/* The processes of the configuration that was read last, in service or not (compat 20.6): what
 * getAllConfigInfo and /v1/config/processes show. */
#ifndef API_REST_CONFIG_ROWS_H
#define API_REST_CONFIG_ROWS_H

#include <stdbool.h>

#include "engine/core/supervisor.h"
#include "model/config/recipe.h"

struct config_row { /* within one call */
        const struct group_conf *group;
        const struct program *program;
        const struct process *process; /* NULL: its group is not active */
        struct recipe recipe;
};

struct config_rows {
        struct config_row *items; /* owned, sorted by the processes' names */
        int count;
};

/* False: *e. To be released in any case. */
bool config_rows_make(struct supervisor *s, struct config_rows *out, struct err *e);
void config_rows_release(struct config_rows *rows);

/* The log's path as it is shown: "none", "auto" while it has not been made. */
const char *config_row_log(const struct config_row *row, bool is_stderr);

#endif
