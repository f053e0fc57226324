/* A component of the core: a file that owns what it needs for one subject and is told of facts.
 * What the core knows of it is its row in components.h and the struct below: each fact is a loop
 * over the rows, in their order. The core calls no component by its name; a component may call the
 * core.
 *
 * A component's own state is `size` bytes, zeroed, made before `init` and freed after `release`;
 * its file reaches it by component_own. Any callback may be NULL. */
#ifndef ENGINE_CORE_COMPONENT_H
#define ENGINE_CORE_COMPONENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "model/fleet/registry.h"
#include "model/unit/process.h"

struct supervisor;

/* What has been decided about a process; its state is the new one already. */
struct step {
        enum pstate from;
        unsigned work; /* DO_* bits */
        pid_t pid;     /* the one that it is about, also when that has ended (p->pid is 0 then) */
};

static inline bool step_is_transition(const struct process *p, const struct step *step)
{
        return p->state != step->from;
}

struct component {
        const char *name;
        size_t size;

        bool (*init)(struct supervisor *s, struct err *e);
        void (*release)(struct supervisor *s); /* in the opposite order */

        /* Another configuration is in effect. */
        void (*on_config)(struct supervisor *s);
        /* A group is in the registry. False: *e, and it is dropped again. */
        bool (*on_group_added)(struct supervisor *s, struct group *g, struct err *e);
        /* Its processes are freed, and it is about to be. */
        void (*on_group_gone)(struct supervisor *s, struct group *g);
        void (*on_process_added)(struct supervisor *s, struct process *p);

        /* It has a pid; whether its program can be executed is not known yet. */
        void (*on_spawned)(struct supervisor *s, struct process *p);
        /* It is the program that it was to be, or was told to stop meanwhile. */
        void (*on_executed)(struct supervisor *s, struct process *p);
        /* Supervision begins. */
        void (*on_begin)(struct supervisor *s);

        /* All that goes on from the previous instance does; what is left of it is over. */
        void (*on_adopted)(struct supervisor *s);

        /* It gets an order of its own. */
        void (*on_order)(struct supervisor *s, struct process *p);
        /* Before the step's work is carried out, also where the state stays: what is written ahead,
         * and what others are told. */
        void (*on_step)(struct supervisor *s, struct process *p, const struct step *step);
        /* The work itself: children are started and signalled. */
        void (*carry_out)(struct supervisor *s, struct process *p, const struct step *step);
        /* It has been carried out. p->state may have moved on meanwhile. */
        void (*on_step_done)(struct supervisor *s, struct process *p, const struct step *step);

        /* A child was reaped. True: it was this one's, and no other is asked; else, where it is a
         * process's worker, that has exited. */
        bool (*on_reaped)(struct supervisor *s, pid_t pid, int status);
        /* Would it be? */
        bool (*owns)(const struct supervisor *s, pid_t pid);
        /* That is dealt with, and need not be known after a kill. */
        void (*on_reap_done)(struct supervisor *s);
        /* A worker was reaped, or is lost: what has to be known of it when that is written down. */
        void (*on_exit)(struct supervisor *s, struct process *p);
        /* It is written down; its output has still to be read. */
        void (*on_exited)(struct supervisor *s, struct process *p);
        /* And that is done. True: its end waits, and supervisor_over is called later. */
        bool (*holds_end)(struct supervisor *s, struct process *p);
        /* The machine is told of its end next. */
        void (*on_ended)(struct supervisor *s, struct process *p);

        /* Records of processes are in another file than the one that children write to. */
        void (*on_records_moved)(struct supervisor *s);

        /* A turn of the loop is over: a slice of what has to be done. */
        void (*on_turn)(struct supervisor *s);
        /* What must wait until no caller stands on a process. */
        void (*on_settle)(struct supervisor *s);

        /* The process is about to be freed, and its worker with it. */
        void (*on_process_gone)(struct supervisor *s, struct process *p);
};

/* False: *e; nothing is left of them. */
bool components_init(struct supervisor *s, const struct component *const *table, struct err *e);
void components_release(struct supervisor *s);
/* Each of these calls every component that has the callback. */
void components_step(struct supervisor *s, struct process *p, const struct step *step);
void components_step_done(struct supervisor *s, struct process *p, const struct step *step);
void components_process_gone(struct supervisor *s, struct process *p);
void components_config(struct supervisor *s);
void components_begin(struct supervisor *s);
void components_adopted(struct supervisor *s);
void components_order(struct supervisor *s, struct process *p);
void components_carry_out(struct supervisor *s, struct process *p, const struct step *step);
void components_reap_done(struct supervisor *s);
void components_exit(struct supervisor *s, struct process *p);
bool components_hold_end(struct supervisor *s, struct process *p);
bool components_group_added(struct supervisor *s, struct group *g, struct err *e);
void components_group_gone(struct supervisor *s, struct group *g);
void components_process_added(struct supervisor *s, struct process *p);
void components_spawned(struct supervisor *s, struct process *p);
void components_executed(struct supervisor *s, struct process *p);
bool components_reaped(struct supervisor *s, pid_t pid, int status);
bool components_own(const struct supervisor *s, pid_t pid);
void components_exited(struct supervisor *s, struct process *p);
void components_ended(struct supervisor *s, struct process *p);
void components_turn(struct supervisor *s);
void components_settle(struct supervisor *s);
void components_records_moved(struct supervisor *s);

#endif
