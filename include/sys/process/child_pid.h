/* Children and how to end them without hitting another process that has their number by now. */
#ifndef SYS_PROCESS_CHILD_PID_H
#define SYS_PROCESS_CHILD_PID_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "sys/process/procfs.h"

/* Direct children of pid's first thread, from /proc/PID/task/PID/children (Linux 3.5,
 * CONFIG_PROC_CHILDREN): one read, whatever the size of the machine. The caller frees *out.
 * -1: cannot be told (errno). */
ssize_t child_children(pid_t pid, pid_t **out);

/* The roots and everything below them, whichever thread it was forked by: a few reads for each,
 * whatever the size of the machine. Fills *out. False: cannot be told, or no memory; then
 * proc_table_read can, at its price. */
bool child_tree(const pid_t *roots, size_t count, struct proc_table *out);

/* A descriptor to ask child_is_gone with, as often as one likes; -1: none to be had. */
int child_asker(void);
/* No process has this number any more, and none is in a session or process group called by it:
 * its leader is reaped and has left nothing in it. A look-up in the kernel's table of numbers,
 * whatever the size of the machine. False: a process is left, or it cannot be told (before
 * Linux 4.14). */
bool child_is_gone(int asker, pid_t leader);

/* What it was started with, "NAME=value" and NUL each; what it set later does not show. False:
 * gone, or not permitted. */
bool child_environ(pid_t pid, struct buf *out);

/* Processes that are being stopped in place (SIGSTOP), so that they cannot go on forking while
 * others are looked for. */
struct child_stopped {
        struct proc_table all; /* in the order in which they were found */
        unsigned char *seen;   /* owned: a bit for each number */
};
/* This one and everything below it, the parent before its children are read. False: no memory. */
bool child_stop(struct child_stopped *set, const struct proc_entry *who);
bool child_stopped_has(const struct child_stopped *set, pid_t pid);
void child_stopped_release(struct child_stopped *set);

/* Signal exactly this process: pid and start time are compared through a pidfd. False: gone, or not
 * permitted. */
bool child_signal(const struct proc_entry *who, int sig);

#endif
