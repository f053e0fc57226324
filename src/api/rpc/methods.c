/* The table of XML-RPC methods, and what is a loop over it: dispatch, system.listMethods,
 * methodHelp and methodSignature. A method is found and checked here before its function is called.
 */
#include "api/rpc/methods.h"

#include <string.h>

#define ALIAS_OF(x) "The same as " x "."

const struct method methods[] = {
        { "supervisor.addProcessGroup", rpc_add_group, "boolean", "string name",
          "Make a group of the configuration that was read last, and start what starts by itself.",
          RIGHT_CONFIGURE, false },
        { "supervisor.clearAllProcessLogs", rpc_clear_all_logs, "array", "",
          "Empty the log files of every process.", RIGHT_OPERATE, false },
        { "supervisor.clearLog", rpc_clear_log, "boolean", "", "Empty the main log.", RIGHT_ADMIN,
          false },
        { "supervisor.clearProcessLog", rpc_clear_logs, "boolean", "string name",
          ALIAS_OF("clearProcessLogs"), RIGHT_OPERATE, false },
        { "supervisor.clearProcessLogs", rpc_clear_logs, "boolean", "string name",
          "Empty both log files of a process.", RIGHT_OPERATE, false },
        { "supervisor.getAPIVersion", rpc_get_api_version, "string", "",
          "Version of this interface.", RIGHT_READ, false },
        { "supervisor.getAllConfigInfo", rpc_all_config_info, "array", "",
          "What the configuration says of every process, whether its group is active or not.",
          RIGHT_READ, false },
        { "supervisor.getAllProcessInfo", rpc_all_process_info, "array", "",
          "State of every process.", RIGHT_READ, false },
        { "supervisor.getIdentification", rpc_get_identification, "string", "",
          "The identifier of this instance.", RIGHT_READ, false },
        { "supervisor.getPID", rpc_get_pid, "int", "", "Process id of the daemon.", RIGHT_READ,
          false },
        { "supervisor.getProcessInfo", rpc_process_info, "struct", "string name",
          "State of a process.", RIGHT_READ, false },
        { "supervisor.getState", rpc_get_state, "struct", "",
          "State of the daemon: statecode and statename.", RIGHT_READ, false },
        { "supervisor.getSupervisorVersion", rpc_get_supervisor_version, "string", "",
          "Version of Supervisor that the daemon speaks like.", RIGHT_READ, false },
        { "supervisor.getVersion", rpc_get_api_version, "string", "", ALIAS_OF("getAPIVersion"),
          RIGHT_READ, false },
        { "supervisor.readLog", rpc_read_log, "string", "int offset,int length",
          "A part of the main log.", RIGHT_READ, false },
        { "supervisor.readMainLog", rpc_read_log, "string", "int offset,int length",
          ALIAS_OF("readLog"), RIGHT_READ, false },
        { "supervisor.readProcessLog", rpc_read_stdout, "string",
          "string name,int offset,int length", ALIAS_OF("readProcessStdoutLog"), RIGHT_READ,
          false },
        { "supervisor.readProcessStderrLog", rpc_read_stderr, "string",
          "string name,int offset,int length", "A part of a process's stderr log.", RIGHT_READ,
          false },
        { "supervisor.readProcessStdoutLog", rpc_read_stdout, "string",
          "string name,int offset,int length", "A part of a process's stdout log.", RIGHT_READ,
          false },
        { "supervisor.reloadConfig", rpc_reload_config, "array", "",
          "Read the configuration again without applying it: names of the groups added, changed "
          "and removed.",
          RIGHT_CONFIGURE, false },
        { "supervisor.removeProcessGroup", rpc_remove_group, "boolean", "string name",
          "Forget a group whose processes have all stopped.", RIGHT_CONFIGURE, false },
        { "supervisor.restart", rpc_restart, "boolean", "",
          "Stop everything and begin anew with the configuration as it is now.", RIGHT_ADMIN,
          false },
        { "supervisor.sendProcessStdin", rpc_send_stdin, "boolean", "string name,any chars",
          "Write text to the standard input of a process.", RIGHT_OPERATE, false },
        { "supervisor.sendRemoteCommEvent", rpc_send_event, "boolean", "any type,any data",
          "Send an event to the listeners that subscribe to REMOTE_COMMUNICATION.", RIGHT_OPERATE,
          true },
        { "supervisor.shutdown", rpc_shutdown, "boolean", "", "Stop everything and end.",
          RIGHT_ADMIN, false },
        { "supervisor.signalAllProcesses", rpc_signal_all, "array", "any signal",
          "Send a signal to every process that runs.", RIGHT_OPERATE, false },
        { "supervisor.signalProcess", rpc_signal, "boolean", "string name,any signal",
          "Send a signal, by name or number, to a process.", RIGHT_OPERATE, false },
        { "supervisor.signalProcessGroup", rpc_signal_group, "array", "string name,any signal",
          "Send a signal to every process of a group that runs.", RIGHT_OPERATE, false },
        { "supervisor.startAllProcesses", rpc_start_all, "array", "boolean wait=true",
          "Start every process that does not run.", RIGHT_OPERATE, false },
        { "supervisor.startProcess", rpc_start, "boolean", "string name,boolean wait=true",
          "Start a process; with wait, answer when it is RUNNING or has failed.", RIGHT_OPERATE,
          false },
        { "supervisor.startProcessGroup", rpc_start_group, "array", "string name,boolean wait=true",
          "Start the processes of a group that do not run.", RIGHT_OPERATE, false },
        { "supervisor.stopAllProcesses", rpc_stop_all, "array", "boolean wait=true",
          "Stop every process.", RIGHT_OPERATE, false },
        { "supervisor.stopProcess", rpc_stop, "boolean", "string name,boolean wait=true",
          "Stop a process; with wait, answer when it has stopped.", RIGHT_OPERATE, false },
        { "supervisor.stopProcessGroup", rpc_stop_group, "array", "string name,boolean wait=true",
          "Stop the processes of a group.", RIGHT_OPERATE, false },
        { "supervisor.tailProcessLog", rpc_tail_stdout, "array",
          "string name,int offset,int length", ALIAS_OF("tailProcessStdoutLog"), RIGHT_READ,
          false },
        { "supervisor.tailProcessStderrLog", rpc_tail_stderr, "array",
          "string name,int offset,int length",
          "The end of a process's stderr log: text, offset to ask with next, overflow.", RIGHT_READ,
          false },
        { "supervisor.tailProcessStdoutLog", rpc_tail_stdout, "array",
          "string name,int offset,int length",
          "The end of a process's stdout log: text, offset to ask with next, overflow.", RIGHT_READ,
          false },
        { "system.listMethods", rpc_list_methods, "array", "", "The names of all methods.",
          RIGHT_READ, true },
        { "system.methodHelp", rpc_method_help, "string", "string name", "What a method does.",
          RIGHT_READ, true },
        { "system.methodSignature", rpc_method_signature, "array", "string name",
          "Type of a method's result, then those of its parameters.", RIGHT_READ, true },
        { "system.multicall", rpc_multicall, "array", "array calls",
          "Several calls, one after another: an array of their results and faults.", RIGHT_READ,
          true },
        { 0 },
};

