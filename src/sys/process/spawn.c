/* Starts a worker: clone, then the steps of the child up to exec. The child's side makes raw
 * system calls only: no memory, no locks, no stdio. The parent waits for no step; what became of
 * it comes through the report pipe. */
#include "sys/process/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault_point.h"
#include "base/fd.h"

#define STACK_SIZE (64 * 1024) /* 3.4 KB were used where it was measured */
#define GUARD_SIZE (64 * 1024) /* a whole page of any size that Linux has */

/* sizeof of the kernel's sigset_t, which glibc's is larger than. */
#define SIGSET_BYTES ((_NSIG + 6) / 8)

/* The child runs on a copy of our memory in which no other thread is there: a sanitizer's
 * bookkeeping could wait for one of them. */
#define CHILD_SIDE __attribute__((no_sanitize("address", "thread", "undefined")))

/* ThreadSanitizer takes clone() for a fork and stops all threads around it. The C library's other
 * name for it is not intercepted. */
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

enum { REPORT = 3, ENDS }; /* behind 0, 1 and 2: where the child says how far it is */

/* One attempt. */
struct start {
        const struct launch *l;
        const struct spawner *sp;
        pid_t self;       /* the child's, by the kernel, before the child runs */
        pid_t parent;     /* of a child that only looks */
        bool shares;      /* our table, until it has made its own */
        int at[ENDS];     /* where the worker's ends and the report's are */
        const char *file; /* to execute */
        int place;        /* its number in l->places */
};

/* What the child says: the step that it is about to take where one may hang, or (error not 0) where
 * it failed. Exec closes the pipe. */
struct report {
        int32_t step;
        int32_t error;
        int32_t place;
};

const char *spawn_step_word(enum spawn_step s)
{
        static const char *const words[STEP_COUNT] = {
                [STEP_NONE] = "start",
                [STEP_CLONE] = "create a process",
                [STEP_FILES] = "take over the descriptors",
                [STEP_SESSION] = "begin a session",
                [STEP_DUP] = "set up stdin, stdout and stderr",
                [STEP_FIND] = "find the program",
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

/* Before the descriptors are let go, a lock among them: the daemon that gets that lock next can
 * read what is written down here. */
CHILD_SIDE static int tell_birth(struct start *st)
{
        fault_point("spawn.cloned");
        if (st->l->born)
                st->l->born(st->l->born_arg, st->self);
        fault_point("spawn.recorded");
        return 0;
}

CHILD_SIDE static int own_table(struct start *st)
{
        if (!st->shares)
                return 0; /* clone has copied it */
        return close_range_raw((unsigned)st->sp->low + ENDS, ~0U, CLOSE_RANGE_UNSHARE);
}

/* A pipe takes this much at once, and no other process writes to it. */
CHILD_SIDE static void spawn_tell(const struct start *st, enum spawn_step step, int error)
{
        struct report r = { .step = step, .error = error, .place = st->place };

        while (write(st->at[REPORT], &r, sizeof r) < 0 && errno == EINTR)
                ;
}

/* From here on the parent may have its numbers back. What may hang next is STEP_FIND. */
CHILD_SIDE static int tell_begun(struct start *st)
{
        spawn_tell(st, STEP_FIND, 0);
        return 0;
}

CHILD_SIDE static int own_session(struct start *st)
{
        (void)st;
        return setsid() < 0 ? -1 : 0;
}

/* Of a copied table they may be in each other's way. */
CHILD_SIDE static int standard_fds(struct start *st)
{
        for (int i = 0; i < ENDS && !st->shares; i++) {
                int aside = fcntl(st->at[i], F_DUPFD_CLOEXEC, REPORT);
                if (aside < 0)
                        return -1;
                st->at[i] = aside;
        }
        for (int fd = 0; fd < REPORT; fd++)
                if (dup2(st->at[fd], fd) < 0)
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

/* The report is a pair of sockets then. Its end means that the daemon has ended or been replaced:
 * the next one adopts what it finds. */
CHILD_SIDE static int await_go(struct start *st)
{
        char word;

        while (st->l->waits && read(st->at[REPORT], &word, 1) < 0 && errno == EINTR)
                ;
        return 0;
}

/* Below a filter that refuses close_range: walk /proc/self/fd, from the start again while something
 * was closed. */
CHILD_SIDE static void close_listed(int dir, int report)
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
                                if (fd > 2 && fd != dir && fd != report && close(fd) == 0)
                                        closed = true;
                                at += d->len;
                        }
        }
        close(dir);
}

