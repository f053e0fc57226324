/* XML-RPC methods that show processes and their configuration (compat 20.4, 20.6), and those that
 * are done at once: signals and standard input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/rest/config_rows.h"
#include "api/rpc/methods.h"
#include "base/signame.h"
#include "engine/core/worker.h"
#include "model/config/pytext.h"

bool rpc_target(struct rpc_call *c, const char *name, bool group_allowed, struct target *out)
{
        size_t len = strcspn(name, ":");
        const char *inner = name[len] ? name + len + 1 : name;
        char *group = strndup(name, len);

        *out = (struct target){ 0 };
        if (group)
                out->group = registry_group(&c->sup->registry, group);
        free(group);
        bool whole = name[len] && (!*inner || strcmp(inner, "*") == 0);
        if (out->group && !whole)
                out->process = group_process(out->group, inner);
        if (out->process || (out->group && whole && group_allowed))
                return true;
        rpc_fault(c, FAULT_BAD_NAME, name);
        return false;
}

/* ---- state */

static int64_t method_epoch(int64_t wall_ms)
{
        int64_t s = wall_ms / 1000;

        return s > INT32_MAX ? INT32_MAX : s < 0 ? 0 : s;
}

static const char *method_log_path(const struct process *p, bool is_stderr)
{
        const struct worker *w = p->worker;
        const struct stream *s = w ? is_stderr ? w->err : w->out : NULL;

        return s ? stream_path(s) : NULL;
}

/* The words of process.c for what ended after it was RUNNING. */
static bool tells_of_a_run(const char *why)
{
        return strstr(why, "Bad exit code") ||
               (strstr(why, "Stopped as unhealthy") && !strstr(why, "before it was ready"));
}

/* Supervisor forgets the status of a start that failed. */
static int exit_status(const struct process *p)
{
        const char *why = process_spawnerr(p);
        bool failed = why && *why && !tells_of_a_run(why);

        if (p->pid > 0 || !p->ending.happened || failed)
                return 0;
        return p->ending.sig || !p->ending.known ? -1 : p->ending.code;
}

/* Seconds that an <int> cannot hold, from 2038 on, under keys of their own. */
static void put_late(struct buf *out, const struct process *p, struct moment now)
{
        const struct {
                const char *key;
                int64_t wall_ms;
        } stamps[] = { { "start64", p->tried_wall_ms },
                       { "stop64", p->stopped_wall_ms },
                       { "now64", now.wall_ms } };

        for (size_t i = 0; i < sizeof stamps / sizeof *stamps; i++)
                if (stamps[i].wall_ms / 1000 > INT32_MAX)
                        xml_member_int(out, stamps[i].key, stamps[i].wall_ms / 1000);
}

/* scratch: for a text that has to be put together first. */
static void put_info(struct buf *out, const struct process *p, struct moment now,
                     struct buf *scratch)
{
        buf_reset(scratch);
        process_describe(p, now, scratch);
        xml_struct_begin(out);
        xml_member_string(out, "name", p->name);
        xml_member_string(out, "group", p->group->name);
        xml_member_int(out, "start", method_epoch(p->tried_wall_ms));
        xml_member_int(out, "stop", method_epoch(p->stopped_wall_ms));
        xml_member_int(out, "now", method_epoch(now.wall_ms));
        xml_member_int(out, "state", pstate_code(p->state));
        xml_member_string(out, "statename", pstate_name(p->state));
        xml_member_string(out, "spawnerr", process_spawnerr(p));
        xml_member_int(out, "exitstatus", exit_status(p));
        xml_member_string(out, "logfile", method_log_path(p, false));
        xml_member_string(out, "stdout_logfile", method_log_path(p, false));
        xml_member_string(out, "stderr_logfile", method_log_path(p, true));
        xml_member_int(out, "pid", p->pid);
        xml_member_string(out, "description", buf_str(scratch));
        put_late(out, p, now);
        xml_struct_end(out);
}

