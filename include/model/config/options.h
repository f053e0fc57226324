/* The option tables: one row per key, and everything that is said of a key is a loop over rows:
 * defaults, parsing, range checks, the reload diff, `unknown key` hints, the man page's lists. */
#ifndef MODEL_CONFIG_OPTIONS_H
#define MODEL_CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/host.h"

enum opt_type {
        OPT_STRING,   /* char *; an empty value stays "" */
        OPT_TEMPLATE, /* char *: expanded later, per process; here only checked */
        OPT_NAME_TEMPLATE,
        OPT_INT,         /* int */
        OPT_BOOL,        /* bool */
        OPT_TRISTATE,    /* int: -1 not said, 0, 1 (killasgroup until the checks settle it) */
        OPT_BYTES,       /* int64_t */
        OPT_OCTAL,       /* int */
        OPT_SIGNAL,      /* int */
        OPT_EXITCODES,   /* struct code_set */
        OPT_AUTORESTART, /* enum autorestart */
        OPT_LOGLEVEL,    /* enum log_level */
        OPT_DIR,         /* char *: an existing directory, ~ expanded, absolute */
        OPT_DIRPATH,     /* char *: its parent directory exists, ~ expanded, absolute */
        OPT_MAINLOG,     /* char *: "syslog", else as DIRPATH */
        OPT_PATH,        /* char *: ~ expanded, absolute; need not exist */
        OPT_LOGFILE,     /* char *: NULL none, "AUTO", "syslog", else a path whose parent exists, ~
                          * expanded, relative ones stay. Template: unchecked while it has a '%' */
        OPT_USER,        /* struct user_ref */
        OPT_CHOWN,       /* struct owner_ref (config.h): user or user:group */
        OPT_INET,        /* struct inet_addr (config.h) */
        OPT_LIST,        /* struct strlist: comma separated, trimmed */
        OPT_EVENTS,      /* struct strlist: canonical event names */
        OPT_URL,         /* char *; the path of a unix:// one is made absolute */
        OPT_SERVERURL,   /* char *: NULL for AUTO */
        OPT_DURATION,    /* int64_t milliseconds; keys of ours */
        OPT_FRACTION,    /* double */
        OPT_RATE,        /* struct rate */
        OPT_ON_FATAL,    /* struct on_fatal */
        OPT_CHECK,       /* struct check_target */
        OPT_CHECK_ACTION,
        OPT_READY,
        OPT_OVERFLOW,
        OPT_LOG_EVERY,
        OPT_LOG_COMPRESS,
        OPT_LOG_FORMAT,
        OPT_SYSLOG_FACILITY, /* int: RFC 5424, table 1 */
        OPT_SYSLOG_LEVEL,    /* int: RFC 5424, table 2 */
        OPT_SYSLOG_FORMAT,
        OPT_SYSLOG_TAG, /* char *: a template; NULL: nothing said */
        OPT_SIGHUP,     /* enum sighup_policy (config.h) */
        OPT_TYPE_COUNT
};

/* What a changed value asks of a process that runs by the old one. The order is "worse". */
enum change {
        CHANGE_NONE,
        CHANGE_LIVE,    /* takes effect where it is: deadlines, logs, health, counts */
        CHANGE_RESTART, /* only a new start makes it true */
};

enum opt_flags {
        OPT_OURS = 1, /* not Supervisor's: may take units, wrong value is an error of ours */
        OPT_REQUIRED = 2,
        OPT_SECRET = 4,       /* never printed */
        OPT_NO_EXPAND = 8,    /* only %(ENV_NAME)s is expanded (compat section 5) */
        OPT_PROC_EXPAND = 16, /* process_num and numprocs may be used */
        OPT_NO_EFFECT = 32,   /* accepted because Supervisor accepts it */
        OPT_MAY_BE_NONE = 64, /* OPT_INT: the word "none" stands for -1 */
};

struct opt {
        const char *key;
        enum opt_type type;
        size_t at;        /* offset in the section's struct */
        const char *dflt; /* goes through the parser; NULL: the zero value */
        int64_t min, max; /* both 0: no range beyond the type's; max 0 with a min: no upper end */
        enum change change;
        unsigned flags;    /* enum opt_flags */
        unsigned kinds;    /* enum program_kind bits; 0: not a program-type section */
        const char *wrong; /* what an error says before the value, where Supervisor does not use
                            * the type's own message; NULL: the type's */
        const char *help;  /* one or two sentences, for the man page */
};

/* Rows that are not stored by the table (the value belongs to config.c) have `at` 0: parse them
 * into a variable of the row's type. [group:x], [include] and the plugin sections have only such
 * rows.
 *
 * A key may have several rows with different `kinds`; opt_find gives the one that applies. */

/* A kind of section: `prefix` is "program" for [program:x]; `named` says that ":x" is required
 * (1), optional (-1) or not allowed (0). */
struct section_kind {
        const char *prefix;
        int named;
        const struct opt *opts; /* ends with key NULL */
        unsigned kind;          /* enum program_kind bit or 0: rows with other bits do not apply */
        const char *help;
};
extern const struct section_kind section_kinds[]; /* ends with prefix NULL */

/* The kind for a section's name: "program:web" -> "program" (and "web" in *name_out, NULL without
 * a colon). NULL: no such section is known, or the colon is missing or not allowed. */
const struct section_kind *section_find(const char *section, const char **name_out);

/* The row for a key (lower case) in this section kind, or NULL. */
const struct opt *opt_find(const struct section_kind *k, const char *key);

/* Text to value. `base` is the section's struct; what was there is freed. On failure e->text is
 * the message of compat section 4, without any suffix ("Unknown event type FOO" neither has its
 * " in [section] events"), and the value is unchanged. */
bool opt_parse(const struct opt *o, void *base, const char *text, const struct host *w,
               struct err *e);
/* The same check without keeping the value: for what a template has become for one process. */
bool opt_check(const struct opt *o, const char *text, const struct host *w, struct err *e);
bool opt_same(const struct opt *o, const void *a, const void *b);
void opt_free(const struct opt *o, void *base); /* leaves the type's zero value */
/* The value as it could be written in a file; secrets as "...". */
void opt_format(const struct opt *o, const void *base, struct buf *out);
/* "seconds", "true or false", ... for the man page and for errors of ours. */
const char *opt_type_words(enum opt_type type);

/* All rows of a section: set defaults, free everything. False: no memory. */
bool opts_defaults(const struct section_kind *k, void *base, const struct host *w, struct err *e);
void opts_free(const struct section_kind *k, void *base);

/* Does the row apply to this kind of section? */
bool opt_applies(const struct section_kind *k, const struct opt *o);

/* The nearest known key to a misspelt one, or NULL when nothing is near. */
const char *opt_nearest(const struct section_kind *k, const char *key);

#endif
