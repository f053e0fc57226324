/* XML-RPC as Supervisor speaks it (compat section 20): calls are written, answers are read into a
 * small tree of values. */
#ifndef CTL_TRANSPORT_XMLRPC_H
#define CTL_TRANSPORT_XMLRPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum xkind { X_NONE, X_INT, X_BOOL, X_DOUBLE, X_STRING, X_ARRAY, X_STRUCT };

struct xval {
        enum xkind kind;
        int64_t number;      /* X_INT, X_BOOL */
        double real;         /* X_DOUBLE */
        struct buf text;     /* owned: X_STRING; empty otherwise */
        char *name;          /* owned: in a struct the member's name, else NULL */
        struct xval **items; /* owned, each owned: X_ARRAY, X_STRUCT */
        size_t count, cap;
};

void xval_free(struct xval *v); /* NULL is fine */

/* Look-ups that never fail: what is not there, or is of another kind, reads as NULL, "" or 0. */
const struct xval *xval_item(const struct xval *v, size_t at);
const struct xval *xval_member(const struct xval *v, const char *name);
const char *xval_str(const struct xval *v, const char *name); /* of a member; of v: name NULL */
int64_t xval_int(const struct xval *v, const char *name);

struct xanswer {
        struct xval *value; /* owned; NULL in a fault */
        bool is_fault;
        int fault_code;
        struct buf fault_text; /* owned */
};

void xanswer_release(struct xanswer *a);

/* False for what is not an answer: ill-formed, with a DOCTYPE, nested deeper than 32. */
bool xmlrpc_parse(const char *xml, size_t len, struct xanswer *out, struct err *e);

/* One argument of a call. */
struct xarg {
        enum xkind kind; /* X_STRING, X_INT or X_BOOL */
        const char *text;
        int64_t number;
};
#define XARG_STR(s)  ((struct xarg){ .kind = X_STRING, .text = (s) })
#define XARG_INT(n)  ((struct xarg){ .kind = X_INT, .number = (n) })
#define XARG_BOOL(b) ((struct xarg){ .kind = X_BOOL, .number = (b) })

void xmlrpc_write(struct buf *out, const char *method, const struct xarg *args, size_t count);

#endif
