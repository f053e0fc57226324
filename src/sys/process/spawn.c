/* Starts a worker: clone, and what the child does before the steps of start_steps.c. Nothing is
 * waited for that is not our own: what becomes of a start comes through the report pipe. */
#include "sys/process/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault_point.h"
#include "base/fd.h"
#include "base/unconst.h"
#include "sys/process/raw_call.h"
#include "sys/process/start_steps.h"

#define STACK_SIZE (64 * 1024) /* 3.4 KB were used where it was measured */
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

#define GUARD_SIZE (64 * 1024) /* a whole page of any size that Linux has */

/* The child is without our other threads: a sanitizer's bookkeeping could wait for one of them. */
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

/* The numbers that are held, from sp->low: for the worker's 0, 1 and 2, the report, the starter. */
enum { REPORT = 3, ENDS, STARTER = ENDS, HELD };

/* supervisord/starter.c, as bytes */
extern const char _binary_starter_start[], _binary_starter_end[];

/* One attempt. */
struct start {
        const struct launch *l;
        const struct spawner *sp;
        struct start_task task;
        char *path[2];                                /* where l has no places */
        char plan[2 * sizeof(struct start_plan) + 1]; /* as a word */
        pid_t self;           /* the child's, by the kernel, before the child runs */
        bool shares;          /* our table, until it has made its own */
        bool through_starter; /* then its memory is ours, and we stand still until its exec */
        enum spawn_step step; /* with the starter: where it failed before that exec */
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
CHILD_SIDE static void tell_birth(const struct start *st)
{
        fault_point("spawn.cloned");
        if (st->l->born)
                st->l->born(st->l->born_arg, st->self);
        fault_point("spawn.recorded");
}

/* A table of its own, and in it what belongs to the worker in the places where it belongs. */
CHILD_SIDE static enum spawn_step own_table(const struct start *st)
{
        int low = st->sp->low;

        if (st->shares && close_range_raw((unsigned)(low + HELD), ~0U, CLOSE_RANGE_UNSHARE) < 0)
                return STEP_FILES;
        for (int fd = 0; fd < REPORT; fd++)
                if (dup2(low + fd, fd) < 0)
                        return STEP_DUP;
        /* low itself has been used, if it is this number */
        if (dup3(low + REPORT, REPORT_FD, st->through_starter ? 0 : O_CLOEXEC) < 0)
                return STEP_DUP;
        return STEP_NONE;
}

CHILD_SIDE static int child_main(void *arg)
{
        struct start *st = arg;
        int low = st->sp->low;

        tell_birth(st);
        st->step = own_table(st);
        if (st->through_starter) {
                if (st->step == STEP_NONE) {
                        st->step = STEP_EXEC;
                        syscall(SYS_execveat, low + STARTER, "", st->sp->words, st->l->envp,
                                AT_EMPTY_PATH);
                }
                st->error = errno;
                _exit(127);
        }
        if (st->step != STEP_NONE) {
                start_steps_tell(low + REPORT, st->step, errno, 0);
                _exit(127);
        }
        start_steps_tell(REPORT_FD, STEP_FIND, 0, 0); /* it is born, and that is written down */
        start_steps_take(&st->task);
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
                while (held < HELD) {
                        got = fcntl(sp->idle, F_DUPFD_CLOEXEC, from + held);
                        if (got != from + held)
                                break;
                        held++;
                }
                if (held == HELD)
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

/* ---- the starter */

static void go_without_starter(struct spawner *sp, const char *why, int error)
{
        snprintf(sp->why_copied, sizeof sp->why_copied, "%s%s%s", why, error ? ": " : "",
                 error ? strerrordesc_np(error) : "");
}

/* Those of our program's file, say, which the exec of another program takes away: the steps may
 * need them. */
static bool has_rights_that_go(void)
{
        struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3] = { 0 };

        if (geteuid() == 0)
                return prctl(PR_GET_SECUREBITS) & SECBIT_NOROOT;
        if (syscall(SYS_capget, &head, caps) < 0)
                return true;
        for (unsigned long cap = 0; cap < 64; cap++)
                if (caps[cap / 32].permitted >> (cap % 32) & 1 &&
                    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) != 1)
                        return true;
        return false;
}