/* ---- dispatch */

static bool is_offered(const struct supervisor *s, const struct method *m)
{
        return s->config->has_rpcinterface || strncmp(m->name, "system.", 7) == 0;
}

static const struct method *methods_find(const struct supervisor *s, const char *name)
{
        for (const struct method *m = methods; m->name; m++)
                if (strcmp(m->name, name) == 0)
                        return is_offered(s, m) ? m : NULL;
        return NULL;
}

enum rpc_status method_call(struct rpc_call *c, const char *name, const struct value *params)
{
        const struct method *m = methods_find(c->sup, name);

        c->fault = FAULT_NONE;
        if (!m)
                return rpc_fault(c, FAULT_UNKNOWN_METHOD, NULL);
        if (!rpc_params_fit(m->params, params))
                return rpc_fault(c, FAULT_INCORRECT_PARAMETERS, NULL);
        if (c->sup->daemon_state < DAEMON_RUNNING && !m->while_ending)
                return rpc_fault(c, FAULT_SHUTDOWN_STATE, NULL);
        if (m->right > c->granted)
                return rpc_fault(c, FAULT_FAILED, "this server does not let its callers do that");
        return m->run(c, params);
}

void method_release(struct rpc_call *c)
{
        if (c->job)
                c->cancel_job(c);
        c->job = NULL;
        buf_release(&c->fault_text);
}

/* ---- system.* that look at the table */

enum rpc_status rpc_list_methods(struct rpc_call *c, const struct value *params)
{
        (void)params;
        xml_array_begin(c->out);
        for (const struct method *m = methods; m->name; m++)
                if (is_offered(c->sup, m))
                        xml_string(c->out, m->name);
        xml_array_end(c->out);
        return RPC_DONE;
}

enum rpc_status rpc_method_help(struct rpc_call *c, const struct value *params)
{
        const struct method *m = methods_find(c->sup, param_string(params, 0));
        AUTO_BUF text = BUF_INIT;

        if (!m)
                return rpc_fault(c, FAULT_SIGNATURE_UNSUPPORTED, NULL);
        buf_printf(&text, "%s\n\n", m->help);
        for (const char *at = m->params; *at;) {
                size_t len = strcspn(at, ",");
                buf_printf(&text, "@param %.*s\n", (int)len, at);
                at += len + (at[len] == ',');
        }
        buf_printf(&text, "@return %s result\n", m->result);
        xml_string(c->out, buf_str(&text));
        return RPC_DONE;
}

/* "any" takes several types; people are told the usual one. */
static void put_type(struct buf *out, const char *type, size_t len)
{
        if (strncmp(type, "any", len) == 0)
                xml_string(out, "string");
        else
                xml_string_n(out, type, len);
}

enum rpc_status rpc_method_signature(struct rpc_call *c, const struct value *params)
{
        const struct method *m = methods_find(c->sup, param_string(params, 0));

        if (!m)
                return rpc_fault(c, FAULT_SIGNATURE_UNSUPPORTED, NULL);
        xml_array_begin(c->out);
        xml_string(c->out, m->result);
        for (const char *at = m->params; *at;) {
                size_t len = strcspn(at, ",");
                put_type(c->out, at, strcspn(at, " "));
                at += len + (at[len] == ',');
        }
        xml_array_end(c->out);
        return RPC_DONE;
}
