/* Bytes that are no text, as text. Pure. */
#ifndef LOGS_SPOOL_QUOTE_BYTES_H
#define LOGS_SPOOL_QUOTE_BYTES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

bool bytes_are_text(const char *data, size_t len); /* valid UTF-8 */
/* As Python writes bytes: b'\x00abc\n'. */
void quote_bytes(const char *data, size_t len, struct buf *out);

#endif
