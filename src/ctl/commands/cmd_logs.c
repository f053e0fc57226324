/* tail, maintail (compat 21.4). */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ctl/commands/commands.h"
#include "ctl/commands/follow.h"
#include "ctl/commands/tail.h"
#include "wire/percent.h"

#define DEFAULT_BYTES 1600
#define PRESS_CTRL_C  "==> Press Ctrl-C to exit <=="

struct how {
        bool follow;
        long bytes;
};

/* "-f" or "-<bytes>". The daemon wants a 32-bit number. */
static bool parse_how(const char *word, struct how *out)
{
        char *end;

        if (strcmp(word, "-f") == 0) {
                out->follow = true;
                return true;
        }
        if (word[0] != '-' || !word[1])
                return false;
        errno = 0;
        long n = strtol(word + 1, &end, 10);
        if (*end || errno || n > INT_MAX || n < INT_MIN)
                return false;
        out->bytes = n < 0 ? -n : n;
        return true;
}

static void follow_log(struct ctl *c, const char *path)
{
        ctl_say(c, PRESS_CTRL_C);
        fflush(c->out);
        if (follow(c, NULL, path, NULL, follow_print, c->out))
                fputc('\n', c->out);
}

static const char *log_error(const struct reply *r)
{
        if (reply_is(r, "NO_FILE"))
                return "no log file";
        return reply_is(r, "BAD_NAME") ? "no such process name" : "unknown error reading log";
}

/* ---- tail */

/* name NULL: the main log. */
static void tail_of(struct ctl *c, const struct how *how, const char *name, const char *channel)
{
        AUTO_REPLY r = REPLY_INIT;
        AUTO_BUF path = BUF_INIT;

        log_path_put(&path, name, channel);
        if (how->follow) {
                buf_puts(&path, LOG_FOLLOW);
                follow_log(c, buf_str(&path));
                return;
        }
        if (how->bytes) /* none: all of it */
                buf_printf(&path, "&tail=%ld", how->bytes);
        if (session_text(&c->session, &r, buf_str(&path))) {
                fwrite(buf_str(&r.text), 1, r.text.len, c->out);
                fputc('\n', c->out);
        } else if (r.kind == REPLY_PROBLEM) {
                ctl_fail(c, EXIT_GENERIC, "%s: ERROR (%s)", name ? name : "supervisord",
                         log_error(&r));
        } else {
                ctl_report(c, &r);
        }
}

static void tail_lines_of(struct ctl *c, const struct strlist *words)
{
        struct tail_ask ask;

        if (tail_parse(c, words, &ask))
                tail_run(c, &ask);
        tail_ask_release(&ask);
}

/* "a b": two processes, or one and a channel that there is not? */
static bool is_process(struct ctl *c, const char *word)
{
        AUTO_REPLY r = REPLY_INIT;
        AUTO_BUF path = BUF_INIT;

        buf_puts(&path, "/v1/processes?name=");
        percent_encode(word, &path);
        return session_json(&c->session, &r, buf_str(&path), NULL) &&
               json_array_size(json_object_get(r.json, "processes")) > 0;
}

static void tail_plain(struct ctl *c, const struct strlist *words)
{
        struct how how = { .bytes = DEFAULT_BYTES };
        size_t at = words->items[0][0] == '-';

        if (at && words->count == 1) {
                ctl_fail(c, EXIT_GENERIC, "Error: tail requires process name");
                return;
        }
        if (at && !parse_how(words->items[0], &how)) {
                ctl_fail(c, EXIT_GENERIC, "Error: bad argument %s", words->items[0]);
                return;
        }
        const char *channel = words->count > at + 1 ? words->items[at + 1] : "stdout";
        if (strcasecmp(channel, "stdout") == 0)
                tail_of(c, &how, words->items[at], "stdout");
        else if (strcasecmp(channel, "stderr") == 0)
                tail_of(c, &how, words->items[at], "stderr");
        else if ((!at || how.follow) && is_process(c, channel))
                tail_lines_of(c, words);
        else
                ctl_fail(c, EXIT_GENERIC, "Error: bad channel '%s'", channel);
}

void cmd_tail(struct ctl *c, const struct args *a)
{
        if (tail_is_plain(&a->words))
                tail_plain(c, &a->words);
        else
                tail_lines_of(c, &a->words);
}

/* ---- maintail */

void cmd_maintail(struct ctl *c, const struct args *a)
{
        struct how how = { .bytes = DEFAULT_BYTES };

        if (a->words.count && !parse_how(a->words.items[0], &how)) {
                ctl_fail(c, EXIT_GENERIC, "Error: bad argument %s", a->words.items[0]);
                return;
        }
        tail_of(c, &how, NULL, NULL);
}
