/* Answers of XML-RPC (compat 20.1), written straight into a buffer in the shape that Supervisor's
 * clients know byte for byte. */
#ifndef WIRE_XML_WRITE_H
#define WIRE_XML_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* All append a whole <value> and a newline, unless they say otherwise. */

void xml_text(struct buf *out, const char *s,
              size_t len); /* escaped character data, made valid: invalid UTF-8 becomes
                              U+FFFD, characters that XML cannot carry are left out */
void xml_string(struct buf *out, const char *s);
void xml_string_n(struct buf *out, const char *s, size_t len);
void xml_int(struct buf *out, int64_t n); /* <int> while it fits 32 bits, else a <double> */
void xml_bool(struct buf *out, bool b);
void xml_array_begin(struct buf *out);
void xml_array_end(struct buf *out);
void xml_struct_begin(struct buf *out);
void xml_struct_end(struct buf *out);
void xml_member_begin(struct buf *out, const char *name); /* then one value */
void xml_member_end(struct buf *out);
void xml_member_string(struct buf *out, const char *name, const char *s); /* NULL: "" */
void xml_member_int(struct buf *out, const char *name, int64_t n);
void xml_member_bool(struct buf *out, const char *name, bool b);
void xml_fault(struct buf *out, int code, const char *text); /* the bare struct */

#endif
