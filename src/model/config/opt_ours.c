/* The types of our own keys. Errors say what was expected. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/duration.h"
#include "model/config/opt_kind.h"

/* ---- durations, fractions, rates */

static bool duration_parse_opt(const struct opt *o, const char *text, const struct host *w,
                               union opt_value *v, struct err *e)
{
        (void)w;
        if (!duration_parse(text, &v->big))
                return opt_expected(e, "a duration such as 250ms, 10s or 5m", text);
        return opt_in_range(o, (double)v->big, true, text, e);
}

static void duration_format_opt(const struct opt *o, const void *v, struct buf *out)
{
        (void)o;
        duration_format(*(const int64_t *)v, out);
}

const struct opt_kind opt_kind_duration = {
        .size = sizeof(int64_t),
        .parse = duration_parse_opt,
        .same = opt_same_big,
        .drop = opt_drop_big,
        .format = duration_format_opt,
        .words = "a duration: seconds, or a number with ms, s, m, h or d",
};

static bool fraction_parse(const struct opt *o, const char *text, const struct host *w,
                           union opt_value *v, struct err *e)
{
        char *end;

        (void)w;
        v->real = strtod(text, &end);
        if (!isdigit((unsigned char)*text) || text[strspn(text, "0123456789.")] || *end ||
            !isfinite(v->real))
                return opt_expected(e, "a number such as 2 or 0.25", text);
        return opt_in_range(o, v->real, false, text, e);
}

static bool fraction_same(const void *a, const void *b)
{
        return *(const double *)a == *(const double *)b;
}

static void fraction_drop(void *v)
{
        *(double *)v = 0;
}

static void fraction_format(const struct opt *o, const void *v, struct buf *out)
{
        (void)o;
        buf_printf(out, "%.10g", *(const double *)v);
}

const struct opt_kind opt_kind_fraction = {
        .size = sizeof(double),
        .parse = fraction_parse,
        .same = fraction_same,
        .drop = fraction_drop,
        .format = fraction_format,
        .words = "a number, with a decimal point if need be",
};

#define RATE_MOST 100000 /* the window of failures is held in memory, per process */

static bool rate_parse(const struct opt *o, const char *text, const struct host *w,
                       union opt_value *v, struct err *e)
{
        const char *slash = strchr(text, '/');
        int64_t count;

        (void)o, (void)w;
        if (strcasecmp(text, "off") == 0)
                return true;
        if (slash && pyint_parse(text, (size_t)(slash - text), 10, &count) == PYINT_OK &&
            count >= 1 && count <= RATE_MOST && duration_parse(slash + 1, &v->rate.window_ms) &&
            v->rate.window_ms > 0) {
                v->rate.count = (int)count;
                return true;
        }
        return opt_expected(e, "COUNT/DURATION such as 10/60s, or off", text);
}

static bool rate_same(const void *a, const void *b)
{
        const struct rate *s = a, *t = b;

        return s->count == t->count && s->window_ms == t->window_ms;
}

static void rate_drop(void *v)
{
        *(struct rate *)v = (struct rate){ 0 };
}

static void rate_format(const struct opt *o, const void *v, struct buf *out)
{
        const struct rate *r = v;

        (void)o;
        if (!r->count) {
                buf_puts(out, "off");
                return;
        }
        buf_printf(out, "%d/", r->count);
        duration_format(r->window_ms, out);
}

const struct opt_kind opt_kind_rate = {
        .size = sizeof(struct rate),
        .parse = rate_parse,
        .same = rate_same,
        .drop = rate_drop,
        .format = rate_format,
        .words = "COUNT/DURATION, or off",
};

/* ---- on_fatal */

static const char *skip_blanks(const char *s)
{
        while (isspace((unsigned char)*s))
                s++;
        return s;
}

static bool on_fatal_parse(const struct opt *o, const char *text, const struct host *w,
                           union opt_value *v, struct err *e)
{
        (void)o, (void)w;
        if (strcasecmp(text, "ignore") == 0)
                return true; /* FATAL_IGNORE is the zero value */
        if (strcasecmp(text, "shutdown") == 0) {
                v->on_fatal.kind = FATAL_SHUTDOWN;
                return true;
        }
        if (strncmp(text, "exec:", 5) != 0 || !*skip_blanks(text + 5))
                return opt_expected(e, "ignore, shutdown or exec:COMMAND", text);
        v->on_fatal.kind = FATAL_EXEC;
        v->on_fatal.command = strdup(skip_blanks(text + 5));
        return v->on_fatal.command || err_nomem(e);
}

