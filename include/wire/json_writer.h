/* JSON written straight into a buffer, one value after the other: no tree, nothing allocated but
 * the buffer's own growth. Commas are put where they belong; that brackets match and that an
 * object's values have keys is the caller's business. RFC 8259. */
#ifndef WIRE_JSON_WRITER_H
#define WIRE_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct jout {
        struct buf *out;    /* borrowed; its `failed` says that memory ran out */
        struct buf scratch; /* owned */
        bool comma;         /* something stands before what comes next */
};

#define JOUT_INIT(b) ((struct jout){ .out = (b) })
#define AUTO_JOUT    __attribute__((cleanup(jout_release))) struct jout
void jout_release(struct jout *j); /* not the buffer that was written to */

void jout_open(struct jout *j, char bracket);  /* '{' or '[' */
void jout_close(struct jout *j, char bracket); /* '}' or ']' */
/* Of the value that comes next. In plain ASCII: nothing in it is escaped. */
void jout_key(struct jout *j, const char *key);

void jout_null(struct jout *j);
void jout_bool(struct jout *j, bool b);
void jout_int(struct jout *j, int64_t n);
/* n / 1000, with as many decimals as it needs and at least one: 1500 is "1.5". */
void jout_thousandths(struct jout *j, int64_t n);
/* Any bytes: what is no UTF-8 is replaced by U+FFFD. */
void jout_text_n(struct jout *j, const char *data, size_t len);
void jout_text(struct jout *j, const char *s); /* NULL: null */

/* A text that has to be put together first: fill the empty buffer that jout_scratch gives, then
 * write it. There is one, so nothing else may be written in between. */
struct buf *jout_scratch(struct jout *j);
void jout_put_scratch(struct jout *j);

#endif
