/* A whole configuration, read and checked beside whatever runs: built by config_load, never changed
 * afterwards. Supervisor's keys: compat 3 to 8; those that only this program has:
 * supervisord.conf(5). */
#ifndef MODEL_CONFIG_CONFIG_H
#define MODEL_CONFIG_CONFIG_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/host.h"
#include "base/log.h"
#include "base/strlist.h"
#include "model/config/diag.h"
#include "model/config/program.h"

struct owner_ref {
        bool set;
        uid_t uid;
        gid_t gid; /* (gid_t)-1: unchanged */
};

struct inet_addr {
        char *host; /* owned; "" for all interfaces; IPv6 without brackets; lower-cased */
        int port;
};

enum sighup_policy { SIGHUP_RELOAD, SIGHUP_RESTART };

/* [supervisord] */
struct settings {
        char *logfile; /* owned, absolute; "syslog" stays as it is */
        int64_t logfile_maxbytes;
        int logfile_backups;
        enum log_level loglevel;
        char *pidfile; /* owned, absolute */
        char *identifier;
        char *childlogdir;
        char *directory; /* NULL: none */
        int umask;       /* -1: not said (022 when daemonizing) */
        bool nodaemon, silent, nocleanup, strip_ansi;
        int minfds, minprocs;
        struct user_ref user;
        char *environment;  /* key/value list text, expanded; NULL: none */
        struct strlist env; /* the same as "K=V" */
        /* ours */
        enum sighup_policy sighup;
        char *syslog_socket; /* owned, absolute */
        char *statedir;      /* owned, absolute; NULL: none, because the pidfile is no file */
        int64_t shutdown_timeout_ms; /* 0: none */
};

enum server_kind { SERVER_UNIX, SERVER_INET };

/* [unix_http_server] and [inet_http_server], with or without ":name". */
struct server_conf {
        enum server_kind kind;
        char *section; /* owned */
        char *file;    /* owned, absolute (unix) */
        int chmod;
        struct owner_ref chown;
        struct inet_addr port;
        char *username, *password; /* owned; NULL: no authentication */
        char *allowed_hosts;       /* owned; names, separated by commas; NULL: none */
        int line;
        char *conf_file;
};

/* [supervisorctl] */
struct ctl_conf {
        char *serverurl, *username, *password, *prompt, *history_file; /* owned; NULL where unset */
};

/* A group as configured: an explicit [group:x], or the one that a lone program forms. Shared by
 * reference count like programs: a running group holds the one that it was made from. */
struct group_conf {
        unsigned refs;
        char *name;
        int priority;
        bool is_explicit;
        enum program_kind kind;
        struct program **programs; /* owned references, in order of definition */
        int program_count;
};

struct config {
        char *path; /* owned, absolute: the main file */
        char *here; /* owned */
        struct settings settings;
        struct server_conf *servers; /* owned, in the order of the file */
        int server_count;
        struct ctl_conf ctl;
        bool has_ctl;
        struct group_conf **groups; /* owned references, ordered by (priority, name) */
        int group_count;
        struct group_conf **by_name; /* owned array: the same, borrowed, sorted by name */
        bool has_rpcinterface;       /* [rpcinterface:supervisor] with the stock factory */
        struct strlist files;        /* every file that was read, the main one first */
        bool incomplete;             /* an included file is there and could not be read */
};

/* A command line value that wins over the file, also after every reload (compat section 1). */
struct override {
        const char *key, *value; /* a key of [supervisord]; borrowed */
        char flag[32];           /* as typed, for errors: "-e" */
};

enum config_want {
        WANT_DAEMON, /* [supervisord] and everything below it; plugin sections */
        WANT_RELOAD, /* the same, for what runs already: an included file that is there and cannot
                      * be read is an error, because its programs would count as removed. No pipe
                      * is waited for */
        WANT_CHECK,  /* the same, by a process of its own, which may wait */
        WANT_CTL, /* only [supervisorctl]; nothing else is looked at, no diagnostics but errors */
};

/* Read, expand, parse and check. Everything found goes into *diags (to the end, not only the
 * first). Returns NULL when there was an error; the caller frees the result with config_free. */
struct config *config_load(const char *path, enum config_want want,
                           const struct override *overrides, int override_count,
                           const struct host *w, struct diags *diags);
void config_free(struct config *c);

/* compat 3.1: first existing file of the search list; argv0 for the two-levels-up entries. NULL:
 * none
 * (*tried_out, when not NULL, gets the list joined by ", "). Caller frees. */
char *config_search(const char *argv0, const struct host *w, char **tried_out);

struct group_conf *group_conf_ref(struct group_conf *g);
void group_conf_unref(struct group_conf *g);
struct group_conf *config_group(const struct config *c, const char *name); /* borrowed or NULL */
/* What was a file of `before` and is a directory by now cannot be read: without it its programs
 * would count as removed. False: said. */
bool config_keeps_files(const struct config *c, const struct config *before, const struct host *w,
                        struct diags *diags);

/* Split a "KEY=value,KEY2="v"" list (compat 4.1) into "K=V" items. False: *e has Supervisor's
 * text. `dropped`, when not NULL, gets the text that was silently swallowed (compat 23, row 24). */
bool keyvals_parse(const char *text, struct strlist *out, struct buf *dropped, struct err *e);

/* Of several "K=V" items with one key the last value stays, in the place of the first. False: no
 * memory. Not quadratic. */
bool keyvals_unify(struct strlist *items);

#endif
