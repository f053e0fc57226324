/* Formats one line of the main log and hands it to the log behind it; levels by name and tag
 * (compat 16). Does not know where lines go. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "base/buf.h"
#include "base/sanitize.h"

static const struct level {
        enum log_level level;
        const char *name, *tag;
} levels[] = {
        { LVL_CRITICAL, "critical", "CRIT" }, { LVL_ERROR, "error", "ERRO" },
        { LVL_WARN, "warn", "WARN" },         { LVL_INFO, "info", "INFO" },
        { LVL_DEBUG, "debug", "DEBG" },       { LVL_TRACE, "trace", "TRAC" },
        { LVL_BLATHER, "blather", "BLAT" },
};

#define ROOM 512 /* a line's, before memory is asked for */

#define LEVELS (sizeof levels / sizeof *levels)

bool log_wants(const struct log *l, enum log_level level)
{
        return l && level >= l->level;
}

/* Longer than most. */
static void write_long(struct log *l, enum log_level level, const char *fmt, va_list ap)
{
        AUTO_BUF text = BUF_INIT;

        buf_vprintf(&text, fmt, ap);
        if (!text.failed && text.len)
                sanitize_bytes(text.data, text.len, "\t");
        if (!text.failed)
                l->write(l, level, buf_str(&text), text.len);
        else
                l->write(l, level, "out of memory for a log line", 28);
}

void log_line(struct log *l, enum log_level level, const char *fmt, ...)
{
        int saved = errno;
        va_list ap;

        if (!log_wants(l, level))
                return;
        char room[ROOM];
        errno = saved; /* for %m */
        va_start(ap, fmt);
        int n = vsnprintf(room, sizeof room, fmt, ap);
        va_end(ap);
        if (n >= 0 && (size_t)n < sizeof room) {
                sanitize_bytes(room, (size_t)n, "\t");
                l->write(l, level, room, (size_t)n);
        } else {
                errno = saved;
                va_start(ap, fmt);
                write_long(l, level, fmt, ap);
                va_end(ap);
        }
        errno = saved;
}

enum log_level log_level_parse(const char *name)
{
        for (size_t i = 0; i < LEVELS; i++)
                if (strcasecmp(name, levels[i].name) == 0)
                        return levels[i].level;
        return 0;
}

const char *log_level_name(enum log_level level)
{
        for (size_t i = 0; i < LEVELS; i++)
                if (levels[i].level == level)
                        return levels[i].name;
        return "info";
}

const char *log_level_tag(enum log_level level)
{
        for (size_t i = 0; i < LEVELS; i++)
                if (levels[i].level == level)
                        return levels[i].tag;
        return "INFO";
}
