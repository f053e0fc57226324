/* What a start takes besides its pipes: arguments, environment, supplementary groups. */
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

struct exec_env {
        struct recipe recipe;
        struct strlist argv;
        char **env;       /* NULL-terminated */
        const char *path; /* where the command is looked for: PATH's value; NULL: there is none */
        struct strlist places; /* where the command may be; empty: not worked out yet */
        gid_t *groups;         /* see exec_env_groups */
        int group_count;
        uint64_t given; /* model/config/process_given.h: the fingerprint */
};

/* For a start of p by `g`. Borrowed until the next call. NULL: *f and *e say why not. */
struct exec_env *exec_env_of(struct supervisor *s, const struct process *p, const struct program *g,
                             enum fault *f, struct err *e);
/* Fill in the supplementary groups of its user; NULL stays where the user does not change. */
bool exec_env_groups(struct supervisor *s, struct exec_env *o, const struct program *g,
                     struct err *e);

/* The whole environment of a process as a list of its own (owned by the caller), for hooks and
 * probes. `own` is what its recipe says. */
bool exec_env_env(struct supervisor *s, const struct process *p, const struct strlist *own,
                  struct strlist *out);

#endif
