/* Compresses rotated files one after another, by a child that the main loop starts. The compressed
 * file gets its name here, where files are renamed. */
#include "logs/store/gzip.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/buf.h"
#include "logs/intake/channel.h"

struct gzip_job {
        char *path; /* owned: the log's */
        int number; /* of the backup: grows while it is rotated further */
        int backups;
        uid_t owner; /* whose file it may be, too */
        bool runs;
        struct gzip_job *next;
};

static void gzip_job_free(struct gzip_job *j)
{
        if (j)
                free(j->path);
        free(j);
}

static char *name_of(const struct gzip_job *j, const char *suffix)
{
        struct buf name = BUF_INIT;

        buf_printf(&name, "%s.%d%s", j->path, j->number, suffix);
        return buf_take(&name);
}

/* One per log: nothing else is ever written there at the same time. */
static char *part_of(const struct gzip_job *j)
{
        struct buf name = BUF_INIT;

        buf_printf(&name, "%s.gz.part", j->path);
        return buf_take(&name);
}

/* Two files in place of their names, which move with the next rotation. */
static bool open_both(struct sys *sys, const struct gzip_job *j, int *in, int *out, struct err *e)
{
        char *from = name_of(j, ""), *to = part_of(j);
        struct stat st;

        *in = *out = -1;
        if (!from || !to)
                err_nomem(e);
        else
                *in = sys->open_file(sys, from, j->owner, O_RDONLY, 0, &st, e);
        if (*in >= 0 && !S_ISREG(st.st_mode))
                err_set(e, ERR_FOREIGN, "%s is no regular file", from);
        else if (*in >= 0) {
                sys->unlink(sys, to); /* of an earlier life */
                *out = sys->open_file(sys, to, 0, O_WRONLY | O_CREAT | O_EXCL, 0600, NULL, e);
        }
        free(from);
        free(to);
        return *out >= 0;
}

static bool gzip_start(struct core *core, struct gzip_job *j)
{
        struct sys *sys = core->sys;
        const struct logs_news *n = &core->news;
        struct err e = { 0 };
        int in, out;

        if (open_both(sys, j, &in, &out, &e))
                return n->compress(n->arg, in, out);
        log_line(core->log, LVL_WARN, "%s.%d is not compressed: %s", j->path, j->number, e.text);
        if (in >= 0)
                sys->close(sys, in);
        return false;
}

static void start_first(struct core *core)
{
        struct gzip_job *j;

        while ((j = core->gzip.jobs) && !j->runs) {
                j->runs = j->number <= j->backups && gzip_start(core, j);
                if (j->runs)
                        return;
                LL_DELETE(core->gzip.jobs, j);
                gzip_job_free(j);
        }
}

void gzip_shifted(struct core *core, const struct sink_file *file, bool wanted)
{
        const char *path = file->path;
        struct gzip_job *j;

        LL_FOREACH (core->gzip.jobs, j)
                if (strcmp(j->path, path) == 0)
                        j->number++;
        if (!wanted || !core->news.compress)
                return;
        j = calloc(1, sizeof *j);
        if (!j || !(j->path = strdup(path))) {
                log_line(core->log, LVL_WARN, "%s.1 is not compressed: out of memory", path);
                gzip_job_free(j);
                return;
        }
        j->number = 1;
        j->backups = file->backups;
        j->owner = file->owner;
        LL_APPEND(core->gzip.jobs, j);
}

void gzip_go(struct core *core)
{
        start_first(core);
}

/* The file gets its name before the uncompressed one goes: a kill in between leaves both, and the
 * next rotation takes the second for what it is. */
static void gzip_settle(struct core *core, struct gzip_job *j, bool fine)
{
        struct sys *sys = core->sys;
        char *plain = name_of(j, ""), *done = name_of(j, ".gz"), *part = part_of(j);

        if (!plain || !done || !part) {
                log_line(core->log, LVL_WARN, "%s.%d is not compressed: out of memory", j->path,
                         j->number);
        } else if (j->number > j->backups) {
                sys->unlink(sys, part); /* its turn to go came first */
        } else if (!fine) {
                log_line(core->log, LVL_WARN, "%s could not be compressed", plain);
                sys->unlink(sys, part);
        } else if (sys->rename(sys, part, done) < 0 || sys->unlink(sys, plain) < 0) {
                log_line(core->log, LVL_WARN, "%s is not compressed: %m", plain);
        }
        free(plain);
        free(done);
        free(part);
}

void gzip_ended(struct core *core, bool fine)
{
        struct gzip_job *j = core->gzip.jobs;

        if (!j || !j->runs)
                return;
        gzip_settle(core, j, fine);
        LL_DELETE(core->gzip.jobs, j);
        gzip_job_free(j);
        start_first(core);
}

void gzip_release(struct core *core)
{
        struct gzip_job *j, *next;

        LL_FOREACH_SAFE (core->gzip.jobs, j, next)
                gzip_job_free(j);
        core->gzip.jobs = NULL;
}
