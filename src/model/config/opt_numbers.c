/* The types of Supervisor that are numbers and words; texts of errors as in compat section 4. */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/duration.h"
#include "base/signame.h"
#include "model/config/opt_kind.h"
#include "model/config/pytext.h"

#define NOT_AN_INT "invalid literal for int() with base 10: "

enum pyint pyint_parse(const char *text, size_t len, int base, int64_t *out)
{
        const char *s = text;
        bool negative = false, overflow = false, digit_before = false;
        int64_t n = 0;

        pytext_trim(&s, &len);
        const char *end = s + len;
        if (s < end && (*s == '+' || *s == '-'))
                negative = *s++ == '-';
        if (base == 8 && end - s > 2 && s[0] == '0' && (s[1] == 'o' || s[1] == 'O')) {
                s += 2;
                digit_before = true; /* 0o_17 is one */
        }
        if (s == end || end[-1] == '_')
                return PYINT_BAD;
        for (; s < end; s++) {
                if (*s == '_' && digit_before) {
                        digit_before = false;
                        continue;
                }
                if (*s < '0' || *s >= '0' + base)
                        return PYINT_BAD;
                digit_before = true;
                overflow = overflow || __builtin_mul_overflow(n, base, &n) ||
                           __builtin_add_overflow(n, *s - '0', &n);
        }
        if (overflow)
                n = INT64_MAX;
        *out = negative ? -n : n;
        return overflow ? PYINT_RANGE : PYINT_OK;
}

static enum pyint parse_int(const char *text, int base, int *out)
{
        int64_t n = 0;
        enum pyint r = pyint_parse(text, strlen(text), base, &n);

        if (r == PYINT_OK && (n < INT_MIN || n > INT_MAX))
                r = PYINT_RANGE;
        /* Python's numbers have no end: a number that large means "as much as there is".
         */
        *out = n < INT_MIN ? INT_MIN : n > INT_MAX ? INT_MAX : (int)n;
        return r;
}

static void put_end(struct buf *b, int64_t end, bool durations)
{
        if (durations)
                duration_format(end, b);
        else
                buf_printf(b, "%lld", (long long)end);
}

bool opt_in_range(const struct opt *o, double value, bool durations, const char *text,
                  struct err *e)
{
        bool bounded = o->min || o->max, has_top = o->max > 0;

        if (!bounded || (value >= (double)o->min && (!has_top || value <= (double)o->max)))
                return true;
        AUTO_BUF what = BUF_INIT;
        buf_printf(&what, "%s %s ", durations ? "a duration" : "a number",
                   has_top ? "from" : "of at least");
        put_end(&what, o->min, durations);
        if (has_top) {
                buf_puts(&what, " to ");
                put_end(&what, o->max, durations);
        }
        return what.failed ? err_nomem(e) : opt_expected(e, buf_str(&what), text);
}

/* ---- integers */

static bool int_parse(const struct opt *o, const char *text, const struct host *w,
                      union opt_value *v, struct err *e)
{
        (void)w;
        if ((o->flags & OPT_MAY_BE_NONE) && strcasecmp(text, "none") == 0) {
                v->number = -1;
                return true;
        }
        if (parse_int(text, 10, &v->number) != PYINT_BAD)
                return opt_in_range(o, v->number, false, text, e);
        if (o->flags & OPT_OURS)
                return opt_expected(
                    e, o->flags & OPT_MAY_BE_NONE ? "a whole number or none" : "a whole number",
                    text);
        return opt_wrong(e, NOT_AN_INT, text, "");
}

static void int_format(const struct opt *o, const void *v, struct buf *out)
{
        int n = *(const int *)v;

        if (n == -1 && (o->flags & OPT_MAY_BE_NONE))
                buf_puts(out, "none");
        else
                buf_printf(out, "%d", n);
}

const struct opt_kind opt_kind_int = {
        .size = sizeof(int),
        .parse = int_parse,
        .same = opt_same_int,
        .drop = opt_drop_zero_int,
        .format = int_format,
        .words = "a whole number",
};

static bool octal_parse(const struct opt *o, const char *text, const struct host *w,
                        union opt_value *v, struct err *e)
{
        (void)o, (void)w;
        if (parse_int(text, 8, &v->number) == PYINT_OK)
                return true;
        return err_set(e, ERR_CONFIG, "%s can not be converted to an octal type", text);
}

