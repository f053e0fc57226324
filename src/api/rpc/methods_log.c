/* XML-RPC methods that read and clear logs (compat 20.5). Files are read by the reader thread; the
 * main loop never touches the disk for them. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/rpc/methods.h"
#include "base/unconst.h"
#include "engine/core/worker.h"
#include "readlog/reader.h"
#include "sys/store/guarded.h"

struct log_job {
        char *path;  /* owned */
        uid_t owner; /* whose file it may be, too */
        int64_t offset, length;
        bool window;                                 /* tail, not read */
        enum rpc_status (*then)(struct rpc_call *c); /* not read at all: if it is there, this */
        bool there_first; /* a missing file is worse than bad arguments */
        enum tail_result result;
        struct buf text;
        int64_t size;
        bool overflow;
};

/* The log file of a channel, NULL when there is none. False: the fault is set. */
static bool find_log(struct rpc_call *c, const char *name, bool is_stderr, struct log_job *out)
{
        struct target t;

        if (!rpc_target(c, name, false, &t))
                return false;
        const struct worker *w = t.process->worker;
        const struct stream *s = w ? is_stderr ? w->err : w->out : NULL;
        out->path = s ? unconst(stream_path(s)) : NULL; /* copied by who asks for it */
        out->owner = s ? stream_owner(s) : 0;
        return true;
}

/* ---- reading: where it does not matter how long the disk takes */

static void log_job_work(void *arg, struct read_turn *turn)
{
        struct log_job *j = arg;
        struct stat st;

        (void)turn; /* a part of one plain file, wherever it is, is read at once */
        if ((j->there_first || j->then) && guarded_stat(j->path, &st) != 0)
                j->result = TAIL_NO_FILE;
        else if (j->then)
                j->result = TAIL_OK;
        else if (j->window)
                j->result = tail_window(j->path, j->owner, j->offset, j->length, &j->text, &j->size,
                                        &j->overflow);
        else
                j->result = tail_read(j->path, j->owner, j->offset, j->length, &j->text);
}

static void log_job_drop(void *arg)
{
        struct log_job *j = arg;

        free(j->path);
        buf_release(&j->text);
        free(j);
}

static void put_window(struct rpc_call *c, const struct log_job *j)
{
        xml_array_begin(c->out);
        xml_string_n(c->out, buf_str(&j->text), j->text.len);
        xml_int(c->out, j->size);
        xml_bool(c->out, j->overflow);
        xml_array_end(c->out);
}

static void log_put_text(struct rpc_call *c, const struct log_job *j)
{
        switch (j->result) {
        case TAIL_OK:
                xml_string_n(c->out, buf_str(&j->text), j->text.len);
                return;
        case TAIL_NO_FILE:
                rpc_fault(c, FAULT_NO_FILE, j->path);
                return;
        case TAIL_BAD_ARGUMENTS:
                rpc_fault(c, FAULT_BAD_ARGUMENTS, NULL);
                return;
        default:
                rpc_fault(c, FAULT_FAILED, NULL);
        }
}

static void log_job_done(void *owner, void *arg)
{
        struct rpc_call *c = owner;
        const struct log_job *j = arg;

        c->job = NULL;
        if (j->then && j->result == TAIL_OK) {
                if (j->then(c) == RPC_DONE)
                        c->on_done(c);
                return;
        }
        if (j->window)
                put_window(c, j);
        else
                log_put_text(c, j);
        c->on_done(c);
}

static void log_job_late(void *owner)
{
        struct rpc_call *c = owner;

        c->job = NULL;
        rpc_fault(c, FAULT_FAILED, READ_LATE_TEXT);
        c->on_done(c);
}

static void log_job_cancel(struct rpc_call *c)
{
        reader_cancel(c->job);
}

static enum rpc_status ask_reader(struct rpc_call *c, const struct log_job *what)
{
        static const struct read_work work = { log_job_work, log_job_done, log_job_drop,
                                               log_job_late };
        struct log_job *j = malloc(sizeof *j);
        struct err e = { 0 };

