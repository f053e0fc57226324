/* Fills in and extends error values. The text is of a fixed size, so that it can be filled when
 * there is no memory; a longer one is cut and marked. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void mark_cut(struct err *e, int wanted)
{
        if (wanted >= (int)sizeof e->text)
                memcpy(e->text + sizeof e->text - 4, "...", 4);
}

bool err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
        int saved = errno;
        va_list ap;

        if (!e)
                return false;
        e->code = code;
        e->sys = code == ERR_SYS ? saved : 0;
        va_start(ap, fmt);
        int n = vsnprintf(e->text, sizeof e->text, fmt, ap);
        va_end(ap);
        if (n >= 0 && n < (int)sizeof e->text && code == ERR_SYS)
                n += snprintf(e->text + n, sizeof e->text - (size_t)n, ": %s", strerror(saved));
        mark_cut(e, n);
        errno = saved;
        return false;
}

bool err_wrap(struct err *e, const char *fmt, ...)
{
        char inner[sizeof e->text];
        va_list ap;

        if (!e)
                return false;
        memcpy(inner, e->text, sizeof inner);
        va_start(ap, fmt);
        int n = vsnprintf(e->text, sizeof e->text, fmt, ap);
        va_end(ap);
        if (n >= 0 && n < (int)sizeof e->text)
                n += snprintf(e->text + n, sizeof e->text - (size_t)n, "%s", inner);
        mark_cut(e, n);
        return false;
}

bool err_nomem(struct err *e)
{
        return err_set(e, ERR_NOMEM, "out of memory");
}
