/* %(name)s in the values of a configuration file: the part of Python's formatting that
 * configuration files use. Pure. Errors tell the place, never the value: it may hold a password. */
#include "model/config/expand.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/unconst.h"
#include "model/config/pytext.h"

#define WIDTH_MAX 1000 /* of a field */

struct value {
        bool is_int;
        int number;
        const char *text; /* borrowed */
};

struct expansion {
        const char *text;
        const char *what;
        const struct names *names;
        struct buf *out, *why;
        bool unknown; /* refused because a name is not there */
};

/* ---- names */

static const char *env_find(const char *const *env, const char *key, size_t len)
{
        for (size_t i = 0; env && env[i]; i++)
                if (strncmp(env[i], key, len) == 0 && env[i][len] == '=')
                        return env[i] + len + 1;
        return NULL;
}

static const char *const *env_items(const struct strlist *env)
{
        return env ? (const char *const *)env->items : NULL;
}

static const char *expand_env_value(const struct names *n, const char *key, size_t len)
{
        const char *v = env_find(env_items(n->own_env), key, len);

        if (!v)
                v = env_find(env_items(n->global_env), key, len);
        return v ? v : env_find(n->environ, key, len);
}

static const struct fixed_name {
        const char *name;
        unsigned bit;
        size_t at; /* in struct names */
        bool is_int;
} fixed_names[] = {
        { "group_name", NAME_GROUP, offsetof(struct names, group), false },
        { "here", NAME_HERE, offsetof(struct names, here), false },
        { "host_node_name", NAME_HOST, offsetof(struct names, host), false },
        { "numprocs", NAME_NUMBER, offsetof(struct names, numprocs), true },
        { "process_name", NAME_PROCESS, offsetof(struct names, process), false },
        { "process_num", NAME_NUMBER, offsetof(struct names, process_num), true },
        { "program_name", NAME_PROGRAM, offsetof(struct names, program), false },
};
#define FIXED_NAMES (sizeof fixed_names / sizeof *fixed_names)

static void expand_take_text(struct value *v, const char *text)
{
        *v = (struct value){ .text = text };
}

static bool find_name(const struct names *n, const char *key, size_t len, struct value *out)
{
        if (len > 4 && memcmp(key, "ENV_", 4) == 0) {
                const char *v = expand_env_value(n, key + 4, len - 4);
                if (v)
                        expand_take_text(out, v);
                return v != NULL;
        }
        for (size_t i = 0; i < FIXED_NAMES; i++) {
                const struct fixed_name *f = &fixed_names[i];
                if (!(n->have & f->bit) || strlen(f->name) != len || memcmp(f->name, key, len) != 0)
                        continue;
                const char *field = (const char *)n + f->at;
                if (f->is_int)
                        *out = (struct value){ .is_int = true, .number = *(const int *)field };
                if (!f->is_int)
                        expand_take_text(out, *(const char *const *)field);
                return true;
        }
        return false;
}

static bool add_env_names(struct strlist *list, const char *const *env)
{
        for (size_t i = 0; env && env[i]; i++) {
                struct buf b = BUF_INIT;
                buf_puts(&b, "ENV_");
                buf_put(&b, env[i], strcspn(env[i], "="));
                if (!strlist_take(list, buf_take(&b)))
                        return false;
        }
        return true;
}

static void put_available(struct buf *why, const struct names *n)
{
        AUTO_STRLIST list = STRLIST_INIT;
        bool ok = add_env_names(&list, n->environ) &&
                  add_env_names(&list, env_items(n->global_env)) &&
                  add_env_names(&list, env_items(n->own_env));

        for (size_t i = 0; i < FIXED_NAMES && ok; i++)
                if (n->have & fixed_names[i].bit)
                        ok = strlist_add(&list, fixed_names[i].name);
        why->failed |= !ok;
        strlist_sort(&list);
        for (size_t i = 0; i < list.count; i++) {
                if (i && strcmp(list.items[i], list.items[i - 1]) == 0)
                        continue;
                buf_printf(why, "%s%s", i ? ", " : "", list.items[i]);
        }
}

/* ---- refusals: false, always */

/* The place of a byte, as people count: the first character is 1. */
static size_t expand_place(const struct expansion *x, const char *at)
{
        size_t place = 1, len = (size_t)(at - x->text);

        for (size_t i = 0; i < len; place++) {
                unsigned cp;
                i += pytext_decode(x->text + i, len - i, &cp);
        }
        return place;
}

/* The word around it is shown where it stands in a command: other values hold passwords. */
static bool refuse_sign(struct expansion *x, const char *at)
{
        const char *word = at, *dot = strrchr(x->what, '.');

        buf_printf(x->why, "a single %% at character %zu (write %%%%)", expand_place(x, at));
        if (!dot || strcmp(dot, ".command") != 0)
                return false;
        while (word > x->text && !pytext_is_space(word[-1]))
                word--;
        buf_printf(x->why, ": '%.*s'", (int)strcspn(word, " \t\r\n"), word);
        return false;
}

