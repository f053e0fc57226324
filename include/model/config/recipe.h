/* From a program's templates to what one process is really started with (compat sections 5, 12.1
 * and 13). Pure: looking the command up on PATH is the launcher's business. */
#ifndef MODEL_CONFIG_RECIPE_H
#define MODEL_CONFIG_RECIPE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/host.h"
#include "base/strlist.h"
#include "model/config/config.h"
#include "model/config/program.h"

struct recipe {
        char *name;      /* owned: the process's name */
        char *command;   /* owned: expanded, unsplit */
        char *directory; /* owned or NULL */
        struct strlist
            env; /* [supervisord] environment, then the program's, expanded; nothing inherited */
        char *out_logfile, *err_logfile; /* owned or NULL; "AUTO" and "syslog" stay words */
        char *out_tag, *err_tag;         /* owned or NULL: for syslog */
};

/* Where an expansion went wrong: the whole text, however long, and the key that it is about. */
struct recipe_fault {
        struct buf text;    /* empty when memory ran out */
        const char *key;    /* static: "command" */
        struct buf dropped; /* no fault: what environment= swallowed silently (compat 23, row 24) */

        /* For many numbers of one program whose environment= is the same for all: set keep_env, and
         * it is read by the first call only; the others leave out->env empty. */
        bool keep_env, has_env;
        struct strlist own_env, global_env;
};
void recipe_fault_release(struct recipe_fault *f);

/* `number` is the process_num. False: *e has the text of compat section 5 or 8 without suffix and
 * e->code tells (ERR_CONFIG, ERR_NOMEM). */
bool recipe_make(const struct program *p, const char *group, int number, const struct host *w,
                 struct recipe *out, struct err *e);
/* The same, telling everything. */
bool recipe_try(const struct program *p, const char *group, int number, const struct host *w,
                struct recipe *out, struct recipe_fault *fault);
void recipe_release(struct recipe *r);

/* The name alone, cheaper: what 1,000 processes are registered under. Caller frees; NULL: see *e.
 */
char *recipe_name(const struct program *p, const char *group, int number, const struct host *w,
                  struct err *e);

/* A further template of the same process (healthcheck, on_fatal). Caller frees; NULL: see *e. */
char *recipe_expand(const struct program *p, const char *group, int number, const struct host *w,
                    const char *key, const char *text, struct err *e);

/* Shell words, no shell: POSIX quotes and backslashes, no variables, globs or pipes; '#' is not
 * special. False: "No closing quotation" or "No escaped character"; an empty list is no error. */
bool command_split(const char *text, struct strlist *argv, struct err *e);

#endif
