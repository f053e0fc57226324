#include "model/expand.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "model/pytext.h"

#define WIDEST 100000 /* of a field: nobody means more, and memory is not free */

struct value {
        bool is_int;
        long long number;
        const char *text; /* borrowed */
        size_t len;
};

/* One conversion: %(key)-5.2d */
struct spec {
        bool left, plus, blank, alt, zero;
        int width, prec; /* prec -1: none */
        unsigned conv;   /* code point */
        size_t conv_at;  /* byte offset of it */
        size_t end;      /* offset behind it */
};

struct expansion {
        const char *text;
        const struct names *names;
        struct buf *out, *why;
        bool has_arg; /* a value is there for the next conversion */
        bool has_key; /* ... and it is `arg`; else it is the mapping itself */
        struct value arg;
};

/* ---- names */

static const char *env_find(const char *const *env, const char *key, size_t len)
{
        for (size_t i = 0; env && env[i]; i++)
                if (strncmp(env[i], key, len) == 0 && env[i][len] == '=')
                        return env[i] + len + 1;
        return NULL;
}

static const char *const *env_items(const struct strs *env)
{
        return env ? (const char *const *)env->items : NULL;
}

static const char *env_value(const struct names *n, const char *key, size_t len)
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

static void take_text(struct value *v, const char *text)
{
        *v = (struct value){ .text = text, .len = strlen(text) };
}

static bool find_name(const struct names *n, const char *key, size_t len, struct value *out)
{
        if (len > 4 && memcmp(key, "ENV_", 4) == 0) {
                const char *v = env_value(n, key + 4, len - 4);
                if (v)
                        take_text(out, v);
                return v != NULL;
        }
        for (size_t i = 0; i < FIXED_NAMES; i++) {
                const struct fixed_name *f = &fixed_names[i];
                if (!(n->have & f->bit) || strlen(f->name) != len || memcmp(f->name, key, len) != 0)
                        continue;
                const char *field = (const char *)n + f->at;
                if (f->is_int)
                        *out = (struct value){ .is_int = true, .number = *(const int *)field };
                if (f->at == offsetof(struct names, process_num) && n->used_number)
                        *n->used_number = true;
                if (!f->is_int)
                        take_text(out, *(const char *const *)field);
                return true;
        }
        return false;
}

static bool add_env_names(struct strs *list, const char *const *env)
{
        for (size_t i = 0; env && env[i]; i++) {
                struct buf b = BUF_INIT;
                buf_puts(&b, "ENV_");
                buf_put(&b, env[i], strcspn(env[i], "="));
                if (!strs_take(list, buf_take(&b)))
                        return false;
        }
        return true;
}

static void put_available(struct buf *why, const struct names *n)
{
        AUTO_STRS list = STRS_INIT;
        bool ok = add_env_names(&list, n->environ) &&
                  add_env_names(&list, env_items(n->global_env)) &&
                  add_env_names(&list, env_items(n->own_env));

        for (size_t i = 0; i < FIXED_NAMES && ok; i++)
                if (n->have & fixed_names[i].bit)
                        ok = strs_add(&list, fixed_names[i].name);
        why->failed |= !ok;
        strs_sort(&list);
        for (size_t i = 0; i < list.count; i++) {
                if (i && strcmp(list.items[i], list.items[i - 1]) == 0)
                        continue;
                buf_printf(why, "%s%s", i ? ", " : "", list.items[i]);
        }
}

/* ---- refusals */

static bool bad_format(struct expansion *x, const char *reason)
{
        buf_puts(x->why, reason);
        return false;
}

static bool bad_number(struct expansion *x, const struct spec *s, const char *wanted)
{
        const char *got = x->has_key ? "str" : "dict";

        buf_printf(x->why, "%%%c format: %s is required, not %s", (char)s->conv, wanted, got);
        return false;
}

static bool bad_conversion(struct expansion *x, const struct spec *s)
{
        size_t index = 0;

        for (size_t i = 0; i < s->conv_at; index++) {
                unsigned cp;
                i += pytext_decode(x->text + i, s->conv_at - i, &cp);
        }
        buf_printf(x->why, "unsupported format character '%c' (0x%x) at index %zu",
                   s->conv > 31 && s->conv < 127 ? (char)s->conv : '?', s->conv, index);
        return false;
}

/* ---- fields */

/* Sign and prefix, then zeros or blanks up to the width, then the rest. `chars` is the width of
 * body as people see it. */
