/* Paths as options write them. */
#ifndef MODEL_CONFIG_OPT_PATHS_H
#define MODEL_CONFIG_OPT_PATHS_H

#include <stdbool.h>

#include "base/host.h"

struct owner_ref;

/* "~", "~/x" and "~user/x" at the beginning become the home directory; of a user that
 * there is not it stays. Caller frees; NULL: *e (no memory, or the user cannot be looked up). */
char *path_expand_home(const char *path, const struct host *w, struct err *e);

/* The same, then absolute below w->cwd. */
char *path_normal(const char *path, const struct host *w, struct err *e);

/* "user" or "user:group", names or numbers. False: *e as from the host. */
bool owner_parse(const char *text, const struct host *w, struct owner_ref *out, struct err *e);

#endif
