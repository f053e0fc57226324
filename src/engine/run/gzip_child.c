/* Both sides of compressing a rotated log: starting the child, and the child itself, which only
 * reads one descriptor and writes another. */
#include "engine/run/gzip_child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zlib.h>

#include "base/fd.h"
#include "engine/core/startup.h"
#include "engine/core/supervisor.h"

#define OWN_BINARY "/proc/self/exe" /* also when the file was replaced or removed meanwhile */

/* What it has for itself: the child; pid 0: there is none. */
static struct spawned *gzip_child_own(const struct supervisor *s)
{
        return component_own(s, COMPONENT_gzip_child);
}

static bool gzip_child_owns(const struct supervisor *s, pid_t pid)
{
        return pid > 0 && pid == gzip_child_own(s)->pid;
}

static bool gzip_child_spawn(struct supervisor *s, int from, int to)
{
        char *argv[] = { "supervisord", GZIP_FLAG, NULL };
        char *envp[] = { NULL };
        AUTO_FD null = open("/dev/null", O_RDWR | O_CLOEXEC);
        struct spawned result = { 0 };
        struct launch launch = { .path = OWN_BINARY,
                                 .own_program = true,
                                 .argv = argv,
                                 .envp = envp,
                                 .umask = -1,
                                 .fds = { from, to, null },
                                 .mask = &startup_of(s)->worker_mask };

        if (gzip_child_own(s)->pid || null < 0)
                return false;
        if (s->sys->spawn(s->sys, &launch, &result)) {
                *gzip_child_own(s) = result;
                return true;
        }
        errno = result.error;
        log_line(s->log, LVL_WARN, "cannot compress a log: couldn't %s: %m",
                 spawn_step_word(result.step));
        return false;
}

bool gzip_child_begin(struct supervisor *s, int from, int to)
{
        bool fine = gzip_child_spawn(s, from, to);

        s->sys->close(s->sys, from);
        s->sys->close(s->sys, to);
        return fine;
}

static bool gzip_child_on_reaped(struct supervisor *s, pid_t pid, int status)
{
        struct spawned *child = gzip_child_own(s);

        if (!gzip_child_owns(s, pid))
                return false;
        child->pid = 0;
        if (s->sys->spawn_look(s->sys, child) == SPAWN_FAILED)
                log_line(s->log, LVL_WARN, "cannot compress a log: couldn't %s: %s",
                         spawn_step_word(child->step), strerror(child->error));
        s->sys->spawn_drop(s->sys, child);
        if (s->logs)
                logs_compressed(s->logs, status == 0);
        return true;
}

const struct component component_gzip_child = { .name = "gzip_child",
                                                .size = sizeof(struct spawned),
                                                .on_reaped = gzip_child_on_reaped,
                                                .owns = gzip_child_owns };

/* ---- the child */

static void be_modest(void)
{
        const int idle = 3 << 13; /* IOPRIO_CLASS_IDLE, of this thread */

        setpriority(PRIO_PROCESS, 0, 19);
        syscall(SYS_ioprio_set, 1, 0, idle);
}

static bool gzip_child_squeeze(int in, gzFile out)
{
        char data[65536];
        ssize_t n;

        while ((n = read(in, data, sizeof data)) > 0)
                if (gzwrite(out, data, (unsigned)n) != n)
                        return false;
        return n == 0;
}

/* As the log was: who may read it may read it on, and its age is its own. Bits that make a program
 * run as its owner are no log's. */
static bool take_after(int out, const struct stat *st)
{
        const struct timespec times[2] = { st->st_atim, st->st_mtim };

        if (fchown(out, st->st_uid, st->st_gid) < 0 && errno != EPERM)
                return false;
        return fchmod(out, st->st_mode & 01777) == 0 && futimens(out, times) == 0;
}

int gzip_child_main(void)
{
        struct stat st;

        be_modest();
        if (fstat(STDIN_FILENO, &st) < 0 || !S_ISREG(st.st_mode))
                return 1;
        int copy = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        gzFile gz = copy < 0 ? NULL : gzdopen(copy, "wb6");
        if (!gz) {
                fd_close(&copy);
                return 1;
        }
        bool fine = gzip_child_squeeze(STDIN_FILENO, gz);
        fine = gzclose(gz) == Z_OK && fine;
        fine = fine && fsync(STDOUT_FILENO) == 0 && take_after(STDOUT_FILENO, &st);
        return fine ? 0 : 1;
}