enum rpc_status rpc_process_info(struct rpc_call *c, const struct value *params)
{
        struct target t;
        AUTO_BUF scratch = BUF_INIT;

        if (rpc_target(c, param_string(params, 0), false, &t))
                put_info(c->out, t.process, clock_now(), &scratch);
        return RPC_DONE;
}

enum rpc_status rpc_all_process_info(struct rpc_call *c, const struct value *params)
{
        struct moment now = clock_now();
        const struct registry *r = &c->sup->registry;
        AUTO_BUF scratch = BUF_INIT;

        (void)params;
        xml_array_begin(c->out);
        for (int i = 0; i < r->group_count; i++) /* both lists are sorted by name */
                for (int k = 0; k < r->groups[i]->count; k++)
                        put_info(c->out, r->groups[i]->procs[k], now, &scratch);
        xml_array_end(c->out);
        return RPC_DONE;
}

/* ---- configuration (compat 20.6) */

static const char *or_none(const char *s)
{
        return s ? s : "none";
}

static void put_codes(struct buf *out, const struct code_set *set)
{
        xml_member_begin(out, "exitcodes");
        xml_array_begin(out);
        for (int i = 0; i < set->count; i++)
                xml_int(out, set->named[i]);
        xml_array_end(out);
        xml_member_end(out);
}

static void put_channel(struct buf *out, const struct config_row *row, bool is_stderr)
{
        const struct channel_conf *c = is_stderr ? &row->program->err : &row->program->out;
        const char *side = is_stderr ? "stderr" : "stdout";
        char key[64];
#define SIDE(what) (snprintf(key, sizeof key, "%s_" what, side), key)

        xml_member_int(out, SIDE("capture_maxbytes"), c->capture_maxbytes);
        xml_member_bool(out, SIDE("events_enabled"), c->events_enabled);
        xml_member_string(out, SIDE("logfile"), config_row_log(row, is_stderr));
        xml_member_int(out, SIDE("logfile_backups"), c->backups);
        xml_member_int(out, SIDE("logfile_maxbytes"), c->maxbytes);
        xml_member_bool(out, SIDE("syslog"), c->syslog);
#undef SIDE
}

static void put_config(struct buf *out, const struct config_row *row)
{
        const struct program *g = row->program;

        xml_struct_begin(out);
        xml_member_bool(out, "autostart", g->autostart);
        xml_member_string(out, "directory", or_none(row->recipe.directory));
        if (g->user.set)
                xml_member_int(out, "uid", g->user.who.uid);
        else
                xml_member_string(out, "uid", "none");
        xml_member_string(out, "command", row->recipe.command);
        put_codes(out, &g->exitcodes);
        xml_member_string(out, "group", row->group->name);
        xml_member_int(out, "group_prio", row->group->priority);
        xml_member_bool(out, "inuse", row->process != NULL);
        xml_member_bool(out, "killasgroup", g->killasgroup);
        xml_member_string(out, "name", row->recipe.name);
        xml_member_int(out, "process_prio", g->priority);
        xml_member_bool(out, "redirect_stderr", g->redirect_stderr);
        xml_member_int(out, "startretries", g->startretries);
        xml_member_int(out, "startsecs", g->startsecs);
        put_channel(out, row, false);
        xml_member_int(out, "stopsignal", g->stopsignal);
        xml_member_int(out, "stopwaitsecs", g->stopwaitsecs);
        put_channel(out, row, true);
        xml_member_string(out, "serverurl", or_none(g->serverurl));
        xml_struct_end(out);
}

enum rpc_status rpc_all_config_info(struct rpc_call *c, const struct value *params)
{
        struct config_rows rows;
        struct err e = { 0 };