static bool on_fatal_same(const void *a, const void *b)
{
        const struct on_fatal *s = a, *t = b;

        return s->kind == t->kind && opt_same_text(&s->command, &t->command);
}

static void on_fatal_drop(void *v)
{
        struct on_fatal *f = v;

        free(f->command);
        *f = (struct on_fatal){ 0 };
}

static void on_fatal_format(const struct opt *o, const void *v, struct buf *out)
{
        const struct on_fatal *f = v;

        (void)o;
        if (f->kind == FATAL_EXEC)
                buf_printf(out, "exec:%s", f->command);
        else
                buf_puts(out, f->kind == FATAL_SHUTDOWN ? "shutdown" : "ignore");
}

const struct opt_kind opt_kind_on_fatal = {
        .size = sizeof(struct on_fatal),
        .parse = on_fatal_parse,
        .same = on_fatal_same,
        .drop = on_fatal_drop,
        .format = on_fatal_format,
        .words = "ignore, shutdown or exec:COMMAND",
};

/* ---- healthcheck */

#define CHECK_FORMS "exec:COMMAND, http://HOST:PORT/PATH, tcp://HOST:PORT or unix://PATH"

/* HOST:PORT at the beginning, up to `end`; IPv6 hosts in brackets. What holds an expansion is taken
 * as it is: it may become anything. */
static bool is_host_port(const char *s, const char *end)
{
        const char *colon = end;
        int64_t port;

        if (memchr(s, '%', (size_t)(end - s)))
                return true;
        while (colon > s && *colon != ':')
                colon--;
        if (colon == s || *colon != ':')
                return false;
        for (const char *c = s; c < colon; c++)
                if (!isgraph((unsigned char)*c) || *c == '@')
                        return false;
        if (*s == '[' ? colon[-1] != ']' || colon - s < 3
                      : memchr(s, ':', (size_t)(colon - s)) != NULL)
                return false;
        for (const char *c = colon + 1; c < end; c++)
                if (!isdigit((unsigned char)*c))
                        return false;
        return pyint_parse(colon + 1, (size_t)(end - colon - 1), 10, &port) == PYINT_OK &&
               port >= 1 && port <= 65535;
}

static bool opt_ours_has_blank(const char *s)
{
        for (; *s; s++)
                if ((unsigned char)*s <= ' ' || *s == 0x7f)
                        return true;
        return false;
}

static char *exec_target(const char *rest)
{
        rest = skip_blanks(rest);
        return *rest ? strdup(rest) : NULL;
}

static char *http_target(const char *rest)
{
        size_t host = strcspn(rest, "/?#");
        struct buf b = BUF_INIT;

        if (opt_ours_has_blank(rest) || strchr(rest, '#') || !is_host_port(rest, rest + host))
                return NULL;
        buf_put(&b, rest, host);
        if (rest[host] != '/')
                buf_putc(&b, '/');
        buf_puts(&b, rest + host);
        return buf_take(&b);
}

static char *tcp_target(const char *rest)
{
        if (opt_ours_has_blank(rest) || !is_host_port(rest, rest + strlen(rest)))
                return NULL;
        return strdup(rest);
}

static char *unix_target(const char *rest)
{
        return *rest == '/' || *rest == '%' ? strdup(rest) : NULL;
}

static const struct check_form {
        const char *scheme;
        enum check_kind kind;
        char *(*target)(const char *rest); /* NULL: not of that form */
        const char *form;
} check_forms[] = {
        { "exec:", CHECK_EXEC, exec_target, "exec:COMMAND" },
        { "http://", CHECK_HTTP, http_target, "http://HOST:PORT/PATH" },
        { "tcp://", CHECK_TCP, tcp_target, "tcp://HOST:PORT" },
        { "unix://", CHECK_UNIX, unix_target, "unix:///PATH" },
};

static bool check_split(const struct check_form *f, const char *text, struct check_target *out,
                        struct err *e)
{
        out->kind = f->kind;
        out->target = f->target(text + strlen(f->scheme));
        if (!out->target)
                return opt_expected(e, f->form, text);
        out->text = strdup(text);
        if (out->text)
                return true;
        free(out->target);
        return err_nomem(e);
}