static void put_field(struct buf *out, const struct spec *s, const char *lead, const char *body,
                      size_t len, size_t chars, bool zeros)
{
        size_t shown = strlen(lead) + chars;
        size_t pad = s->width > 0 && (size_t)s->width > shown ? (size_t)s->width - shown : 0;

        for (size_t i = 0; i < pad && !s->left && !zeros; i++)
                buf_putc(out, ' ');
        buf_puts(out, lead);
        for (size_t i = 0; i < pad && !s->left && zeros; i++)
                buf_putc(out, '0');
        buf_put(out, body, len);
        for (size_t i = 0; i < pad && s->left; i++)
                buf_putc(out, ' ');
}

static void put_text(struct buf *out, const struct spec *s, const char *text, size_t len)
{
        size_t used = 0, chars = 0;

        while (used < len && (s->prec < 0 || chars < (size_t)s->prec)) {
                unsigned cp;
                used += pytext_decode(text + used, len - used, &cp);
                chars++;
        }
        put_field(out, s, "", text, used, chars, false);
}

static const char *sign_of(const struct spec *s, bool negative)
{
        return negative ? "-" : s->plus ? "+" : s->blank ? " " : "";
}

static bool put_integer(struct expansion *x, const struct spec *s, const char *c_format,
                        const char *prefix)
{
        AUTO_BUF body = BUF_INIT;
        char digits[32], lead[8];

        if (!x->has_key || !x->arg.is_int)
                return bad_number(x, s,
                                  strchr("oxX", (int)s->conv) ? "an integer" : "a real number");
        long long n = x->arg.number;
        snprintf(lead, sizeof lead, "%s%s", sign_of(s, n < 0), s->alt ? prefix : "");
        int len = snprintf(digits, sizeof digits, c_format, n < 0 ? -n : n);
        for (int i = len; i < s->prec; i++)
                buf_putc(&body, '0');
        buf_put(&body, digits, (size_t)len);
        x->out->failed |= body.failed;
        put_field(x->out, s, lead, buf_str(&body), body.len, body.len, s->zero && !s->left);
        return true;
}

static bool put_float(struct expansion *x, const struct spec *s)
{
        const char c_format[] = { '%',
                                  s->alt ? '#' : '.',
                                  s->alt ? '.' : '*',
                                  s->alt ? '*' : (char)s->conv,
                                  s->alt ? (char)s->conv : '\0',
                                  '\0' };
        AUTO_BUF body = BUF_INIT;

        if (!x->has_key || !x->arg.is_int)
                return bad_format(x, x->has_key ? "must be real number, not str"
                                                : "must be real number, not dict");
        double n = (double)x->arg.number;
        buf_printf(&body, c_format, s->prec < 0 ? 6 : s->prec, n < 0 ? -n : n);
        x->out->failed |= body.failed;
        put_field(x->out, s, sign_of(s, n < 0), buf_str(&body), body.len, body.len,
                  s->zero && !s->left);
        return true;
}

static bool put_char(struct expansion *x, const struct spec *s)
{
        AUTO_BUF one = BUF_INIT;
        unsigned cp;

        if (x->has_key && x->arg.is_int) {
                if (x->arg.number < 0 || x->arg.number > 0x10ffff)
                        return bad_format(x, "%c arg not in range(0x110000)");
                if (x->arg.number == 0)
                        return bad_format(x, "%c would put a NUL byte there");
                pytext_encode(&one, (unsigned)x->arg.number);
        } else {
                bool single = x->has_key && x->arg.len &&
                              pytext_decode(x->arg.text, x->arg.len, &cp) == x->arg.len;
                if (!single)
                        return bad_format(x, "%c requires int or char");
                buf_put(&one, x->arg.text, x->arg.len);
        }
        x->out->failed |= one.failed;
        put_field(x->out, s, "", buf_str(&one), one.len, 1, false);
        return true;
}

/* %s, %r and %a. */
static bool put_string(struct expansion *x, const struct spec *s, size_t from)
{
        AUTO_BUF text = BUF_INIT;

        if (!x->has_key) { /* the mapping itself */
                buf_put(x->out, x->text + from, s->end - from);
                return true;
        }
        if (x->arg.is_int)
                buf_printf(&text, "%lld", x->arg.number);
        else if (s->conv == 's')
                buf_put(&text, x->arg.text, x->arg.len);
        else
                pytext_repr(&text, x->arg.text, x->arg.len, s->conv == 'a');
        x->out->failed |= text.failed;
        put_text(x->out, s, buf_str(&text), text.len);
        return true;
}

static bool convert(struct expansion *x, const struct spec *s, size_t from)
{
        if (!x->has_arg)
                return bad_format(x, "not enough arguments for format string");
        x->has_arg = false;
        switch (s->conv) {
        case 'd':
        case 'i':
        case 'u':
                return put_integer(x, s, "%lld", "");
        case 'o':
                return put_integer(x, s, "%llo", "0o");
        case 'x':
                return put_integer(x, s, "%llx", "0x");
        case 'X':
                return put_integer(x, s, "%llX", "0X");
        case 'e':
        case 'E':
        case 'f':
        case 'F':
        case 'g':
        case 'G':
                return put_float(x, s);
        case 'c':
                return put_char(x, s);
        case 's':
        case 'r':
        case 'a':
                return put_string(x, s, from);
        default:
                return bad_conversion(x, s);
        }
}

