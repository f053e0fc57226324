/* The manual pages' lists come from the tables that the programs run by: a page in man/ has lines
 * like "@options program@", and mangen puts the list there. */
#ifndef MANGEN_H
#define MANGEN_H

#include <stdbool.h>

#include "base/buf.h"

/* What a marker stands for. `words`: what stands behind its name, split at blanks. False: no such
 * list. */
typedef bool list_fn(struct buf *out, char **words, int count);

struct list {
        const char *name;
        list_fn *write;
};

extern const struct list model_lists[], rpc_lists[], ctl_lists[]; /* end with name NULL */

/* Text for a line of its own: one sentence per line, nothing in it is taken for a request. */
void mdoc_text(struct buf *out, const char *text);
/* Text as an argument of a macro: quoted, escaped, never a macro's name. */
void mdoc_arg(struct buf *out, const char *text);

#endif
