/* Starting a worker: what sys_real()->spawn does.
 *
 * clone shares memory and the descriptor table, and this thread stands still until the exec. The
 * child gets a table of its own with close_range(CLOSE_RANGE_UNSHARE), which copies only what lies
 * below the range: a start costs the same with 3 or 15,000 descriptors open. For that the three
 * ends that become 0, 1 and 2 must have low numbers: three of them are held from the start. */
#ifndef SYS_SPAWN_H
#define SYS_SPAWN_H

#include <signal.h>
#include <stdbool.h>

#include "sys/sys.h"

struct spawner {
        int low;       /* low, low + 1 and low + 2 are held; 0: not yet */
        int idle;      /* what stands there between two starts */
        char *stack;   /* owned mapping: the child's stack above a guard page */
        bool no_share; /* the kernel refuses UNSHARE: copy the table instead */
        /* By number: not at its default in us. Asked at the first start; dispositions are not
         * changed after that. */
        bool changed_signals[_NSIG];
        bool signals_known;
};

/* Hold the three numbers and the stack; call it before others open files, or the numbers are high.
 * False, errno: later starts will try again. *sp starts as zeros. */
bool spawner_ready(struct spawner *sp);
void spawner_release(struct spawner *sp);

/* The operation of struct sys. One at a time. */
bool spawner_start(struct spawner *sp, const struct launch *l, struct spawned *out);

#endif
