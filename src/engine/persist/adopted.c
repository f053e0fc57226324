/* The worker of an earlier daemon: held by its pidfd, so that no signal reaches another process
 * that got its number, and watched for its end. Taking up what its record says is adopt.c's
 * business. */
#include "engine/persist/adopt_own.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fd.h"
#include "engine/run/launches.h"

/* How often a zombie that we may not look at is asked for, at doubling intervals from FIRST_S: its
 * parent will reap it, and then the kernel tells. */
#define ASK_TIMES 9
#define FIRST_S   0.004

struct adopt *adopt_own(const struct supervisor *s)
{
        return component_own(s, COMPONENT_adopted);
}

/* ---- those whose adoption is not complete */

bool adopted_is_complete(const struct adopted *a)
{
        return a->pidfd >= 0 && !a->lacks_logs && !a->lacks_stdin;
}

void adopted_look_again_in(struct supervisor *s, double seconds)
{
        ev_timer_stop(s->loop, &adopt_own(s)->look_again);
        ev_now_update(s->loop);
        ev_timer_set(&adopt_own(s)->look_again, seconds, seconds);
        ev_timer_start(s->loop, &adopt_own(s)->look_again);
}

void adopted_list(struct adopted *a)
{
        struct supervisor *s = a->sup;
        struct adopted **at = &adopt_own(s)->first;

        if (a->listed)
                return;
        while (*at)
                at = &(*at)->next;
        *at = a;
        a->next = NULL;
        a->listed = true;
        if (ev_is_active(&adopt_own(s)->look_again))
                return;
        adopted_look_again_in(s, LOOK_FIRST_S);
}

void adopted_unlist(struct adopted *a)
{
        struct adopted **at = &adopt_own(a->sup)->first;

        if (!a->listed)
                return;
        while (*at != a)
                at = &(*at)->next;
        *at = a->next;
        a->listed = false;
        if (!adopt_own(a->sup)->first)
                ev_timer_stop(a->sup->loop, &adopt_own(a->sup)->look_again);
}

/* ---- holding a worker */

void adopted_free(struct adopted *a)
{
        if (!a)
                return;
        adopted_unlist(a);
        ev_io_stop(a->sup->loop, &a->end);
        ev_timer_stop(a->sup->loop, &a->again);
        fd_close(&a->pidfd);
        free(a);
}

void adopted_ask_how_it_ended(struct adopted *a)
{
        struct supervisor *s = a->sup;
        struct process *p = a->process;
        int status = 0;

        enum orphan_end said = orphan_end(s->sys, &a->who, a->pidfd, &status);
        if (said == END_ASK_LATER && a->asked < ASK_TIMES) {
                ev_now_update(s->loop);
                ev_timer_set(&a->again, FIRST_S * (1 << a->asked++), 0.);
                ev_timer_start(s->loop, &a->again);
                return;
        }
        launch_ended(p); /* it may never have been executed */
        supervisor_ended(s, p, status, said != END_KNOWN);
}

static void adopted_on_end(EV_P_ ev_io *w, int revents)
{
        (void)revents;
        ev_io_stop(loop, w);
        adopted_ask_how_it_ended(w->data);
}

static void adopted_on_again(EV_P_ ev_timer *w, int revents)
{
        (void)loop, (void)revents;
        adopted_ask_how_it_ended(w->data);
}

void adopted_watch(struct adopted *a, const struct orphan *who, int pidfd)
{
        a->who = *who;
        a->pidfd = pidfd;
        ev_io_set(&a->end, pidfd, EV_READ);
        ev_io_start(a->sup->loop, &a->end);
}

/* pidfd -1: it cannot be held. */
struct adopted *adopted_new(struct supervisor *s, struct process *p, const struct orphan *who,
                            int pidfd)
{
        struct adopted *a = calloc(1, sizeof *a);

        if (!a)
                return NULL;
        *a = (struct adopted){ .sup = s, .process = p, .who = *who, .pidfd = -1 };
        ev_init(&a->end, adopted_on_end);
        ev_timer_init(&a->again, adopted_on_again, 0., 0.);
        a->end.data = a->again.data = a;
        if (pidfd >= 0)
                adopted_watch(a, who, pidfd);
        return a;
}

bool adopted_let_go(struct process *p)
{
        struct worker *w = p->worker;
        bool is_ours = !w->adopted;

        adopted_free(w->adopted);
        w->adopted = NULL;
        return is_ours;
}

/* While the leader is there, its number is the group's and no other process's. */
static int adopted_signal_held(struct supervisor *s, const struct process *p, int pidfd, bool group,
                               int sig)
{
        if (!group)
                return s->sys->process->pidfd_kill(s->sys, pidfd, sig);
        if (s->sys->process->pidfd_kill(s->sys, pidfd, 0) < 0)
                return -1;
        return s->sys->kill(s->sys, -p->pid, sig);
}

int adopted_kill(struct supervisor *s, const struct process *p, bool group, int sig)
{
        const struct adopted *a = p->worker ? p->worker->adopted : NULL;
        pid_t parent;

        if (!a)
                return s->sys->kill(s->sys, group ? -p->pid : p->pid, sig);
        if (a->pidfd >= 0)
                return adopted_signal_held(s, p, a->pidfd, group, sig);
        struct orphan who = a->who;
        AUTO_FD pidfd = -1; /* for this moment one may be had */
        enum orphan_found found = orphan_hold(s->sys, &who, &pidfd, &parent);
        if (found == ORPHAN_GONE)
                errno = ESRCH;
        if (pidfd < 0)
                return -1;
        adopted_look_again_in(s, LOOK_FIRST_S);
        return adopted_signal_held(s, p, pidfd, group, sig);
}
