/* The fake's processes: what /proc and pidfds tell of them, and what signals do. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "kernel.h"
#include "sys/process/orphan.h"
#include "sys/process/pidfd.h"

struct fake_process *kernel_process(struct fake_kernel *k, pid_t pid)
{
        for (size_t i = k->process_count; i-- > 0;)
                if (k->processes[i]->entry.pid == pid)
                        return k->processes[i];
        return NULL;
}

static void process_put(struct fake_kernel *k, struct fake_process *p)
{
        if (!kernel_grow((void **)&k->processes, k->process_count, sizeof *k->processes))
                abort();
        k->processes[k->process_count++] = p;
}

static struct fake_process *process_new(struct fake_kernel *k, struct proc_entry entry)
{
        struct fake_process *p = calloc(1, sizeof *p);

        if (!p)
                abort();
        *p = (struct fake_process){ .entry = entry, .fds = { -1, -1, -1 }, .lives = { -1, -1 } };
        p->entry.threads = 1;
        p->entry.state = 'S';
        p->entry.start_ticks = orphan_ticks_now();
        snprintf(p->entry.name, sizeof p->entry.name, "fake");
        process_put(k, p);
        return p;
}

static void process_free(struct fake_process *p)
{
        for (int i = 0; i < 3; i++)
                fd_close(&p->fds[i]);
        fd_close(&p->lives[0]);
        fd_close(&p->lives[1]);
        buf_release(&p->environ);
        free(p);
}

void kernel_process_born(struct fake_kernel *k, const struct fake_child *c)
{
        struct fake_process *p = process_new(
            k, (struct proc_entry){
                   .pid = c->pid, .parent = getpid(), .group = c->pid, .session = c->pid });

        for (size_t i = 0; i < c->envp.count; i++)
                buf_put(&p->environ, c->envp.items[i], strlen(c->envp.items[i]) + 1);
}

struct fake_process *kernel_fork(struct fake_kernel *k, pid_t parent)
{
        struct proc_entry entry = kernel_process(k, parent)->entry;

        entry.pid = k->next_pid++;
        entry.parent = parent;
        struct fake_process *p = process_new(k, entry);
        const struct buf *from = &kernel_process(k, parent)->environ;
        buf_put(&p->environ, from->data, from->len);
        return p;
}

void kernel_setsid(struct fake_process *p)
{
        p->entry.group = p->entry.session = p->entry.pid;
}

void kernel_environ(struct fake_process *p, const char *name, const char *value)
{
        buf_printf(&p->environ, "%s=%s", name, value);
        buf_put(&p->environ, "", 1);
}

/* ---- its end */

static bool is_below_daemon(struct fake_kernel *k, const struct fake_process *p)
{
        while (p && p->entry.pid != getpid())
                p = kernel_process(k, p->entry.parent);
        return p != NULL;
}

void kernel_process_reaped(struct fake_kernel *k, pid_t pid)
{
        for (size_t i = 0; i < k->process_count; i++) {
                struct fake_process *p = k->processes[i];
                if (p->entry.pid != pid || p->entry.state != 'Z')
                        continue;
                k->process_count--;
                memmove(k->processes + i, k->processes + i + 1,
                        (k->process_count - i) * sizeof(struct fake_process *));
                process_free(p);
                return;
        }
}

/* The daemon is a subreaper: what is left below one of its own is its child. */
void kernel_process_end(struct fake_kernel *k, pid_t pid, int status)
{
        struct fake_process *p = kernel_process(k, pid);

        if (!p || p->entry.state == 'Z')
                return;
        pid_t reaper = is_below_daemon(k, p) ? getpid() : 1;
        for (size_t i = 0; i < k->process_count; i++) {
                struct fake_process *child = k->processes[i];
                if (child->entry.parent != pid)
                        continue;
                child->entry.parent = reaper;
                if (child->entry.state == 'Z' && reaper == getpid())
                        kernel_queue_end(k, child->entry.pid, child->entry.status);
        }
        p->entry.state = 'Z';
        p->entry.status = status;
        p->entry.ending = p->entry.doomed = true;
        for (int i = 0; i < 3; i++)
                fd_close(&p->fds[i]);
        fd_close(&p->lives[1]);
        if (p->entry.parent == getpid() && !kernel_child(k, pid))
                kernel_queue_end(k, pid, status);
        else if (p->entry.parent != getpid() && !p->is_reaped_late)
                kernel_process_reaped(k, pid);
}

