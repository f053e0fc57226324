/* What the daemon says of its processes, asked in one question where that can be: /v1 for just the
 * names and fields that are wanted, or Supervisor's own list of everything where the daemon has no
 * /v1 (or gives it not to us). Both say the same. */
#ifndef CTL_COMMANDS_INFOS_H
#define CTL_COMMANDS_INFOS_H

#include "ctl/ctl.h"

struct info { /* borrowed from the reply */
        const char *group, *name, *state, *description;
        int64_t code;       /* of the state */
        const json_t *more; /* the PROCESS object; NULL where the daemon has none */
};

struct infos {
        struct info *items; /* owned, in the order of the daemon */
        size_t count;
        struct reply reply; /* owned: what they were made from */
};

#define INFOS_INIT ((struct infos){ .reply = REPLY_INIT })
#define AUTO_INFOS __attribute__((cleanup(infos_release))) struct infos
void infos_release(struct infos *v);

/* At least the processes that the words mean (name_selects; none or "all": every process). With
 * `details` also what comes next and the health, where the daemon knows them. False: it failed, and
 * that was said, as ctl_upcheck says it. */
bool infos_fetch(struct ctl *c, const struct strlist *words, bool details, struct infos *out);

#endif
