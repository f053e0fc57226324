#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <strings.h>

#include "base/buf.h"

static const struct level {
        enum log_level level;
        const char *name, *tag;
} levels[] = {
        { LVL_CRITICAL, "critical", "CRIT" }, { LVL_ERROR, "error", "ERRO" },
        { LVL_WARN, "warn", "WARN" },         { LVL_INFO, "info", "INFO" },
        { LVL_DEBUG, "debug", "DEBG" },       { LVL_TRACE, "trace", "TRAC" },
        { LVL_BLATHER, "blather", "BLAT" },
};

#define LEVELS (sizeof levels / sizeof *levels)

bool log_wants(const struct log *l, enum log_level level)
{
        return l && level >= l->level;
}

void log_line(struct log *l, enum log_level level, const char *fmt, ...)
{
        int saved = errno;
        va_list ap;

        if (!log_wants(l, level))
                return;
        AUTO_BUF text = BUF_INIT;
        errno = saved; /* for %m */
        va_start(ap, fmt);
        buf_vprintf(&text, fmt, ap);
        va_end(ap);
        l->lines++;
        if (!text.failed)
                l->write(l, level, buf_str(&text), text.len);
        else
                l->write(l, level, "out of memory for a log line", 28);
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
