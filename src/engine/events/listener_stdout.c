/* The result handler of the package supervisor_stdout, which many configurations name: what its
 * listener answers is a log line of another process, and goes to the daemon's standard output. By
 * a pipe to the log thread: a standard output that is not read holds up nothing here. */
#include <fcntl.h>
#include <stdlib.h>

#include "base/fd.h"
#include "engine/events/pool.h"
#include "engine/run/stdin_pipe.h"

struct listener_stdout {
        struct stdin_pipe *in; /* owned: what the log thread has not read waits there */
        struct stream *out;    /* owned: writes what the pipe holds to /dev/stdout */
        bool refused;          /* the last answer found no room, which was said */
};

void listener_stdout_free(struct listener_stdout *o)
{
        if (!o)
                return;
        stdin_pipe_free(o->in);
        stream_free(o->out);
        free(o);
}

/* The stream takes the reading end over. */
static bool connect_stream(struct listener_stdout *o, struct supervisor *s, struct worker *w,
                           struct err *e)
{
        const struct stream_conf conf = { .process = w->process->name,
                                          .path = "/dev/stdout",
                                          .drops = true };
        int ends[2];

        o->out = stream_new(s->logs, &conf, w, e);
        if (!o->out)
                return false;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return err_set(e, ERR_SYS, "make a pipe");
        AUTO_FD write_end = ends[1];
        if (!stream_attach(o->out, ends[0], NULL, e))
                return false;
        if (!fd_nonblock(write_end, true))
                return err_set(e, ERR_SYS, "make a pipe non-blocking");
        return stdin_pipe_open(&o->in, w, false, fd_take(&write_end), NULL) || err_nomem(e);
}

static struct listener_stdout *listener_stdout_new(struct supervisor *s, struct worker *w,
                                                   struct err *e)
{
        struct listener_stdout *o = calloc(1, sizeof *o);

        if (!o) {
                err_nomem(e);
                return NULL;
        }
        if (connect_stream(o, s, w, e))
                return o;
        listener_stdout_free(o);
        return NULL;
}

void listener_stdout_put(struct supervisor *s, struct listener *l)
{
        AUTO_BUF text = BUF_INIT;
        struct err e = { 0 };
        enum stdin_result done = STDIN_NOMEM;

        if (!l->output)
                l->output = listener_stdout_new(s, l->process->worker, &e);
        if (!l->output) {
                log_line(s->log, LVL_WARN, "%s: an answer is not written to stdout: %s",
                         l->process->name, e.text);
                return;
        }
        listener_stdout_text(buf_str(&l->body), l->body.len, &text);
        if (!l->body.failed && !text.failed)
                done = stdin_pipe_write(l->output->in, text.data, text.len);
        if (done != STDIN_OK && !l->output->refused)
                log_line(s->log, LVL_WARN, "%s: answers are not written to stdout: %s",
                         l->process->name,
                         done == STDIN_FULL ? "too much of them waits for it" : "out of memory");
        l->output->refused = done != STDIN_OK;
}
