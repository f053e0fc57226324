/* What one program-type section says, parsed and checked: [program:x], [eventlistener:x],
 * [fcgi-program:x]. Filled by loops over the option tables (model/config/options.h).
 *
 * Values that may differ from process to process (command, process_name, directory, environment,
 * log files) are stored as templates: `here` is already replaced, the rest is expanded per process
 * by model/config/recipe.h. A struct program is immutable once its configuration has passed the
 * checks, and shared by reference count: the configuration and every process that runs by it hold
 * one. */
#ifndef MODEL_CONFIG_PROGRAM_H
#define MODEL_CONFIG_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/host.h"
#include "base/strlist.h"

enum program_kind {
        KIND_PROGRAM = 1,
        KIND_LISTENER = 2,
        KIND_FCGI = 4,
};

enum autorestart { RESTART_NEVER, RESTART_ALWAYS, RESTART_UNEXPECTED };

enum on_fatal_kind { FATAL_IGNORE, FATAL_SHUTDOWN, FATAL_EXEC };

enum ready_kind { READY_UPTIME, READY_HEALTHCHECK };

enum check_kind { CHECK_NONE, CHECK_EXEC, CHECK_HTTP, CHECK_TCP, CHECK_UNIX };

enum check_action { CHECK_ACT_RESTART, CHECK_ACT_KILL, CHECK_ACT_NONE };

/* A set of exit codes 0..255, and the order in which they were named. */
struct code_set {
        uint64_t bits[4];
        int count;
        uint8_t named[256];
};

/* "10/60s": more than `count` failures within `window_ms` opens the breaker. count 0: off. */
struct rate {
        int count;
        int64_t window_ms;
};

struct user_ref {
        bool set;
        struct account who;
};

struct on_fatal {
        enum on_fatal_kind kind;
        char *command; /* owned; template, for FATAL_EXEC */
};

/* healthcheck=: split into kind and target when the file is read. The target is a template. */
struct check_target {
        enum check_kind kind;
        char *text;   /* owned; the value as written, NULL for none */
        char *target; /* owned; what follows exec: http:// tcp:// unix:// */
};

/* While a log file takes nothing: the worker waits, or its output is lost. */
enum overflow { OVERFLOW_BLOCK, OVERFLOW_DROP };

/* When a log file is rotated besides its size, and what becomes of it. */
enum log_every { LOG_EVERY_SIZE, LOG_EVERY_HOUR, LOG_EVERY_DAY };
enum log_form { LOG_FORM_RAW, LOG_FORM_TEXT, LOG_FORM_JSON };
enum syslog_form { SYSLOG_FORM_BSD, SYSLOG_FORM_5424 };
enum log_compress { LOG_COMPRESS_NONE, LOG_COMPRESS_GZIP };

/* One channel's log settings. */
struct channel_conf {
        char *logfile; /* owned template; NULL: none. "AUTO": a generated name. "syslog": deprecated
                        * alias (compat section 4, child logfile) */
        int64_t maxbytes;
        int backups;
        int64_t capture_maxbytes;
        bool events_enabled;
        bool syslog;
        int syslog_facility, syslog_level;
        enum syslog_form syslog_format;
        char *syslog_tag; /* owned template; NULL: none was given */
        enum overflow overflow;
        enum log_every rotate;
        enum log_compress compress;
        enum log_form format;
        bool timestamp; /* short for format text */
};

struct program {
        unsigned refs;
        enum program_kind kind;
        char *name;    /* owned: after the colon */
        char *section; /* owned: "program:web" */
        char *file;    /* owned: the file that introduced the section, as given */
        int line;
        char *here; /* owned: directory of that file */

        char *command;      /* owned template */
        char *process_name; /* owned template */
        char *directory;    /* owned template or NULL */
        char *environment;  /* owned template (key/value list text) or NULL */
        char *global_env;   /* owned: [supervisord] environment, as text; part of the comparison */
        int numprocs, numprocs_start;
        int priority;
        bool autostart;
        int startsecs, startretries;
        enum autorestart autorestart;
        struct code_set exitcodes;
        int stopsignal;
        int stopwaitsecs;
        bool stopasgroup;
        int killasgroup; /* a bool once the checks are through: -1 (not said) is settled there to
                          * stopasgroup's value */
        struct user_ref user;
        bool user_environment; /* HOME, USER, LOGNAME and SHELL are those of `user` */
        int umask;             /* -1: inherit */
        char *serverurl;       /* owned; NULL: AUTO */
        bool redirect_stderr;
        struct channel_conf out, err;

        /* keys that Supervisor does not have: supervisord.conf(5) */
        int numprocs_min, numprocs_max; /* max -1: none */
        int64_t restart_delay_ms, restart_delay_max_ms, restart_reset_ms;
        double restart_delay_factor, restart_jitter;
        struct rate restart_limit;
        struct on_fatal on_fatal;
        bool container_main; /* its end is ours */
        struct check_target healthcheck;
        int64_t healthcheck_interval_ms, healthcheck_timeout_ms;
        int64_t healthcheck_start_period_ms, healthcheck_start_interval_ms;
        int healthcheck_retries, healthcheck_successes;
        enum check_action healthcheck_action;
        enum ready_kind ready;
        int64_t start_timeout_ms; /* 0: none */

        /* event listeners (compat 7.7) */
        struct strlist events; /* canonical names, in the order written */
        int buffer_size;
        char *result_handler; /* owned or NULL: as written, see program_handler */

        /* FastCGI (compat 7.8) */
        char *socket;       /* owned: "tcp://host:port" or "unix:///path", expanded; NULL */
        char *socket_owner; /* owned or NULL: as written */
        uid_t socket_uid;   /* (uid_t)-1: unchanged */
        gid_t socket_gid;
        int socket_mode;    /* -1: not said, 0700 */
        int socket_backlog; /* -1: SOMAXCONN */
};

/* Whose files a log may be, besides root's and the daemon's; 0: no other user's. */
static inline uid_t user_owner(const struct user_ref *u)
{
        return u->set ? u->who.uid : 0;
}

struct program *program_new(void); /* all zero, one reference; NULL: no memory */
struct program *program_ref(struct program *p);
void program_unref(struct program *p); /* NULL is fine; frees at the last one */

bool code_set_has(const struct code_set *s, int code);
void code_set_add(struct code_set *s, int code);

/* `wanted` within numprocs_min and numprocs_max, never negative; without process_num in the
 * process_name at most one. */
int program_replicas(const struct program *p, int wanted);

/* How an event listener's answers are judged. Python code of the user's cannot be called: whatever
 * it would say, an answer that is well formed accepts the event. */
enum result_handler {
        HANDLER_BUILT_IN, /* OK accepts, anything else rejects */
        HANDLER_UNKNOWN,
        HANDLER_STDOUT /* supervisor_stdout's: the answer is text for standard output */
};
enum result_handler program_handler(const struct program *p);

/* What it writes there is discarded: no file, no syslog, no events. With redirect_stderr both are
 * one. Such a worker gets no pipe (compat section 15, NONE). */
bool program_discards(const struct program *p, bool is_stderr);

/* Can this program's process_name tell several processes apart (does it use process_num)? */
bool program_numbers_workers(const struct program *p);

#endif