        (void)params;
        if (config_rows_make(c->sup, &rows, &e)) {
                xml_array_begin(c->out);
                for (int i = 0; i < rows.count; i++)
                        put_config(c->out, &rows.items[i]);
                xml_array_end(c->out);
        } else {
                rpc_fault(c, FAULT_FAILED, e.text);
        }
        config_rows_release(&rows);
        return RPC_DONE;
}

/* ---- signals and stdin */

/* Name or number; -1: BAD_SIGNAL was set. */
static int signal_param(struct rpc_call *c, const struct value *v)
{
        char number[32];
        const char *text = v->text ? v->text : number;

        snprintf(number, sizeof number, "%lld", (long long)v->number);
        AUTO_BUF trimmed = BUF_INIT;
        size_t len = strlen(text);

        pytext_trim(&text, &len);
        buf_put(&trimmed, text, len);
        int sig = signame_parse(buf_str(&trimmed));
        if (sig >= 0)
                return sig;
        rpc_fault(c, FAULT_BAD_SIGNAL, text);
        return -1;
}

static enum rpc_status signal_many(struct rpc_call *c, struct process **list, int count,
                                   const struct value *sig_value)
{
        if (count < 0)
                return rpc_fault(c, FAULT_FAILED, "out of memory");
        xml_array_begin(c->out);
        for (int i = 0; i < count; i++) {
                if (!process_can_signal(list[i]))
                        continue;
                int sig = signal_param(c, sig_value);
                enum fault f =
                    sig < 0 ? FAULT_BAD_SIGNAL : order_signal(c->sup, list[i], sig, c->by);
                if (sig >= 0 && f != FAULT_NONE)
                        rpc_fault(c, f, list[i]->name);
                rpc_status_struct(c->out, list[i]->name, list[i]->group->name, f,
                                  buf_str(&c->fault_text));
        }
        xml_array_end(c->out);
        c->fault = FAULT_NONE; /* each has its own */
        free(list);
        return RPC_DONE;
}

enum rpc_status rpc_signal_group(struct rpc_call *c, const struct value *params)
{
        const char *name = param_string(params, 0);
        struct group *g = registry_group(&c->sup->registry, name);
        int count;

        if (!g)
                return rpc_fault(c, FAULT_BAD_NAME, name);
        struct process **list = group_start_order(g, &count);
        return signal_many(c, list, count, params->items[1]);
}

enum rpc_status rpc_signal_all(struct rpc_call *c, const struct value *params)
{
        int count;
        struct process **list = registry_start_order(&c->sup->registry, &count);

        return signal_many(c, list, count, params->items[0]);
}

enum rpc_status rpc_signal(struct rpc_call *c, const struct value *params)
{
        const char *name = param_string(params, 0);
        struct target t;
        int count;

        if (!rpc_target(c, name, true, &t))
                return RPC_DONE;
        if (!t.process) {
                struct process **list = group_start_order(t.group, &count);
                return signal_many(c, list, count, params->items[1]);
        }
        int sig = signal_param(c, params->items[1]);
        if (sig < 0)
                return RPC_DONE;
        enum fault f = order_signal(c->sup, t.process, sig, c->by);
        if (f != FAULT_NONE)
                return rpc_fault(c, f, name);
        xml_bool(c->out, true);
        return RPC_DONE;
}

enum rpc_status rpc_send_stdin(struct rpc_call *c, const struct value *params)
{
        const char *name = param_string(params, 0);
        const struct value *chars = params->items[1];
        AUTO_BUF shown = BUF_INIT;
        struct target t;

        if (chars->kind != VALUE_STRING)
                return rpc_fault(c, FAULT_INCORRECT_PARAMETERS,
                                 param_text(params, 1, &shown) ? buf_str(&shown) : "chars");
        if (!rpc_target(c, name, false, &t))
                return RPC_DONE;
        enum fault f = order_stdin(c->sup, t.process, chars->text, chars->len, c->by);
        if (f != FAULT_NONE)
                return rpc_fault(c, f, name);
        xml_bool(c->out, true);
        return RPC_DONE;
}
