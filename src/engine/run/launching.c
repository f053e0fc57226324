/* What a start that is under way has got to. Looks only: what comes of it is launches.c's business.
 */
#include "engine/run/launching.h"

#include "engine/core/supervisor.h"
#include "sys/process/procfs.h"

/* A pipe's reading end is never writable: EV_WRITE is its end alone, and what the child says on its
 * way wakes no thread. Its first word has to (EV_READ): until then we have the writing end as well.
 */
void launch_listen(struct launching *l, int events)
{
        struct ev_loop *loop = l->sup->loop;

        ev_io_stop(loop, &l->said);
        ev_io_set(&l->said, l->st.report, events);
        ev_io_start(loop, &l->said);
}

enum spawn_progress launch_ask(struct launching *l)
{
        struct sys *sys = l->sup->sys;
        struct proc_entry entry;

        if (!l->resumed) {
                bool was_born = l->st.step != STEP_NONE;
                enum spawn_progress got = sys->spawn_look(sys, &l->st);
                if (!was_born && l->st.step != STEP_NONE && !l->is_gated)
                        launch_listen(l, EV_WRITE);
                return got;
        }
        return sys->process->entry(sys, l->st.pid, &entry) && entry.before_exec && !entry.doomed
                   ? SPAWN_UNDER_WAY
                   : SPAWN_EXECUTED; /* or it has ended without a word */
}

bool launch_is_born(const struct process *p)
{
        struct launching *l = p->worker ? p->worker->launching : NULL;

        if (l && l->st.step == STEP_NONE)
                launch_ask(l); /* what comes of it is told when its pipe ends */
        return !l || l->st.step != STEP_NONE;
}