/* In memory, sealed: no other process can change what is executed with our ids. */
static int starter_make(void)
{
        /* cppcheck-suppress comparePointers; the linker puts both around one thing */
        const size_t size = (size_t)(_binary_starter_end - _binary_starter_start);
        const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
        const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
        int fd = memfd_create("supervisord-starter", flags | MFD_EXEC);

        if (fd < 0 && errno == EINVAL)
                fd = memfd_create("supervisord-starter", flags); /* Linux before 6.3 */
        if (fd >= 0 && write(fd, _binary_starter_start, size) == (ssize_t)size &&
            fcntl(fd, F_ADD_SEALS, seals) == 0)
                return fd;
        fd_close(&fd);
        return -1;
}

static void hold_starter(struct spawner *sp)
{
        if (!RAW_CALLS) {
                go_without_starter(sp, "it does not know this kind of machine", 0);
                return;
        }
        if (has_rights_that_go()) {
                go_without_starter(sp, "it has capabilities that go with the next program", 0);
                return;
        }
        AUTO_FD fd = starter_make();
        if (fd < 0 || dup3(fd, sp->low + STARTER, O_CLOEXEC) < 0)
                go_without_starter(sp, "it cannot hold a program in memory", errno);
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
        if (hold_numbers(sp)) {
                hold_starter(sp);
                return true;
        }
        fd_close(&sp->idle);
        return false;
}

/* Sixty questions once instead of sixty orders in each child. All zeros is what was never changed;
 * whatever cannot be asked about is set. */
static void learn_signals(struct spawner *sp)
{
        static const uint64_t untouched[16];

        memset(sp->changed_signals, 0, sizeof sp->changed_signals);
        for (int sig = 1; sig < _NSIG; sig++) {
                uint64_t now[16] = { 0 };
                if (sig == SIGKILL || sig == SIGSTOP)
                        continue;
                if (syscall(SYS_rt_sigaction, sig, NULL, now, SIGSET_BYTES) < 0 ||
                    memcmp(now, untouched, sizeof now) != 0)
                        sp->changed_signals[(sig - 1) / 64] |= UINT64_C(1) << ((sig - 1) % 64);
        }
}

/* ---- the numbers are lent to the child */

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

/* ---- starting */

static void start_plan(struct start *st)
{
        const struct launch *l = st->l;
        struct start_task *t = &st->task;
        struct start_plan *p = &t->plan;

        memset(p, 0, sizeof *p);
        if (l->mask)
                memcpy(p->mask, l->mask, SIGSET_BYTES);
        memcpy(p->changed, st->sp->changed_signals, sizeof p->changed);
        p->nofile_cur = l->nofile.rlim_cur;
        p->nofile_max = l->nofile.rlim_max;
        p->limit_nofile = l->limit_nofile;
        p->change_user = l->change_user;
        p->uid = l->uid;
        p->gid = l->gid;
        p->group_count = l->change_user ? l->group_count : 0;
        p->umask = l->umask;
        p->waits = l->waits;
        p->only_finds = l->only_finds;
        p->parent = l->only_finds ? getpid() : 0;
        p->looks = l->places != NULL;
        p->enters = l->directory != NULL;
        t->groups = l->groups;
        t->directory = l->directory;
        t->places = l->places ? l->places : st->path;
        t->argv = l->argv;
        t->envp = l->envp;
        while (t->places[p->place_count])
                p->place_count++;
}

static bool has_room(struct spawner *sp, size_t words)
{
        char **grown =
            words <= sp->word_room ? sp->words : realloc(sp->words, words * sizeof *sp->words);

        if (!grown)
                return false;
        sp->words = grown;
        if (words > sp->word_room)
                sp->word_room = words;
        return true;
}

static size_t words_in(char *const *words)
{
        size_t count = 0;

        while (words[count])
                count++;
        return count;
}

