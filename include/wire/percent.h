/* Percent-encoding, and the parts of a request target. Pure. */
#ifndef WIRE_PERCENT_H
#define WIRE_PERCENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Appends the decoded bytes; a '%' without two digits behind it stays. plus: '+' is a blank. */
void percent_decode(const char *text, size_t len, bool plus, struct buf *out);
/* Appends; everything but letters, digits and "-._~:" is encoded. */
void percent_encode(const char *text, struct buf *out);

/* Splits a target into path (without a scheme and host) and query; both point into it. */
struct target_parts {
        const char *path;
        size_t path_len;
        const char *query; /* "" when there is none; up to the end of the string */
};
struct target_parts target_split(const char *target);

/* The next value of that name from *at on, decoded and appended; *at moves behind it. False: there
 * are no more. */
bool query_next(const char **at, const char *name, struct buf *out);
/* A query parameter's (first) value, decoded and appended. False: not there. */
bool query_param(const char *query, const char *name, struct buf *out);

#endif
