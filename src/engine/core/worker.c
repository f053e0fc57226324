/* The engine's part of a process: made when first needed, and freed with all that it owns. */
#include "engine/core/worker.h"

#include <stdlib.h>

#include "engine/core/supervisor.h"
#include "engine/run/stdin_pipe.h"

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

/* Components have freed what is theirs. */
static void worker_free(struct worker *w)
{
        if (!w)
                return;
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
                                            .on_process_gone = worker_on_process_gone };
