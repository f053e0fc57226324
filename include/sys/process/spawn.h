/* Starting a worker: what sys_real()->spawn does.
 *
 * No step of a start is waited for that is done with the worker's ids, or with a path of the
 * configuration: its user can stop the child there, and a directory or program may lie on a file
 * system that never answers. But a copy of the daemon's memory (fork) costs more than all the rest
 * of a start. So the child begins with our memory and our ids (CLONE_VM, CLONE_VFORK) and executes
 * the starter, a program of 3 KB that lies in memory; until then we stand still. The starter takes
 * the last steps (start_steps.h) and executes the worker; what comes of it is said through a pipe
 * that this exec closes: the step and its errno. Where there can be no starter, a copy of the
 * daemon takes the same steps, and why_copied says why.
 *
 * The descriptor table is shared until the child has made its own with
 * close_range(CLOSE_RANGE_UNSHARE), which copies only what lies below the range: a start costs the
 * same with 3 or 15,000 descriptors open. For that the ends that become 0, 1 and 2, the pipe's, and
 * the starter must have low numbers: five of them are held from the start. A copy of the daemon has
 * a copy of the table, too. */
#ifndef SYS_PROCESS_SPAWN_H
#define SYS_PROCESS_SPAWN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "sys/process/start_steps.h"
#include "sys/sys.h"

struct spawner {
        int low;       /* low to low + 4 are held; 0: not yet */
        int idle;      /* what stands there between two starts */
        char *stack;   /* owned mapping: the child's stack above a guard page */
        bool no_share; /* a filter refuses UNSHARE: copy the table instead */
        bool signals_known;
        /* By bit: not at its default in us. Asked at the first start of another program than ours;
         * dispositions are not changed after that. */
        uint64_t changed_signals[SIGSET_WORDS];
        char why_copied[80]; /* why there is no starter; "": there is */
        char **words;        /* owned: its arguments, and room for so many */
        size_t word_room;
        struct buf groups; /* one of them */
};

/* Hold the numbers and the stack; call it before others open files, or the numbers are high.
 * False, errno: later starts will try again. *sp starts as zeros. */
bool spawner_ready(struct spawner *sp);

/* The operations of struct sys. */
bool spawner_start(struct spawner *sp, const struct launch *l, struct spawned *out);
enum spawn_progress spawner_look(struct spawned *st);
void spawner_go(const struct spawned *st);

#endif
