/* XML-RPC's wire format (compat 20.1): calls are read by expat into small trees, answers are
 * written straight into a buffer in the shape that Supervisor's clients know byte for byte. */
#ifndef WIRE_XML_H
#define WIRE_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum value_kind {
        VALUE_STRING, /* string, untyped text, base64 (decoded), dateTime.iso8601 */
        VALUE_INT,
        VALUE_BOOL,
        VALUE_DOUBLE,
        VALUE_ARRAY,
        VALUE_STRUCT,
};

struct value {
        enum value_kind kind;
        char *name;     /* owned: as a struct's member; else NULL */
        char *text;     /* owned: VALUE_STRING; never NULL there */
        size_t len;     /* of text; base64 may bring zero bytes */
        int64_t number; /* VALUE_INT, VALUE_BOOL */
        double real;
        struct value **items; /* owned */
        int count;
};

void value_free(struct value *v);                                          /* NULL is fine */
const struct value *value_member(const struct value *v, const char *name); /* or NULL */

/* A whole call. *params_out is an array (possibly empty); the caller frees both. False: *e says why
 * (HTTP 400). A DOCTYPE, nesting deeper than 64 and anything that is not a methodCall are refused.
 * salt: a secret for the parser's hash tables; 0: it asks the kernel for one each time. */
bool xml_read_call(const char *body, size_t len, unsigned long salt, char **method_out,
                   struct value **params_out, struct err *e);

/* ---- writing. All append a whole <value> and a newline, unless they say otherwise. */

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
