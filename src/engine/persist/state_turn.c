/* When records are stored. A process that has changed is stored once, at the end of the turn of the
 * loop; ahead of that
 *   - before a signal, with the work that is about to be done (a start is noted by its child),
 *   - before an order is answered.
 * What was published and not stored when a kill comes is published once more by the next instance,
 * which resumes from the older record. */
#include "base/fault_point.h"
#include "engine/core/worker.h"
#include "engine/persist/state.h"
#include "engine/persist/state_record.h"

void state_changed(struct supervisor *s, struct process *p)
{
        struct state_turn *own = state_turn(s);
        struct worker *w = state_of(s) ? worker_of(s, p) : NULL;

        if (!w || w->changed_prev)
                return;
        DL_APPEND2(own->first, w, changed_prev, changed_next);
        ev_prepare_start(s->loop, &s->settle);
}

void state_note_changed(struct supervisor *s)
{
        struct worker *w;

        while ((w = state_turn(s)->first)) {
                state_unchanged(s, w);
                state_note(s, w->process, 0);
        }
}

/* ---- the components */

static void state_turn_on_order(struct supervisor *s, struct process *p)
{
        state_turn(s)->ordered = p;
}

/* The record that a child writes at its birth holds until more than its exec is known of it. */
static bool is_told_by_birth(const struct process *p, const struct step *step)
{
        return p->worker && p->worker->mark.birth && p->state == PS_STARTING &&
               step->from == PS_STARTING && !step->work && !p->health.failures &&
               !p->health.successes;
}

static void state_turn_on_step(struct supervisor *s, struct process *p, const struct step *step)
{
        if (!is_told_by_birth(p, step))
                state_changed(s, p);
}

static void state_turn_carry_out(struct supervisor *s, struct process *p, const struct step *step)
{
        if (step->work & (DO_TERM | DO_KILL)) {
                state_note(s, p, step->work);
                state_changed(s, p); /* then the work has been done */
                state_turn(s)->ordered = NULL;
        }
        fault_point("act.noted");
}

static void state_turn_on_step_done(struct supervisor *s, struct process *p,
                                    const struct step *step)
{
        (void)step;
        if (state_turn(s)->ordered != p)
                return;
        state_turn(s)->ordered = NULL;
        if (p->worker && p->worker->changed_prev)
                state_note(s, p, 0);
}

/* A stop was ordered while its child could not be asked yet. */
static void state_turn_on_executed(struct supervisor *s, struct process *p)
{
        if (p->state != PS_STARTING)
                state_changed(s, p);
}

const struct component component_state_turn = { .name = "state_turn",
                                                .size = sizeof(struct state_turn),
                                                .on_order = state_turn_on_order,
                                                .on_step = state_turn_on_step,
                                                .carry_out = state_turn_carry_out,
                                                .on_step_done = state_turn_on_step_done,
                                                .on_executed = state_turn_on_executed };

static void state_settled_on_settle(struct supervisor *s)
{
        fault_point("turn.changed");
        state_note_changed(s);
        fault_point("turn.noted");
}

const struct component component_state_settled = { .name = "state_settled",
                                                   .on_settle = state_settled_on_settle };
