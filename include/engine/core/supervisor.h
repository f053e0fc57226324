/* The context: everything that lives in the main loop, built in supervisord.c and passed down. */
#ifndef ENGINE_CORE_SUPERVISOR_H
#define ENGINE_CORE_SUPERVISOR_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/heap.h"
#include "base/host.h"
#include "base/log.h"
#include "engine/core/bus.h"
#include "engine/core/components.h"
#include "engine/run/stdin_pipe.h"
#include "logs/logs.h"
#include "logs/mainlog/mainlog.h"
#include "model/config/config.h"
#include "model/config/lookup.h"
#include "model/fleet/registry.h"
#include "readlog/reader.h"
#include "sys/host/limits.h"
#include "sys/sys.h"

enum daemon_state { DAEMON_SHUTDOWN = -1, DAEMON_RESTARTING = 0, DAEMON_RUNNING = 1 };

struct supervisor {
        const struct component *const *components; /* borrowed: the table */
        void *states[COMPONENT_COUNT];             /* owned: each component's own */
        struct ev_loop *loop;                      /* borrowed */
        struct sys *sys;                           /* borrowed */
        const struct host *host;
        struct log *log;       /* borrowed */
        struct logs *logs;     /* owned */
        struct reader *reader; /* owned: reads them back */
        struct bus bus;
        struct registry registry;
        struct config *config; /* owned: the one in effect */
        enum daemon_state daemon_state;
        int exit_code;     /* of the daemon */
        ev_prepare settle; /* active while there is something to do before the next wait */
        uint64_t seed;     /* for jitter and spreading */
};

/* config is taken over. False: *e; nothing runs. Nothing outside is touched yet: groups come with
 * supervisor_add_all. */
bool supervisor_init(struct supervisor *s, const struct component *const *table,
                     struct ev_loop *loop, struct sys *sys, const struct host *host,
                     struct log *log, struct config *config, struct err *e);
void supervisor_release(struct supervisor *s);
/* What a component has for itself; NULL: nothing yet. */
static inline void *component_own(const struct supervisor *s, enum component_id id)
{
        return s->states[id];
}
/* Of a component without a `size`, whose state comes and goes. */
static inline void component_set(struct supervisor *s, enum component_id id, void *own)
{
        s->states[id] = own;
}
/* daemon_state RUNNING: publish, start what autostarts. */
void supervisor_begin(struct supervisor *s);

/* Carry out what a fact asked for: work is the DO_* bits that process_* returned, `from` the state
 * before it. Publishes the transition, logs it, moves the deadline. */
void supervisor_act(struct supervisor *s, struct process *p, enum pstate from, unsigned work);
/* An order to one process: process_order + supervisor_act. */
void supervisor_order(struct supervisor *s, struct process *p, enum pevent order);

/* A start has got through: the process is what it was to be. */
void supervisor_executed(struct supervisor *s, struct process *p);
/* It has ended: status as from waitpid, or `lost` when it is not known. */
void supervisor_ended(struct supervisor *s, struct process *p, int status, bool lost);
/* It is about to be freed. */
void supervisor_process_gone(struct supervisor *s, struct process *p);
/* One of them was reaped. name: of a stranger, before it was; NULL: not known. */
void supervisor_reaped(struct supervisor *s, pid_t pid, int status, const char *name);
/* The streams of a worker that has ended are empty: its death is announced, when what is below it
 * has been looked after. */
void supervisor_drained(struct supervisor *s, struct process *p);
/* Nothing is waited for any more: it is announced now. */
void supervisor_over(struct supervisor *s, struct process *p);
/* Deadlines that have come. */
void supervisor_tick(struct supervisor *s, struct moment now);
/* One turn of the loop is over: a slice of what is due, the dead, supervisor_settle. Called by the
 * loop; exposed for tests. */
void supervisor_turn(struct supervisor *s);

/* The group and its processes are made; nothing is started. */
struct group *supervisor_add_group(struct supervisor *s, struct group_conf *conf, struct err *e);
/* All of its processes are stopped. Frees them. */
void supervisor_remove_group(struct supervisor *s, struct group *g);
/* The same without the event: a start that failed half way, the daemon's end. */
void supervisor_drop_group(struct supervisor *s, struct group *g);
void supervisor_remove_all(struct supervisor *s);
/* Every group of s->config is made (AUTO logs, FastCGI sockets), nothing is started. */
bool supervisor_add_all(struct supervisor *s, struct err *e);
/* What must wait until no caller stands on a process: the sweep, freeing what has gone. */
void supervisor_settle(struct supervisor *s);
/* A process was added to the registry: streams, room in the deadline queue. */
bool supervisor_adopt_process(struct supervisor *s, struct process *p, struct err *e);

#endif
