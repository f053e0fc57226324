/* XML-RPC methods about the daemon, its configuration and its groups (compat 20.3). A
 * configuration is read without waiting for names: the answer then comes later. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/rpc/methods.h"
#include "engine/core/startup.h"
#include "engine/order/lookup.h"
#include "logs/mainlog/mainlog.h"
#include "version.h"

enum rpc_status rpc_get_api_version(struct rpc_call *c, const struct value *params)
{
        (void)params;
        xml_string(c->out, RPC_API_VERSION);
        return RPC_DONE;
}

enum rpc_status rpc_get_supervisor_version(struct rpc_call *c, const struct value *params)
{
        (void)params;
        xml_string(c->out, SUPERVISOR_SPOKEN);
        return RPC_DONE;
}

enum rpc_status rpc_get_identification(struct rpc_call *c, const struct value *params)
{
        (void)params;
        xml_string(c->out, c->sup->config->settings.identifier);
        return RPC_DONE;
}

enum rpc_status rpc_get_state(struct rpc_call *c, const struct value *params)
{
        static const char *const words[] = { "SHUTDOWN", "RESTARTING", "RUNNING" };
        int daemon_state = c->sup->daemon_state;

        (void)params;
        xml_struct_begin(c->out);
        xml_member_int(c->out, "statecode", daemon_state);
        xml_member_string(c->out, "statename", words[daemon_state + 1]);
        xml_struct_end(c->out);
        return RPC_DONE;
}

enum rpc_status rpc_get_pid(struct rpc_call *c, const struct value *params)
{
        (void)params;
        xml_int(c->out, getpid());
        return RPC_DONE;
}

enum rpc_status rpc_read_log(struct rpc_call *c, const struct value *params)
{
        const char *path =
            startup_of(c->sup)->mainlog ? mainlog_path(startup_of(c->sup)->mainlog) : NULL;

        if (!path)
                return rpc_fault(c, FAULT_NO_FILE, c->sup->config->settings.logfile);
        return rpc_read_file(c, path, user_owner(&c->sup->config->settings.user),
                             param_int(params, 0), param_int(params, 1));
}

static enum rpc_status clear_log(struct rpc_call *c)
{
        struct err e = { 0 };

        log_line(c->sup->log, LVL_INFO, "reopening log file");
        if (!mainlog_clear(startup_of(c->sup)->mainlog, &e))
                return rpc_fault(c, FAULT_FAILED, e.text);
        xml_bool(c->out, true);
        return rpc_after_logs(c);
}

enum rpc_status rpc_clear_log(struct rpc_call *c, const struct value *params)
{
        const char *path =
            startup_of(c->sup)->mainlog ? mainlog_path(startup_of(c->sup)->mainlog) : NULL;

        (void)params;
        return path ? rpc_if_there(c, path, clear_log) : rpc_fault(c, FAULT_NO_FILE, NULL);
}

enum rpc_status rpc_shutdown(struct rpc_call *c, const struct value *params)
{
        (void)params;
        enum fault f = order_shutdown(c->sup, c->by, "shutdown by request");
        if (f != FAULT_NONE)
                return rpc_fault(c, f, NULL);
        xml_bool(c->out, true);
        return RPC_DONE;
}

/* CANT_REREAD carries the first thing that is wrong. */
static enum rpc_status daemon_refused(struct rpc_call *c, enum fault f, struct diags *diags)
{
        const struct diag *first = diags_first_error(diags);

        rpc_fault(c, f, f == FAULT_CANT_REREAD && first ? first->message : NULL);
        diags_release(diags);
        return RPC_DONE;
}

/* A call that needs the configuration read, whose names may have to be looked up first. */
struct read_job {
        struct reading reading;
        struct rpc_call *call;
        void (*run)(struct rpc_call *c);
        bool is_inside, is_done;
};

