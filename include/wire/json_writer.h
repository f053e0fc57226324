/* JSON written straight into a buffer, one value after the other: no tree, nothing allocated but
 * the buffer's own growth. Commas are put where they belong; that brackets match and that an
 * object's values have keys is the caller's business. RFC 8259. */
#ifndef WIRE_JSON_WRITER_H
#define WIRE_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct json_writer {
        struct buf *out;    /* borrowed; its `failed` says that memory ran out */
        struct buf scratch; /* owned */
        bool comma;         /* something stands before what comes next */
};

#define JSON_WRITER_INIT(b) ((struct json_writer){ .out = (b) })
#define AUTO_JSON_WRITER    __attribute__((cleanup(json_writer_release))) struct json_writer
void json_writer_release(struct json_writer *j); /* not the buffer that was written to */

void json_writer_open(struct json_writer *j, char bracket);  /* '{' or '[' */
void json_writer_close(struct json_writer *j, char bracket); /* '}' or ']' */
/* Of the value that comes next. In plain ASCII: nothing in it is escaped. */
void json_writer_key(struct json_writer *j, const char *key);

void json_writer_null(struct json_writer *j);
void json_writer_bool(struct json_writer *j, bool b);
void json_writer_int(struct json_writer *j, int64_t n);
/* n / 1000, with as many decimals as it needs and at least one: 1500 is "1.5". */
void json_writer_thousandths(struct json_writer *j, int64_t n);
/* Any bytes: what is no UTF-8 is replaced by U+FFFD. */
void json_writer_text_n(struct json_writer *j, const char *data, size_t len);
void json_writer_text(struct json_writer *j, const char *s); /* NULL: null */

/* A text that has to be put together first: fill the empty buffer that json_writer_scratch gives,
 * then write it. There is one, so nothing else may be written in between. */
struct buf *json_writer_scratch(struct json_writer *j);
void json_writer_put_scratch(struct json_writer *j);

#endif
