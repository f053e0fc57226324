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

/* A stdin that was made before it was needed (engine/run/pipes). */
struct spare {
        int fds[2];     /* owned: the worker's end, ours; -1: none */
        uint64_t inode; /* of the pipe */
        bool wanted;
};

struct supervisor {
        const struct component *const *components; /* borrowed: the table */
        void *states[COMPONENT_COUNT];             /* owned: each component's own */
        struct ev_loop *loop;                      /* borrowed */
        struct sys *sys;                           /* borrowed */
        const struct host *host;
        struct lookups *names;   /* borrowed: what `host` knows of names; NULL: it asks by itself */
        struct log *log;         /* borrowed */
        struct mainlog *mainlog; /* borrowed; NULL in tests */
        struct logs *logs;       /* owned */
        struct reader *reader;   /* owned: reads them back */
        struct bus bus;
        struct registry registry;
        struct config *config;  /* owned: the one in effect */
        struct config *latest;  /* the last one read (`reread`); owned where it is not `config` */
        struct config *pending; /* owned: what a restart of everything begins with; NULL */
        struct strlist started_with; /* what only another start changes (settings_note) */
        int generation;              /* counts applied configurations, from 1 */
        struct limits limits;
        sigset_t worker_mask; /* the mask that workers get */
        enum daemon_state daemon_state;
        const char *daemon_state_why; /* static text: "SIGTERM", "shutdown by RPC" */
        int exit_code;                /* of the daemon */
        int null; /* owned: /dev/null, for what workers write that nobody wants; -1 */
        struct moment started;
        struct heap due;   /* processes by deadline */
        ev_prepare settle; /* active while there is something to do before the next wait */
        struct descendants *descendants; /* engine/run/descendants: ended workers whose descendants
                                            are looked for */
        struct autostart
            *starting; /* engine/order/autostart: who is still to be started; NULL: nobody */
        struct bulk_order *bulk_orders; /* engine/order/bulk_order: orders that still have to be
                                           given; NULL: none */
        struct search
            *searches; /* engine/order/searches: orders whose program is looked for; NULL: none */
        struct launching *launches; /* engine/run/launches: starts that are under way */
        struct start_conflicts *start_conflicts; /* engine/order/start_conflicts: starts that wait
                                                    for somebody to go; NULL: none */
        int64_t armed_ms;                        /* what `wake` is armed for, -1: nothing */
        ev_timer wake;                           /* armed for the first of `due` */
        ev_timer late_reap;           /* engine/run/reaper: a look at all children is due */
        bool listen;                  /* engine/run/reaper: the next pause asks who has hung up */
        bool look;                    /* and this one looks at all of them */
        int hangups;                  /* owned: engine/run/hangups; -1: nobody is listened to */
        int64_t child_ms;             /* when the last SIGCHLD came */
        int64_t unheard_ms;           /* the last end that no stdin could have told of */
        struct stdin_home stdin_home; /* worker_stdin_home's */
        struct memory_trim {
                ev_timer pause;
                unsigned starts;
                int rounds;
        } memory_trim;                    /* engine/core/memory_trim */
        unsigned starts;                  /* of workers, so far */
        uint64_t seed;                    /* for jitter and spreading */
        char *server_url;                 /* owned: for SUPERVISOR_SERVER_URL; NULL: no server */
        const struct override *overrides; /* borrowed: the command line */
        int override_count;

        struct state *state; /* engine/persist/state; NULL: nothing is kept for a successor */
        char *no_state;      /* owned: why there is no state; NULL: there is, or none is wanted */
        struct handover *handover; /* borrowed: what the image before us left; NULL: nothing */
        struct fdstore *fdstore; /* engine/persist/fdstore; NULL: nobody keeps descriptors for us */
        struct lookup *lookup;   /* engine/order/lookup; NULL: nothing was looked up yet */
        struct upgrade *upgrade; /* engine/order/upgrade; NULL: none is under way */
        const char *binary;      /* borrowed: what we were started from, full path */
        struct shutdown *shutdown;   /* engine/order/shutdown; NULL while running */
        struct listeners *listeners; /* engine/events/listeners; NULL: none */
        struct probe_table *probes;  /* engine/watch/probes: exec probes by pid; NULL: none */
        struct fatal_hooks *fatal;   /* engine/order/fatal: on_fatal commands that run */
        struct adopted
            *left_alone;     /* engine/persist/adopt: whose adoption is not complete; NULL: none */
        ev_timer look_again; /* active while there are some */
        struct spare spare;
        struct exec_envs *exec_envs; /* engine/run/exec_env; NULL: nothing was started yet */
        struct fcgi *bound; /* engine/sockets/fcgi: sockets for the configuration that is to come */
        pid_t gzip;         /* engine/run/gzip_child: the child that compresses a log; 0: none */
        struct spawned gzip_start; /* of that child */
        struct ticks *ticks;       /* engine/events/ticks; NULL: nobody wants them */
        struct auto_claims auto_logs;

