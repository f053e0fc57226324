/* tail's options (compat 21.4 has none of them but -f). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/duration.h"
#include "base/stamp.h"
#include "ctl/commands/names.h"
#include "ctl/commands/tail.h"

const struct cmd_option tail_options[] = {
        { "follow", 'f', NULL, "Go on with what comes, also of processes that are added" },
        { "lines", 'n', "N", "The last N lines of each log (default 10; those that match)" },
        { "since", 0, "TIME", "Lines since then: 10m, 2h, 1d, or 2026-11-20T05:22:01Z" },
        { "grep", 0, "REGEX", "Only lines that match this extended regular expression" },
        { "stdout", 0, NULL, "Standard output only" },
        { "stderr", 0, NULL, "Standard error only" },
        { "no-prefix", 0, NULL, "Lines as they are, without the name in front" },
        { .name = NULL },
};

enum { OPT_FOLLOW, OPT_LINES, OPT_SINCE, OPT_GREP, OPT_STDOUT, OPT_STDERR, OPT_PLAIN };

static bool tail_args_wrong(struct ctl *c, const char *fmt, const char *word, const char *more)
{
        ctl_fail(c, EXIT_USAGE, fmt, word, more);
        return false;
}

/* ---- values */

static bool take_lines(struct ctl *c, struct tail_ask *a, const char *value)
{
        char *end;

        errno = 0;
        long n = strtol(value, &end, 10);
        if (!*value || *end || errno || n < 0 || n > INT32_MAX)
                return tail_args_wrong(c, "Error: --lines wants a number of lines, not '%s'%s",
                                       value, "");
        a->lines = n;
        return true;
}

static bool take_since(struct ctl *c, struct tail_ask *a, const char *value)
{
        size_t len = strlen(value), used;
        int64_t ms;

        a->since = value;
        return duration_parse(value, &ms) || (stamp_read(value, len, &ms, &used) && used == len) ||
               tail_args_wrong(c,
                               "Error: --since wants a duration (10m, 2h, 1d) or a time "
                               "(2026-11-20T05:22:01Z), not '%s'%s",
                               value, "");
}

static bool take_grep(struct ctl *c, struct tail_ask *a, const char *value)
{
        char why[200];

        if (a->has_grep)
                regfree(&a->grep);
        int code = regcomp(&a->grep, value, REG_EXTENDED | REG_NOSUB);
        a->has_grep = code == 0;
        if (code == 0)
                return true;
        regerror(code, &a->grep, why, sizeof why);
        return tail_args_wrong(c, "Error: --grep: '%s' is no extended regular expression: %s",
                               value, why);
}

static bool take_value(struct ctl *c, struct tail_ask *a, long which, const char *value)
{
        if (which == OPT_LINES)
                return take_lines(c, a, value);
        return which == OPT_SINCE ? take_since(c, a, value) : take_grep(c, a, value);
}

static void take_mark(struct tail_ask *a, long which)
{
        if (which == OPT_FOLLOW)
                a->follow = true;
        else if (which == OPT_PLAIN)
                a->plain = true;
        else
                a->streams[which == OPT_STDERR] = true;
}

/* ---- words */

/* The option that the word says; *value_out: what is behind it in the same word, or NULL. */
static const struct cmd_option *find_option(const char *word, const char **value_out)
{
        for (const struct cmd_option *o = tail_options; o->name; o++) {
                size_t len = strlen(o->name);
                *value_out = NULL;
                if (strncmp(word, "--", 2) == 0 && strncmp(word + 2, o->name, len) == 0) {
                        const char *rest = word + 2 + len;
                        *value_out = *rest == '=' ? rest + 1 : NULL;
                        if (!*rest || *rest == '=')
                                return o;
                } else if (o->letter && word[0] == '-' && word[1] == o->letter) {
                        *value_out = word[2] ? word + 2 : NULL;
                        if (!word[2] || o->value)
                                return o;
                }
        }
        return NULL;
}

static bool take_option(struct ctl *c, struct tail_ask *a, const struct strlist *words, size_t *at)
{
        const char *word = words->items[*at], *value;
        const struct cmd_option *o = find_option(word, &value);

        if (!o && word[1] >= '0' && word[1] <= '9')
                return tail_args_wrong(
                    c, "Error: %s counts the bytes of one log; here it is lines: -n %s", word,
                    word + 1);
        if (!o)
                return tail_args_wrong(c, "Error: tail has no option %s%s", word, "");
        if (!o->value && value)
                return tail_args_wrong(c, "Error: --%s takes no value%s", o->name, "");
        if (o->value && !value && *at + 1 < words->count)
                value = words->items[++*at];
        if (o->value && !value)
                return tail_args_wrong(c, "Error: --%s wants %s", o->name, o->value);
        if (o->value)
                return take_value(c, a, o - tail_options, value);
        take_mark(a, o - tail_options);
        return true;
}

static int channel_of(const char *word)
{
        return strcasecmp(word, "stdout") == 0 ? 0 : strcasecmp(word, "stderr") == 0 ? 1 : -1;
}

/* As in Supervisor's form, a channel may stand behind the names. */
static void take_channel(struct tail_ask *a)
{
        struct strlist *v = &a->names;

        if (v->count < 2 || channel_of(v->items[v->count - 1]) < 0)
                return;
        a->streams[channel_of(v->items[--v->count])] = true;
        free(v->items[v->count]);
        v->items[v->count] = NULL;
}

static bool take_words(struct ctl *c, const struct strlist *words, struct tail_ask *out)
{
        bool names_only = false;

        for (size_t i = 0; i < words->count; i++) {
                const char *word = words->items[i];
                if (!names_only && strcmp(word, "--") == 0) {
                        names_only = true;
                } else if (!names_only && word[0] == '-' && word[1]) {
                        if (!take_option(c, out, words, &i))
                                return false;
                } else if (!strlist_add(&out->names, word)) {
                        ctl_fail(c, EXIT_GENERIC, "error: out of memory");
                        return false;
                }
        }
        if (out->names.count)
                return true;
        return tail_args_wrong(c, "Error: tail wants names of processes, %s or all%s", "GROUP:*",
                               "");
}

bool tail_parse(struct ctl *c, const struct strlist *words, struct tail_ask *out)
{
        *out = (struct tail_ask){ .lines = -1 };
        if (!take_words(c, words, out))
                return false;
        take_channel(out);
        if (!out->streams[0] && !out->streams[1])
                out->streams[0] = out->streams[1] = true;
        return true;
}

void tail_ask_release(struct tail_ask *a)
{
        if (a->has_grep)
                regfree(&a->grep);
        strlist_release(&a->names);
}

bool tail_is_plain(const struct strlist *words)
{
        size_t at = words->count && words->items[0][0] == '-';

        for (size_t i = 0; i < words->count; i++) {
                const char *word = words->items[i];
                bool dash = word[0] == '-', letter = dash && word[1] == 'n';
                if ((dash && word[1] == '-') || letter || (dash && i > 0))
                        return false;
        }
        if (words->count - at != 1 && words->count - at != 2)
                return words->count == at; /* no name: Supervisor's words for that */
        const char *name = words->items[at];
        return strcmp(name, "all") != 0 && !name_is_glob(name) && !name_is_group(name);
}
