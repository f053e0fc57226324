#include "sys/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault_point.h"
#include "base/fd.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1U << 1)
#endif

#define STACK_SIZE (64 * 1024) /* 3.4 KB were used where it was measured */
#define GUARD_SIZE (64 * 1024) /* a whole page of any size that Linux has */

/* sizeof of the kernel's sigset_t, which glibc's is larger than. */
#define SIGSET_BYTES ((_NSIG + 6) / 8)

/* The child runs in our memory and leaves by exec or _exit, so that what a sanitizer notes down
 * about its stack would never be taken back. */
#define CHILD_SIDE __attribute__((no_sanitize("address", "thread", "undefined")))

/* ThreadSanitizer takes clone() for a fork: parent and child would both undo its preparations, in
 * the same memory. The C library's other name for it is not intercepted. */
#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#ifdef UNDER_TSAN
int __clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);
#define clone __clone
#endif

/* One attempt. The child writes step and error into our memory; no pipe is needed. */
struct start {
        const struct launch *l;
        const struct spawner *sp;
        pid_t self; /* the child's, by the kernel, before the child runs */
        enum spawn_step step;
        int error;
};

const char *spawn_step_word(enum spawn_step s)
{
        static const char *const words[STEP_COUNT] = {
                [STEP_NONE] = "start",
                [STEP_CLONE] = "create a process",
                [STEP_FILES] = "take over the descriptors",
                [STEP_SESSION] = "begin a session",
                [STEP_DUP] = "set up stdin, stdout and stderr",
                [STEP_DIRECTORY] = "change to the directory",
                [STEP_LIMITS] = "set the limits",
                [STEP_GROUPS] = "set the groups",
                [STEP_GID] = "set the group id",
                [STEP_UID] = "set the user id",
                [STEP_SIGNALS] = "reset the signals",
                [STEP_EXEC] = "execute",
        };

        return s < STEP_COUNT ? words[s] : words[STEP_NONE];
}

/* ---- the child's side: system calls only; no malloc, no stdio, no locks */

CHILD_SIDE static int close_range_raw(unsigned first, unsigned last, unsigned flags)
{
        return (int)syscall(SYS_close_range, first, last, flags);
}

/* Before the descriptors are let go, a lock among them: whoever gets that lock next can read what
 * is written down here. */
CHILD_SIDE static int tell_birth(const struct start *st)
{
        fault_point("spawn.cloned");
        if (st->l->born)
                st->l->born(st->l->born_arg, st->self);
        fault_point("spawn.recorded");
        return 0;
}

CHILD_SIDE static int own_table(const struct start *st)
{
        if (st->sp->no_share)
                return 0; /* clone has copied it */
        return close_range_raw((unsigned)st->sp->low + 3, ~0U, CLOSE_RANGE_UNSHARE);
}

CHILD_SIDE static int own_session(const struct start *st)
{
        (void)st;
        return setsid() < 0 ? -1 : 0;
}

CHILD_SIDE static int standard_fds(const struct start *st)
{
        for (int fd = 0; fd < 3; fd++)
                if (dup2(st->sp->low + fd, fd) < 0)
                        return -1;
        return 0;
}

struct dirent_raw {
        uint64_t ino;
        int64_t off;
        uint16_t len;
        uint8_t type;
        char name[];
};

CHILD_SIDE static int number_of(const char *name)
{
        int n = 0;

        for (; *name >= '0' && *name <= '9' && n < 100000000; name++)
                n = n * 10 + (*name - '0');
        return *name ? -1 : n;
}

/* Without close_range: walk /proc/self/fd, from the start again while something was closed. */
CHILD_SIDE static void close_listed(int dir)
{
        _Alignas(8) char data[2048];
        bool closed = true;

        while (closed && lseek(dir, 0, SEEK_SET) == 0) {
                long n;
                closed = false;
                while ((n = syscall(SYS_getdents64, dir, data, sizeof data)) > 0)
                        for (long at = 0; at < n;) {
                                const struct dirent_raw *d = (const void *)(data + at);
                                int fd = number_of(d->name);
                                if (fd > 2 && fd != dir && close(fd) == 0)
                                        closed = true;
                                at += d->len;
                        }
        }
        close(dir);
}

/* What is above 2 and not the child's business. Whatever this daemon opens is close-on-exec; this
 * is for descriptors that it inherited, so that a kernel with neither close_range nor /proc is no
 * reason to refuse the start. */
CHILD_SIDE static int close_others(const struct start *st)
{
        if (!st->sp->no_share && st->sp->low == 3)
                return 0; /* only close-on-exec ones are left */
        if (close_range_raw(3, ~0U, 0) == 0)
                return 0;
        int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir >= 0)
                close_listed(dir);
        else
                for (int fd = 3; fd < 4096; fd++)
                        close(fd);
        return 0;
}

