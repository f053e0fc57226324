/* The engine's part of a process: made when first needed, and freed with all that it owns. */
#include "engine/core/worker.h"

#include <stdlib.h>

#include "engine/events/listeners.h"
#include "engine/order/orders.h"
#include "engine/order/waiters.h"
#include "engine/persist/adopt.h"
#include "engine/persist/state.h"
#include "engine/run/launches.h"
#include "engine/run/stdin_pipe.h"
#include "engine/watch/probes.h"

struct worker *worker_of(struct supervisor *s, struct process *p)
{
        if (p->worker)
                return p->worker;
        struct worker *w = calloc(1, sizeof *w);
        if (!w)
                return NULL;
        w->sup = s;
        w->process = p;
        p->worker = w;
        return w;
}

struct remains *worker_remains(struct worker *w)
{
        if (!w->remains)
                w->remains = calloc(1, sizeof *w->remains);
        return w->remains;
}

const struct stdin_home *worker_stdin_home(struct supervisor *s)
{
        struct stdin_home *home = component_own(s, COMPONENT_worker);

        *home = (struct stdin_home){ .loop = s->loop, .dir = state_dir(s) };
        return home;
}

void worker_free(struct worker *w)
{
        if (!w)
                return;
        waiters_stop_nagging(w);
        launch_forget(w);
        adopted_free(w->adopted);
        probe_free(w->probe);
        listener_free(w->listener);
        stdin_pipe_free(w->in);
        stream_free(w->out);
        stream_free(w->err);
        free(w->log_error);
        if (w->remains) {
                strlist_release(&w->remains->leftovers);
                proc_table_release(&w->remains->kin);
                proc_table_release(&w->remains->named);
        }
        free(w->remains);
        w->process->worker = NULL;
        free(w);
}

static void worker_on_process_gone(struct supervisor *s, struct process *p)
{
        (void)s;
        worker_free(p->worker);
}

const struct component component_worker = { .name = "worker",
                                            .size = sizeof(struct stdin_home),
                                            .on_process_gone = worker_on_process_gone };
