/* Paths as options write them. */
#ifndef MODEL_OPT_PATHS_H
#define MODEL_OPT_PATHS_H

#include <stdbool.h>

#include "base/world.h"

struct owner_ref;

/* "~", "~/x" and "~user/x" at the beginning become the home directory; what cannot be resolved
 * stays. Caller frees; NULL: no memory. */
char *path_expand_home(const char *path, const struct world *w);

/* The same, then absolute below w->cwd. Caller frees; NULL: no memory. */
char *path_normal(const char *path, const struct world *w);

/* "user" or "user:group", names or numbers. False: no such. */
bool owner_parse(const char *text, const struct world *w, struct owner_ref *out);

#endif
