/* Starting a worker: what sys_real()->spawn does.
 *
 * No step of a start is waited for. The last ones are taken with the worker's ids, and its user can
 * stop the child there; a directory or program of his may lie on a file system that never answers.
 * So memory is copied (no CLONE_VM, no CLONE_VFORK), and what comes of it is said through a pipe
 * that exec closes: the step and its errno.
 *
 * The descriptor table is shared until the child has made its own with
 * close_range(CLOSE_RANGE_UNSHARE), which copies only what lies below the range: a start costs the
 * same with 3 or 15,000 descriptors open. For that the ends that become 0, 1 and 2, and the pipe's,
 * must have low numbers: four of them are held from the start, and lent to one child until it has
 * said its first word. A start that comes before that copies the table. */
#ifndef SYS_PROCESS_SPAWN_H
#define SYS_PROCESS_SPAWN_H

#include <signal.h>
#include <stdbool.h>

#include "sys/sys.h"

struct spawner {
        int low;       /* low to low + 3 are held; 0: not yet */
        int idle;      /* what stands there between two starts */
        pid_t lent_to; /* the child that has no table of its own yet, as far as is known; 0: none */
        int lent_report; /* its report; borrowed */
        char *stack;     /* owned mapping: the child's stack above a guard page */
        bool no_share;   /* a filter refuses UNSHARE: copy the table instead */
        /* By number: not at its default in us. Asked at the first start; dispositions are not
         * changed after that. */
        bool changed_signals[_NSIG];
        bool signals_known;
};

/* Hold the four numbers and the stack; call it before others open files, or the numbers are high.
 * False, errno: later starts will try again. *sp starts as zeros. */
bool spawner_ready(struct spawner *sp);

/* The operations of struct sys. */
bool spawner_start(struct spawner *sp, const struct launch *l, struct spawned *out);
enum spawn_progress spawner_look(struct spawner *sp, struct spawned *st);
void spawner_go(const struct spawned *st);
void spawner_drop(struct spawner *sp, struct spawned *st);

#endif