static bool check_parse(const struct opt *o, const char *text, const struct host *w,
                        union opt_value *v, struct err *e)
{
        (void)o, (void)w;
        for (size_t i = 0; i < sizeof check_forms / sizeof *check_forms; i++)
                if (strncmp(text, check_forms[i].scheme, strlen(check_forms[i].scheme)) == 0)
                        return check_split(&check_forms[i], text, &v->check, e);
        if (strcmp(text, "notify") == 0 || strncmp(text, "https://", 8) == 0)
                return err_set(e, ERR_CONFIG, "%.*s is not available: expected %s",
                               (int)strcspn(text, ":"), text, CHECK_FORMS);
        return opt_expected(e, CHECK_FORMS, text);
}

static bool check_same(const void *a, const void *b)
{
        const struct check_target *s = a, *t = b;

        return opt_same_text(&s->text, &t->text);
}

static void check_drop(void *v)
{
        struct check_target *c = v;

        free(c->text);
        free(c->target);
        *c = (struct check_target){ 0 };
}

static void check_format(const struct opt *o, const void *v, struct buf *out)
{
        const struct check_target *c = v;

        opt_format_text(o, &c->text, out);
}

const struct opt_kind opt_kind_check = {
        .size = sizeof(struct check_target),
        .parse = check_parse,
        .same = check_same,
        .drop = check_drop,
        .format = check_format,
        .words = CHECK_FORMS,
};

/* ---- one of a few words */

bool opt_parse_word(const struct opt *o, const char *text, const struct host *w, union opt_value *v,
                    struct err *e)
{
        const struct opt_kind *k = opt_kind_of(o->type);

        (void)w;
        for (const struct opt_word *word = k->values; word->word; word++)
                if (strcasecmp(text, word->word) == 0) {
                        v->number = word->value;
                        return true;
                }
        return opt_expected(e, k->words, text);
}

/* Two forms of `ready` that people may know from elsewhere. */
static bool ready_parse(const struct opt *o, const char *text, const struct host *w,
                        union opt_value *v, struct err *e)
{
        if (strcmp(text, "notify") == 0 || strncmp(text, "fd:", 3) == 0)
                return err_set(e, ERR_CONFIG, "%s is not available: expected uptime or healthcheck",
                               text);
        return opt_parse_word(o, text, w, v, e);
}

static const struct opt_word action_words[] = {
        { "restart", CHECK_ACT_RESTART },
        { "kill", CHECK_ACT_KILL },
        { "none", CHECK_ACT_NONE },
        { NULL, 0 },
};

static const struct opt_word ready_words[] = {
        { "uptime", READY_UPTIME },
        { "healthcheck", READY_HEALTHCHECK },
        { NULL, 0 },
};

static const struct opt_word sighup_words[] = {
        { "reload", SIGHUP_RELOAD },
        { "restart", SIGHUP_RESTART },
        { NULL, 0 },
};

static const struct opt_word overflow_words[] = {
        { "block", OVERFLOW_BLOCK },
        { "drop", OVERFLOW_DROP },
        { NULL, 0 },
};

static const struct opt_word every_words[] = {
        { "size", LOG_EVERY_SIZE },
        { "hourly", LOG_EVERY_HOUR },
        { "daily", LOG_EVERY_DAY },
        { NULL, 0 },
};

static const struct opt_word compress_words[] = {
        { "none", LOG_COMPRESS_NONE },
        { "gzip", LOG_COMPRESS_GZIP },
        { NULL, 0 },
};

static const struct opt_word format_words[] = {
        { "raw", LOG_FORM_RAW },
        { "text", LOG_FORM_TEXT },
        { "json", LOG_FORM_JSON },
        { NULL, 0 },
};

const struct opt_kind opt_kind_check_action =
    OPT_WORD_KIND(opt_parse_word, action_words, "restart, kill or none");
const struct opt_kind opt_kind_ready =
    OPT_WORD_KIND(ready_parse, ready_words, "uptime or healthcheck");
const struct opt_kind opt_kind_overflow =
    OPT_WORD_KIND(opt_parse_word, overflow_words, "block or drop");
const struct opt_kind opt_kind_log_every =
    OPT_WORD_KIND(opt_parse_word, every_words, "size, hourly or daily");
const struct opt_kind opt_kind_log_compress =
    OPT_WORD_KIND(opt_parse_word, compress_words, "none or gzip");
const struct opt_kind opt_kind_log_format =
    OPT_WORD_KIND(opt_parse_word, format_words, "raw, text or json");
const struct opt_kind opt_kind_sighup =
    OPT_WORD_KIND(opt_parse_word, sighup_words, "reload or restart");
