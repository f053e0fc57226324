/* How each type of option is read, compared, freed and shown. Private to
 * src/model/config/opt*.c. */
#ifndef MODEL_CONFIG_OPT_KIND_H
#define MODEL_CONFIG_OPT_KIND_H

#include "model/config/config.h"
#include "model/config/options.h"
#include "model/config/program.h"

/* Room for a value of any type; parsers write here, opt_parse moves it into the section. */
union opt_value {
        char *text;
        int number;
        bool flag;
        int64_t big;
        double real;
        struct strlist list;
        struct code_set codes;
        struct user_ref user;
        struct owner_ref owner;
        struct inet_addr inet;
        struct rate rate;
        struct on_fatal on_fatal;
        struct check_target check;
};

struct opt_word {
        const char *word;
        int value;
};

struct opt_kind {
        size_t size;
        /* False: *e filled, nothing owned in *v. *v was zero. */
        bool (*parse)(const struct opt *o, const char *text, const struct host *w,
                      union opt_value *v, struct err *e);
        bool (*same)(const void *a, const void *b);
        void (*drop)(void *v); /* frees, and leaves the value that means "nothing said" */
        void (*format)(const struct opt *o, const void *v, struct buf *out);
        const char *words;             /* "seconds", "true or false" */
        const struct opt_word *values; /* for types that are one of a few words; ends with NULL */
};

extern const struct opt_kind opt_kind_int, opt_kind_bool, opt_kind_tristate, opt_kind_bytes,
    opt_kind_octal, opt_kind_signal, opt_kind_exitcodes, opt_kind_autorestart, opt_kind_loglevel;
extern const struct opt_kind opt_kind_string, opt_kind_template, opt_kind_name_template,
    opt_kind_list, opt_kind_events, opt_kind_url, opt_kind_serverurl;
extern const struct opt_kind opt_kind_dir, opt_kind_dirpath, opt_kind_mainlog, opt_kind_path,
    opt_kind_logfile, opt_kind_user, opt_kind_chown, opt_kind_inet;
extern const struct opt_kind opt_kind_duration, opt_kind_fraction, opt_kind_rate, opt_kind_on_fatal,
    opt_kind_check, opt_kind_check_action, opt_kind_ready, opt_kind_sighup, opt_kind_overflow,
    opt_kind_log_every, opt_kind_log_compress, opt_kind_log_format;
extern const struct opt_kind opt_kind_syslog_facility, opt_kind_syslog_level,
    opt_kind_syslog_format, opt_kind_syslog_tag;

const struct opt_kind *opt_kind_of(enum opt_type type);

/* The rows of all program-type sections; ends with key NULL. */
extern const struct opt program_opts[];

/* ---- shared by the types */

/* "<before>'<text>'<after>" as an ERR_CONFIG, the value quoted. Returns false. */
bool opt_wrong(struct err *e, const char *before, const char *text, const char *after);
/* "expected <what>, got '<text>'": errors of our own keys. Returns false. */
bool opt_expected(struct err *e, const char *what, const char *text);
bool opt_keep(char *owned, union opt_value *v, struct err *e); /* NULL: no memory */
bool opt_same_int(const void *a, const void *b);
bool opt_same_big(const void *a, const void *b);
bool opt_same_text(const void *a, const void *b); /* NULL equals NULL only */
void opt_drop_zero_int(void *v);
void opt_drop_big(void *v);
void opt_drop_text(void *v);
void opt_format_text(const struct opt *o, const void *v, struct buf *out);
void opt_format_word(const struct opt *o, const void *v, struct buf *out);

/* For types that are one of the words in opt_kind.values, any case. */
bool opt_parse_word(const struct opt *o, const char *text, const struct host *w, union opt_value *v,
                    struct err *e);
#define OPT_WORD_KIND(parser, list, meaning)                                              \
        {                                                                                 \
                .size = sizeof(int), .parse = (parser), .same = opt_same_int,             \
                .drop = opt_drop_zero_int, .format = opt_format_word, .words = (meaning), \
                .values = (list)                                                          \
        }

enum pyint { PYINT_OK, PYINT_BAD, PYINT_RANGE };
/* Python's int(text, base) for base 8 and 10: blanks around, a sign, single underscores between
 * digits, "0o" before octal ones. */
enum pyint pyint_parse(const char *text, size_t len, int base, int64_t *out);
/* A value within the row's min and max (units of the value); errors are ours. */
bool opt_in_range(const struct opt *o, double value, bool durations, const char *text,
                  struct err *e);

#endif