void kernel_signal(struct fake_kernel *k, struct fake_process *p, int sig)
{
        struct fake_child *c = kernel_child(k, p->entry.pid);

        if (sig <= 0 || p->entry.state == 'Z')
                return;
        if (p->entry.state == 'T' && sig != SIGKILL && sig != SIGCONT && sig != SIGSTOP) {
                p->due |= 1ull << sig;
                return;
        }
        p->got[sig]++;
        if (c)
                c->last_sig = sig;
        if (sig == SIGSTOP)
                p->entry.state = 'T';
        if (p->on_signal)
                p->on_signal(k, p, sig);
        if ((sig == SIGTERM && k->obeys_term && !p->ignores_term) ||
            (sig == SIGKILL && k->obeys_kill && !p->ignores_kill)) {
                kernel_end(k, p->entry.pid, KERNEL_KILLED(sig));
                return;
        }
        if (sig != SIGCONT || p->entry.state != 'T')
                return;
        p->entry.state = 'S';
        unsigned long long due = p->due;
        p->due = 0;
        for (int i = 1; due && i < 64; i++)
                if (due >> i & 1)
                        kernel_signal(k, p, i);
}

/* ---- pidfds */

/* Each is a copy of a pipe of the process: the pipe's inode tells whose. */
static struct fake_process *of_pidfd(struct fake_kernel *k, int pidfd)
{
        struct stat st, own;

        for (size_t i = 0; i < k->process_count; i++)
                if (fstat(pidfd, &st) == 0 && fstat(k->processes[i]->lives[0], &own) == 0 &&
                    st.st_ino == own.st_ino)
                        return k->processes[i];
        errno = ESRCH;
        return NULL;
}

/* NULL: there is none, or it is not shown (errno). */
static struct fake_process *process_asked(struct sys *s, enum kernel_call call, pid_t pid)
{
        struct fake_process *p = kernel_process(s->arg, pid);

        if (!kernel_enter(s->arg, call, NULL))
                return NULL;
        errno = !p ? ESRCH : call == K_PIDFD ? p->no_pidfd : p->no_entry;
        return errno ? NULL : p;
}

static int fake_pidfd(struct sys *s, pid_t pid)
{
        struct fake_process *p = process_asked(s, K_PIDFD, pid);

        if (p && p->lives[0] < 0 && pipe2(p->lives, O_CLOEXEC) < 0)
                return -1;
        if (p && p->entry.state == 'Z')
                fd_close(&p->lives[1]);
        return p ? fcntl(p->lives[0], F_DUPFD_CLOEXEC, 0) : -1;
}

static int fake_pidfd_kill(struct sys *s, int pidfd, int sig)
{
        struct fake_process *p = of_pidfd(s->arg, pidfd);

        if (!p || !kernel_enter(s->arg, K_PIDFD_KILL, NULL))
                return -1;
        if (p->no_signal) {
                errno = p->no_signal;
                return -1;
        }
        kernel_signal(s->arg, p, sig);
        return 0;
}

static bool fake_pidfd_status(struct sys *s, int pidfd, int *status_out)
{
        (void)s, (void)pidfd, (void)status_out;
        return false; /* a kernel before 6.15 */
}

static int fake_pidfd_getfd(struct sys *s, int pidfd, int number)
{
        const struct fake_process *p = of_pidfd(s->arg, pidfd);

        errno = EBADF;
        return p && number < 3 ? fcntl(p->fds[number], F_DUPFD_CLOEXEC, 0) : -1;
}

/* ---- /proc */

static bool fake_entry(struct sys *s, pid_t pid, struct proc_entry *out)
{
        const struct fake_process *p = process_asked(s, K_ENTRY, pid);

        if (p)
                *out = p->entry;
        return p != NULL;
}

static bool fake_table(struct sys *s, struct proc_table *out)
{
        const struct fake_kernel *k = s->arg;

        *out = (struct proc_table){ 0 };
        if (!kernel_enter(s->arg, K_TABLE, NULL))
                return false;
        for (size_t i = 0; i < k->process_count; i++)
                if (!k->processes[i]->no_entry && !proc_table_add(out, &k->processes[i]->entry))
                        abort();
        proc_table_sort(out);
        return true;
}

