#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

bool kernel_grow(void **items, size_t count, size_t size)
{
        char *more = realloc(*items, (count + 1) * size);

        if (!more)
                return false;
        memset(more + count * size, 0, size);
        *items = more;
        return true;
}

/* ---- failures on demand */

static struct fake_fault *fault_due(struct fake_kernel *k, enum kernel_call call)
{
        struct fake_fault *due = NULL;

        for (size_t i = 0; i < k->fault_count; i++) {
                struct fake_fault *f = &k->faults[i];
                if (f->used || f->call != call || (!f->every && --f->nth > 0))
                        continue;
                f->used = !f->every;
                if (!due || f->error)
                        due = f;
        }
        return due;
}

bool kernel_enter(struct fake_kernel *k, enum kernel_call call, size_t *len)
{
        struct fake_fault *f = fault_due(k, call);

        k->calls[call]++;
        if (!f)
                return true;
        if (f->error) {
                errno = f->error;
                return false;
        }
        if (len && *len > f->limit)
                *len = f->limit;
        return true;
}

static void add_fault(struct fake_kernel *k, struct fake_fault fault)
{
        size_t at = 0;

        while (at < k->fault_count && !k->faults[at].used)
                at++;
        if (at == sizeof k->faults / sizeof *k->faults)
                abort(); /* a test that asks for too much */
        k->faults[at] = fault;
        if (at == k->fault_count)
                k->fault_count++;
}

void kernel_fail(struct fake_kernel *k, enum kernel_call call, long nth, int error)
{
        add_fault(
            k, (struct fake_fault){ .call = call, .nth = nth, .every = nth == 0, .error = error });
}

void kernel_shorten(struct fake_kernel *k, enum kernel_call call, long nth, size_t limit)
{
        add_fault(
            k, (struct fake_fault){ .call = call, .nth = nth, .every = nth == 0, .limit = limit });
}

void kernel_mend(struct fake_kernel *k, enum kernel_call call)
{
        for (size_t i = 0; i < k->fault_count; i++)
                if (k->faults[i].call == call)
                        k->faults[i].used = true;
}

/* ---- workers */

struct fake_child *kernel_newest(struct fake_kernel *k)
{
        return k->child_count ? k->children[k->child_count - 1] : NULL;
}

struct fake_child *kernel_child(struct fake_kernel *k, pid_t pid)
{
        for (size_t i = k->child_count; i-- > 0;)
                if (k->children[i]->pid == pid)
                        return k->children[i];
        return NULL;
}

static void child_free(struct fake_child *c)
{
        for (int i = 0; i < 3; i++)
                fd_close(&c->fds[i]);
        fd_close(&c->report);
        strlist_release(&c->argv);
        strlist_release(&c->envp);
        free(c->path);
        free(c->directory);
        free(c);
}

static bool copy_list(struct strlist *to, char *const *from)
{
        for (; from && *from; from++)
                if (!strlist_add(to, *from))
                        return false;
        return true;
}

/* Where none of the places is there, the last one. */
static const char *file_of(struct fake_kernel *k, const struct launch *l)
{
        char *const *at = l->places;
        struct stat st;

        if (!at)
                return l->path;
        while (at[1] && k->ops.stat(&k->ops, *at, &st) != 0)
                at++;
        return *at;
}

static struct fake_child *child_new(struct fake_kernel *k, const struct launch *l)
{
        struct fake_child *c = calloc(1, sizeof *c);

        if (!c)
                return NULL;
        *c = (struct fake_child){ .pid = k->next_pid,
                                  .alive = true,
                                  .report = -1,
                                  .path = strdup(file_of(k, l)),
                                  .directory = l->directory ? strdup(l->directory) : NULL,
                                  .umask = l->umask,
                                  .change_user = l->change_user,
                                  .uid = l->uid,
                                  .gid = l->gid,
                                  .waits = l->waits,
                                  .limit_nofile = l->limit_nofile,
                                  .nofile = l->nofile };
        for (int i = 0; i < 3; i++)
                c->fds[i] = fcntl(l->fds[i], F_DUPFD_CLOEXEC, 0);
        for (int i = 0; i < l->group_count && i < 32; i++)
                c->groups[c->group_count++] = l->groups[i];
        sigemptyset(&c->mask);
        if (l->mask)
                c->mask = *l->mask;
        if (!c->path || !copy_list(&c->argv, l->argv) || !copy_list(&c->envp, l->envp)) {
                child_free(c);
                return NULL;
        }
        return c;
}

