/* The last steps of a start, see the header. This file is compiled twice: into the daemon, and into
 * the starter, which has no C library. */
#include "sys/process/start_steps.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "sys/process/raw_call.h"
#include "sys/sys.h"

/* In the daemon this is a child without its other threads: a sanitizer's bookkeeping could wait for
 * one of them. */
#define CHILD_SIDE __attribute__((no_sanitize("address", "thread", "undefined")))

/* ---- how the plan gets to the starter */

CHILD_SIDE char *plan_encode(const void *bytes, size_t len, char *to)
{
        const unsigned char *from = bytes;

        for (size_t i = 0; i < len; i++) {
                *to++ = (char)('a' + (from[i] >> 4));
                *to++ = (char)('a' + (from[i] & 15));
        }
        *to = '\0';
        return to;
}

CHILD_SIDE size_t plan_decode(const char *text, void *to, size_t most)
{
        unsigned char *out = to;
        size_t len = 0;

        for (; len < most && text[2 * len]; len++)
                out[len] = (unsigned char)((text[2 * len] - 'a') << 4 | (text[2 * len + 1] - 'a'));
        return len;
}

/* ---- the steps */

/* A pipe takes this much at once, and no other process writes to it. */
CHILD_SIDE void start_steps_tell(int fd, int step, int error, int place)
{
        struct start_report r = { .step = step, .error = error, .place = place };

        while (raw_call(SYS_write, fd, (long)&r, sizeof r, 0) == -EINTR)
                ;
}

CHILD_SIDE static void step_begins(const struct start_task *t, enum spawn_step step)
{
        start_steps_tell(REPORT_FD, step, 0, t->place);
}

CHILD_SIDE static long step_session(struct start_task *t)
{
        (void)t;
        return raw_call(SYS_setsid, 0, 0, 0, 0);
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

        /* NOLINTNEXTLINE: that the kernel wrote it is not seen */
        for (; *name >= '0' && *name <= '9' && n < 100000000; name++)
                n = n * 10 + (*name - '0');
        return *name ? -1 : n;
}

/* Below a filter that refuses close_range: walk /proc/self/fd, from the start again while something
 * was closed. */
CHILD_SIDE static void close_listed(long dir)
{
        _Alignas(8) char data[2048];
        bool closed = true;

        while (closed && raw_call(SYS_lseek, dir, 0, SEEK_SET, 0) == 0) {
                long n;
                closed = false;
                while ((n = raw_call(SYS_getdents64, dir, (long)data, sizeof data, 0)) > 0)
                        for (long at = 0; at < n;) {
                                const struct dirent_raw *d = (const void *)(data + at);
                                int fd = number_of(d->name);
                                if (fd > REPORT_FD && fd != dir &&
                                    raw_call(SYS_close, fd, 0, 0, 0) == 0)
                                        closed = true;
                                at += d->len;
                        }
        }
        raw_call(SYS_close, dir, 0, 0, 0);
}

/* What is not the child's business. Whatever the daemon opens is close-on-exec; this is for
 * descriptors that it inherited, so that a filter that refuses close_range is no reason to refuse
 * the start. */
CHILD_SIDE static long step_close(struct start_task *t)
{
        if (!t->plan.inherits || raw_call(SYS_close_range, REPORT_FD + 1, ~0U, 0, 0) == 0)
                return 0;
        long dir = raw_call(SYS_openat, AT_FDCWD, (long)"/proc/self/fd",
                            O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        if (dir >= 0)
                close_listed(dir);
        return 0;
}

/* What only looks for the program is of no use to any next instance: it ends with the daemon,
 * however long the file system lets it wait. */
CHILD_SIDE static long step_tie(struct start_task *t)
{
        if (!t->plan.only_finds)
                return 0;
        long r = raw_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
        return r < 0 ? r : raw_call(SYS_getppid, 0, 0, 0, 0) == t->plan.parent ? 0 : -ESRCH;
}

/* The report is a pair of sockets then. Its end means that the daemon has ended or been replaced:
 * the next one adopts what it finds. */
CHILD_SIDE static long step_await(struct start_task *t)
{
        char word;

        while (t->plan.waits && raw_call(SYS_read, REPORT_FD, (long)&word, 1, 0) == -EINTR)
                ;
        return 0;
}

#ifdef SYS_newfstatat
#define raw_stat(path, is) raw_call(SYS_newfstatat, AT_FDCWD, (long)(path), (long)(is), 0)
#else
#define raw_stat(path, is) (stat(path, is) < 0 ? -errno : 0)
#endif

/* compat 13: the first that there is, also where it cannot be executed. */
CHILD_SIDE static long step_find(struct start_task *t)
{
        struct stat is;
        int count = t->plan.place_count;

        is.st_mode = 0;
        if (!t->plan.looks)
                return 0;
        while (t->place < count && raw_stat(t->places[t->place], &is) < 0)
                t->place++;
        if (t->place == count)
                return -ENOENT;
        return S_ISDIR(is.st_mode) ? -EISDIR : is.st_mode & 0111 ? 0 : -EACCES;
}

CHILD_SIDE _Noreturn static void start_end(int code)
{
        for (;;)
                raw_call(SYS_exit_group, code, 0, 0, 0);
}

/* Where there is nothing to execute, this was all. */
CHILD_SIDE static long step_end_found(struct start_task *t)
{
        if (t->plan.only_finds)
                start_end(0);
        return 0;
}

CHILD_SIDE static long step_limits(struct start_task *t)
{
        if (!t->plan.limit_nofile)
                return 0;
        return raw_call(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)&t->plan.nofile_cur, 0);
}