static bool fake_children(struct sys *s, pid_t pid, bool of_threads, struct pid_list *list)
{
        const struct fake_kernel *k = s->arg;

        (void)of_threads;
        if (!process_asked(s, K_CHILDREN, pid))
                return false;
        for (size_t i = 0; i < k->process_count; i++)
                if (k->processes[i]->entry.parent == pid &&
                    !pid_list_add(list, k->processes[i]->entry.pid))
                        abort();
        return true;
}

static bool fake_environ(struct sys *s, pid_t pid, struct buf *out)
{
        const struct fake_process *p = process_asked(s, K_ENVIRON, pid);

        if (p)
                buf_put(out, p->environ.data, p->environ.len);
        return p && !out->failed;
}

static void fake_command(struct sys *s, pid_t pid, char *buf, size_t size)
{
        const struct fake_process *p = kernel_process(s->arg, pid);

        snprintf(buf, size, "[%s]", p ? p->entry.name : "?");
}

static bool fake_may_look(struct sys *s, pid_t pid)
{
        const struct fake_process *p = kernel_process(s->arg, pid);

        return p && !p->hides_status;
}

/* The pipes are real ones, so an end is opened anew by a descriptor of our own. */
static int fake_pipe_of(struct sys *s, pid_t pid, int number, ino_t pipe, int flags)
{
        const struct fake_process *p = process_asked(s, K_OPEN, pid);
        const struct fake_child *c = kernel_child(s->arg, pid);
        struct stat st;

        (void)number;
        for (int i = 0; p && i < 3; i++) {
                int fd = c ? c->fds[i] : p->fds[i];
                if (fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == pipe)
                        return sys_process_real.pipe_of(NULL, getpid(), fd, pipe, flags);
        }
        if (p)
                errno = ENOENT;
        return -1;
}

static bool fake_number_is_free(struct sys *s, pid_t pid)
{
        const struct fake_kernel *k = s->arg;

        for (size_t i = 0; i < k->process_count; i++) {
                const struct proc_entry *e = &k->processes[i]->entry;
                if (e->pid == pid || e->group == pid || e->session == pid)
                        return false;
        }
        return true;
}

/* ---- life */

static const struct sys_process fake_process_ops = { .pidfd = fake_pidfd,
                                                     .pidfd_kill = fake_pidfd_kill,
                                                     .pidfd_status = fake_pidfd_status,
                                                     .pidfd_getfd = fake_pidfd_getfd,
                                                     .entry = fake_entry,
                                                     .table = fake_table,
                                                     .children = fake_children,
                                                     .environ = fake_environ,
                                                     .command = fake_command,
                                                     .may_look = fake_may_look,
                                                     .pipe_of = fake_pipe_of };

void kernel_processes_init(struct fake_kernel *k)
{
        k->ops.process = &fake_process_ops;
        k->ops.number_is_free = fake_number_is_free;
        process_new(k, (struct proc_entry){ .pid = 1 });
        if (getpid() != 1)
                process_new(k, (struct proc_entry){ .pid = getpid(), .parent = 1 });
}

void kernel_processes_release(struct fake_kernel *k)
{
        while (k->process_count > 0)
                process_free(k->processes[--k->process_count]);
        free(k->processes);
}

struct fake_survivors kernel_survivors(struct fake_kernel *k)
{
        struct fake_survivors those = { .items = calloc(k->process_count, sizeof(void *)) };
        size_t stay = 0;

        if (!those.items)
                abort();
        for (size_t i = 0; i < k->process_count; i++) {
                struct fake_process *p = k->processes[i];
                const struct fake_child *c = kernel_child(k, p->entry.pid);
                if (p->entry.pid == 1 || p->entry.pid == getpid() || p->entry.state == 'Z') {
                        k->processes[stay++] = p;
                        continue;
                }
                for (int fd = 0; c && fd < 3; fd++)
                        p->fds[fd] = c->fds[fd] < 0 ? -1 : fcntl(c->fds[fd], F_DUPFD_CLOEXEC, 0);
                those.items[those.count++] = p;
        }
        k->process_count = stay;
        return those;
}

void kernel_go_on(struct fake_kernel *k, struct fake_survivors *those, bool same_process)
{
        for (size_t i = 0; i < those->count; i++) {
                struct fake_process *p = those->items[i];
                if (p->entry.parent == getpid() && !same_process)
                        p->entry.parent = 1;
                if (p->entry.pid >= k->next_pid)
                        k->next_pid = p->entry.pid + 1;
                process_put(k, p);
        }
        free(those->items);
        *those = (struct fake_survivors){ 0 };
}