/* What is above 2 and not the child's business. Whatever this daemon opens is close-on-exec; this
 * is for descriptors that it inherited, so that a filter that refuses close_range is no reason to
 * refuse the start. */
CHILD_SIDE static int close_others(struct start *st)
{
        int report = st->at[REPORT];

        if (st->shares && st->sp->low == 3)
                return 0; /* only close-on-exec ones are left */
        if ((report == 3 || close_range_raw(3, (unsigned)report - 1, 0) == 0) &&
            close_range_raw((unsigned)report + 1, ~0U, 0) == 0)
                return 0;
        int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir >= 0)
                close_listed(dir, report);
        return 0;
}

/* What only looks for the program is of no use to any next instance: it ends with the daemon,
 * however long the file system lets it wait. */
CHILD_SIDE static int end_with_parent(struct start *st)
{
        if (!st->l->only_finds)
                return 0;
        return syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != st->parent ? -1
                                                                                            : 0;
}

/* compat 13: the first that there is, also where it cannot be executed. */
CHILD_SIDE static int spawn_find(struct start *st)
{
        struct stat is = { 0 };

        if (!st->l->places)
                return 0;
        while (st->l->places[st->place] && stat(st->l->places[st->place], &is) < 0)
                st->place++;
        st->file = st->l->places[st->place];
        errno = !st->file ? ENOENT : S_ISDIR(is.st_mode) ? EISDIR : EACCES;
        return st->file && !S_ISDIR(is.st_mode) && (is.st_mode & 0111) ? 0 : -1;
}

CHILD_SIDE static int spawn_limits(struct start *st)
{
        return st->l->limit_nofile ? setrlimit(RLIMIT_NOFILE, &st->l->nofile) : 0;
}

/* Where there is nothing to execute, this was all. */
CHILD_SIDE static int end_found(struct start *st)
{
        if (st->l->only_finds)
                _exit(0);
        return 0;
}

/* User changes are raw system calls: glibc's would signal all threads of a process whose threads
 * are not in this one. */
CHILD_SIDE static int spawn_groups(struct start *st)
{
        const struct launch *l = st->l;

        return l->change_user ? (int)syscall(SYS_setgroups, (size_t)l->group_count, l->groups) : 0;
}

CHILD_SIDE static int group_id(struct start *st)
{
        const struct launch *l = st->l;

        return l->change_user ? (int)syscall(SYS_setresgid, l->gid, l->gid, l->gid) : 0;
}

CHILD_SIDE static int user_id(struct start *st)
{
        const struct launch *l = st->l;

        return l->change_user ? (int)syscall(SYS_setresuid, l->uid, l->uid, l->uid) : 0;
}

/* A path of the worker's user may lead to a file system that never answers. */
CHILD_SIDE static int spawn_directory(struct start *st)
{
        if (st->l->directory)
                spawn_tell(st, STEP_DIRECTORY, 0);
        if (st->l->directory && chdir(st->l->directory) < 0)
                return -1;
        if (st->l->umask >= 0)
                umask((mode_t)st->l->umask);
        return 0;
}

/* Handlers first, then the mask: a handler of ours that ran here would do our work a second time.
 * SIG_IGN survives exec and must go too. Raw, because a sanitizer keeps its own list of handlers;
 * all zeros is SIG_DFL on every architecture. Where the daemon was killed meanwhile, no process
 * reads what is told, and the next daemon adopts the child: SIGPIPE, blocked so far, must not end
 * it. Ignoring a signal takes back one that waits. */
CHILD_SIDE static int spawn_signals(struct start *st)
{
        static const uint64_t by_default[16];
        static const uint64_t nothing_blocked[16], ignored[16] = { 1 };
        const void *mask = st->l->mask ? (const void *)st->l->mask : nothing_blocked;

        spawn_tell(st, STEP_EXEC, 0);
        syscall(SYS_rt_sigaction, SIGPIPE, ignored, NULL, SIGSET_BYTES);
        for (int sig = 1; sig < _NSIG; sig++)
                if ((st->sp->changed_signals[sig] || sig == SIGPIPE) &&
                    syscall(SYS_rt_sigaction, sig, by_default, NULL, SIGSET_BYTES) < 0)
                        return -1;
        return (int)syscall(SYS_rt_sigprocmask, SIG_SETMASK, mask, NULL, SIGSET_BYTES);
}

