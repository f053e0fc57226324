/* supervisord's command line (compat section 1): one table of flags, which --help, the man page and
 * the parser share. */
#ifndef MODEL_CONFIG_CMDLINE_H
#define MODEL_CONFIG_CMDLINE_H

#include <stdbool.h>

#include "base/flags.h"
#include "base/strlist.h"
#include "model/config/config.h"

#define CMDLINE_OVERRIDES 32

struct cmdline {
        const char *config;     /* -c; NULL: search */
        const char *dump_state; /* the directory; NULL: not asked for */
        bool help, version, check, strict;
        struct override overrides[CMDLINE_OVERRIDES];
        int override_count;
};

extern const struct flag daemon_flags[];

/* False: *e has the message that goes behind "Error: ". Strings are borrowed from argv. */
bool cmdline_parse(struct cmdline *c, int argc, char *const *argv, struct err *e);
/* The same again for another image of the daemon, or only to have it check: binary, the
 * configuration by its full path, what was said beside it. Relative paths among that are so to the
 * directory that the daemon was started in. False: no memory. */
bool cmdline_again(const char *binary, bool check, const char *config,
                   const struct override *overrides, int count, struct strlist *argv);
void cmdline_help(struct buf *out);

#endif
