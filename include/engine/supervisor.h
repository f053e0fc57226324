/* The context: everything that lives in the main loop, built in supervisord.c and passed down. */
#ifndef ENGINE_SUPERVISOR_H
#define ENGINE_SUPERVISOR_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/heap.h"
#include "base/log.h"
#include "base/world.h"
#include "engine/bus.h"
#include "logs/logs.h"
#include "logs/mainlog.h"
#include "model/config.h"
#include "model/registry.h"
#include "sys/limits.h"
#include "sys/sys.h"

enum mood { MOOD_SHUTDOWN = -1, MOOD_RESTARTING = 0, MOOD_RUNNING = 1 };

struct supervisor {
        struct ev_loop *loop; /* borrowed */
        struct sys *sys;      /* borrowed */
        const struct world *world;
        struct log *log;         /* borrowed */
        struct mainlog *mainlog; /* borrowed; NULL in tests */
        struct logs *logs;       /* owned */
        struct bus bus;
        struct registry registry;
        struct config *config; /* owned: the last one read whole; what [supervisord] and servers are
                                  served by */
        int generation;        /* counts applied configurations, from 1 */
        struct limits limits;
        sigset_t worker_mask; /* the mask that workers get */
        enum mood mood;
        const char *mood_why; /* static text: "SIGTERM", "shutdown by RPC" */
        int exit_code;        /* of the daemon */
        struct moment started;
        struct heap due;                  /* processes by deadline */
        ev_timer wake;                    /* armed for the first of `due` */
        uint64_t seed;                    /* for jitter and spreading */
        char *server_url;                 /* owned: for SUPERVISOR_SERVER_URL; NULL: no server */
        const struct override *overrides; /* borrowed: the command line */
        int override_count;

        struct shutdown *shutdown;   /* engine/shutdown; NULL while running */
        struct listeners *listeners; /* engine/listeners; NULL: none */

        /* Told when config->servers changed, so that floor 3 rebinds; set by the wiring. */
        bool (*rebind)(void *arg, const struct config *next, struct err *e);
        void *rebind_arg;
};

/* config is taken over. False: *e; nothing runs. Groups are made (AUTO logs, FastCGI sockets),
 * nothing is started. */
bool supervisor_init(struct supervisor *s, struct ev_loop *loop, struct sys *sys,
                     const struct world *world, struct log *log, struct config *config,
                     struct err *e);
void supervisor_release(struct supervisor *s);
/* mood RUNNING: publish, start what autostarts. */
void supervisor_begin(struct supervisor *s);

/* Carry out what a fact asked for: work is the DO_* bits that process_* returned, `from` the state
 * before it. Publishes the transition, logs it, moves the deadline. */
void supervisor_act(struct supervisor *s, struct process *p, enum pstate from, unsigned work);
/* An order to one process: process_order + supervisor_act. */
void supervisor_order(struct supervisor *s, struct process *p, enum pevent order);

/* Drain the dead. Called on SIGCHLD. */
void supervisor_reap(struct supervisor *s);
/* Deadlines that have come. */
void supervisor_tick(struct supervisor *s, struct moment now);
void supervisor_rearm(struct supervisor *s);

/* The group and its processes are made and, when `autostart`, started. */
struct group *supervisor_add_group(struct supervisor *s, struct group_conf *conf, bool autostart,
                                   struct err *e);
void supervisor_remove_group(struct supervisor *s, struct group *g); /* all stopped */

#endif
