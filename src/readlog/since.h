/* Inside of logs/: where in a log a point in time is. */
#ifndef READLOG_SINCE_H
#define READLOG_SINCE_H

#include "readlog/log_set.h"

/* The stamp at the beginning of a line: as the formats text and json put it there, or as many
 * programs do by themselves. False: there is none. */
bool line_stamp(const char *line, size_t len, int64_t *ms_out);

/* The first byte, counted as by log_set_read, of the first line that is stamped since then. The
 * pile's oldest file may be one that was last written to before; it is left out. Lines without
 * stamps are as new as their file: *is_vague when it begins with such a one. False: a file cannot
 * be read. */
bool since_find(const struct log_set *p, int64_t since_ms, int64_t *at_out, bool *is_vague_out);

#endif