CHILD_SIDE static int spawn_execute(struct start *st)
{
        return execve(st->file, st->l->argv, st->l->envp);
}

/* compat 13: the user, then the directory, the umask, exec. Limits come before the user changes,
 * because raising one takes root. */
static const struct {
        enum spawn_step step;
        int (*run)(struct start *st);
} child_steps[] = {
        { STEP_FILES, tell_birth },
        { STEP_FILES, own_table },
        { STEP_FILES, tell_begun },
        { STEP_SESSION, own_session },
        { STEP_DUP, standard_fds },
        { STEP_FILES, close_others },
        { STEP_FILES, end_with_parent },
        { STEP_FILES, await_go },
        { STEP_FIND, spawn_find },
        { STEP_FIND, end_found },
        { STEP_LIMITS, spawn_limits },
        { STEP_GROUPS, spawn_groups },
        { STEP_GID, group_id },
        { STEP_UID, user_id },
        { STEP_DIRECTORY, spawn_directory },
        { STEP_SIGNALS, spawn_signals },
        { STEP_EXEC, spawn_execute },
};

CHILD_SIDE static int child_main(void *arg)
{
        static const uint64_t all[16] = { ~UINT64_C(0), ~UINT64_C(0) };
        struct start *st = arg;

        for (size_t i = 0; i < sizeof child_steps / sizeof *child_steps; i++)
                if (child_steps[i].run(st) < 0) {
                        int error = errno; /* no SIGPIPE where the parent has gone */
                        syscall(SYS_rt_sigprocmask, SIG_SETMASK, all, NULL, SIGSET_BYTES);
                        spawn_tell(st, child_steps[i].step, error);
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

/* Free numbers in a row, the lowest there are: F_DUPFD takes them without a race. */
static bool hold_numbers(struct spawner *sp)
{
        int from = 3;

        for (;;) {
                int held = 0, got = -1;
                sp->low = from;
                while (held < ENDS) {
                        got = fcntl(sp->idle, F_DUPFD_CLOEXEC, from + held);
                        if (got != from + held)
                                break;
                        held++;
                }
                if (held == ENDS)
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

/* By a system call filter. Nothing has such a number, and this table is not shared: nothing
 * changes.
 */
static bool unshare_is_refused(void)
{
        return close_range_raw(~0U, ~0U, CLOSE_RANGE_UNSHARE) < 0 &&
               (errno == ENOSYS || errno == EPERM);
}

bool spawner_ready(struct spawner *sp)
{
        if (!sp->stack && !map_stack(sp))
                return false;
        if (sp->low > 0)
                return true;
        if (!open_idle(sp))
                return false;
        sp->no_share |= unshare_is_refused();
        if (hold_numbers(sp))
                return true;
        fd_close(&sp->idle);
        return false;
}

/* Sixty questions once instead of sixty orders in each child. All zeros is what was never changed;
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

/* ---- the numbers are lent to one child at a time, until it has a table of its own */

static bool put_at(int fd, int number)
{
        int got;

        do
                got = dup3(fd, number, O_CLOEXEC);
        while (got < 0 && (errno == EINTR || errno == EBUSY));
        return got >= 0;
}

/* Afterwards nothing of the worker's ends may stay there: a pipe's writing end that we hold would
 * hide its end of file. */
static void take_back_fds(struct spawner *sp)
{
        int error = errno;

        for (int i = 0; i < ENDS; i++)
                put_at(sp->idle, sp->low + i);
        sp->lent_to = 0;
        errno = error;
}

static bool lend_fds(struct spawner *sp, const int fds[ENDS])
{
        for (int i = 0; i < ENDS; i++)
                if (!put_at(fds[i], sp->low + i)) {
                        take_back_fds(sp);
                        return false;
                }
        return true;
}

/* Dead, and no other part has to be notified here. */
static bool has_ended(pid_t pid)
{
        siginfo_t end = { .si_pid = 0 };

        return waitid(P_PID, (id_t)pid, &end, WEXITED | WNOHANG | WNOWAIT) < 0 || end.si_pid == pid;
}

/* Without waiting for it: the next start copies the table, where this one has not got so far. */
static bool numbers_are_ours(struct spawner *sp)
{
        struct pollfd said = { .fd = sp->lent_report, .events = POLLIN };

        if (sp->lent_to == 0)
                return true;
        if (poll(&said, 1, 0) <= 0 && !has_ended(sp->lent_to))
                return false;
        take_back_fds(sp);
        return true;
}

/* ---- starting */

/* The child is what is waited for, and on the same core all that is still to be done here would
 * stand before it. It has its turn until it begins a session, which is a scheduling group of its
 * own. */
static void spawn_child_first(void)
{
        sched_yield();
}

static void run_child(struct spawner *sp, struct start *st, int report, struct spawned *out)
{
        int flags = SIGCHLD | CLONE_CHILD_SETTID | (st->shares ? CLONE_FILES : 0);
        pid_t pid = clone(child_main, sp->stack + GUARD_SIZE + STACK_SIZE, flags, st, NULL, NULL,
                          &st->self);

        if (pid < 0) {
                *out =
                    (struct spawned){ .pid = -1, .step = STEP_CLONE, .error = errno, .report = -1 };
                if (st->shares)
                        take_back_fds(sp);
                return;
        }
        *out = (struct spawned){ .pid = pid, .report = report };
        if (st->shares) {
                sp->lent_to = pid;
                sp->lent_report = report;
        }
        spawn_child_first();
}

static void spawn_begin(struct spawner *sp, const struct launch *l, const int report[2],
                        struct spawned *out)
{
        struct start st = { .l = l,
                            .sp = sp,
                            .parent = l->only_finds ? getpid() : 0,
                            .shares = !l->copies_fds && !sp->no_share && numbers_are_ours(sp),
                            .at = { l->fds[0], l->fds[1], l->fds[2], report[1] },
                            .file = l->path };

        if (st.shares && !lend_fds(sp, st.at)) {
                *out =
                    (struct spawned){ .pid = -1, .step = STEP_DUP, .error = errno, .report = -1 };
                return;
        }
        for (int i = 0; st.shares && i < ENDS; i++)
                st.at[i] = sp->low + i;
        run_child(sp, &st, report[0], out);
}

/* Of one that waits both ends are read and written, and the child's one blocks. */
static bool report_open(const struct launch *l, int report[2])
{
        if (!l->waits)
                return pipe2(report, O_CLOEXEC | O_NONBLOCK) == 0;
        return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, report) == 0 &&
               fd_nonblock(report[0], true);
}

bool spawner_start(struct spawner *sp, const struct launch *l, struct spawned *out)
{
        sigset_t all, before;
        int report[2] = { -1, -1 };

        *out = (struct spawned){ .pid = -1, .report = -1 };
        if (!spawner_ready(sp) || !report_open(l, report)) {
                *out =
                    (struct spawned){ .pid = -1, .step = STEP_FILES, .error = errno, .report = -1 };
                return false;
        }
        if (!sp->signals_known)
                learn_signals(sp);
        sigfillset(&all);
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, SIGSET_BYTES);
        spawn_begin(sp, l, report, out);
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, SIGSET_BYTES);
        fd_close(&report[1]);
        if (out->pid > 0)
                return true;
        fd_close(&report[0]);
        return false;
}

enum spawn_progress spawner_look(struct spawner *sp, struct spawned *st)
{
        struct report said[8];
        ssize_t n;

        if (st->report < 0)
                return SPAWN_EXECUTED;
        if (st->error)
                return SPAWN_FAILED; /* it has been asked before */
        do {
                n = read(st->report, said, sizeof said);
                if (n > 0 && st->pid == sp->lent_to)
                        take_back_fds(sp);
                for (ssize_t i = 0; i < n / (ssize_t)sizeof *said; i++) {
                        st->step = (enum spawn_step)said[i].step;
                        st->error = said[i].error;
                        st->place = said[i].place;
                        if (st->error)
                                return SPAWN_FAILED;
                }
        } while (n > 0 || (n < 0 && errno == EINTR));
        return n < 0 && errno == EAGAIN ? SPAWN_UNDER_WAY : SPAWN_EXECUTED;
}

void spawner_go(const struct spawned *st)
{
        while (send(st->report, "", 1, MSG_NOSIGNAL) < 0 && errno == EINTR)
                ;
}

void spawner_drop(struct spawner *sp, struct spawned *st)
{
        if (sp->lent_to && st->pid == sp->lent_to)
                take_back_fds(sp);
        fd_close(&st->report);
}
