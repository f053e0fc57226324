/* The command line of supervisorctl (compat section 2), read as Python's getopt reads it: bundled
 * short options, unique prefixes of long ones, everything from the first operand on belongs to the
 * command. */
#ifndef CTL_OPTIONS_H
#define CTL_OPTIONS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct options { /* borrowed from argv */
        const char *config, *serverurl, *username, *password, *history_file;
        bool help, interactive, json, verbose;
        bool
            complete; /* the operands are words of a command line: print what the last can become */
        int rest;     /* index of the first operand in argv */
};

/* False: *e says what is wrong, without the "Error: " in front. */
bool options_parse(int argc, char **argv, struct options *out, struct err *e);
void options_usage(struct buf *out, const char *program);

/* Calls back with every option that is listed. `letter` is 0 where there is no short form, operand
 * NULL where there is none. */
typedef void (*options_visit)(void *arg, char letter, const char *name, const char *operand,
                              const char *help);
void options_each(options_visit visit, void *arg);

/* For the completion scripts. Is this an option that a file's name follows? */
bool options_wants_file(const char *word);
/* The options that begin like this, a line each, with what they mean behind a tab. */
void options_complete(const char *typed, struct buf *out);

#endif
