/* The sections, and the rows of all that are no programs. */
#include "model/config/config.h"
#include "model/config/opt_kind.h"

#define S(field) offsetof(struct settings, field)
#define H(field) offsetof(struct server_conf, field)
#define C(field) offsetof(struct ctl_conf, field)

/* ---- [supervisord] */

static const struct opt supervisord_opts[] = {
        { .key = "logfile",
          .type = OPT_MAINLOG,
          .at = S(logfile),
          .change = CHANGE_LIVE,
          .dflt = "supervisord.log",
          .help = "The daemon's own log, or syslog." },
        { .key = "logfile_maxbytes",
          .type = OPT_BYTES,
          .at = S(logfile_maxbytes),
          .change = CHANGE_LIVE,
          .dflt = "50MB",
          .help = "Size at which the daemon's log is rotated; 0: never." },
        { .key = "logfile_backups",
          .type = OPT_INT,
          .at = S(logfile_backups),
          .change = CHANGE_LIVE,
          .dflt = "10",
          .help = "Rotated files of the daemon's log to keep; 0: it is emptied instead." },
        { .key = "loglevel",
          .type = OPT_LOGLEVEL,
          .at = S(loglevel),
          .change = CHANGE_LIVE,
          .dflt = "info",
          .help = "What is worth a line in the daemon's log. At debug the processes' output is "
                  "copied there, too." },
        { .key = "pidfile",
          .type = OPT_DIRPATH,
          .at = S(pidfile),
          .change = CHANGE_RESTART,
          .dflt = "supervisord.pid",
          .help = "File that holds the daemon's process id while it runs." },
        { .key = "identifier",
          .type = OPT_STRING,
          .at = S(identifier),
          .change = CHANGE_LIVE,
          .dflt = "supervisor",
          .help = "Name of this daemon in events and in generated log names." },
        { .key = "childlogdir",
          .type = OPT_DIR,
          .at = S(childlogdir),
          .change = CHANGE_LIVE,
          .help = "Directory of the log files with generated names. The default is the system's "
                  "directory for temporary files." },
        { .key = "nocleanup",
          .type = OPT_BOOL,
          .at = S(nocleanup),
          .change = CHANGE_LIVE,
          .dflt = "false",
          .help = "Keep the log files with generated names that an earlier daemon left." },
        { .key = "strip_ansi",
          .type = OPT_BOOL,
          .at = S(strip_ansi),
          .change = CHANGE_LIVE,
          .dflt = "false",
          .help = "Remove terminal colours and cursor movements from the processes' logs." },
        { .key = "syslog_socket",
          .type = OPT_PATH,
          .at = S(syslog_socket),
          .change = CHANGE_LIVE,
          .dflt = "/dev/log",
          .flags = OPT_OURS,
          .help = "Datagram socket of the syslog daemon that everything for syslog is sent to." },
        { .key = "nodaemon",
          .type = OPT_BOOL,
          .at = S(nodaemon),
          .change = CHANGE_RESTART,
          .dflt = "false",
          .help = "Stay in the foreground." },
        { .key = "silent",
          .type = OPT_BOOL,
          .at = S(silent),
          .change = CHANGE_LIVE,
          .dflt = "false",
          .help = "In the foreground: do not copy the daemon's log to standard output." },
        { .key = "user",
          .type = OPT_USER,
          .at = S(user),
          .change = CHANGE_RESTART,
          .help = "User that the daemon becomes when root starts it." },
        { .key = "umask",
          .type = OPT_OCTAL,
          .at = S(umask),
          .change = CHANGE_RESTART,
          .help = "The daemon's file mode creation mask. The default is 022 for a daemon; in the "
                  "foreground it is left alone." },
        { .key = "directory",
          .type = OPT_DIR,
          .at = S(directory),
          .change = CHANGE_RESTART,
          .help = "Directory that the daemon changes to." },
        { .key = "environment",
          .type = OPT_STRING,
          .at = S(environment),
          .change = CHANGE_LIVE,
          .flags = OPT_SECRET, /* of its values */
          .help = "Variables as KEY=\"value\",KEY2=\"value\" for every process." },
        { .key = "minfds",
          .type = OPT_INT,
          .at = S(minfds),
          .change = CHANGE_RESTART,
          .dflt = "1024",
          .help = "Open files that the daemon must be allowed to have; the limit is raised where "
                  "possible, else it does not start." },
        { .key = "minprocs",
          .type = OPT_INT,
          .at = S(minprocs),
          .change = CHANGE_RESTART,
          .dflt = "200",
          .help = "Processes that the daemon's user must be allowed to have; likewise." },
        { .key = "sighup",
          .type = OPT_SIGHUP,
          .at = S(sighup),
          .change = CHANGE_LIVE,
          .dflt = "reload",
          .flags = OPT_OURS,
          .help =
              "What SIGHUP does. reload: apply what changed in the configuration; restart: stop "
              "everything and start again from the new file, once it has parsed." },
        { .key = "statedir",
          .type = OPT_PATH,
          .at = S(statedir),
          .change = CHANGE_RESTART,
          .flags = OPT_OURS,
          .help = "Directory of what the next instance needs to go on where a daemon that was "
                  "killed left off. The default is the pidfile's path with .state in place of "
                  ".pid." },
        { .key = "shutdown_timeout",
          .type = OPT_DURATION,
          .at = S(shutdown_timeout_ms),
          .change = CHANGE_LIVE,
          .dflt = "0",
          .flags = OPT_OURS,
          .help = "Longest time for the daemon's end; then what is left is killed. 0: no limit "
                  "beyond each program's stopwaitsecs." },
        { .key = NULL },
};