CHILD_SIDE static int limits(const struct start *st)
{
        return st->l->limit_nofile ? setrlimit(RLIMIT_NOFILE, &st->l->nofile) : 0;
}

/* User changes are raw system calls: glibc's would signal all threads of a process whose threads
 * are not in this one. */
CHILD_SIDE static int groups(const struct start *st)
{
        const struct launch *l = st->l;

        return l->change_user ? (int)syscall(SYS_setgroups, (size_t)l->group_count, l->groups) : 0;
}

CHILD_SIDE static int group_id(const struct start *st)
{
        const struct launch *l = st->l;

        return l->change_user ? (int)syscall(SYS_setresgid, l->gid, l->gid, l->gid) : 0;
}

CHILD_SIDE static int user_id(const struct start *st)
{
        const struct launch *l = st->l;

        return l->change_user ? (int)syscall(SYS_setresuid, l->uid, l->uid, l->uid) : 0;
}

CHILD_SIDE static int directory(const struct start *st)
{
        if (st->l->directory && chdir(st->l->directory) < 0)
                return -1;
        if (st->l->umask >= 0)
                umask((mode_t)st->l->umask);
        return 0;
}

/* Handlers first, then the mask: a handler of ours that ran here would write into our memory.
 * SIG_IGN survives exec and must go too. Raw, because a sanitizer keeps its own list of handlers
 * in the memory that we share; all zeros is SIG_DFL on every architecture. */
CHILD_SIDE static int signals(const struct start *st)
{
        static const uint64_t by_default[16];
        static const uint64_t nothing_blocked[16];
        const void *mask = st->l->mask ? (const void *)st->l->mask : nothing_blocked;

        for (int sig = 1; sig < _NSIG; sig++)
                if (st->sp->changed_signals[sig] &&
                    syscall(SYS_rt_sigaction, sig, by_default, NULL, SIGSET_BYTES) < 0)
                        return -1;
        return (int)syscall(SYS_rt_sigprocmask, SIG_SETMASK, mask, NULL, SIGSET_BYTES);
}

CHILD_SIDE static int execute(const struct start *st)
{
        return execve(st->l->path, st->l->argv, st->l->envp);
}

/* compat 13: the user, then the directory, the umask, exec. Limits come before the user changes,
 * because raising one takes root. */
static const struct {
        enum spawn_step step;
        int (*run)(const struct start *st);
} child_steps[] = {
        { STEP_FILES, tell_birth },    { STEP_FILES, own_table },    { STEP_SESSION, own_session },
        { STEP_DUP, standard_fds },    { STEP_FILES, close_others }, { STEP_LIMITS, limits },
        { STEP_GROUPS, groups },       { STEP_GID, group_id },       { STEP_UID, user_id },
        { STEP_DIRECTORY, directory }, { STEP_SIGNALS, signals },    { STEP_EXEC, execute },
};

CHILD_SIDE static int child_main(void *arg)
{
        struct start *st = arg;

        for (size_t i = 0; i < sizeof child_steps / sizeof *child_steps; i++)
                if (child_steps[i].run(st) < 0) {
                        st->error = errno;
                        st->step = child_steps[i].step;
                        break;
                }
        _exit(127);
}

/* ---- the parent's side */

static void release_numbers(struct spawner *sp, int count)
{
        for (int i = 0; i < count; i++) {
                int fd = sp->low + i;
                fd_close(&fd);
        }
        sp->low = 0;
}

/* Three free numbers in a row, the lowest there are: F_DUPFD takes them without a race. */
static bool hold_numbers(struct spawner *sp)
{
        int from = 3;

        for (;;) {
                int held = 0, got = -1;
                sp->low = from;
                while (held < 3) {
                        got = fcntl(sp->idle, F_DUPFD_CLOEXEC, from + held);
                        if (got != from + held)
                                break;
                        held++;
                }
                if (held == 3)
                        return true;
                int error = errno;
                release_numbers(sp, held);
                if (got < 0) {
                        errno = error;
                        return false;
                }
                close(got);
                from = got;
        }
}

/* Neither read nor write can harm what stands on the held numbers, and it needs no /dev. It must
 * be above them, or it would split the row. */
static bool open_idle(struct spawner *sp)
{
        AUTO_FD fd = open("/", O_PATH | O_CLOEXEC);

        if (fd < 0)
                return false;
        sp->idle = fcntl(fd, F_DUPFD_CLOEXEC, 10);
        return sp->idle >= 0;
}

