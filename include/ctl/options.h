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
        const char *completion; /* the shell to print a script for; NULL: none */
        bool help, interactive, json, verbose;
        int rest; /* index of the first operand in argv */
};

/* False: *e says what is wrong, without the "Error: " in front. */
bool options_parse(int argc, char **argv, struct options *out, struct err *e);
void options_usage(struct buf *out, const char *program);

/* For the completion scripts: calls back with every option that people should know. `letter` is 0
 * where there is no short form, arg NULL where there is no argument. */
typedef void (*options_visit)(void *arg, char letter, const char *name, const char *operand,
                              const char *help);
void options_each(options_visit visit, void *arg);

#endif
