/* Text the way Python shows it: compat texts quote values as repr() does. */
#ifndef MODEL_CONFIG_PYTEXT_H
#define MODEL_CONFIG_PYTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* repr() of a str: single quotes unless the text has a single and no double one; what cannot be
 * printed is escaped. `ascii` escapes everything beyond ASCII as well. Appends. */
void pytext_repr(struct buf *out, const char *s, size_t len, bool ascii);

/* str.isspace() of one ASCII character. */
bool pytext_is_space(char c);

/* White space beyond ASCII counts, too: how many bytes of it begin at s, and how many end before
 * s + at. 0: none. */
size_t pytext_space_at(const char *s, size_t len);
size_t pytext_space_before(const char *s, size_t at);
/* The first white space beyond ASCII; NULL: there is none. */
const char *pytext_find_wide_space(const char *s, size_t len, unsigned *cp_out);

/* The same text without white space at either end (str.strip()): moves *s and *len. */
void pytext_trim(const char **s, size_t *len);

/* One code point of UTF-8 at s (len > 0). Returns its length in bytes; a byte that is no UTF-8
 * counts as one, and *cp_out is then 0xdc00 plus that byte. */
size_t pytext_decode(const char *s, size_t len, unsigned *cp_out);

#endif
