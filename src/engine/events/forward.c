/* Which signals of the daemon are meant for programs with container_main, and sending them there.
 */
#include "engine/events/forward.h"

#include <signal.h>

#include "base/signame.h"
#include "engine/persist/adopted.h"

bool forward_wants(int sig)
{
        switch (sig) {
        case SIGWINCH:
        case SIGCONT:
        case SIGTSTP:
        case SIGTTIN:
        case SIGTTOU:
        case SIGURG:
        case SIGPWR:
                return true;
        default:
                return sig >= SIGRTMIN && sig <= SIGRTMAX;
        }
}

static void forward_to(struct supervisor *s, struct process *p, int sig)
{
        char name[16];
        bool has_ended = p->pid <= 0 || (p->worker && p->worker->reaped);

        if (!p->program->container_main || !process_can_signal(p) || has_ended)
                return;
        log_line(s->log, LVL_DEBUG, "passing %s on to '%s' (pid %d)",
                 signame_of(sig, name, sizeof name), p->name, (int)p->pid);
        adopted_kill(s, p, false, sig); /* it ends just now: nothing is lost */
}

void forward_signal(struct supervisor *s, int sig)
{
        const struct registry *r = &s->registry;

        for (int g = 0; g < r->group_count; g++)
                for (int i = 0; i < r->groups[g]->count; i++)
                        forward_to(s, r->groups[g]->procs[i], sig);
}
