/* What /proc knows of processes. Reading the whole table walks /proc: only at the daemon's end, and
 * where sys/process/child_pid cannot tell, never per event of a running fleet. Supervision asks
 * through struct sys_process (sys/sys.h), whose real calls these are. */
#ifndef SYS_PROCESS_PROCFS_H
#define SYS_PROCESS_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"

struct proc_entry {
        pid_t pid, parent, group, session;
        unsigned long long start_ticks;
        int threads;
        bool ending;      /* its memory is gone already, and its descriptors are going */
        bool doomed;      /* it is ending or has ended, or a SIGKILL is on its way to it */
        bool before_exec; /* a start that has not come to the worker's exec */
        char state;       /* 'Z': zombie */
        int status;       /* of a zombie, as from waitpid; 0 where we may not look */
        char name[32];    /* comm */
};

struct proc_table {
        struct proc_entry *items; /* owned; ascending by pid */
        size_t count;
};

struct pid_list {
        pid_t *items; /* owned */
        size_t count;
};
bool pid_list_add(struct pid_list *list, pid_t pid); /* false: no memory */

bool proc_table_read(struct proc_table *t); /* false: no memory, or no /proc */
void proc_table_release(struct proc_table *t);
/* To make one from elsewhere: add, then sort. */
bool proc_table_add(struct proc_table *t, const struct proc_entry *entry); /* false: no memory */
void proc_table_sort(struct proc_table *t);

/* NULL: not in it. */
const struct proc_entry *proc_table_find(const struct proc_table *t, pid_t pid);

bool proc_entry_read(pid_t pid, struct proc_entry *out); /* false: errno */

/* Its children, behind what the list has already: of its first thread, from
 * /proc/PID/task/PID/children (Linux 3.5, CONFIG_PROC_CHILDREN), or of every thread. False: errno.
 */
bool proc_children(pid_t pid, bool of_threads, struct pid_list *list);

/* What it was started with, "NAME=value" and NUL each; what it set later does not show. False:
 * gone, or not permitted. */
bool proc_environ(pid_t pid, struct buf *out);

/* May we look at what the kernel shows to some only, the status of a zombie for one? */
bool proc_may_look(pid_t pid);

/* Everything that belongs to `leader`: its session, and what descends from it; without itself.
 * Writes up to max entries, returns how many there are. Zombies are left out. */
size_t proc_descendants(const struct proc_table *t, pid_t leader, struct proc_entry *out,
                        size_t max);

/* First 200 bytes of the command line, NULs as blanks; comm in brackets when there is none. */
void proc_command(pid_t pid, char *buf, size_t size);

#endif
