/* What a new configuration would mean for what exists: computed, shown, and only then carried out.
 * PLAN in doc/api.md; group-wise differences as in compat 20.7. Pure. */
#ifndef MODEL_FLEET_PLAN_H
#define MODEL_FLEET_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strlist.h"
#include "model/config/config.h"
#include "model/config/options.h"
#include "model/fleet/registry.h"

enum plan_action { PLAN_KEEP, PLAN_LIVE, PLAN_START, PLAN_STOP, PLAN_RESTART };

struct change_item {
        char *name;    /* owned: namespec */
        char *program; /* owned: "web", or "group:web" when in several groups */
        enum plan_action action;
        struct strlist keys; /* keys that changed */
        char *why;           /* owned: "command changed", "added", "removed", "numprocs 4 -> 8" */

        struct process *process; /* borrowed: the existing one; NULL for a new one, and for one that
                                  * is wanted again while it goes (PS_RETIRING) */
        struct group_conf *group; /* borrowed from the new config; NULL: the group goes */
        struct program *to;       /* borrowed from the new config; NULL: it goes */
        int number;               /* process_num */
};

/* What happens to the daemon itself and to its servers. */
enum setting_action {
        SETTING_LIVE,  /* the new value is taken */
        SETTING_LATER, /* only another start of the daemon makes it true */
        SETTING_OPEN,  /* a server that was not there */
        SETTING_CLOSE, /* one that is there no more */
};

struct setting_item {
        char *section;   /* owned: "supervisord", "inet_http_server:public" */
        const char *key; /* static; NULL: the section comes or goes */
        char *from, *to; /* owned: as in a file; secrets as "..."; of a server that comes or goes
                          * its address. NULL: there is none */
        enum setting_action action;
};

struct plan {
        struct change_item *items; /* owned; in the order of `status` over old and new together */
        int count;
        struct setting_item *settings; /* owned; in the order of the tables */
        int setting_count;
        int generation; /* set by the engine */
        bool applied;
};

/* Per process. A scaled fleet keeps its count unless numprocs itself changed (then numprocs wins);
 * bounds numprocs_min/max of the new program are respected. */
bool plan_make(const struct registry *r, const struct config *next, const struct host *w,
               struct plan *out, struct err *e);
void plan_release(struct plan *p);

/* What only a start of the daemon makes true, as "key=value": what it was started with, to compare
 * every later configuration with. False: no memory, and `out` is empty. */
bool settings_note(const struct settings *s, struct strlist *out);
/* Add the daemon's settings and servers to a plan: from `now`, in effect, and from what the daemon
 * was `started` with (settings_note) to `next`. */
bool plan_settings(struct plan *p, const struct config *now, const struct strlist *started,
                   const struct config *next, struct err *e);
const char *setting_action_word(enum setting_action a); /* "live" "later" "open" "close" */

const char *plan_action_word(enum plan_action a); /* "keep" "live" "start" "stop" "restart" */

/* One process before and after. */
struct pairing {
        const char *group;
        int number_a, number_b; /* process_num */
        const struct host *host;
};

/* Worst change between two programs for one process; *keys (may be NULL) gets the keys that differ.
 * What is expanded is compared by what the process would be given, everything else by its value.
 * Without memory it is CHANGE_RESTART. */
enum change program_diff(const struct program *a, const struct program *b, const struct pairing *at,
                         struct strlist *keys);

/* Group-wise, as Supervisor's reloadConfig: names sorted bytewise. Scaling is no change. */
struct group_diff {
        struct strlist added, changed, removed;
};
bool group_diff_make(const struct registry *r, const struct config *next, const struct host *w,
                     struct group_diff *out, struct err *e);
void group_diff_release(struct group_diff *d);

#endif
