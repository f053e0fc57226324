/* Names as the user types them: "web", "web:web_00", "web:*", "all", and shell globs. */
#ifndef CTL_COMMANDS_NAMES_H
#define CTL_COMMANDS_NAMES_H

#include <stdbool.h>

#include "base/strlist.h"
#include "ctl/ctl.h"

struct namespec {
        char *group;   /* owned */
        char *process; /* owned; NULL: the whole group ("web:", "web:*") */
};

#define AUTO_NAMESPEC __attribute__((cleanup(namespec_release))) struct namespec

bool namespec_split(const char *text, struct namespec *out); /* false: no memory */
void namespec_release(struct namespec *n);

/* "web:web_00", or "web" where group and process have the same name. */
void namespec_put(struct buf *out, const char *group, const char *process);

/* Is it a glob that the daemon would not understand by itself? ("web:*" is none.) */
bool name_is_glob(const char *text);
bool name_is_group(const char *text); /* "web:*", "web:" */
/* Does it stand for this process? Globs see "web:web_00" and, for a lone program, "web" too. */
bool name_matches(const char *pattern, const char *group, const char *process);

/* Does it name exactly this process, or its group ("web:*")? Such a word means nothing else, also
 * where it looks like a glob. */
bool name_is_exact(const char *word, const char *group, const char *process);
/* Does a word of the command line, glob or not, mean this process? ("all" is not known here.) */
bool name_selects(const char *word, const char *group, const char *process);

/* ---- processes as /v1 lists them */

#define NAME_FIELDS "group,process"

typedef bool name_rule(const char *word, const char *group, const char *process);
bool process_fits(name_rule *rule, const char *word, const json_t *process);
/* name_is_exact where the word is the name of one of them, or a group's; else name_selects. */
name_rule *name_rule_for(const char *word, const json_t *processes);
void process_put_name(struct buf *out, const json_t *process);
/* Append to `to` those of the list that the word means. False: no memory. */
bool processes_select(const json_t *processes, const char *word, json_t *to);

/* Replace every glob by the names it matches in `processes` (a list with group and process), in
 * their order; one that matches nothing stays, for the daemon to refuse. With `groups`, "web:*" is
 * expanded too. */
bool names_expand(const struct strlist *words, const json_t *processes, bool groups,
                  struct strlist *out);

/* The same for a command: asks the daemon only when there is a glob. False: failed, and said so. */
bool ctl_expand(struct ctl *c, const struct strlist *words, bool groups, struct strlist *out);

#endif
