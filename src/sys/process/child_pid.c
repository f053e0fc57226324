/* Finds the descendants of a process through its list of children, stops them in place, and
 * signals exactly one by pid and start time. Costs a few reads for each descendant, and nothing
 * for other processes of the machine. */
#include "sys/process/child_pid.h"

#include <signal.h>
#include <stdlib.h>

#include "base/fd.h"

static bool children_of(struct sys *s, const struct proc_entry *p, struct pid_list *list)
{
        return s->process->children(s, p->pid, p->threads > 1, list);
}

/* A kernel without CONFIG_PROC_CHILDREN: a walk over all there are. */
static bool children_by_parent(struct sys *s, pid_t pid, struct pid_list *list)
{
        struct proc_table t;
        bool fine = s->process->table(s, &t);

        list->count = 0;
        for (size_t i = 0; fine && i < t.count; i++)
                fine = t.items[i].parent != pid || pid_list_add(list, t.items[i].pid);
        proc_table_release(&t);
        return fine;
}

ssize_t child_children(struct sys *s, pid_t pid, pid_t **out)
{
        struct pid_list list = { 0 };

        *out = NULL;
        if (!s->process->children(s, pid, false, &list) && !children_by_parent(s, pid, &list)) {
                free(list.items);
                return -1;
        }
        *out = list.items;
        return (ssize_t)list.count;
}

bool child_tree(struct sys *s, const pid_t *roots, size_t count, struct proc_table *out)
{
        struct pid_list list = { 0 };
        bool fine = true;

        *out = (struct proc_table){ 0 };
        for (size_t i = 0; i < count && fine; i++)
                fine = pid_list_add(&list, roots[i]);
        for (size_t i = 0; i < list.count && fine; i++) {
                struct proc_entry entry;
                if (!s->process->entry(s, list.items[i], &entry))
                        continue; /* it has ended; what it had is its reaper's now */
                fine = proc_table_add(out, &entry) &&
                       (children_of(s, &entry, &list) || !s->process->entry(s, entry.pid, &entry));
        }
        free(list.items);
        if (fine)
                proc_table_sort(out);
        else
                proc_table_release(out);
        return fine;
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

static bool stop_children_of(struct sys *s, struct child_stopped *set,
                             const struct proc_entry *parent)
{
        struct pid_list list = { 0 };
        bool fine = true;

        children_of(s, parent, &list); /* it may have ended: nothing is below it then */
        for (size_t i = 0; i < list.count && fine; i++) {
                struct proc_entry child;
                if (child_stopped_has(set, list.items[i]) ||
                    !s->process->entry(s, list.items[i], &child) || child.state == 'Z')
                        continue;
                child_signal(s, &child, SIGSTOP);
                fine = stopped_add(set, &child);
        }
        free(list.items);
        return fine;
}

/* A process that has the signal forks no more, but for a fork that is under way: so their children
 * are read again until there is no other. */
bool child_stop(struct sys *s, struct child_stopped *set, const struct proc_entry *who)
{
        size_t first = set->all.count, had;

        if (child_stopped_has(set, who->pid))
                return true;
        child_signal(s, who, SIGSTOP);
        bool fine = stopped_add(set, who);
        do {
                had = set->all.count;
                for (size_t at = first; fine && at < set->all.count; at++) {
                        struct proc_entry parent = set->all.items[at]; /* the table may move */
                        fine = stop_children_of(s, set, &parent);
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

bool child_signal(struct sys *s, const struct proc_entry *who, int sig)
{
        struct proc_entry now;
        AUTO_FD pidfd = s->process->pidfd(s, who->pid);

        return pidfd >= 0 && s->process->entry(s, who->pid, &now) &&
               now.start_ticks == who->start_ticks && s->process->pidfd_kill(s, pidfd, sig) == 0;
}