static void daemon_job_cancel(struct rpc_call *c)
{
        struct read_job *job = c->job;

        reading_cancel(&job->reading);
        free(job);
        c->job = NULL;
}

static void job_read(void *arg)
{
        struct read_job *job = arg;
        struct rpc_call *c = job->call;

        job->run(c);
        if (job->is_inside) {
                job->is_done = true;
                return;
        }
        c->job = NULL;
        free(job);
        c->on_done(c);
}

static enum rpc_status after_reading(struct rpc_call *c, void (*run)(struct rpc_call *c))
{
        struct read_job *job = calloc(1, sizeof *job);

        if (!job)
                return rpc_fault(c, FAULT_FAILED, "out of memory");
        *job = (struct read_job){ .reading = { .on_read = job_read, .arg = job },
                                  .call = c,
                                  .run = run,
                                  .is_inside = true };
        reading_begin(c->sup, &job->reading);
        job->is_inside = false;
        if (job->is_done) {
                free(job);
                return RPC_DONE;
        }
        c->job = job;
        c->cancel_job = daemon_job_cancel;
        return RPC_LATER;
}

static void daemon_restart(struct rpc_call *c)
{
        struct diags diags = { 0 };
        enum fault f = order_restart_all(c->sup, c->by, &diags);

        if (f != FAULT_NONE) {
                daemon_refused(c, f, &diags);
                return;
        }
        diags_release(&diags);
        xml_bool(c->out, true);
}

enum rpc_status rpc_restart(struct rpc_call *c, const struct value *params)
{
        (void)params;
        return after_reading(c, daemon_restart);
}

static void daemon_put_names(struct buf *out, const struct strlist *names)
{
        xml_array_begin(out);
        for (size_t i = 0; i < names->count; i++)
                xml_string(out, names->items[i]);
        xml_array_end(out);
}

static void reload_config(struct rpc_call *c)
{
        struct diags diags = { 0 };
        struct group_diff diff = { 0 };
        enum fault f = order_reread(c->sup, c->by, &diff, &diags);

        if (f != FAULT_NONE) {
                daemon_refused(c, f, &diags);
                return;
        }
        xml_array_begin(c->out); /* an array of one array of three: clients rely on it */
        xml_array_begin(c->out);
        daemon_put_names(c->out, &diff.added);
        daemon_put_names(c->out, &diff.changed);
        daemon_put_names(c->out, &diff.removed);
        xml_array_end(c->out);
        xml_array_end(c->out);
        group_diff_release(&diff);
        diags_release(&diags);
}

enum rpc_status rpc_reload_config(struct rpc_call *c, const struct value *params)
{
        (void)params;
        return after_reading(c, reload_config);
}

enum rpc_status rpc_add_group(struct rpc_call *c, const struct value *params)
{
        const char *name = param_string(params, 0);
        struct err e = { 0 };

        enum fault f = order_add_group(c->sup, name, c->by, &e);
        if (f != FAULT_NONE)
                return rpc_fault(c, f, f == FAULT_FAILED ? e.text : name);
        xml_bool(c->out, true);
        return RPC_DONE;
}

enum rpc_status rpc_remove_group(struct rpc_call *c, const struct value *params)
{
        const char *name = param_string(params, 0);

        enum fault f = order_remove_group(c->sup, name, c->by);
        if (f != FAULT_NONE)
                return rpc_fault(c, f, name);
        xml_bool(c->out, true);
        return RPC_DONE;
}

enum rpc_status rpc_send_event(struct rpc_call *c, const struct value *params)
{
        AUTO_BUF type = BUF_INIT;
        AUTO_BUF data = BUF_INIT;

        if (!param_text(params, 0, &type) || !param_text(params, 1, &data))
                return rpc_fault(c, FAULT_INCORRECT_PARAMETERS, NULL);
        order_remote_event(c->sup, buf_str(&type), buf_str(&data), data.len);
        xml_bool(c->out, true);
        return RPC_DONE;
}
