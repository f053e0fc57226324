/* The main log as every other part sees it: levels and one call. Where the lines go is the business
 * of logs/mainlog/mainlog.h. Levels, tags and numbers: compat 16. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level {
        LVL_BLATHER = 3,
        LVL_TRACE = 5,
        LVL_DEBUG = 10,
        LVL_INFO = 20,
        LVL_WARN = 30,
        LVL_ERROR = 40,
        LVL_CRITICAL = 50,
};

struct log {
        enum log_level level; /* lines below it are not even formatted */
        void (*write)(struct log *self, enum log_level level, const char *text, size_t len);
        void *arg; /* the writer's own, borrowed */
};

/* One line, without the newline. NULL log: dropped. Never fails towards the caller: what cannot be
 * written is the writer's to report. errno is preserved. */
void log_line(struct log *l, enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

bool log_wants(const struct log *l, enum log_level level);

/* "info" -> LVL_INFO, any case; 0: no such level. */
enum log_level log_level_parse(const char *name);
const char *log_level_name(enum log_level level); /* "info" */
const char *log_level_tag(enum log_level level);  /* "INFO", "CRIT", ... */

#endif
