/* What can be called over XML-RPC: one table of methods (compat 20.3, 20.8), from which dispatch,
 * argument checks, system.listMethods, methodHelp, methodSignature and the manual are loops. */
#ifndef API_RPC_METHODS_H
#define API_RPC_METHODS_H

#include "api/rpc/call.h"
#include "engine/core/supervisor.h"
#include "engine/order/orders.h"
#include "wire/xml_write.h"

struct method {
        const char *name; /* "supervisor.startProcess" */
        method_fn *run;
        const char *result; /* "boolean" */
        const char *params; /* "string name,boolean wait=true": types, names, defaults */
        const char *help;
        enum right right;  /* what it does */
        bool while_ending; /* also while the daemon is ending */
};
extern const struct method methods[]; /* sorted by name; ends with name NULL */

/* How long an answer may be: a whole log as it is read at once, or a list of the whole fleet. */
#define ANSWER_MAX      (20u << 20)
#define ANSWER_MAX_EACH 2048
static inline size_t rpc_answer_max(const struct supervisor *s)
{
        return ANSWER_MAX + (size_t)s->registry.process_count * ANSWER_MAX_EACH;
}

/* Run a method: look-up, count and types of the parameters, daemon_state. */
enum rpc_status method_call(struct rpc_call *c, const char *name, const struct value *params);
/* Give it up before it is done; also releases what a finished call holds. */
void method_release(struct rpc_call *c);

/* The answer is written already, but goes out only when the log thread has done what it was asked
 * for: who clears a log finds it empty. */
enum rpc_status rpc_after_logs(struct rpc_call *c);

/* ---- the rows' functions, by file */
method_fn rpc_get_api_version, rpc_get_supervisor_version, rpc_get_identification, rpc_get_state,
    rpc_get_pid, rpc_read_log, rpc_clear_log, rpc_shutdown, rpc_restart, rpc_reload_config,
    rpc_add_group, rpc_remove_group, rpc_send_event;
method_fn rpc_start, rpc_start_group, rpc_start_all, rpc_stop, rpc_stop_group, rpc_stop_all;
method_fn rpc_signal, rpc_signal_group, rpc_signal_all, rpc_send_stdin, rpc_process_info,
    rpc_all_process_info, rpc_all_config_info;
method_fn rpc_read_stdout, rpc_read_stderr, rpc_tail_stdout, rpc_tail_stderr, rpc_clear_logs,
    rpc_clear_all_logs;
method_fn rpc_list_methods, rpc_method_help, rpc_method_signature, rpc_multicall;

/* Shared: "group:process" to what it names. process NULL with group set: "group:*". False: BAD_NAME
 * is set. */
struct target { /* within one call */
        struct group *group;
        struct process *process;
};
bool rpc_target(struct rpc_call *c, const char *name, bool group_allowed, struct target *out);
/* A part of a log file as the result, or its fault (compat 20.5). */
enum rpc_status rpc_read_file(struct rpc_call *c, const char *path, uid_t owner, int64_t offset,
                              int64_t length);
/* then, if there is such a file, else a fault: the disk is asked by another thread. */
enum rpc_status rpc_if_there(struct rpc_call *c, const char *path,
                             enum rpc_status (*then)(struct rpc_call *c));
/* {name, group, status, description} (compat 20.3). */
void rpc_status_struct(struct buf *out, const char *name, const char *group, enum fault f,
                       const char *text);

#endif