static bool fake_spawn(struct sys *s, const struct launch *l, struct spawned *out)
{
        struct fake_kernel *k = s->arg;
        struct fake_child *c = NULL;

        *out = (struct spawned){ .pid = -1, .step = k->spawn_fails_step, .report = -1 };
        if (kernel_enter(k, K_SPAWN, NULL)) {
                errno = ENOMEM;
                c = child_new(k, l);
        }
        if (!c || !kernel_grow((void **)&k->children, k->child_count, sizeof *k->children)) {
                out->error = errno;
                if (c)
                        child_free(c);
                return false;
        }
        k->children[k->child_count++] = c;
        kernel_process_born(k, c);
        k->next_pid++;
        *out = (struct spawned){ .pid = c->pid, .report = -1 };
        if (l->born && !k->spawn_takes_time)
                l->born(l->born_arg, c->pid);
        if (k->spawn_takes_time) {
                int ends[2];
                if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
                        abort();
                out->report = ends[0];
                c->report = ends[1];
        }
        return true;
}

void kernel_started(struct fake_kernel *k, pid_t pid, enum spawn_step step, int error)
{
        struct fake_child *c = kernel_child(k, pid);
        const int said[2] = { step, error };

        if (error && write(c->report, said, sizeof said) != sizeof said)
                abort();
        fd_close(&c->report);
}

static enum spawn_progress fake_spawn_look(struct sys *s, struct spawned *st)
{
        int said[2];

        (void)s;
        if (st->error)
                return SPAWN_FAILED;
        ssize_t n = st->report < 0 ? 0 : read(st->report, said, sizeof said);
        if (n < 0)
                return SPAWN_UNDER_WAY;
        if (n == 0)
                return SPAWN_EXECUTED;
        st->step = (enum spawn_step)said[0];
        st->error = said[1];
        return SPAWN_FAILED;
}

static void fake_spawn_go(struct sys *s, const struct spawned *st)
{
        struct fake_child *c = kernel_child(s->arg, st->pid);

        c->waits = false;
}

static void fake_spawn_drop(struct sys *s, struct spawned *st)
{
        (void)s;
        fd_close(&st->report);
}

void kernel_queue_end(struct fake_kernel *k, pid_t pid, int status)
{
        if (!kernel_grow((void **)&k->ends, k->end_count, sizeof *k->ends))
                abort();
        k->ends[k->end_count].pid = pid;
        k->ends[k->end_count++].status = status;
}

void kernel_end(struct fake_kernel *k, pid_t pid, int status)
{
        struct fake_child *c = kernel_child(k, pid);

        if (c && !c->alive)
                return;
        if (c) {
                c->alive = false;
                c->status = status;
                for (int i = 0; i < 3; i++)
                        fd_close(&c->fds[i]);
                fd_close(&c->report);
        }
        if (c || !kernel_process(k, pid))
                kernel_queue_end(k, pid, status);
        kernel_process_end(k, pid, status);
}

static bool is_addressed(const struct fake_process *p, pid_t to)
{
        return to < 0 ? p->entry.group == -to : p->entry.pid == to;
}

static int fake_kill(struct sys *s, pid_t pid, int sig)
{
        struct fake_kernel *k = s->arg;
        int result = kernel_enter(k, K_KILL, NULL) ? 0 : errno;

        if (result == 0) {
                result = ESRCH;
                for (size_t i = k->process_count; i-- > 0;)
                        if (is_addressed(k->processes[i], pid)) {
                                kernel_signal(k, k->processes[i], sig);
                                result = 0;
                        }
        }
        if (kernel_grow((void **)&k->kills, k->kill_count, sizeof *k->kills))
                k->kills[k->kill_count++] =
                    (struct fake_kill){ .pid = pid, .sig = sig, .result = result };
        errno = result;
        return result ? -1 : 0;
}

static bool any_unreaped(const struct fake_kernel *k)
{
        for (size_t i = 0; i < k->process_count; i++)
                if (k->processes[i]->entry.parent == getpid())
                        return true;
        return false;
}

