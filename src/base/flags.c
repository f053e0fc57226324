/* Reads a command line by a table of flags, as Python's getopt does (compat 1, 2). Knows no flag
 * itself, and prints nothing. */
#include "base/flags.h"

#include <stdio.h>
#include <string.h>

static bool is_end(const struct flag *f)
{
        return !f->letter && !f->name;
}

static const struct flag *by_letter(const struct flag *table, char letter)
{
        for (const struct flag *f = table; !is_end(f); f++)
                if (f->letter == letter)
                        return f;
        return NULL;
}

static const struct flag *flags_by_name(const struct flag *table, const char *name, size_t len,
                                        struct err *e)
{
        const struct flag *found = NULL;
        int matches = 0;

        for (const struct flag *f = table; !is_end(f); f++) {
                if (!f->name || strncmp(f->name, name, len) != 0)
                        continue;
                if (strlen(f->name) == len)
                        return f;
                if (f->whole)
                        continue;
                found = f;
                matches++;
        }
        if (matches > 1)
                err_set(e, ERR_USAGE, "option --%.*s not a unique prefix", (int)len, name);
        else if (matches == 0)
                err_set(e, ERR_USAGE, "option --%.*s not recognized", (int)len, name);
        return matches == 1 ? found : NULL;
}

/* `word` without its dashes; `next` is the word behind it, or NULL. *used: next was the value. */
static bool long_flag(const struct flag *table, const char *word, const char *next, bool *used,
                      flag_fn *fn, void *arg, struct err *e)
{
        size_t len = strcspn(word, "=");
        const char *value = word[len] ? word + len + 1 : NULL;
        char typed[64];

        const struct flag *f = flags_by_name(table, word, len, e);
        if (!f)
                return false;
        snprintf(typed, sizeof typed, "--%s", f->name);
        if (!f->value && value)
                return err_set(e, ERR_USAGE, "option %s must not have an argument", typed);
        if (f->value && !value) {
                if (!next)
                        return err_set(e, ERR_USAGE, "option %s requires argument", typed);
                value = next;
                *used = true;
        }
        return fn(arg, f, typed, value, e);
}

static bool short_flags(const struct flag *table, const char *letters, const char *next, bool *used,
                        flag_fn *fn, void *arg, struct err *e)
{
        for (const char *at = letters; *at; at++) {
                char typed[3] = { '-', *at, '\0' };
                const struct flag *f = by_letter(table, *at);
                if (!f)
                        return err_set(e, ERR_USAGE, "option %s not recognized", typed);
                if (!f->value) {
                        if (!fn(arg, f, typed, NULL, e))
                                return false;
                        continue;
                }
                if (!at[1] && !next)
                        return err_set(e, ERR_USAGE, "option %s requires argument", typed);
                *used = !at[1];
                return fn(arg, f, typed, at[1] ? at + 1 : next, e);
        }
        return true;
}

bool flags_parse(const struct flag *table, int argc, char *const *argv, flag_fn *fn, void *arg,
                 int *first_out, struct err *e)
{
        int i = 1;

        for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
                const char *next = i + 1 < argc ? argv[i + 1] : NULL;
                bool used = false, ok;
                if (strcmp(argv[i], "--") == 0) {
                        i++;
                        break;
                }
                if (argv[i][1] == '-')
                        ok = long_flag(table, argv[i] + 2, next, &used, fn, arg, e);
                else
                        ok = short_flags(table, argv[i] + 1, next, &used, fn, arg, e);
                if (!ok)
                        return false;
                i += used;
        }
        *first_out = i;
        return true;
}

void flags_help(const struct flag *table, struct buf *out)
{
        for (const struct flag *f = table; !is_end(f); f++) {
                if (f->hidden)
                        continue;
                AUTO_BUF left = BUF_INIT;
                if (f->letter)
                        buf_printf(&left, "-%c", f->letter);
                if (f->letter && f->name)
                        buf_puts(&left, "/");
                if (f->name)
                        buf_printf(&left, "--%s", f->name);
                if (f->value)
                        buf_printf(&left, " %s", f->value);
                buf_printf(out, "%-32s %s\n", buf_str(&left), f->help);
        }
}
