/* What a start takes besides its pipes: arguments, environment, supplementary groups. Worked out
 * from the settings at the first start and kept for the next ones, for a whole fleet where nothing
 * depends on the number. All of it is dropped when a configuration is applied. */
#ifndef ENGINE_RUN_EXEC_ENV_H
#define ENGINE_RUN_EXEC_ENV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/fault.h"
#include "base/strlist.h"
#include "model/config/recipe.h"

struct supervisor;
struct process;
struct program;

struct outfit {
        struct recipe recipe;
        struct strs argv;
        char **env;         /* NULL-terminated: of the process that was asked for last */
        const char *path;   /* where the command is looked for: PATH's value; NULL: there is none */
        struct strs places; /* where the command may be; empty: not worked out yet */
        gid_t *groups;      /* see outfit_groups */
        int group_count;
        uint64_t given; /* model/config/process_given.h: the fingerprint */
};

/* For a start of p by `g`. Borrowed until the next call. NULL: *f and *e say why not. */
struct outfit *outfit_of(struct supervisor *s, const struct process *p, struct program *g,
                         enum fault *f, struct err *e);
/* Fill in the supplementary groups of its user; NULL stays where the user does not change. */
bool outfit_groups(struct supervisor *s, struct outfit *o, const struct program *g, struct err *e);
void outfits_drop(struct supervisor *s);

/* The whole environment of a process as a list of its own (owned by the caller), for hooks and
 * probes. `own` is what its recipe says. */
bool outfit_env(struct supervisor *s, const struct process *p, const struct strs *own,
                struct strs *out);

#endif