static bool refuse_form(struct expansion *x, const char *at, const char *reason)
{
        const char *close = strchr(at, ')');
        int shown = close ? (int)(close + 1 - at) : 2;

        buf_printf(x->why, "%.*s at character %zu: %s", shown, at, expand_place(x, at), reason);
        return false;
}

static bool refuse_name(struct expansion *x, const char *name, size_t len)
{
        x->unknown = true;
        buf_puts(x->why, "(");
        pytext_repr(x->why, name, len, false);
        buf_puts(x->why, ")");
        return false;
}

/* ---- one %(name)s */

static void expand_put_number(struct buf *out, const char *flags, int width, char form, int number)
{
        char format[16];

        snprintf(format, sizeof format, "%%%s*%c", flags, form);
        buf_printf(out, format, width, number);
}

/* The width counts characters. */
static void expand_put_text(struct buf *out, bool left, int width, const char *text)
{
        size_t len = strlen(text), chars = 0;

        for (size_t i = 0; i < len; chars++) {
                unsigned cp;
                i += pytext_decode(text + i, len - i, &cp);
        }
        int pad = (size_t)width > chars ? width - (int)chars : 0;
        buf_printf(out, "%*s%s%*s", left ? 0 : pad, "", text, left ? pad : 0, "");
}

static bool expand_put_value(struct expansion *x, const char *at, const struct value *v,
                             const char *flags, int width, char form)
{
        bool left = strchr(flags, '-') != NULL;

        if (v->is_int && form == 's') {
                char digits[16];
                snprintf(digits, sizeof digits, "%d", v->number);
                expand_put_text(x->out, left, width, digits);
        } else if (v->is_int) {
                expand_put_number(x->out, flags, width, form, v->number);
        } else if (form == 's') {
                expand_put_text(x->out, left, width, v->text);
        } else {
                return refuse_form(x, at, "its value is text: write s behind it");
        }
        return true;
}

/* `at` is at its percent sign; *end_out is behind it. */
static bool expand_name(struct expansion *x, const char *at, const char **end_out)
{
        const char *name = at + 2, *close = strchr(name, ')');
        char flags[8] = "";
        struct value v = { 0 };

        if (!close)
                return refuse_form(x, at, "the name has no closing parenthesis");
        if (!find_name(x->names, name, (size_t)(close - name), &v))
                return refuse_name(x, name, (size_t)(close - name));
        const char *c = close + 1;
        size_t flag_count = strspn(c, "-+ 0");
        if (flag_count >= sizeof flags)
                return refuse_form(x, at, "too many flags");
        memcpy(flags, c, flag_count);
        c += flag_count;
        char *behind = unconst(c);
        long width = *c >= '0' && *c <= '9' ? strtol(c, &behind, 10) : 0;
        c = behind;
        if (width > WIDTH_MAX)
                return refuse_form(x, at, "the width is at most 1000");
        if (!*c || !strchr("sdix", *c))
                return refuse_form(x, at, "s, d, i or x has to follow, with flags and a width");
        *end_out = c + 1;
        return expand_put_value(x, at, &v, flags, (int)width, *c);
}

/* A bare %s stays as it is: Supervisor loads it, and nothing sensible could stand there. */
static bool expand_all(struct expansion *x)
{
        const char *at = x->text;

        for (;;) {
                size_t plain = strcspn(at, "%");
                buf_put(x->out, at, plain);
                at += plain;
                if (!*at)
                        return true;
                if (at[1] == '(') {
                        if (!expand_name(x, at, &at))
                                return false;
                } else if (at[1] == '%' || at[1] == 's') {
                        buf_puts(x->out, at[1] == '%' ? "%" : "%s");
                        at += 2;
                } else {
                        return refuse_sign(x, at);
                }
        }
}

static void expand_explain(const struct expansion *x, const char *what, struct buf *why)
{
        buf_puts(why, "Format string for ");
        pytext_repr(why, what, strlen(what), false);
        buf_puts(why, x->unknown ? " contains names " : " is badly formatted: ");
        buf_puts(why, buf_str(x->why));
        if (x->unknown) {
                buf_puts(why, " which cannot be expanded. Available names: ");
                put_available(why, x->names);
        }
        why->failed |= x->why->failed;
}

bool expand(const char *text, const struct names *names, const char *what, struct buf *out,
            struct buf *why)
{
        AUTO_BUF reason = BUF_INIT;
        struct expansion x = {
                .text = text, .what = what, .names = names, .out = out, .why = &reason
        };

        if (expand_all(&x))
                return !out->failed;
        expand_explain(&x, what, why);
        return false;
}

bool expand_twice(const char *text, const struct names *names, const char *what, struct buf *out,
                  struct buf *why)
{
        AUTO_BUF once = BUF_INIT;
        AUTO_BUF twice = BUF_INIT;
        AUTO_BUF ignored = BUF_INIT;

        if (!expand(text, names, what, &once, why)) {
                out->failed |= once.failed;
                return false;
        }
        bool again = strchr(buf_str(&once), '%') != NULL &&
                     expand(buf_str(&once), names, what, &twice, &ignored);
        out->failed |= twice.failed || ignored.failed;
        buf_puts(out, buf_str(again ? &twice : &once));
        return !out->failed;
}
