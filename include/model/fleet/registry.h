/* What exists: groups, their fleets (one program's processes within one group) and processes, with
 * look-ups by name and pid that do not walk the whole. Pure bookkeeping: nothing is started or
 * stopped here.
 *
 * Names and order: compat section 9. */
#ifndef MODEL_FLEET_REGISTRY_H
#define MODEL_FLEET_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/host.h"
#include "model/config/config.h"
#include "model/unit/process.h"

/* One program in one group: the unit of scaling. */
struct fleet {
        struct group *group;     /* borrowed */
        struct program *program; /* reference: what new processes will run by */
        int replicas;            /* how many are wanted now; numprocs unless scaled */
        bool scaled;             /* replicas was set by an order, and differs from numprocs' say */
        uint32_t state_slot;     /* the engine's: where that is written down; 0: nowhere */
        uint32_t state_texts;
        struct process *
            *procs; /* owned array, borrowed items, ascending number; retiring ones too */
        int count;
};

struct group {
        struct group_conf *conf; /* reference */
        char *name;              /* owned */
        struct fleet *fleets;    /* owned, in order of definition */
        int fleet_count;
        struct process **procs; /* owned items, sorted bytewise by name */
        int count;
        bool leaving; /* goes as soon as its last process is forgotten */
        void *engine; /* the engine's side (listener pool, FastCGI socket); opaque here */
};

struct registry {
        struct group **groups; /* owned, sorted bytewise by name */
        int group_count;
        int process_count;
        struct process **by_pid; /* owned table of chains */
        unsigned pid_slots;
};

void registry_init(struct registry *r);
void registry_release(struct registry *r); /* frees groups and processes */

/* Make a group and all its processes (STOPPED), in the configured number. NULL: no memory, or a
 * name that cannot be expanded; nothing was added then. */
struct group *registry_add(struct registry *r, struct group_conf *conf, const struct host *w,
                           struct err *e);
/* The group must have no process with a pid. Frees it and its processes. */
void registry_remove(struct registry *r, struct group *g);

/* Make a group follow a new configuration: its fleets in the new order, each with the new program
 * (what its next processes run by) and with the number that fleet_target says. No process comes or
 * goes, and nothing of one changes but the process_num of a lone one; a fleet that is gone stays at
 * the end, with replicas 0, while it has processes. Pointers to the group's fleets are void
 * afterwards. False: nothing changed (no memory). */
bool group_follow(struct group *g, struct group_conf *next, const struct host *w, struct err *e);
/* A fleet at the group's end that the configuration does not know, without processes: it goes with
 * its last one. Pointers to the group's fleets are void afterwards. NULL: no memory. */
struct fleet *group_add_fleet(struct group *g, struct program *program);
/* How many processes the fleet is to have under the new program: a scaled one keeps its number
 * unless numprocs itself changed; within numprocs_min and numprocs_max. */
int fleet_target(const struct fleet *f, const struct program *next);

/* A further process of a fleet, STOPPED; or the one with this number that is there already. */
struct process *registry_add_process(struct registry *r, struct fleet *f, int number,
                                     const struct host *w, struct err *e);
/* It must have no pid. Frees it, and its fleet when that one is gone and this was the last of it.
 */
void registry_forget(struct registry *r, struct process *p);

struct group *registry_group(const struct registry *r, const char *name); /* or NULL */
struct process *group_process(const struct group *g, const char *name);   /* or NULL */
struct fleet *process_fleet(const struct process *p);
struct fleet *group_fleet(const struct group *g,
                          const char *program);                   /* the current one, or NULL */
struct process *fleet_process(const struct fleet *f, int number); /* or NULL */

/* "group:process", or "name" meaning "name:name". NULL: no such. "group:*" and "group:" are no
 * process: see registry_parse. */
struct process *registry_process(const struct registry *r, const char *namespec);

/* Fleets by "PROGRAM" or "GROUP:PROGRAM". NULL: none, or (*ambiguous) in several groups. */
struct fleet *registry_fleet(const struct registry *r, const char *name, bool *ambiguous);

/* Tell the registry of a pid (set p->pid first), and of its end (before it is cleared). */
bool registry_pid_reserve(struct registry *r); /* before the first of them; false: no memory */
void registry_pid_add(struct registry *r, struct process *p);
void registry_pid_remove(struct registry *r, struct process *p);
struct process *registry_by_pid(const struct registry *r, pid_t pid); /* or NULL */

/* ---- lists. Caller frees the array; NULL with *count_out 0 when empty, with *count_out -1: no
 * memory */

/* Alphabetical by group, then process: `status`. */
struct process **registry_all(const struct registry *r, int *count_out);
/* Groups ascending by (priority, name); within one ascending by process priority, then definition
 * order: starts. Stops walk it backwards. */
struct process **registry_start_order(const struct registry *r, int *count_out);
struct process **group_start_order(const struct group *g, int *count_out);
/* Shell globs over "group:process" and, for a lone process, its bare name; "all" or "*":
 * everything; "group:*" a whole group. In the order of `status`. *known: at least one pattern part
 * matched. */
struct process **registry_match(const struct registry *r, const char *pattern, int *count_out);

/* "name" when group and process are called the same, else "group:process". Appends. */
void process_namespec(const struct process *p, struct buf *out);

#endif
