/* What the next instance has to know about a process: the machine's whole state as plain numbers,
 * which engine/persist/state.h persists. Enum values are in files: they keep their numbers.
 * Pure. */
#ifndef MODEL_UNIT_PROCESS_MEMORY_H
#define MODEL_UNIT_PROCESS_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "model/unit/process.h"

#define MEMORY_FAILURES 16 /* of restart_limit's window: the youngest */
#define MEMORY_TEXT     96

struct process_memory {
        int64_t due_ms, spawned_ms, spawned_wall_ms, tried_wall_ms, calm_ms;
        int64_t stopped_wall_ms, ended_wall_ms;
        int32_t pid, tries, crashes, restarts;
        int32_t code, sig, raw; /* the last ending */
        int32_t check_failures, check_successes;
        uint8_t state, waiting;
        uint8_t known, happened, core, expected, unhealthy;
        uint8_t health, ever_ok, remains;
        uint8_t failure_count;
        int64_t failures_ms[MEMORY_FAILURES]; /* oldest first */
        char spawnerr[MEMORY_TEXT];           /* cut when longer; "": none */
};

void process_remember(const struct process *p, struct process_memory *out);

/* A fresh process becomes what the memory says. False: the memory makes no sense (a value out of
 * its range, a state with a pid without one, unless it waits for what remains), or no memory; p is
 * as it was. */
bool process_recall(struct process *p, const struct process_memory *m);

/* Does this state belong to a process that lives? */
bool pstate_has_pid(enum pstate s);

#endif
