/* Starts what has to run at the daemon's beginning, and of a group that is added. A process that is
 * ordered something else meanwhile is left out. */
#include "engine/order/autostart.h"

#include <limits.h>
#include <stdlib.h>

#include "engine/core/worker.h"
#include "engine/order/operations.h"
#include "engine/run/streams.h"

static bool starts_itself(const struct supervisor *s, const struct process *p)
{
        return s->daemon_state == DAEMON_RUNNING && p->program->autostart &&
               p->state == PS_STOPPED && !p->recalled;
}

static enum fault autostart_give(struct supervisor *s, struct process *p, const struct caller *by,
                                 struct err *detail)
{
        (void)by, (void)detail;
        if (starts_itself(s, p))
                supervisor_order(s, p, PE_START);
        return FAULT_NONE;
}

/* Its logs are being opened. */
static void autostart_prepare(struct supervisor *s, struct process *p)
{
        if (starts_itself(s, p))
                streams_await(p->worker);
}

static void autostart_abandon(struct supervisor *s, struct process *p)
{
        (void)s;
        if (p->worker)
                streams_abandon(p->worker);
}

/* What is usual is through before anybody can ask. */
static const struct operation_kind autostart_all = { .give = autostart_give,
                                                     .first_ms = 20,
                                                     .gives_way = true,
                                                     .begins_anew = true,
                                                     .prepare = autostart_prepare,
                                                     .abandon = autostart_abandon };

static const struct operation_kind autostart_one_group = { .give = autostart_give,
                                                           .first_count = INT_MAX,
                                                           .prepare = autostart_prepare,
                                                           .abandon = autostart_abandon };

static void autostart_start(struct supervisor *s, const struct operation_kind *kind,
                            struct process **list, int count)
{
        if (count < 0)
                log_line(s->log, LVL_ERROR, "out of memory: nothing is started");
        else
                operation_begin(s, kind, list, count, NULL, NULL);
        free(list);
}

void autostart_group(struct supervisor *s, struct group *g)
{
        int count;
        struct process **list = group_start_order(g, &count);

        autostart_start(s, &autostart_one_group, list, count);
}

static void autostart_on_begin(struct supervisor *s)
{
        int count;
        struct process **list = registry_start_order(&s->registry, &count);

        autostart_start(s, &autostart_all, list, count);
}

const struct component component_autostart = { .name = "autostart",
                                               .on_begin = autostart_on_begin };
