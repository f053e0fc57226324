#include <stdlib.h>
#include <unistd.h>

#include "api/methods.h"
#include "engine/worker.h"
#include "logs/tail.h"

/* The log file of a channel, NULL when there is none. False: the fault is set. */
static bool find_log(struct rpc_call *c, const char *name, bool is_stderr, const char **path_out)
{
        struct target t;

        if (!rpc_target(c, name, false, &t))
                return false;
        const struct worker *w = t.process->worker;
        const struct stream *s = w ? is_stderr ? w->err : w->out : NULL;
        *path_out = s ? stream_path(s) : NULL;
        return true;
}

enum rpc_status rpc_read_file(struct rpc_call *c, const char *path, int64_t offset, int64_t length)
{
        AUTO_BUF text = BUF_INIT;

        switch (tail_read(path, offset, length, &text)) {
        case TAIL_OK:
                xml_string_n(c->out, buf_str(&text), text.len);
                return RPC_DONE;
        case TAIL_NO_FILE:
                return rpc_fault(c, FAULT_NO_FILE, path);
        case TAIL_BAD_ARGUMENTS:
                return rpc_fault(c, FAULT_BAD_ARGUMENTS, NULL);
        default:
                return rpc_fault(c, FAULT_FAILED, NULL);
        }
}

static enum rpc_status read_log(struct rpc_call *c, const struct value *params, bool is_stderr)
{
        const char *path;

        if (!find_log(c, param_string(params, 0), is_stderr, &path))
                return RPC_DONE;
        if (!path || access(path, F_OK) != 0)
                return rpc_fault(c, FAULT_NO_FILE, path);
        return rpc_read_file(c, path, param_int(params, 1), param_int(params, 2));
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
        AUTO_BUF text = BUF_INIT;
        int64_t size = 0;
        bool overflow = false;
        const char *path;

        if (!find_log(c, param_string(params, 0), is_stderr, &path))
                return RPC_DONE;
        if (path)
                tail_window(path, param_int(params, 1), param_int(params, 2), &text, &size,
                            &overflow);
        xml_array_begin(c->out);
        xml_string_n(c->out, buf_str(&text), text.len);
        xml_int(c->out, size);
        xml_bool(c->out, overflow);
        xml_array_end(c->out);
        return RPC_DONE;
}

enum rpc_status rpc_tail_stdout(struct rpc_call *c, const struct value *params)
{
        return tail_log(c, params, false);
}

enum rpc_status rpc_tail_stderr(struct rpc_call *c, const struct value *params)
{
        return tail_log(c, params, true);
}

static void give_up(struct rpc_call *c)
{
        logs_wait_cancel(c->job);
}

static void on_logs(void *arg)
{
        struct rpc_call *c = arg;

        c->job = NULL;
        c->on_done(c);
}

enum rpc_status rpc_after_logs(struct rpc_call *c)
{
        c->job = logs_wait(c->sup->logs, on_logs, c);
        c->cancel_job = give_up;
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
