/* One process with a health check, on a real loop and the real kernel; no supervisor around it. */
#ifndef TESTS_ENGINE_PROBE_RIG_H
#define TESTS_ENGINE_PROBE_RIG_H

#include "engine/watch/probes.h"

struct probe_rig {
        struct supervisor s;
        struct config config;
        struct host host; /* the real one, but that it knows no host: tests bring their own */
        struct group group;
        struct group_conf group_conf;
        struct fleet fleet;
        struct program *program;
        struct program *programs[1];
        struct process *process;
        struct process *procs[1];
        ev_signal on_child;
        int stray; /* reaped pids that belong to no probe */
        char dir[64];
};

/* A RUNNING process number 3 called "web_3" of program "web" in group "web", whose command is
 * `true`; healthcheck of this kind and target, asked every 20 ms, cut off after 5 s. */
void probe_rig_init(struct probe_rig *r, enum check_kind kind, const char *target);
void probe_rig_release(struct probe_rig *r);

void probe_rig_begin(struct probe_rig *r);
/* Runs the loop until `done` says so; false: not within 10 s. */
bool probe_rig_run(struct probe_rig *r, bool (*done)(struct probe_rig *r));
void probe_rig_rest(struct probe_rig *r, int ms); /* runs the loop for that long */
struct probe_last probe_rig_last(struct probe_rig *r);

/* From begin to the first result. */
struct probe_last probe_rig_ask(struct probe_rig *r);
/* The first result is this verdict with this output ("" for none). */
void probe_rig_expect(struct probe_rig *r, bool ok, const char *output);

#endif