static siginfo_t as_told(pid_t pid, int status)
{
        siginfo_t end = { .si_signo = SIGCHLD, .si_code = CLD_EXITED };

        end.si_pid = pid;
        end.si_status = WEXITSTATUS(status);
        if (WIFSIGNALED(status)) {
                end.si_code = CLD_KILLED;
                end.si_status = WTERMSIG(status);
        }
        return end;
}

static pid_t hand_out(struct fake_kernel *k, size_t at, int *status_out)
{
        pid_t pid = k->ends[at].pid;
        struct fake_child *c = kernel_child(k, pid);

        *status_out = k->ends[at].status;
        if (k->ops.end)
                *k->ops.end = as_told(pid, *status_out);
        memmove(k->ends + at, k->ends + at + 1, (k->end_count - at - 1) * sizeof *k->ends);
        k->end_count--;
        if (c)
                c->reaped = true;
        kernel_process_reaped(k, pid);
        return pid;
}

static pid_t fake_reap(struct sys *s, int *status_out)
{
        struct fake_kernel *k = s->arg;

        if (!kernel_enter(k, K_REAP, NULL))
                return -1;
        if (k->end_count > 0 && !k->hold_reaps)
                return hand_out(k, k->newest_first ? k->end_count - 1 : 0, status_out);
        if (k->end_count > 0 || any_unreaped(k))
                return 0;
        errno = ECHILD;
        return -1;
}

static pid_t fake_reap_one(struct sys *s, pid_t pid, int *status_out)
{
        struct fake_kernel *k = s->arg;

        if (!kernel_enter(k, K_REAP, NULL))
                return -1;
        for (size_t i = 0; i < k->end_count && !k->hold_reaps; i++)
                if (k->ends[i].pid == pid)
                        return hand_out(k, i, status_out);
        return 0;
}

bool kernel_say(struct fake_kernel *k, pid_t pid, int fd, const char *text)
{
        struct fake_child *c = kernel_child(k, pid);
        size_t len = strlen(text);

        if (!c || c->fds[fd] < 0)
                return false;
        fd_nonblock(c->fds[fd], true);
        return write(c->fds[fd], text, len) == (ssize_t)len;
}

ssize_t kernel_hear(struct fake_kernel *k, pid_t pid, char *data, size_t size)
{
        struct fake_child *c = kernel_child(k, pid);

        if (!c || c->fds[0] < 0) {
                errno = EBADF;
                return -1;
        }
        fd_nonblock(c->fds[0], true);
        return read(c->fds[0], data, size);
}

size_t kernel_kills(const struct fake_kernel *k, pid_t pid, int sig)
{
        size_t n = 0;

        for (size_t i = 0; i < k->kill_count; i++)
                n += k->kills[i].pid == pid && k->kills[i].sig == sig;
        return n;
}

int kernel_last_sig(const struct fake_kernel *k)
{
        return k->kill_count ? k->kills[k->kill_count - 1].sig : 0;
}

static int fake_pipe(struct sys *s, int fds[2])
{
        if (!kernel_enter(s->arg, K_PIPE, NULL))
                return -1;
        return pipe2(fds, O_CLOEXEC);
}

/* ---- life */

void kernel_init(struct fake_kernel *k)
{
        *k = (struct fake_kernel){ .next_pid = 1000, .spawn_fails_step = STEP_CLONE };
        k->ops = (struct sys){ .arg = k,
                               .spawn = fake_spawn,
                               .spawn_look = fake_spawn_look,
                               .spawn_go = fake_spawn_go,
                               .spawn_drop = fake_spawn_drop,
                               .kill = fake_kill,
                               .reap = fake_reap,
                               .reap_one = fake_reap_one,
                               .pipe = fake_pipe };
        kernel_files_init(&k->ops);
        kernel_processes_init(k);
}

void kernel_release(struct fake_kernel *k)
{
        kernel_processes_release(k);
        for (size_t i = 0; i < k->child_count; i++)
                child_free(k->children[i]);
        for (size_t i = 0; i < k->file_count; i++) {
                buf_release(&k->files[i]->data);
                free(k->files[i]->path);
                free(k->files[i]);
        }
        free(k->children);
        free(k->files);
        free(k->kills);
        free(k->ends);
        free(k->opens);
        *k = (struct fake_kernel){ 0 };
}
