/* The pipes of a worker of an earlier daemon: its logs are read on, its stdin is written to again.
 * What cannot be opened now is tried again (adopt_worker.c); the worker is never harmed for it. */
#include "engine/persist/adopt_own.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "engine/core/startup.h"
#include "engine/persist/state_record.h"
#include "engine/run/pipes.h"
#include "engine/run/stdin_pipe.h"
#include "engine/run/streams.h"
#include "sys/process/orphan.h"
#include "sys/store/handover.h"

/* Of an earlier image of this process it is open already; else it is opened anew. */
static int adopt_our_end(struct supervisor *s, const struct process *p, int number, ino_t pipe)
{
        char name[48];

        handover_pipe_name(name, sizeof name, pipe, number != 0);
        int fd = handover_fd(startup_of(s)->handover, name);
        return fd >= 0 ? fd
                       : s->sys->process->pipe_of(s->sys, p->pid, number, pipe,
                                                  number ? O_RDONLY : O_WRONLY);
}

/* One of its logs, read again. False: it could not be, and it is tried again. *closed_out: it has
 * no longer what it was given. */
static bool adopt_take_log(struct supervisor *s, struct process *p, int number, struct stream *to,
                           bool *closed_out, struct err *e)
{
        static const char *const words[] = { "stdin", "stdout", "stderr" };
        ino_t pipe = (ino_t)p->worker->mark.pipes[number];

        if (!pipe || !to)
                return true;
        int fd = adopt_our_end(s, p, number, pipe);
        *closed_out = *closed_out || fd < 0;
        if (fd < 0 && errno == ENOENT)
                return true;
        if (fd >= 0 && !pipes_leave_reserve(s, fd, false))
                fd_close(&fd);
        if (fd < 0)
                return err_set(e, ERR_SYS, "open its %s", words[number]);
        return stream_attach(to, fd, NULL, e);
}

/* Of `wanted` (LOG_*). Returns those that are still not read. */
unsigned adopt_take_logs(struct supervisor *s, struct process *p, unsigned wanted, bool *closed_out,
                         struct err *e)
{
        struct worker *w = p->worker;
        unsigned lacking = 0;
        struct err second = { 0 }; /* what is said is why the first one could not be opened */

        if (!streams_prepare(s, w, e))
                return wanted;
        if ((wanted & LOG_OUT) && !adopt_take_log(s, p, 1, w->out, closed_out, e))
                lacking |= LOG_OUT;
        if ((wanted & LOG_ERR) &&
            !adopt_take_log(s, p, 2, w->err, closed_out, lacking ? &second : e))
                lacking |= LOG_ERR;
        streams_started(w, p->pid);
        return lacking;
}

/* Keeps what is given (-1: it is opened). False: errno. */
static bool adopt_open_stdin(struct supervisor *s, const struct process *p, int fd)
{
        ino_t pipe = (ino_t)p->worker->mark.pipes[0];

        errno = ENOENT;
        if (fd < 0)
                fd = pipe ? adopt_our_end(s, p, 0, pipe) : -1;
        if (fd >= 0 && (!pipes_leave_reserve(s, fd, false) || !fd_nonblock(fd, true)))
                fd_close(&fd);
        if (fd < 0)
                return false;
        errno = ENOMEM;
        if (!stdin_pipe_open(&p->worker->in, p->worker, true, fd, NULL))
                return false;
        if (!stdin_pipe_resume(p->worker->in))
                log_line(s->log, LVL_ERROR,
                         "%s: out of memory: what waits for its standard input "
                         "is lost",
                         p->name);
        return true;
}

bool adopt_stdin(struct supervisor *s, const struct process *p)
{
        if (p->worker && p->worker->in)
                return true;
        errno = ENOENT;
        return p->worker && p->worker->mark.adopted && adopt_open_stdin(s, p, -1);
}

/* Only what has it now, or needs it. True: all is well. */
bool adopt_take_stdin(struct supervisor *s, struct process *p)
{
        uint64_t pipe = p->worker->mark.pipes[0];
        char name[48];

        handover_pipe_name(name, sizeof name, pipe, false);
        bool is_here = pipe && handover_has(startup_of(s)->handover, name);
        if (is_here || p->program->kind == KIND_LISTENER)
                return adopt_open_stdin(s, p, -1) || errno == ENOENT;
        return true;
}

void adopt_say_lost(struct supervisor *s, const struct process *p)
{
        log_line(s->log, LVL_WARN,
                 "'%s' (pid %d) ended while unsupervised; what it wrote last is lost", p->name,
                 (int)p->pid);
}

/* One that is not complete is said, and listed if it may be tried again. */
static void adopt_say_without(struct supervisor *s, const struct process *p, const char *what,
                              const char *why)
{
        struct adopted *a = p->worker->adopted;

        log_line(s->log, LVL_WARN, "adopted '%s' (pid %d) without its %s: %s%s", p->name,
                 (int)p->pid, what, why, a ? "; this is tried again" : "");
        if (a)
                adopted_list(a);
}

void adopt_take_pipes(struct supervisor *s, struct process *p)
{
        struct adopted *a = p->worker->adopted;
        struct err e = { 0 };
        bool closed = false;

        if (!adopt_take_stdin(s, p)) {
                if (a)
                        a->lacks_stdin = true;
                adopt_say_without(s, p, "standard input", strerror(errno));
        }
        unsigned lacking = adopt_take_logs(s, p, LOG_OUT | LOG_ERR, &closed, &e);
        p->worker->mark.adopted_logs = !lacking;
        if (closed && orphan_is_ending(s->sys, p->pid)) {
                adopt_say_lost(s, p);
        } else if (lacking) {
                if (a)
                        a->lacks_logs = (uint8_t)lacking;
                adopt_say_without(s, p, "logs", e.text);
        }
}

bool adopt_log_failed(struct supervisor *s, const struct process *p, bool is_stderr,
                      const struct err *why)
{
        struct adopted *a = p->worker->adopted;

        if (!a)
                return false;
        a->lacks_logs |= is_stderr ? LOG_ERR : LOG_OUT;
        p->worker->mark.adopted_logs = false;
        adopt_say_without(s, p, "logs", why->text);
        return true;
}
