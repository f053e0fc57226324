#include "engine/worker.h"

#include <stdlib.h>

#include "engine/adopt.h"
#include "engine/listeners.h"
#include "engine/orders.h"
#include "engine/probes.h"
#include "engine/stdin_pipe.h"

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

void worker_free(struct worker *w)
{
        if (!w)
                return;
        ev_timer_stop(w->sup->loop, &w->nag);
        adopted_free(w->adopted);
        probe_free(w->probe);
        listener_free(w->listener);
        stdin_pipe_free(w->in);
        stream_free(w->out);
        stream_free(w->err);
        free(w->log_error);
        strs_release(&w->leftovers);
        proc_table_release(&w->kin);
        w->process->worker = NULL;
        free(w);
}
