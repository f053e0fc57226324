/* Rotation by size: where to cut, and the chain of names. compat 15. */
#ifndef LOGS_STORE_ROTATE_H
#define LOGS_STORE_ROTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "sys/sys.h"

struct rotate_cut {
        size_t take; /* that many bytes still belong to the present file */
        bool rotate; /* and then comes the next one */
};

/* A file of `size` bytes is to get `len` more and be replaced once it has `limit`. It is cut behind
 * the first line end at which it has that many; a line that does not end is cut anyway once it goes
 * too far beyond. Pure. limit > 0. */
struct rotate_cut rotate_cut(int64_t size, int64_t limit, const char *data, size_t len);

/* path -> path.1 -> path.2 ... -> path.<backups>, the last of which is overwritten. Missing ones
 * are skipped. False: a name could not be moved, and path still has its own. backups > 0. */
bool rotate_shift(struct sys *sys, const char *path, int backups, struct err *e);

#endif
