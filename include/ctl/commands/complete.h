/* What Tab offers (compat 21.1): commands in the first place, then what the command's row says. */
#ifndef CTL_COMMANDS_COMPLETE_H
#define CTL_COMMANDS_COMPLETE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strlist.h"
#include "ctl/commands/commands.h"

/* What a daemon has to offer; empty lists where it cannot be asked. */
struct known {
        struct strlist processes; /* as status shows them, and GROUP:* for groups of several */
        struct strlist groups;
};

void known_release(struct known *k);
bool known_fetch(struct ctl *c, struct known *out);          /* false: could not ask */
bool known_fill(struct known *out, const json_t *processes); /* of a list with group and process */

/* What the word that ends at the cursor can become. ':', '*' and '-' belong to words. `known` may
 * be NULL when complete_wants_names said that it does not matter. *start_out: where the word
 * begins. */
bool complete_line(const char *line, size_t cursor, const struct known *known, struct strlist *out,
                   size_t *start_out);
bool complete_wants_names(const char *line, size_t cursor);

/* How many bytes all of them have in common. */
size_t complete_common(const struct strlist *candidates);

/* The same for the completion scripts in etc/completions: a line for each candidate, with what it
 * means behind a tab. Asks the daemon where names are wanted. False: no memory. */
bool complete_command(struct ctl *c, const char *line, struct buf *out);

#endif