static void octal_format(const struct opt *o, const void *v, struct buf *out)
{
        (void)o;
        if (*(const int *)v >= 0) /* -1 is "not said" */
                buf_printf(out, "%04o", (unsigned)*(const int *)v);
}

static void minus_one(void *v)
{
        *(int *)v = -1;
}

const struct opt_kind opt_kind_octal = {
        .size = sizeof(int),
        .parse = octal_parse,
        .same = opt_same_int,
        .drop = minus_one,
        .format = octal_format,
        .words = "an octal number",
};

static bool bytes_parse(const struct opt *o, const char *text, const struct host *w,
                        union opt_value *v, struct err *e)
{
        static const struct {
                const char *name;
                int64_t factor;
        } units[] = { { "KB", 1LL << 10 }, { "MB", 1LL << 20 }, { "GB", 1LL << 30 } };
        size_t len = strlen(text);
        int64_t factor = 1;

        (void)o, (void)w;
        for (size_t i = 0; len >= 2 && i < sizeof units / sizeof *units; i++)
                if (strcasecmp(text + len - 2, units[i].name) == 0) {
                        factor = units[i].factor;
                        len -= 2;
                        break;
                }
        int64_t n;
        if (pyint_parse(text, len, 10, &n) != PYINT_BAD) {
                if (__builtin_mul_overflow(n, factor, &v->big))
                        v->big = n < 0 ? INT64_MIN : INT64_MAX;
                return true;
        }
        AUTO_BUF lower = BUF_INIT; /* the number alone, in lower case, is what Supervisor shows */
        for (size_t i = 0; i < len; i++)
                buf_putc(&lower, (char)tolower((unsigned char)text[i]));
        return lower.failed ? err_nomem(e) : opt_wrong(e, NOT_AN_INT, buf_str(&lower), "");
}

static void bytes_format(const struct opt *o, const void *v, struct buf *out)
{
        static const char *const units[] = { "", "KB", "MB", "GB" };
        int64_t n = *(const int64_t *)v;
        int unit = 0;

        (void)o;
        while (n != 0 && n % 1024 == 0 && unit < 3) {
                n /= 1024;
                unit++;
        }
        buf_printf(out, "%lld%s", (long long)n, units[unit]);
}

const struct opt_kind opt_kind_bytes = {
        .size = sizeof(int64_t),
        .parse = bytes_parse,
        .same = opt_same_big,
        .drop = opt_drop_big,
        .format = bytes_format,
        .words = "bytes, or a number with KB, MB or GB",
};

static bool signal_parse(const struct opt *o, const char *text, const struct host *w,
                         union opt_value *v, struct err *e)
{
        int n = 0;

        (void)o, (void)w;
        if (parse_int(text, 10, &n) == PYINT_BAD) {
                v->number = signame_parse(text);
                return v->number >= 0 ||
                       opt_wrong(e, "value ", text, " is not a valid signal name");
        }
        char digits[16];
        snprintf(digits, sizeof digits, "%d", n);
        v->number = signame_parse(digits);
        return v->number >= 0 || opt_wrong(e, "value ", text, " is not a valid signal number");
}

static void signal_format(const struct opt *o, const void *v, struct buf *out)
{
        int sig = *(const int *)v;
        char name[32];

        (void)o;
        signame_of(sig, name, sizeof name);
        if (strncmp(name, "SIG", 3) == 0)
                buf_puts(out, name + 3);
        else
                buf_printf(out, "%d", sig);
}

const struct opt_kind opt_kind_signal = {
        .size = sizeof(int),
        .parse = signal_parse,
        .same = opt_same_int,
        .drop = opt_drop_zero_int,
        .format = signal_format,
        .words = "a signal's name or number",
};

/* ---- exit codes */

static bool exitcodes_parse(const struct opt *o, const char *text, const struct host *w,
                            union opt_value *v, struct err *e)
{
        const char *s = text;

        (void)o, (void)w;
        while (*text) {
                size_t len = strcspn(s, ",");
                int64_t code;
                if (pyint_parse(s, len, 10, &code) != PYINT_OK || code < 0 || code > 255)
                        return opt_wrong(e, "not a valid list of exit codes: ", text, "");
                code_set_add(&v->codes, (int)code);
                if (!s[len])
                        break;
                s += len + 1;
        }
        return true;
}

static bool exitcodes_same(const void *a, const void *b)
{
        const struct code_set *s = a, *t = b;

        return memcmp(s->bits, t->bits, sizeof s->bits) == 0;
}

static void exitcodes_drop(void *v)
{
        *(struct code_set *)v = (struct code_set){ 0 };
}

