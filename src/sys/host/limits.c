/* Raises the limits of open files and processes to minfds and minprocs, and tells why that cannot
 * be done. Notes the limits that workers get before it takes more for the daemon itself. */
#include "sys/host/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/fd.h"

/* One row for each limit that a key asks for. */
struct demand {
        int resource;
        const char *name, *key, *what, *of, *unit;
};

static const struct demand files = { RLIMIT_NOFILE,      "RLIMIT_NOFILE", "minfds",
                                     "file descriptors", "process",       "file descriptors" };
static const struct demand procs = { RLIMIT_NPROC,          "RLIMIT_NPROC", "minprocs",
                                     "available processes", "program",      "processes" };

static bool limits_refuse(const struct demand *d, int wanted, rlim_t hard, struct err *e)
{
        return err_set(e, ERR_USAGE,
                       "The minimum number of %s required to run this %s is %d as per the \"%s\" "
                       "command-line argument or config file setting. The current environment "
                       "will only allow you to open %llu %s.  Either raise that limit or ask for "
                       "less with %s.",
                       d->what, d->of, wanted, d->key, (unsigned long long)hard, d->unit, d->key);
}

/* Make the soft limit at least `wanted`; *now_out is what holds then. */
static bool limits_ensure(const struct demand *d, int wanted, struct rlimit *now_out,
                          struct log *log, struct err *e)
{
        struct rlimit now;

        if (getrlimit(d->resource, &now) < 0)
                return err_set(e, ERR_SYS, "read %s", d->name);
        *now_out = now;
        if (wanted <= 0 || now.rlim_cur >= (rlim_t)wanted)
                return true;
        struct rlimit want = { .rlim_cur = (rlim_t)wanted, .rlim_max = now.rlim_max };
        if (want.rlim_max < want.rlim_cur)
                want.rlim_max = want.rlim_cur;
        if (setrlimit(d->resource, &want) < 0)
                return limits_refuse(d, wanted, now.rlim_max, e);
        log_line(log, LVL_INFO, "Increased %s limit to %d", d->name, wanted);
        *now_out = want;
        return true;
}

bool limits_apply(int minfds, int minprocs, struct limits *out, struct log *log, struct err *e)
{
        struct rlimit unused;

        if (!limits_ensure(&files, minfds, &out->nofile, log, e) ||
            !limits_ensure(&procs, minprocs, &unused, log, e))
                return false;
        /* A fleet takes three descriptors a worker: as many as we may have. Where that is refused,
         * what minfds asked for is what there is. */
        struct rlimit own = { .rlim_cur = out->nofile.rlim_max, .rlim_max = out->nofile.rlim_max };
        if (own.rlim_cur != out->nofile.rlim_cur && setrlimit(RLIMIT_NOFILE, &own) < 0)
                log_line(log, LVL_DEBUG, "RLIMIT_NOFILE stays at %llu",
                         (unsigned long long)out->nofile.rlim_cur);
        return true;
}

void limits_make_room(int64_t descriptors)
{
        struct rlimit most;

        if (getrlimit(RLIMIT_NOFILE, &most) < 0)
                return;
        if (descriptors > INT_MAX)
                descriptors = INT_MAX;
        if ((rlim_t)descriptors > most.rlim_cur)
                descriptors = (int64_t)most.rlim_cur;
        AUTO_FD any = open("/", O_PATH | O_CLOEXEC);
        if (any >= 0 && descriptors > any) {
                AUTO_FD last = fcntl(any, F_DUPFD_CLOEXEC, (int)descriptors - 1);
                (void)last; /* the table never shrinks */
        }
}
