/* Points in time as RFC 3339 writes them. */
#ifndef BASE_STAMP_H
#define BASE_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "2026-11-20T05:22:01.123Z", also with a blank for the T and with "+02:00", at the beginning of
 * the text, which need not end in NUL: milliseconds since the epoch, and how many bytes that was.
 * False: the text does not begin with such a stamp. */
bool stamp_read(const char *text, size_t len, int64_t *ms_out, size_t *used_out);

#endif