/* ---- servers and the client */

#define AUTHENTICATION                                                                          \
        { .key = "username",                                                                    \
          .type = OPT_STRING,                                                                   \
          .at = H(username),                                                                    \
          .flags = OPT_NO_EXPAND,                                                               \
          .help = "User name that clients have to give; only together with a password." },      \
        {                                                                                       \
                .key = "password", .type = OPT_STRING, .at = H(password),                       \
                .flags = OPT_NO_EXPAND | OPT_SECRET,                                            \
                .help = "Password that clients have to give, or {SHA} and its SHA-1 digest in " \
                        "hexadecimal."                                                          \
        }

static const struct opt unix_server_opts[] = {
        { .key = "file",
          .type = OPT_PATH,
          .at = H(file),
          .flags = OPT_REQUIRED,
          .help = "Path of the Unix socket that takes orders." },
        { .key = "chmod",
          .type = OPT_OCTAL,
          .at = H(chmod),
          .dflt = "0700",
          .flags = OPT_NO_EXPAND,
          .wrong = "Invalid chmod value ",
          .help = "Mode of the socket." },
        { .key = "chown",
          .type = OPT_CHOWN,
          .at = H(chown),
          .flags = OPT_NO_EXPAND,
          .wrong = "Invalid sockchown value ",
          .help = "Owner of the socket." },
        AUTHENTICATION,
        { .key = NULL },
};

static const struct opt inet_server_opts[] = {
        { .key = "port",
          .type = OPT_INET,
          .at = H(port),
          .flags = OPT_REQUIRED | OPT_NO_EXPAND,
          .help = "Address and port to listen on; without a host or with *, on all interfaces." },
        AUTHENTICATION,
        { .key = "allowed_hosts",
          .type = OPT_STRING,
          .at = H(allowed_hosts),
          .flags = OPT_OURS,
          .help = "Names, separated by commas, that browsers may ask for and that their pages may "
                  "come from, besides addresses, localhost, the machine's name and the host of "
                  "port: those of a proxy in front, say." },
        { .key = NULL },
};

static const struct opt ctl_opts[] = {
        { .key = "serverurl",
          .type = OPT_URL,
          .at = C(serverurl),
          .dflt = "http://localhost:9001",
          .help = "Where the daemon is reached." },
        { .key = "username",
          .type = OPT_STRING,
          .at = C(username),
          .flags = OPT_NO_EXPAND,
          .help = "User name to give to the daemon." },
        { .key = "password",
          .type = OPT_STRING,
          .at = C(password),
          .flags = OPT_NO_EXPAND | OPT_SECRET,
          .help = "Password to give to the daemon." },
        { .key = "prompt",
          .type = OPT_STRING,
          .at = C(prompt),
          .dflt = "supervisor",
          .flags = OPT_NO_EXPAND,
          .help = "Prompt of the interactive shell." },
        { .key = "history_file",
          .type = OPT_PATH,
          .at = C(history_file),
          .help = "File that keeps the commands of the interactive shell." },
        { .key = NULL },
};

/* ---- sections whose values config.c stores itself */

static const struct opt group_opts[] = {
        { .key = "programs",
          .type = OPT_LIST,
          .help = "Names of the programs that form the group. Grouped programs do not form groups "
                  "of their own." },
        { .key = "priority",
          .type = OPT_INT,
          .dflt = "999",
          .change = CHANGE_LIVE,
          .help = "Groups with lower numbers are started earlier and stopped later." },
        { .key = NULL },
};

static const struct opt include_opts[] = {
        { .key = "files",
          .type = OPT_STRING,
          .flags = OPT_REQUIRED,
          .help = "Files to read as well: names or patterns (* ? [..]), separated by blanks, "
                  "relative to the directory of the main file." },
        { .key = NULL },
};

static const struct opt rpcinterface_opts[] = {
        { .key = "supervisor.rpcinterface_factory",
          .type = OPT_STRING,
          .flags = OPT_REQUIRED | OPT_NO_EXPAND,
          .help = "Only supervisor.rpcinterface:make_main_rpcinterface is available: it switches "
                  "the supervisor.* methods of XML-RPC on." },
        { .key = NULL },
};

static const struct opt ctlplugin_opts[] = {
        { .key = "supervisor.ctl_factory",
          .type = OPT_STRING,
          .flags = OPT_REQUIRED | OPT_NO_EXPAND | OPT_NO_EFFECT,
          .help = "Python code that adds commands to supervisorctl; not available." },
        { .key = NULL },
};

const struct section_kind section_kinds[] = {
        { "supervisord", 0, supervisord_opts, 0, "The daemon itself." },
        { "unix_http_server", -1, unix_server_opts, 0, "A Unix socket that takes orders." },
        { "inet_http_server", -1, inet_server_opts, 0, "A TCP port that takes orders." },
        { "supervisorctl", 0, ctl_opts, 0, "The command line client." },
        { "program", 1, program_opts, KIND_PROGRAM, "A program to keep alive." },
        { "eventlistener", 1, program_opts, KIND_LISTENER,
          "A program that is told what happens: it reads events on its standard input and answers "
          "on its standard output." },
        { "fcgi-program", 1, program_opts, KIND_FCGI,
          "A program whose processes share one listening socket as descriptor 0." },
        { "group", 1, group_opts, 0, "Programs that are ordered about together." },
        { "include", 0, include_opts, 0, "Further configuration files." },
        { "rpcinterface", 1, rpcinterface_opts, 0, "A namespace of XML-RPC methods." },
        { "ctlplugin", 1, ctlplugin_opts, 0, "An extension of supervisorctl." },
        { .prefix = NULL },
};