/* ---- reading a conversion */

static bool unknown_name(struct expansion *x, const char *key, size_t len)
{
        buf_puts(x->why, "(");
        pytext_repr(x->why, key, len, false);
        buf_puts(x->why, ")");
        return false;
}

/* At an opening parenthesis; parentheses nest. *unknown: the name is not there. */
static bool read_key(struct expansion *x, size_t *at, bool *unknown)
{
        const char *key = x->text + *at + 1, *c = key;

        for (int depth = 1; depth > 0; c++) {
                if (!*c)
                        return bad_format(x, "incomplete format key");
                depth += *c == '(' ? 1 : *c == ')' ? -1 : 0;
        }
        size_t len = (size_t)(c - key) - 1;
        *at = (size_t)(c - x->text);
        *unknown = !find_name(x->names, key, len, &x->arg);
        if (*unknown)
                return unknown_name(x, key, len);
        x->has_arg = x->has_key = true;
        return true;
}

static void read_flags(const char *text, size_t *at, struct spec *s)
{
        for (;; (*at)++) {
                switch (text[*at]) {
                case '-':
                        s->left = true;
                        break;
                case '+':
                        s->plus = true;
                        break;
                case ' ':
                        s->blank = true;
                        break;
                case '#':
                        s->alt = true;
                        break;
                case '0':
                        s->zero = true;
                        break;
                default:
                        return;
                }
        }
}

/* "*" takes the conversion's own value, so that nothing is left for the conversion. */
static bool read_star(struct expansion *x, size_t *at, int *out)
{
        if (!x->has_arg)
                return bad_format(x, "not enough arguments for format string");
        if (!x->has_key || !x->arg.is_int)
                return bad_format(x, "* wants int");
        x->has_arg = false;
        *out = 0;
        (*at)++;
        return true;
}

static bool read_size(struct expansion *x, size_t *at, int *out, const char *too_big)
{
        if (x->text[*at] == '*')
                return read_star(x, at, out);
        *out = 0;
        for (; x->text[*at] >= '0' && x->text[*at] <= '9'; (*at)++) {
                *out = *out * 10 + (x->text[*at] - '0');
                if (*out > WIDEST)
                        return bad_format(x, too_big);
        }
        return true;
}

/* What follows the key: flags, width, precision, length, conversion. */
static bool read_spec(struct expansion *x, size_t at, struct spec *s)
{
        const char *text = x->text;

        *s = (struct spec){ .prec = -1 };
        read_flags(text, &at, s);
        if (!read_size(x, &at, &s->width, "width too big"))
                return false;
        if (text[at] == '.') {
                at++;
                if (!read_size(x, &at, &s->prec, "precision too big"))
                        return false;
        }
        if (text[at] == 'h' || text[at] == 'l' || text[at] == 'L')
                at++;
        if (!text[at])
                return bad_format(x, "incomplete format");
        s->conv_at = at;
        s->end = at + pytext_decode(text + at, strlen(text + at), &s->conv);
        return true;
}

/* *unknown tells the two kinds of refusal apart. */
static bool run(struct expansion *x, bool *unknown)
{
        size_t at = 0;

        for (;;) {
                size_t plain = strcspn(x->text + at, "%");
                buf_put(x->out, x->text + at, plain);
                at += plain;
                if (!x->text[at])
                        return true;
                size_t from = at++;
                if (x->text[at] == '%') {
                        buf_putc(x->out, '%');
                        at++;
                        continue;
                }
                if (x->text[at] == '(' && !read_key(x, &at, unknown))
                        return false;
                struct spec s;
                if (!read_spec(x, at, &s) || !convert(x, &s, from))
                        return false;
                at = s.end;
        }
}

static void explain(const struct expansion *x, bool unknown, const char *what, struct buf *why)
{
        buf_puts(why, "Format string ");
        pytext_repr(why, x->text, strlen(x->text), false);
        buf_puts(why, " for ");
        pytext_repr(why, what, strlen(what), false);
        buf_puts(why, unknown ? " contains names " : " is badly formatted: ");
        buf_puts(why, buf_str(x->why));
        if (unknown) {
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
                .text = text, .names = names, .out = out, .why = &reason, .has_arg = true
        };
        bool unknown = false;

        if (run(&x, &unknown))
                return !out->failed;
        explain(&x, unknown, what, why);
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
