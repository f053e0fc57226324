/* Text that others wrote, made fit for a terminal or a log line. */
#ifndef BASE_SANITIZE_H
#define BASE_SANITIZE_H

#include <stddef.h>

#include "base/buf.h"

/* What a worker or its check wrote, from where `from` says in `out` on: control characters become
 * "?" (line ends blanks), so that it neither moves the cursor nor pretends to be a line of ours. */
void sanitize(struct buf *out, size_t from);

/* The same in place, but for the characters in `keep`. */
void sanitize_bytes(char *text, size_t len, const char *keep);

/* The first line of such a text, tamed, at most so many bytes. */
void first_line_put(struct buf *out, const char *text, size_t most);

#endif