static void exitcodes_format(const struct opt *o, const void *v, struct buf *out)
{
        const struct code_set *s = v;

        (void)o;
        for (int i = 0; i < s->count; i++)
                buf_printf(out, "%s%d", i ? "," : "", s->named[i]);
}

const struct opt_kind opt_kind_exitcodes = {
        .size = sizeof(struct code_set),
        .parse = exitcodes_parse,
        .same = exitcodes_same,
        .drop = exitcodes_drop,
        .format = exitcodes_format,
        .words = "exit codes from 0 to 255, separated by commas",
};

/* ---- words */

static const struct opt_word bool_words[] = {
        { "true", 1 }, { "yes", 1 }, { "on", 1 }, { "1", 1 },  { "false", 0 },
        { "no", 0 },   { "off", 0 }, { "0", 0 },  { NULL, 0 },
};

static const struct opt_word autorestart_words[] = {
        { "unexpected", RESTART_UNEXPECTED },
        { "true", RESTART_ALWAYS },
        { "false", RESTART_NEVER },
        { NULL, 0 },
};

static bool find_word(const struct opt_word *words, const char *text, int *out)
{
        for (; words->word; words++)
                if (strcasecmp(words->word, text) == 0) {
                        *out = words->value;
                        return true;
                }
        return false;
}

static bool bool_parse(const struct opt *o, const char *text, const struct host *w,
                       union opt_value *v, struct err *e)
{
        int n;

        (void)o, (void)w;
        if (!find_word(bool_words, text, &n))
                return opt_wrong(e, "not a valid boolean value: ", text, "");
        v->flag = n;
        return true;
}

static bool bool_same(const void *a, const void *b)
{
        return *(const bool *)a == *(const bool *)b;
}

static void bool_drop(void *v)
{
        *(bool *)v = false;
}

static void bool_format(const struct opt *o, const void *v, struct buf *out)
{
        (void)o;
        buf_puts(out, *(const bool *)v ? "true" : "false");
}

const struct opt_kind opt_kind_bool = {
        .size = sizeof(bool),
        .parse = bool_parse,
        .same = bool_same,
        .drop = bool_drop,
        .format = bool_format,
        .words = "true or false",
};

static bool tristate_parse(const struct opt *o, const char *text, const struct host *w,
                           union opt_value *v, struct err *e)
{
        (void)o, (void)w;
        return find_word(bool_words, text, &v->number) ||
               opt_wrong(e, "not a valid boolean value: ", text, "");
}

static void tristate_format(const struct opt *o, const void *v, struct buf *out)
{
        int n = *(const int *)v;

        (void)o;
        if (n >= 0)
                buf_puts(out, n ? "true" : "false");
}

const struct opt_kind opt_kind_tristate = {
        .size = sizeof(int),
        .parse = tristate_parse,
        .same = opt_same_int,
        .drop = minus_one,
        .format = tristate_format,
        .words = "true or false",
};

static bool autorestart_parse(const struct opt *o, const char *text, const struct host *w,
                              union opt_value *v, struct err *e)
{
        int n;

        (void)o, (void)w;
        if (find_word(bool_words, text, &n))
                v->number = n ? RESTART_ALWAYS : RESTART_NEVER;
        else if (!find_word(autorestart_words, text, &v->number))
                return opt_wrong(e, "invalid 'autorestart' value ", text, "");
        return true;
}

const struct opt_kind opt_kind_autorestart = {
        .size = sizeof(enum autorestart),
        .parse = autorestart_parse,
        .same = opt_same_int,
        .drop = opt_drop_zero_int,
        .format = opt_format_word,
        .words = "true, false or unexpected",
        .values = autorestart_words,
};

static bool loglevel_parse(const struct opt *o, const char *text, const struct host *w,
                           union opt_value *v, struct err *e)
{
        (void)o, (void)w;
        v->number = (int)log_level_parse(text);
        return v->number || opt_wrong(e, "bad logging level name ", text, "");
}

static void loglevel_format(const struct opt *o, const void *v, struct buf *out)
{
        (void)o;
        buf_puts(out, log_level_name(*(const enum log_level *)v));
}

const struct opt_kind opt_kind_loglevel = {
        .size = sizeof(enum log_level),
        .parse = loglevel_parse,
        .same = opt_same_int,
        .drop = opt_drop_zero_int,
        .format = loglevel_format,
        .words = "critical, error, warn, info, debug, trace or blather",
};