static bool map_stack(struct spawner *sp)
{
        void *at = mmap(NULL, GUARD_SIZE + STACK_SIZE, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

        if (at == MAP_FAILED)
                return false;
        if (mprotect((char *)at + GUARD_SIZE, STACK_SIZE, PROT_READ | PROT_WRITE) < 0) {
                int error = errno;
                munmap(at, GUARD_SIZE + STACK_SIZE);
                errno = error;
                return false;
        }
        sp->stack = at;
        return true;
}

bool spawner_ready(struct spawner *sp)
{
        if (!sp->stack && !map_stack(sp))
                return false;
        if (sp->low > 0)
                return true;
        if (!open_idle(sp))
                return false;
        if (hold_numbers(sp))
                return true;
        fd_close(&sp->idle);
        return false;
}

void spawner_release(struct spawner *sp)
{
        if (sp->low > 0) {
                release_numbers(sp, 3);
                fd_close(&sp->idle);
        }
        if (sp->stack)
                munmap(sp->stack, GUARD_SIZE + STACK_SIZE);
        *sp = (struct spawner){ 0 };
}

/* Sixty questions once instead of sixty orders in each child. All zeros is what nobody has touched;
 * whatever cannot be asked about is set. */
static void learn_signals(struct spawner *sp)
{
        static const uint64_t untouched[16];

        for (int sig = 1; sig < _NSIG; sig++) {
                uint64_t now[16] = { 0 };
                if (sig == SIGKILL || sig == SIGSTOP)
                        continue;
                sp->changed_signals[sig] =
                    syscall(SYS_rt_sigaction, sig, NULL, now, SIGSET_BYTES) < 0 ||
                    memcmp(now, untouched, sizeof now) != 0;
        }
        sp->signals_known = true;
}

static bool put_at(int fd, int number)
{
        int got;

        do
                got = dup3(fd, number, O_CLOEXEC);
        while (got < 0 && (errno == EINTR || errno == EBUSY));
        return got >= 0;
}

/* Put the worker's ends on the held numbers. Afterwards nothing of them may stay there: a pipe's
 * writing end that we hold would hide its end of file. */
static bool lend_fds(struct spawner *sp, const int fds[3])
{
        for (int i = 0; i < 3; i++)
                if (!put_at(fds[i], sp->low + i))
                        return false;
        return true;
}

static void take_back_fds(struct spawner *sp)
{
        int error = errno;

        for (int i = 0; i < 3; i++)
                put_at(sp->idle, sp->low + i);
        errno = error;
}

/* The failed child is gone when this returns: nobody else has to know that it ever was. */
static void forget_child(pid_t pid)
{
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
}

/* The exec that lets us go on has half of its own way before it, and the kernel puts us first: on
 * the same core all that is still to be done here would stand between the worker and its first
 * instruction, while another core may be idle. */
static void after_the_child(void)
{
        sched_yield();
}

static void run_child(struct spawner *sp, const struct launch *l, struct spawned *out)
{
        int flags = CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID | SIGCHLD |
                    (sp->no_share ? 0 : CLONE_FILES);
        struct start st = { .l = l, .sp = sp };

        pid_t pid = clone(child_main, sp->stack + GUARD_SIZE + STACK_SIZE, flags, &st, &st.self);
        if (pid < 0) {
                *out = (struct spawned){ .pid = -1, .step = STEP_CLONE, .error = errno };
        } else if (st.step != STEP_NONE) {
                forget_child(pid);
                *out = (struct spawned){ .pid = -1, .step = st.step, .error = st.error };
        } else {
                *out = (struct spawned){ .pid = pid };
                after_the_child();
        }
}

/* Kernels before 5.9, and system call filters that do not know the call. */
static bool unshare_is_refused(const struct spawner *sp, const struct spawned *out)
{
        return !sp->no_share && out->step == STEP_FILES &&
               (out->error == ENOSYS || out->error == EPERM || out->error == EINVAL);
}

bool spawner_start(struct spawner *sp, const struct launch *l, struct spawned *out)
{
        sigset_t all, before;

        *out = (struct spawned){ .pid = -1 };
        if (!spawner_ready(sp)) {
                *out = (struct spawned){ .pid = -1, .step = STEP_FILES, .error = errno };
                return false;
        }
        if (!sp->signals_known)
                learn_signals(sp);
        sigfillset(&all);
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, SIGSET_BYTES);
        if (lend_fds(sp, l->fds)) {
                run_child(sp, l, out);
                if (unshare_is_refused(sp, out)) {
                        sp->no_share = true;
                        run_child(sp, l, out);
                }
        } else {
                *out = (struct spawned){ .pid = -1, .step = STEP_DUP, .error = errno };
        }
        take_back_fds(sp);
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, SIGSET_BYTES);
        return out->pid > 0;
}
