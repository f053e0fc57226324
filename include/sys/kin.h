/* Children and how to end them without hitting somebody who got their number meanwhile. */
#ifndef SYS_KIN_H
#define SYS_KIN_H

#include <stdbool.h>
#include <sys/types.h>

#include "sys/procfs.h"

/* Direct children of pid, from /proc/PID/task/PID/children (Linux 3.5, CONFIG_PROC_CHILDREN): one
 * read, whatever the size of the machine. The caller frees *out. -1: cannot be told (errno). */
ssize_t kin_children(pid_t pid, pid_t **out);

/* Signal exactly this process: pid and start time are compared through a pidfd. False: gone, or not
 * permitted. */
bool kin_signal(const struct proc_entry *who, int sig);

#endif
