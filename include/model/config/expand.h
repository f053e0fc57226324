/* %(name)s in values of the configuration, with flags and a width, and s, d, i or x behind it:
 * "%(program_name)s_%(process_num)02d". %% is a percent sign.
 */
#ifndef MODEL_CONFIG_EXPAND_H
#define MODEL_CONFIG_EXPAND_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/strlist.h"

enum name_bits {
        NAME_HERE = 1,
        NAME_HOST = 2,
        NAME_PROGRAM = 4,
        NAME_GROUP = 8,
        NAME_NUMBER = 16, /* process_num and numprocs */
        NAME_PROCESS = 32,
};

/* What a value may name. All borrowed. ENV_x is always there: looked up in own_env, then in
 * global_env, then in environ. */
struct names {
        unsigned have; /* enum name_bits */
        const char *here, *host, *program, *group, *process;
        int process_num, numprocs;
        const struct strlist *own_env, *global_env; /* "K=V"; NULL: none */
        const char *const *environ;                 /* "K=V", NULL-terminated; NULL: none */
};

/* Append the expanded text to *out. `what` names the value in errors ("program:x.command"). False:
 * *why has Supervisor's text, or memory ran out and out->failed or why->failed is set. A bare "%s"
 * without a name stays as it is: Python would print the whole mapping there. */
bool expand(const char *text, const struct names *names, const char *what, struct buf *out,
            struct buf *why);

/* Twice, for values that Supervisor expands twice: where the second round fails the first one's
 * result stands, so that "%%" and "%%%%" both mean a percent sign. */
bool expand_twice(const char *text, const struct names *names, const char *what, struct buf *out,
                  struct buf *why);

#endif
