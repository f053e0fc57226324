/* Paths that match a pattern, and what could not be looked into on the way. */
#ifndef SYS_STORE_GLOBS_H
#define SYS_STORE_GLOBS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/strlist.h"

/* "*", "?" and "[...]" within each part of the path, where a leading dot has to be named; a
 * backslash is a character like others. Appends, unsorted. What is not there does not match. False:
 * a directory or a file could not be looked at (*e: the first one), or no memory; *out has the
 * rest. */
bool globs_find(const char *pattern, struct strlist *out, struct err *e);

#endif
