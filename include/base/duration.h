/* Durations as people write them in keys of ours: seconds, or a number with a unit. */
#ifndef BASE_DURATION_H
#define BASE_DURATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* "1.5" or "90" (seconds), "250ms", "10s", "5m", "1h", "1d" -> milliseconds. False: not one
 * (empty, negative, unknown unit, more than 10 years). */
bool duration_parse(const char *text, int64_t *ms_out);

/* The shortest exact form: 1500 -> "1500ms", 60000 -> "1m", 61000 -> "61s". */
void duration_format(int64_t ms, struct buf *out);

#endif
