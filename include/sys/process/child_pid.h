/* Children and how to end them without hitting another process that has their number by now. */
#ifndef SYS_PROCESS_CHILD_PID_H
#define SYS_PROCESS_CHILD_PID_H

#include <stdbool.h>
#include <sys/types.h>

#include "sys/process/procfs.h"
#include "sys/sys.h"

/* Direct children of pid's first thread: one read, whatever the size of the machine. The caller
 * frees *out. -1: cannot be told (errno). */
ssize_t child_children(struct sys *s, pid_t pid, pid_t **out);

/* The roots and everything below them, whichever thread it was forked by: a few reads for each,
 * whatever the size of the machine. Fills *out. False: cannot be told, or no memory; then the table
 * of all processes can, at its price. */
bool child_tree(struct sys *s, const pid_t *roots, size_t count, struct proc_table *out);

/* Processes that are being stopped in place (SIGSTOP), so that they cannot go on forking while
 * others are looked for. */
struct child_stopped {
        struct proc_table all; /* in the order in which they were found */
        unsigned char *seen;   /* owned: a bit for each number */
};
/* This one and everything below it, the parent before its children are read. False: no memory. */
bool child_stop(struct sys *s, struct child_stopped *set, const struct proc_entry *who);
bool child_stopped_has(const struct child_stopped *set, pid_t pid);
void child_stopped_release(struct child_stopped *set);

/* Signal exactly this process: pid and start time are compared through a pidfd. False: gone, or not
 * permitted. */
bool child_signal(struct sys *s, const struct proc_entry *who, int sig);

#endif