        /* Everything has stopped; daemon_state says for what. Set by the wiring. */
        void (*on_end)(struct supervisor *s);

        /* The next image is good: become it. Set by the wiring; NULL: cannot be done. */
        void (*on_upgrade)(struct supervisor *s, const char *binary);

        /* Told when config->servers changed, so that floor 3 rebinds; set by the wiring. */
        bool (*rebind)(void *arg, const struct config *next, struct err *e);
        void *rebind_arg;
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
/* daemon_state RUNNING: publish, start what autostarts. */
void supervisor_begin(struct supervisor *s);

/* Carry out what a fact asked for: work is the DO_* bits that process_* returned, `from` the state
 * before it. Publishes the transition, logs it, moves the deadline. */
void supervisor_act(struct supervisor *s, struct process *p, enum pstate from, unsigned work);
/* An order to one process: process_order + supervisor_act. */
void supervisor_order(struct supervisor *s, struct process *p, enum pevent order);

/* A start has got through: the process is what it was to be. */
void supervisor_executed(struct supervisor *s, struct process *p);
/* It has not: why, and errno. */
void supervisor_refused(struct supervisor *s, struct process *p, const struct err *e);
/* It has ended: status as from waitpid, or `lost` when nobody knows. */
void supervisor_ended(struct supervisor *s, struct process *p, int status, bool lost);
/* It is about to be freed. */
void supervisor_process_gone(struct supervisor *s, struct process *p);
/* Drain the dead: all there are. See engine/run/reaper.h for what SIGCHLD calls. */
void supervisor_reap(struct supervisor *s);
/* One of them was reaped. name: of a stranger, before it was; NULL: not known. */
void supervisor_reaped(struct supervisor *s, pid_t pid, int status, const char *name);
/* The streams of a worker that has ended are empty: its death is announced, when what is below it
 * has been looked after. */
void supervisor_drained(struct supervisor *s, struct process *p);
/* Nothing is waited for any more: it is announced now. */
void supervisor_over(struct supervisor *s, struct process *p);
/* Deadlines that have come. */
void supervisor_tick(struct supervisor *s, struct moment now);
void supervisor_rearm(struct supervisor *s);
/* One turn of the loop is over: a slice of what is due, the dead, supervisor_settle. Called by the
 * loop; exposed for tests. */
void supervisor_turn(struct supervisor *s);

/* The group and its processes are made and, when `autostart`, started. */
struct group *supervisor_add_group(struct supervisor *s, struct group_conf *conf, bool autostart,
                                   struct err *e);
/* All of its processes are stopped. Frees them. */
void supervisor_remove_group(struct supervisor *s, struct group *g);
/* The same without the event: a start that failed half way, the daemon's end. */
void supervisor_drop_group(struct supervisor *s, struct group *g);
void supervisor_remove_all(struct supervisor *s);
/* Every group of s->config is made (AUTO logs, FastCGI sockets), nothing is started. */
bool supervisor_add_all(struct supervisor *s, struct err *e);
/* Start what autostarts, in one group or (NULL) everywhere. */
void supervisor_autostart(struct supervisor *s, struct group *g);
/* Takes it over as s->config and s->latest; the old ones are freed. */
void supervisor_take_config(struct supervisor *s, struct config *config);
/* What must wait until no caller stands on a process: the sweep, freeing what has gone. */
void supervisor_settle(struct supervisor *s);
/* A process was added to the registry: streams, room in the deadline queue. */
bool supervisor_adopt_process(struct supervisor *s, struct process *p, struct err *e);

#endif
