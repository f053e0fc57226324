/* Command line flags as rows, read the way Python's getopt reads them (compat sections 1 and 2):
 * short flags may be bundled, long ones cut short as long as they stay unique, and options stop at
 * the first word that is none. */
#ifndef BASE_FLAGS_H
#define BASE_FLAGS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct flag {
        char letter;       /* 0: none */
        const char *name;  /* without "--"; NULL: none */
        const char *value; /* what the value is called in the help ("FILE"); NULL: takes none */
        const char *help;
        int id;          /* the caller's */
        const char *key; /* configuration key that it stands for; NULL */
        bool whole;      /* no abbreviation: a prefix that meant another flag once still does */
        bool hidden;     /* not in the help */
};

/* `typed` is the flag as the user wrote it ("-c", "--configuration"). False: stop, *e is filled. */
typedef bool flag_fn(void *arg, const struct flag *f, const char *typed, const char *value,
                     struct err *e);

/* table ends with a row without letter and name. *first_out: index of the first operand. */
bool flags_parse(const struct flag *table, int argc, char *const *argv, flag_fn *fn, void *arg,
                 int *first_out, struct err *e);

/* The aligned list for --help. */
void flags_help(const struct flag *table, struct buf *out);

#endif
