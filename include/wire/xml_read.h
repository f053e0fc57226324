/* Calls of XML-RPC (compat 20.1), read by expat into small trees. */
#ifndef WIRE_XML_READ_H
#define WIRE_XML_READ_H

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

#endif
