/* Finds the descendants of a process through its list of children, stops them in place, and
 * signals exactly one by pid and start time. Costs a few reads for each descendant, and nothing
 * for other processes of the machine. */
#include "sys/process/child_pid.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/vec.h"

static bool child_pid_slurp(const char *path, struct buf *out)
{
        AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return false;
        for (;;) {
                if (!buf_reserve(out, 4096))
                        return false;
                ssize_t n = read(fd, out->data + out->len, 4096);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return false;
                if (n == 0)
                        return true;
                out->len += (size_t)n;
                out->data[out->len] = '\0';
        }
}

struct pids {
        pid_t *items; /* owned */
        size_t count;
};

static bool pids_add(struct pids *list, pid_t pid)
{
        if (!vec_grow(list->items, list->count))
                return false;
        list->items[list->count++] = pid;
        return true;
}

/* Behind what the list has already. */
static bool children_of(pid_t pid, pid_t thread, struct pids *list)
{
        char path[64];
        AUTO_BUF text = BUF_INIT;

        snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)thread);
        if (!child_pid_slurp(path, &text))
                return false;
        for (char *at = text.data, *end; at; at = end) {
                long child = strtol(at, &end, 10);
                if (end == at)
                        break;
                if (!pids_add(list, (pid_t)child)) {
                        errno = ENOMEM;
                        return false;
                }
        }
        return true;
}

/* A kernel without CONFIG_PROC_CHILDREN: a walk over all there are. */
static bool children_by_parent(pid_t pid, struct pids *list)
{
        struct proc_table t;
        bool fine = proc_table_read(&t);

        list->count = 0;
        for (size_t i = 0; fine && i < t.count; i++)
                fine = t.items[i].parent != pid || pids_add(list, t.items[i].pid);
        proc_table_release(&t);
        return fine;
}

ssize_t child_children(pid_t pid, pid_t **out)
{
        struct pids list = { 0 };

        *out = NULL;
        if (!children_of(pid, pid, &list) && !children_by_parent(pid, &list)) {
                free(list.items);
                return -1;
        }
        *out = list.items;
        return (ssize_t)list.count;
}

/* A child hangs on the thread that forked it, while that one lives. */
static bool children_of_all(const struct proc_entry *p, struct pids *list)
{
        char path[64];
        struct dirent *d;

        if (p->threads <= 1)
                return children_of(p->pid, p->pid, list);
        snprintf(path, sizeof path, "/proc/%d/task", (int)p->pid);
        DIR *dir = opendir(path);
        bool fine = dir != NULL;
        while (fine && (d = readdir(dir)))
                if (isdigit((unsigned char)d->d_name[0]))
                        fine = children_of(p->pid, (pid_t)strtol(d->d_name, NULL, 10), list) ||
                               errno == ENOENT || errno == ESRCH; /* that thread has ended */
        if (dir)
                closedir(dir);
        return fine;
}

bool child_tree(const pid_t *roots, size_t count, struct proc_table *out)
{
        struct pids list = { 0 };
        bool fine = true;

        *out = (struct proc_table){ 0 };
        for (size_t i = 0; i < count && fine; i++)
                fine = pids_add(&list, roots[i]);
        for (size_t i = 0; i < list.count && fine; i++) {
                struct proc_entry entry;
                if (!proc_entry_read(list.items[i], &entry))
                        continue; /* it has ended; what it had is its reaper's now */
                fine = proc_table_add(out, &entry) &&
                       (children_of_all(&entry, &list) || !proc_entry_read(entry.pid, &entry));
        }
        free(list.items);
        if (fine)
                proc_table_sort(out);
        else
                proc_table_release(out);
        return fine;
}

bool child_environ(pid_t pid, struct buf *out)
{
        char path[64];

        snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
        return child_pid_slurp(path, out);
}

/* ---- stopped in place */

#define PIDS_MAX (1 << 22) /* PID_MAX_LIMIT */

bool child_stopped_has(const struct child_stopped *set, pid_t pid)
{
        return set->seen && pid > 0 && pid < PIDS_MAX && (set->seen[pid / 8] & 1 << pid % 8);
}

static bool stopped_add(struct child_stopped *set, const struct proc_entry *who)
{
        if (!set->seen && !(set->seen = calloc(1, PIDS_MAX / 8)))
                return false;
        if (who->pid <= 0 || who->pid >= PIDS_MAX || !proc_table_add(&set->all, who))
                return false;
        set->seen[who->pid / 8] |= (unsigned char)(1 << who->pid % 8);
        return true;
}

static bool stop_children_of(struct child_stopped *set, const struct proc_entry *parent)
{
        struct pids list = { 0 };
        bool fine = true;

        children_of_all(parent, &list); /* it may have ended: nothing is below it then */
        for (size_t i = 0; i < list.count && fine; i++) {
                struct proc_entry child;
                if (child_stopped_has(set, list.items[i]) ||
                    !proc_entry_read(list.items[i], &child) || child.state == 'Z')
                        continue;
                child_signal(&child, SIGSTOP);
                fine = stopped_add(set, &child);
        }
        free(list.items);
        return fine;
}

/* A process that has the signal forks no more, but for a fork that is under way: so their children
 * are read again until there is no other. */
bool child_stop(struct child_stopped *set, const struct proc_entry *who)
{
        size_t first = set->all.count, had;

        if (child_stopped_has(set, who->pid))
                return true;
        child_signal(who, SIGSTOP);
        bool fine = stopped_add(set, who);
        do {
                had = set->all.count;
                for (size_t at = first; fine && at < set->all.count; at++) {
                        struct proc_entry parent = set->all.items[at]; /* the table may move */
                        fine = stop_children_of(set, &parent);
                }
        } while (fine && set->all.count > had);
        return fine;
}

void child_stopped_release(struct child_stopped *set)
{
        proc_table_release(&set->all);
        free(set->seen);
        *set = (struct child_stopped){ 0 };
}

int child_asker(void)
{
        return eventfd(0, EFD_CLOEXEC);
}

/* Making a process the owner of a descriptor fails with ESRCH when the kernel has no such number in
 * use, be it as a process, a group or a session (fcntl(2), F_SETOWN). Nothing is ever sent to the
 * owner of an eventfd without O_ASYNC. */
bool child_is_gone(int asker, pid_t leader)
{
        return asker >= 0 && fcntl(asker, F_SETOWN, leader) < 0 && errno == ESRCH;
}

bool child_signal(const struct proc_entry *who, int sig)
{
        struct proc_entry now;
        AUTO_FD pidfd = (int)syscall(SYS_pidfd_open, who->pid, 0);

        return pidfd >= 0 && proc_entry_read(who->pid, &now) &&
               now.start_ticks == who->start_ticks &&
               syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) == 0;
}
