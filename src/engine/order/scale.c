/* Makes a fleet larger or smaller: new processes are added and started, those with the highest
 * numbers are stopped and removed. What is outside the bounds is refused and changes nothing. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/core/audit.h"
#include "engine/core/startup.h"
#include "engine/core/worker.h"
#include "engine/order/orders.h"
#include "engine/order/scale.h"
#include "engine/persist/state.h"

static bool check_range(const struct fleet *f, long wanted, struct err *e)
{
        const struct program *g = f->program;

        if (wanted < 0 || wanted < g->numprocs_min)
                return err_set(e, ERR_USAGE, "%s: %ld is below %d (numprocs_min)", g->name, wanted,
                               g->numprocs_min > 0 ? g->numprocs_min : 0);
        if (g->numprocs_max >= 0 && wanted > g->numprocs_max)
                return err_set(e, ERR_USAGE, "%s: %ld is above %d (numprocs_max)", g->name, wanted,
                               g->numprocs_max);
        if (wanted > FLEET_MAX)
                return err_set(e, ERR_USAGE,
                               "%s: %ld is above %d, the most that one program may have", g->name,
                               wanted, FLEET_MAX);
        return true;
}

/* Each worker costs us its pipes. Beyond our limit no process could be started any more, also no
 * other program's. */
static bool check_descriptors(const struct supervisor *s, const struct fleet *f, long wanted,
                              struct err *e)
{
        long others = s->registry.process_count - f->count;
        long needed = SPARE_DESCRIPTORS + (others + wanted) * PIPES_PER_WORKER;
        rlim_t limit = startup_of(s)->limits.nofile.rlim_max;

        if (limit == 0 || limit == RLIM_INFINITY || wanted <= f->count || needed <= (long)limit)
                return true;
        return err_set(e, ERR_USAGE,
                       "%s: %ld workers need about %ld descriptors in all, and the daemon may open "
                       "%ld; raise its hard limit of open files (ulimit -Hn, LimitNOFILE=)",
                       f->program->name, wanted, needed, (long)limit);
}

/* It was retiring when the fleet's settings changed: its next start takes what all have. */
static void scale_catch_up(struct process *p, struct program *program)
{
        const struct program *next = p->next_program ? p->next_program : p->program;

        if (next == program)
                return;
        program_unref(p->next_program);
        p->next_program = p->program == program ? NULL : program_ref(program);
}

/* Those that are new, stopping for good, or merely not running because a smaller fleet stopped
 * them. */
bool scale_grow(struct supervisor *s, struct fleet *f, int number, bool start, struct err *e)
{
        struct process *p = fleet_process(f, number);

        if (p && p->state != PS_RETIRING && p->state != PS_GONE)
                return true;
        if (p)
                scale_catch_up(p, f->program);
        if (!p) {
                p = registry_add_process(&s->registry, f, number, s->host, e);
                if (!p)
                        return false;
                if (!supervisor_adopt_process(s, p, e)) {
                        registry_forget(&s->registry, p);
                        return false;
                }
        }
        if (start)
                supervisor_order(s, p, PE_START);
        return true;
}

static void scale_shrink(struct supervisor *s, struct fleet *f, int last)
{
        for (int i = f->count; i-- > 0;) /* highest number first */
                if (f->procs[i]->number > last)
                        supervisor_order(s, f->procs[i], PE_RETIRE);
}

static bool scale_grow_to(struct supervisor *s, struct fleet *f, int last, struct err *e)
{
        for (int n = f->program->numprocs_start; n <= last; n++)
                if (!scale_grow(s, f, n, true, e))
                        return false;
        return true;
}

void scale_announce(struct supervisor *s, const struct fleet *f, int was, const char *by)
{
        struct event ev = { .type = EV_SCALED,
                            .at = clock_now(),
                            .name = f->program->name,
                            .was = was,
                            .now = f->replicas,
                            .by = by };

        log_line(s->log, LVL_INFO, "scaled: %s from %d to %d (%s)", f->program->name, was,
                 f->replicas, by);
        bus_publish(&s->bus, &ev);
}

enum fault order_scale(struct supervisor *s, struct fleet *f, bool relative, int value,
                       const struct caller *by, struct scale_answer *out, struct err *e)
{
        const struct program *g = f->program;
        long wanted = relative ? (long)f->replicas + value : value;
        char what[64];

        if (s->daemon_state != DAEMON_RUNNING)
                return FAULT_SHUTDOWN_STATE;
        *out = (struct scale_answer){ f->replicas, f->replicas };
        if (!program_numbers_workers(g) && wanted > 1) {
                err_set(e, ERR_CONFIG,
                        "%s cannot be scaled: its process_name gives every worker the same name; "
                        "add to [%s]: process_name=%%(program_name)s_%%(process_num)02d",
                        g->name, g->section);
                return FAULT_FAILED;
        }
        if (!check_range(f, wanted, e) || !check_descriptors(s, f, wanted, e))
                return FAULT_OUT_OF_RANGE;
        snprintf(what, sizeof what, "scale %.30s to %ld", g->name, wanted);
        audit_order(s, by, NULL, what);
        int last = g->numprocs_start + (int)wanted - 1;
        if (wanted > f->replicas && !scale_grow_to(s, f, last, e)) {
                scale_shrink(s, f, g->numprocs_start + f->replicas - 1);
                return FAULT_FAILED;
        }
        f->replicas = (int)wanted;
        f->scaled = f->replicas != g->numprocs;
        state_note_fleet(s, f);
        scale_shrink(s, f, last);
        out->replicas = f->replicas;
        if (out->was != out->replicas)
                scale_announce(s, f, out->was, "operator");
        return FAULT_NONE;
}
