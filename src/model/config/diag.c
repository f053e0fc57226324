/* The list of errors and warnings that a configuration gave, each with its place. An entry owns
 * its texts. Without memory the list says so itself, so that a missing entry is not taken for a
 * good file. */
#include "model/config/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

static void diags_empty(struct diags *d)
{
        for (size_t i = 0; i < d->count; i++) {
                struct diag *item = &d->items[i];
                free(item->file);
                free(item->section);
                free(item->key);
                free(item->message);
                free(item->hint);
        }
        d->count = d->errors = d->warnings = 0;
}

void diags_release(struct diags *d)
{
        diags_empty(d);
        free(d->items);
        *d = (struct diags){ 0 };
}

static char *diag_copy(struct diags *d, const char *s)
{
        char *c = s ? strdup(s) : NULL;

        if (s && !c)
                d->failed = true;
        return c;
}

static struct diag *diag_grow(struct diags *d)
{
        if (!vec_grow(d->items, d->count)) {
                d->failed = true;
                return NULL;
        }
        return &d->items[d->count++];
}

void diags_add(struct diags *d, enum severity severity, const struct where *at, const char *hint,
               const char *fmt, ...)
{
        static const struct where nowhere;
        struct buf text = BUF_INIT;
        va_list ap;

        struct diag *item = diag_grow(d);
        if (!item)
                return;
        if (!at)
                at = &nowhere;
        va_start(ap, fmt);
        buf_vprintf(&text, fmt, ap);
        va_end(ap);
        *item = (struct diag){ .severity = severity,
                               .file = diag_copy(d, at->file),
                               .line = at->line,
                               .section = diag_copy(d, at->section),
                               .key = diag_copy(d, at->key),
                               .message = buf_take(&text),
                               .hint = diag_copy(d, hint),
                               .quoted = at->quoted };
        if (!item->message)
                d->failed = true;
        if (severity == DIAG_ERROR)
                d->errors++;
        if (severity == DIAG_WARNING)
                d->warnings++;
}

void diag_line(const struct diag *d, struct buf *out)
{
        if (d->file && d->line && d->key && !d->quoted)
                buf_printf(out, "%s:%d: %s%s%s", d->file, d->line, d->message, d->hint ? "; " : "",
                           d->hint ? d->hint : "");
        else
                buf_puts(out, d->message);
}

const struct diag *diags_first_error(const struct diags *d)
{
        for (size_t i = 0; i < d->count; i++)
                if (d->items[i].severity == DIAG_ERROR)
                        return &d->items[i];
        return NULL;
}

void diags_nomem(struct diags *d)
{
        diags_empty(d);
        d->failed = true;
        diags_add(d, DIAG_ERROR, NULL, NULL, "out of memory: the configuration cannot be read");
}