CHILD_SIDE static long step_groups(struct start_task *t)
{
        const struct start_plan *p = &t->plan;

        return p->change_user ? raw_call(SYS_setgroups, p->group_count, (long)t->groups, 0, 0) : 0;
}

CHILD_SIDE static long step_gid(struct start_task *t)
{
        const struct start_plan *p = &t->plan;

        return p->change_user ? raw_call(SYS_setresgid, p->gid, p->gid, p->gid, 0) : 0;
}

CHILD_SIDE static long step_uid(struct start_task *t)
{
        const struct start_plan *p = &t->plan;

        return p->change_user ? raw_call(SYS_setresuid, p->uid, p->uid, p->uid, 0) : 0;
}

/* A path of the worker's user may lead to a file system that never answers. */
CHILD_SIDE static long step_directory(struct start_task *t)
{
        if (t->plan.enters) {
                step_begins(t, STEP_DIRECTORY);
                long r = raw_call(SYS_chdir, (long)t->directory, 0, 0, 0);
                if (r < 0)
                        return r;
        }
        if (t->plan.umask >= 0)
                raw_call(SYS_umask, t->plan.umask, 0, 0, 0);
        return 0;
}

/* Handlers first, then the mask: a handler of the daemon's that ran here would do its work a second
 * time. SIG_IGN survives exec and must go too; all zeros is SIG_DFL on every architecture. Where
 * the daemon was killed meanwhile, no process reads what is told, and the next daemon adopts the
 * child: SIGPIPE, blocked so far, must not end it. Ignoring a signal takes back one that waits. */
CHILD_SIDE static long step_signals(struct start_task *t)
{
        static const uint64_t by_default[16], ignored[16] = { 1 };

        step_begins(t, STEP_EXEC);
        raw_call(SYS_rt_sigaction, SIGPIPE, (long)ignored, 0, SIGSET_BYTES);
        for (int sig = 1; sig < _NSIG; sig++) {
                bool changed = t->plan.changed[(sig - 1) / 64] >> ((sig - 1) % 64) & 1;
                long r = changed || sig == SIGPIPE
                             ? raw_call(SYS_rt_sigaction, sig, (long)by_default, 0, SIGSET_BYTES)
                             : 0;
                if (r < 0)
                        return r;
        }
        return raw_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)t->plan.mask, 0, SIGSET_BYTES);
}

CHILD_SIDE static long step_execute(struct start_task *t)
{
        return raw_call(SYS_execve, (long)t->places[t->place], (long)t->argv, (long)t->envp, 0);
}

/* compat 13: the user, then the directory, the umask, exec. Limits come before the user changes,
 * because raising one takes root. The system calls for the user are those of one thread. */
static const struct {
        enum spawn_step step;
        long (*run)(struct start_task *t);
} start_steps[] = {
        { STEP_SESSION, step_session },
        { STEP_FILES, step_close },
        { STEP_FILES, step_tie },
        { STEP_FILES, step_await },
        { STEP_FIND, step_find },
        { STEP_FIND, step_end_found },
        { STEP_LIMITS, step_limits },
        { STEP_GROUPS, step_groups },
        { STEP_GID, step_gid },
        { STEP_UID, step_uid },
        { STEP_DIRECTORY, step_directory },
        { STEP_SIGNALS, step_signals },
        { STEP_EXEC, step_execute },
};

CHILD_SIDE void start_steps_take(struct start_task *t)
{
        static const uint64_t all[16] = { ~UINT64_C(0), ~UINT64_C(0) };

        for (size_t i = 0; i < sizeof start_steps / sizeof *start_steps; i++) {
                long r = start_steps[i].run(t);
                if (r >= 0)
                        continue;
                /* no SIGPIPE where the parent has gone */
                raw_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)all, 0, SIGSET_BYTES);
                start_steps_tell(REPORT_FD, start_steps[i].step, (int)-r, t->place);
                break;
        }
        start_end(127);
}