/* What supervisord/starter.c takes apart. */
static bool start_words(struct spawner *sp, struct start *st)
{
        const struct start_task *t = &st->task;
        size_t groups = (size_t)t->plan.group_count * sizeof(gid_t);
        size_t places = (size_t)t->plan.place_count, argc = words_in(t->argv);

        buf_reset(&sp->groups);
        if (!has_room(sp, 4 + places + argc + 1) || !buf_reserve(&sp->groups, 2 * groups))
                return false;
        plan_encode(t->groups, groups, sp->groups.data);
        plan_encode(&t->plan, sizeof t->plan, st->plan);
        sp->words[0] = unconst("supervisord");
        sp->words[1] = st->plan;
        sp->words[2] = sp->groups.data;
        sp->words[3] = unconst(t->directory ? t->directory : "");
        memcpy(sp->words + 4, t->places, places * sizeof *t->places);
        memcpy(sp->words + 4 + places, t->argv, (argc + 1) * sizeof *t->argv);
        return true;
}

static pid_t start_clone(struct spawner *sp, struct start *st, int flags)
{
        flags |= SIGCHLD | CLONE_CHILD_SETTID;
        return clone(child_main, sp->stack + GUARD_SIZE + STACK_SIZE, flags, st, NULL, NULL,
                     &st->self);
}

/* What is short now may be there the next time, and a worker's words may be too many for us and fit
 * when they are alone. */
static bool may_pass(int error)
{
        return error == E2BIG || error == ENOMEM || error == EAGAIN || error == EMFILE ||
               error == ENFILE;
}

/* The child has our memory and our ids, and we stand still until it has executed the starter, which
 * lies in memory: nothing of the worker's is touched before that. -1: not in this way. */
static pid_t start_through(struct spawner *sp, struct start *st)
{
        st->through_starter = true;
        st->shares = !sp->no_share;
        st->task.plan.inherits = !st->shares || sp->low != REPORT_FD;
        if (!start_words(sp, st))
                return -1;
        pid_t pid = start_clone(sp, st, CLONE_VM | CLONE_VFORK | (st->shares ? CLONE_FILES : 0));
        if (pid < 0 || !st->error)
                return pid;
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) /* it is ending */
                ;
        if (st->step == STEP_EXEC && !may_pass(st->error))
                go_without_starter(sp, "it cannot execute a program in memory", st->error);
        return -1;
}

/* A child with a copy of all of ours: dearer, and nothing has to be executed before the worker. */
static pid_t start_copied(struct spawner *sp, struct start *st)
{
        st->through_starter = st->shares = false;
        st->task.plan.inherits = true;
        return start_clone(sp, st, 0);
}

static void start_run(struct spawner *sp, struct start *st, const int fds[ENDS],
                      struct spawned *out)
{
        pid_t pid = -1;

        start_plan(st);
        if (!lend_fds(sp, fds)) {
                *out = (struct spawned){ .step = STEP_DUP, .error = errno };
                return;
        }
        if (!sp->why_copied[0] && !st->l->own_program)
                pid = start_through(sp, st);
        out->step = pid > 0 ? STEP_FIND : STEP_NONE;
        if (pid < 0)
                pid = start_copied(sp, st);
        if (pid < 0)
                *out = (struct spawned){ .step = STEP_CLONE, .error = errno };
        out->pid = pid;
        take_back_fds(sp);
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
        sp->signals_known = !l->own_program; /* at its start that comes before we ignore any */
        sigfillset(&all);
        const int fds[ENDS] = { l->fds[0], l->fds[1], l->fds[2], report[1] };
        struct start st = { .l = l, .sp = sp, .path = { unconst(l->path), NULL } };
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, SIGSET_BYTES);
        start_run(sp, &st, fds, out);
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, SIGSET_BYTES);
        fd_close(&report[1]);
        out->report = report[0];
        if (out->pid > 0)
                return true;
        out->pid = -1;
        fd_close(&out->report);
        return false;
}

enum spawn_progress spawner_look(struct spawned *st)
{
        struct start_report said[8];
        ssize_t n;

        if (st->report < 0)
                return SPAWN_EXECUTED;
        if (st->error)
                return SPAWN_FAILED; /* it has been asked before */
        do {
                n = read(st->report, said, sizeof said);
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
