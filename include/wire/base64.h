/* Base64 with its usual alphabet and padding. */
#ifndef WIRE_BASE64_H
#define WIRE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Both append to out. */
void base64_encode(const void *data, size_t len, struct buf *out);
/* strict: any other byte than digits and the padding is an error; else it is passed over, line
 * breaks above all, and the text ends at the first '='. False: not base64, or no memory. */
bool base64_decode(const char *text, bool strict, struct buf *out);

#endif
