/* What the next instance has to know of a process: members of struct process, as rows of a table
 * (base/fields.h), which engine/persist persists. Enum values are in files: they keep their
 * numbers. Pure. */
#ifndef MODEL_UNIT_PROCESS_MEMORY_H
#define MODEL_UNIT_PROCESS_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fields.h"
#include "model/unit/process.h"

extern const struct fields process_fields;

/* Of restart_limit's window: the youngest. */
void process_failures(const struct process *p, struct field_times *out);

/* A fresh process becomes as `image`, of which nothing counts but the members that have rows.
 * spawnerr: "" is none. False: it makes no sense (a value out of its range, a state with a pid
 * without one, unless it waits for what remains), or no memory; p is as it was. */
bool process_recall(struct process *p, const struct process *image,
                    const struct field_times *failures, const char *spawnerr);

/* Does this state belong to a process that lives? */
bool pstate_has_pid(enum pstate s);

#endif