        if (!j)
                return rpc_fault(c, FAULT_FAILED, "out of memory");
        *j = *what;
        j->path = strdup(what->path);
        if (!j->path) {
                free(j);
                return rpc_fault(c, FAULT_FAILED, "out of memory");
        }
        c->job = reader_ask(c->sup->reader, &work, j, c, &e);
        c->cancel_job = log_job_cancel;
        return c->job ? RPC_LATER : rpc_fault(c, FAULT_FAILED, e.text);
}

enum rpc_status rpc_read_file(struct rpc_call *c, const char *path, uid_t owner, int64_t offset,
                              int64_t length)
{
        struct log_job j = {
                .path = unconst(path), .owner = owner, .offset = offset, .length = length
        };

        return ask_reader(c, &j);
}

enum rpc_status rpc_if_there(struct rpc_call *c, const char *path,
                             enum rpc_status (*then)(struct rpc_call *c))
{
        struct log_job j = { .path = unconst(path), .then = then };

        return ask_reader(c, &j);
}

static enum rpc_status read_log(struct rpc_call *c, const struct value *params, bool is_stderr)
{
        struct log_job j = { .there_first = true,
                             .offset = param_int(params, 1),
                             .length = param_int(params, 2) };

        if (!find_log(c, param_string(params, 0), is_stderr, &j))
                return RPC_DONE;
        if (!j.path)
                return rpc_fault(c, FAULT_NO_FILE, NULL);
        return ask_reader(c, &j);
}

enum rpc_status rpc_read_stdout(struct rpc_call *c, const struct value *params)
{
        return read_log(c, params, false);
}

enum rpc_status rpc_read_stderr(struct rpc_call *c, const struct value *params)
{
        return read_log(c, params, true);
}

static enum rpc_status tail_log(struct rpc_call *c, const struct value *params, bool is_stderr)
{
        struct log_job j = { .offset = param_int(params, 1),
                             .length = param_int(params, 2),
                             .window = true };

        if (!find_log(c, param_string(params, 0), is_stderr, &j))
                return RPC_DONE;
        if (!j.path) {
                put_window(c, &j);
                return RPC_DONE;
        }
        return ask_reader(c, &j);
}

enum rpc_status rpc_tail_stdout(struct rpc_call *c, const struct value *params)
{
        return tail_log(c, params, false);
}

enum rpc_status rpc_tail_stderr(struct rpc_call *c, const struct value *params)
{
        return tail_log(c, params, true);
}

/* ---- clearing */

static void log_give_up(struct rpc_call *c)
{
        logs_wait_cancel(c->job);
}

static void on_logs(void *arg)
{
        struct rpc_call *c = arg;

        c->job = NULL;
        c->on_done(c);
}

static void on_logs_late(void *arg)
{
        struct rpc_call *c = arg;

        c->job = NULL;
        rpc_fault(c, FAULT_FAILED,
                  "the log thread has not answered for five seconds: it is done when the disk "
                  "answers");
        c->on_done(c);
}

enum rpc_status rpc_after_logs(struct rpc_call *c)
{
        c->job = logs_wait(c->sup->logs, on_logs, on_logs_late, c);
        c->cancel_job = log_give_up;
        return c->job ? RPC_LATER : RPC_DONE;
}

enum rpc_status rpc_clear_logs(struct rpc_call *c, const struct value *params)
{
        const char *name = param_string(params, 0);
        struct target t;

        if (!rpc_target(c, name, false, &t))
                return RPC_DONE;
        enum fault f = order_clear_log(c->sup, t.process, c->by);
        if (f != FAULT_NONE)
                return rpc_fault(c, f, name);
        xml_bool(c->out, true);
        return rpc_after_logs(c);
}

enum rpc_status rpc_clear_all_logs(struct rpc_call *c, const struct value *params)
{
        int count;
        struct process **list = registry_start_order(&c->sup->registry, &count);

        (void)params;
        if (count < 0)
                return rpc_fault(c, FAULT_FAILED, "out of memory");
        xml_array_begin(c->out);
        for (int i = 0; i < count; i++) {
                enum fault f = order_clear_log(c->sup, list[i], c->by);
                rpc_status_struct(c->out, list[i]->name, list[i]->group->name, f, fault_name(f));
        }
        xml_array_end(c->out);
        free(list);
        return rpc_after_logs(c);
}
