/* The table of commands, and what is read from it. */
#include "ctl/commands/commands.h"

#include <string.h>

#define PROCESS_HELP(verb, does)                                                 \
        verb " <name>\t\t" does " one process\n" verb " <gname>:*\t" does        \
             " every process of a group\n" verb " <name> <name>\t" does          \
             " several processes or groups, side by side\n" verb " all\t\t" does \
             " every process there is\n"

const struct cmd ctl_cmds[] = {
        { "add", "add <name> [...]\tTake new or changed groups of the last reread into service\n",
          COMP_GROUP, 0, 0, -1, .run = cmd_add, .run_json = json_order, .area = "groups" },
        { "avail", "avail\t\t\tList every configured process, in use or not\n", COMP_NONE, 0, 0, 0,
          .run = cmd_avail, .run_json = json_avail },
        { "clear",
          "clear <name>\t\tEmpty the log files of a process\n"
          "clear <name> <name>\tEmpty the log files of several processes\n"
          "clear all\t\tEmpty the log files of every process\n",
          COMP_PROCESS, CMD_UPCHECK, 1, -1, .few = "clear requires a process name",
          .run = cmd_clear, .run_json = json_order, .area = "logs" },
        { "exit", "exit\tLeave the prompt.\n", COMP_NONE, 0, 0, -1, .run = cmd_quit },
        { "fg",
          "fg <process>\tSee the output of a process and type into its standard input\n"
          "\t\tCtrl-C to leave\n",
          COMP_PROCESS, CMD_UPCHECK, 0, -1, .run = cmd_fg },
        { "maintail",
          "maintail -f\tFollow the main log of supervisord (Ctrl-C to leave)\n"
          "maintail -100\tThe last 100 *bytes* of the main log\n"
          "maintail\tThe last 1600 *bytes* of the main log\n",
          COMP_NONE, CMD_UPCHECK, 0, 1, .many = "too many arguments", .run = cmd_maintail },
        { "open",
          "open <url>\tTalk to another supervisord from now on.\n"
          "\t\t(a Unix socket is unix:///socket/path)\n",
          COMP_NONE, 0, 0, -1, .run = cmd_open },
        { "pid",
          "pid\t\t\tThe process id of supervisord.\n"
          "pid <name>\t\tThe process id of one process.\n"
          "pid all\t\t\tThe process id of every process, each on its line.\n",
          COMP_PROCESS, CMD_UPCHECK, 0, -1, .run = cmd_pid, .run_json = json_pid },
        { "quit", "quit\tLeave the prompt.\n", COMP_NONE, 0, 0, -1, .run = cmd_quit },
        { "reload", "reload \t\tStop everything and start supervisord anew.\n", COMP_NONE, 0, 0, 0,
          .run = cmd_reload, .run_json = cmd_reload },
        { "remove", "remove <name> [...]\tTake stopped groups out of service\n", COMP_GROUP, 0, 0,
          -1, .run = cmd_remove, .run_json = json_order, .area = "groups" },
        { "reread",
          "reread \t\t\tRead the configuration anew and say what differs; nothing is changed\n",
          COMP_NONE, 0, 0, 0, .run = cmd_reread, .run_json = json_reread },
        { "restart",
          PROCESS_HELP("restart", "Stop and start") "Note: the configuration is not read anew. "
                                                    "reread, update and apply do that.\n",
          COMP_PROCESS, CMD_UPCHECK, 1, -1, .few = "restart requires a process name",
          .run = cmd_restart, .run_json = json_order, .area = "processes" },
        { "shutdown", "shutdown \tStop everything and end supervisord.\n", COMP_NONE, 0, 0, 0,
          .run = cmd_shutdown, .run_json = cmd_shutdown },
        { "signal",
          "signal <signal name> <name>\t\tSend a signal to a process\n"
          "signal <signal name> <gname>:*\t\tSend a signal to every process of a group\n"
          "signal <signal name> <name> <name>\tSend a signal to several processes or groups\n"
          "signal <signal name> all\t\tSend a signal to every process\n",
          COMP_SIGNAL, CMD_UPCHECK, 2, -1,
          .few = "signal requires a signal name and a process name", .run = cmd_signal,
          .run_json = json_order, .area = "processes" },
        { "start", PROCESS_HELP("start", "Start"), COMP_PROCESS, CMD_UPCHECK, 1, -1,
          .few = "start requires a process name", .few_code = EXIT_USAGE, .run = cmd_start,
          .run_json = json_order, .area = "processes" },
        { "status",
          "status <name>\t\tThe state of one process\n"
          "status <gname>:*\tThe state of every process of a group\n"
          "status <name> <name>\tThe state of several processes\n"
          "status\t\t\tThe state of every process\n"
          "status -v\t\tAlso when the next start comes, and why\n",
          COMP_PROCESS, CMD_VERBOSE, 0, -1, .run = cmd_status, .run_json = json_status },
        { "stop", PROCESS_HELP("stop", "Stop"), COMP_PROCESS, CMD_UPCHECK, 1, -1,
          .few = "stop requires a process name", .run = cmd_stop, .run_json = json_order,
          .area = "processes" },
        { "tail",
          "tail [-f] <name> [stdout|stderr] (default stdout)\n"
          "Ex:\n"
          "tail -f <name>\t\tFollow the output of a process\n"
          "\t\t\tCtrl-C to leave.\n"
          "tail -100 <name>\tThe last 100 *bytes* of its output\n"
          "tail <name> stderr\tThe last 1600 *bytes* of its standard error\n"
          "tail [options] <name> <gname>:* all ...\tLines of several processes, behind their "
          "names, from rotated and compressed files, too\n",
          COMP_PROCESS, CMD_UPCHECK, 1, -1, .few = "too few arguments", .run = cmd_tail,
          .options = tail_options },
        { "update",
          "update\t\t\tReread, then add, remove and restart the groups that differ\n"
          "update all\t\tThe same\n"
          "update <gname> [...]\tThe same for these groups only\n",
          COMP_GROUP, 0, 0, -1, .run = cmd_update, .run_json = cmd_update },
        { "version", "version\t\t\tThe version that supervisord speaks\n", COMP_NONE, CMD_UPCHECK,
          0, 0, .run = cmd_version, .run_json = json_version },
        { "help",
          "help\t\tList the commands\n"
          "help <action>\tExplain one of them\n",
          COMP_COMMAND, CMD_UNLISTED, 0, -1, .run = cmd_help },
        { "EOF", "EOF\tLeave the prompt, as Ctrl-D does.\n", COMP_NONE, CMD_UNLISTED, 0, -1,
          .run = cmd_quit },
        { "apply",
          "apply --plan\tShow what the configuration on disk would change; nothing is touched\n"
          "apply\t\tRead the configuration and carry the differences out, process by process\n",
          COMP_NONE, CMD_OURS | CMD_PLAN, 0, 0, .run = cmd_apply, .run_json = cmd_apply },
        { "events",
          "events\t\t\tShow what happens, as it happens (Ctrl-C to leave)\n"
          "events <type> [...]\tOnly these types: process.state, process.*, config.*, ...\n",
          COMP_NONE, CMD_OURS, 0, -1, .run = cmd_events, .run_json = cmd_events },
        { "health",
          "health\t\t\tThe health of every process, and what its last check said\n"
          "health <name> [...]\tThe same for these processes\n",
          COMP_PROCESS, CMD_OURS, 0, -1, .run = cmd_health, .run_json = json_health },
        { "rotate",
          "rotate <name>\t\tBegin new log files now, whatever their size\n"
          "rotate <gname>:*\tThe same for all processes of a group\n"
          "rotate all\t\tThe same for every process\n",
          COMP_PROCESS, CMD_OURS, 1, -1, .few = "rotate requires a process name", .run = cmd_rotate,
          .run_json = json_order, .area = "logs" },
        { "scale",
          "scale <program> <n>\tRun so many processes of a program\n"
          "scale <program> +<n>\tRun so many more\n"
          "scale <program> -<n>\tRun so many less\n",
          COMP_PROGRAM, CMD_OURS, 2, 2, .few = "scale requires a program and a number",
          .many = "scale takes one program and one number", .run = cmd_scale,
          .run_json = cmd_scale },
        { "upgrade",
          "upgrade\t\t\tPut the daemon's binary on disk in its place; nothing is stopped\n"
          "upgrade --binary <path>\tAnother binary\n",
          COMP_NONE, CMD_OURS, 0, 2, .many = "upgrade takes nothing but --binary PATH",
          .run = cmd_upgrade, .run_json = cmd_upgrade },
        { .name = NULL },
};

const struct cmd *cmd_find(const char *name)
{
        for (const struct cmd *cmd = ctl_cmds; cmd->name; cmd++)
                if (strcmp(cmd->name, name) == 0)
                        return cmd;
        return NULL;
}

void cmd_put_help(const struct cmd *cmd, struct buf *out)
{
        buf_puts(out, cmd->help);
        for (const struct cmd_option *o = cmd->options; o && o->name; o++) {
                AUTO_BUF left = BUF_INIT;
                if (o->letter)
                        buf_printf(&left, "-%c, ", o->letter);
                buf_printf(&left, "--%s%s%s", o->name, o->value ? " " : "",
                           o->value ? o->value : "");
                buf_printf(out, "  %-22s%s\n", buf_str(&left), o->help);
        }
}

bool cmd_takes(const struct cmd *cmd, const char *flag)
{
        if (strcmp(flag, "--json") == 0)
                return !(cmd->flags & CMD_UNLISTED); /* those without JSON refuse it by name */
        if (strcmp(flag, "--plan") == 0)
                return cmd->flags & CMD_PLAN;
        if (strcmp(flag, "-v") == 0 || strcmp(flag, "--verbose") == 0)
                return cmd->flags & CMD_VERBOSE;
        return false;
}
