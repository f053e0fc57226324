/* A state directory in words, to look for a fault: only read, whatever its state. */
#ifndef ENGINE_PERSIST_DUMP_H
#define ENGINE_PERSIST_DUMP_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* Appended: a heading for each file, below it one fact a line. damaged_out: something of it cannot
 * be read, and a line "damaged: ..." says what. False: *e, the directory itself cannot be read. */
bool state_dump(const char *dir, struct buf *out, bool *damaged_out, struct err *e);

#endif
