#include "engine/gzip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zlib.h>

#include "base/fd.h"
#include "engine/supervisor.h"

#define OWN_BINARY "/proc/self/exe" /* also when the file was replaced or removed meanwhile */

bool gzip_begin(struct supervisor *s, const char *from, const char *to)
{
        char *argv[] = { "supervisord", GZIP_FLAG, (char *)from, (char *)to, NULL };
        char *envp[] = { NULL };
        AUTO_FD null = open("/dev/null", O_RDWR | O_CLOEXEC);
        struct spawned result = { 0 };
        struct launch launch = { .path = OWN_BINARY,
                                 .argv = argv,
                                 .envp = envp,
                                 .umask = 077,
                                 .fds = { null, null, null },
                                 .mask = &s->worker_mask };

        if (s->gzip || null < 0)
                return false;
        if (!s->sys->spawn(s->sys, &launch, &result)) {
                errno = result.error;
                log_line(s->log, LVL_WARN, "cannot compress %s: couldn't %s: %m", from,
                         spawn_step_word(result.step));
                return false;
        }
        s->gzip = result.pid;
        return true;
}

bool gzip_reaped(struct supervisor *s, pid_t pid, int status)
{
        if (!s->gzip || pid != s->gzip)
                return false;
        s->gzip = 0;
        if (s->logs)
                logs_compressed(s->logs, status == 0);
        return true;
}

/* ---- the child */

static void be_modest(void)
{
        const int idle = 3 << 13; /* IOPRIO_CLASS_IDLE, of this thread */

        setpriority(PRIO_PROCESS, 0, 19);
        syscall(SYS_ioprio_set, 1, 0, idle);
}

static bool squeeze(int in, gzFile out)
{
        char data[65536];
        ssize_t n;

        while ((n = read(in, data, sizeof data)) > 0)
                if (gzwrite(out, data, (unsigned)n) != n)
                        return false;
        return n == 0;
}

/* As the log was: who may read it may read it on, and its age is its own. */
static bool take_after(int out, const struct stat *st)
{
        const struct timespec times[2] = { st->st_atim, st->st_mtim };

        if (fchown(out, st->st_uid, st->st_gid) < 0 && errno != EPERM)
                return false;
        return fchmod(out, st->st_mode & 07777) == 0 && futimens(out, times) == 0;
}

int gzip_main(const char *from, const char *to)
{
        struct stat st;

        be_modest();
        AUTO_FD in = open(from, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        AUTO_FD out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (in < 0 || out < 0 || fstat(in, &st) < 0 || !S_ISREG(st.st_mode))
                return 1;
        int copy = fcntl(out, F_DUPFD_CLOEXEC, 0);
        gzFile gz = copy < 0 ? NULL : gzdopen(copy, "wb6");
        if (!gz) {
                fd_close(&copy);
                return 1;
        }
        bool fine = squeeze(in, gz);
        fine = gzclose(gz) == Z_OK && fine;
        fine = fine && fsync(out) == 0 && take_after(out, &st);
        if (!fine)
                unlink(to);
        return fine ? 0 : 1;
}
