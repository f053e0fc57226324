/* UTF-8 as the Unicode standard has it (table 3-7): no overlong forms, no surrogates. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>

/* Bytes of the sequence at s, of which `left` may be looked at (at least 1). 0: there is none. */
size_t utf8_length(const unsigned char *s, size_t left);

/* U+FFFD, for a byte that is part of none. */
#define UTF8_REPLACEMENT "\xef\xbf\xbd"

/* How many characters a text has; a byte that is part of none counts as one. A terminal gives each
 * of them a column, but for wide and combining ones. */
size_t utf8_characters(const char *text);

/* The width in bytes, for printf, that fills so many columns with this text. */
int utf8_padding(const char *text, int columns);

/* How many bytes at the end are the beginning of a character that may go on: 0 to 3. */
size_t utf8_begun(const char *text, size_t len);

#endif
