/* What is wrong (or odd) in a configuration: a list that is filled to the end, so that one run
 * shows everything. doc/api.md calls an entry DIAGNOSTIC. */
#ifndef MODEL_CONFIG_DIAG_H
#define MODEL_CONFIG_DIAG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum severity {
        DIAG_INFO,     /* delivered to the main log at INFO */
        DIAG_WARNING,  /* main log: WARN; --check --strict: exit 2 */
        DIAG_CRITICAL, /* main log: CRIT */
        DIAG_ERROR,    /* the configuration is refused */
};

struct diag {
        enum severity severity;
        char *file;    /* owned; NULL: none in particular */
        int line;      /* 1-based, 0: none */
        char *section; /* owned; NULL */
        char *key;     /* owned; NULL */
        char *message; /* owned; Supervisor's text where it has one (compat section 8) */
        char *hint;    /* owned; NULL: none. What would be right, or what happens instead */
        bool quoted;   /* Supervisor's own line: the main log has it without file and line */
};

struct diags {
        struct diag *items; /* owned */
        size_t count;
        size_t errors, warnings;
        bool failed; /* memory ran out: treat as an error */
};

/* Where a diagnostic points to; all borrowed, any may be NULL or 0. */
struct where {
        const char *file;
        int line;
        const char *section, *key;
        bool quoted;
};

void diags_release(struct diags *d);
/* There was no memory: what was said since may be a consequence of that, and is dropped. */
void diags_nomem(struct diags *d);
/* hint may be NULL. */
void diags_add(struct diags *d, enum severity severity, const struct where *at, const char *hint,
               const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* One line for the main log: with file and line, unless the words are Supervisor's. Appends. */
void diag_line(const struct diag *d, struct buf *out);
/* The first error, or NULL. */
const struct diag *diags_first_error(const struct diags *d);

#endif
