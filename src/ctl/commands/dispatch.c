/* From a line of input to the command that it names. */
#include <ctype.h>
#include <string.h>

#include "ctl/commands/commands.h"
#include "ctl/render/render.h"

static bool dispatch_is_blank(char c)
{
        return c == ' ' || (c >= '\t' && c <= '\r');
}

bool cmd_split(const char *line, struct buf *command, struct buf *rest)
{
        while (dispatch_is_blank(*line))
                line++;
        if (*line == '?') {
                buf_puts(command, "help");
                line++;
        } else {
                while (isalnum((unsigned char)*line) || *line == '_')
                        buf_putc(command, *line++);
        }
        while (dispatch_is_blank(*line))
                line++;
        size_t len = strlen(line);
        while (len && dispatch_is_blank(line[len - 1]))
                len--;
        buf_put(rest, line, len);
        return !command->failed && !rest->failed;
}

/* ---- operands */

static bool take_flag(const struct cmd *cmd, struct args *a, const char *word)
{
        if (!cmd_takes(cmd, word))
                return false;
        if (strcmp(word, "--json") == 0)
                a->json = true;
        else if (strcmp(word, "--plan") == 0)
                a->plan = true;
        else
                a->verbose = true;
        return true;
}

/* Up to the next blank. What a command with options is told may be quoted. */
static const char *dispatch_take_word(const char *at, bool quotes, struct buf *word)
{
        char quote = '\0';

        for (; *at && (quote || !dispatch_is_blank(*at)); at++) {
                if (quote ? *at == quote : quotes && (*at == '\'' || *at == '"'))
                        quote = quote ? '\0' : *at;
                else
                        buf_putc(word, *at);
        }
        return at;
}

static bool split_words(const struct cmd *cmd, const char *rest, struct args *a)
{
        while (*rest) {
                AUTO_BUF word = BUF_INIT;
                rest = dispatch_take_word(rest, cmd->options != NULL, &word);
                if (word.failed)
                        return false;
                if (!take_flag(cmd, a, buf_str(&word)) && !strlist_add(&a->words, buf_str(&word)))
                        return false;
                while (dispatch_is_blank(*rest))
                        rest++;
        }
        return true;
}

/* The value of an option: within the word, or the whole of the next one. NULL: none. */
static const char *value_in(const struct cmd *cmd, const char *word)
{
        for (const struct cmd_option *o = cmd->options; o && o->name; o++) {
                size_t len = strlen(o->name);
                if (o->value && strncmp(word, "--", 2) == 0 &&
                    strncmp(word + 2, o->name, len) == 0 && word[2 + len] == '=')
                        return word + 2 + len + 1;
        }
        return NULL;
}

static bool wants_value(const struct cmd *cmd, const char *word)
{
        for (const struct cmd_option *o = cmd->options; o && o->name; o++)
                if (o->value && ((word[0] == '-' && word[1] == o->letter && !word[2]) ||
                                 (strncmp(word, "--", 2) == 0 && strcmp(word + 2, o->name) == 0)))
                        return true;
        return false;
}

/* What stands in single quotes stands for itself, and these stand in double ones. */
static void put_quoted(struct buf *line, const char *text)
{
        buf_putc(line, '\'');
        for (; *text; text++) {
                if (*text == '\'')
                        buf_puts(line, "'\"'\"'");
                else
                        buf_putc(line, *text);
        }
        buf_putc(line, '\'');
}

void cmd_join(struct buf *line, char *const *words, int count)
{
        const struct cmd *cmd = count ? cmd_find(words[0]) : NULL;
        bool options = cmd && cmd->options;

        for (int i = 0; i < count; i++) {
                const char *value = options && i > 0 ? value_in(cmd, words[i]) : NULL;
                buf_puts(line, i ? " " : "");
                if (options && i > 1 && wants_value(cmd, words[i - 1])) {
                        put_quoted(line, words[i]);
                } else if (value) {
                        buf_put(line, words[i], (size_t)(value - words[i]));
                        put_quoted(line, value);
                } else {
                        buf_puts(line, words[i]);
                }
        }
}

static void put_help(struct ctl *c, const struct cmd *cmd)
{
        AUTO_BUF text = BUF_INIT;

        cmd_put_help(cmd, &text);
        fputs(buf_str(&text), c->talk);
}

static bool operands_fit(struct ctl *c, const struct cmd *cmd, const struct args *a)
{
        int count = (int)a->words.count;

        if (count < cmd->min)
                ctl_fail(c, cmd->few_code ? cmd->few_code : EXIT_GENERIC, "Error: %s", cmd->few);
        else if (cmd->max >= 0 && count > cmd->max && cmd->many)
                ctl_fail(c, EXIT_GENERIC, "Error: %s", cmd->many);
        else if (cmd->max >= 0 && count > cmd->max)
                ctl_fail(c, EXIT_GENERIC, "Error: %s accepts no arguments", cmd->name);
        else
                return true;
        put_help(c, cmd);
        return false;
}

/* ---- running */

static void run_json(struct ctl *c, const struct cmd *cmd, const struct args *a)
{
        c->talk = c->err;
        if (!cmd->run_json)
                ctl_fail(c, EXIT_USAGE, "Error: %s has no JSON output", cmd->name);
        else if (operands_fit(c, cmd, a))
                cmd->run_json(c, a);
        c->talk = c->out;
}

/* Supervisor looks for operands that must not be there before it looks for the daemon, and for
 * missing ones afterwards; scripts see the difference in the exit code. */
static void run_plain(struct ctl *c, const struct cmd *cmd, const struct args *a)
{
        bool none_allowed = cmd->max == 0;

        if (none_allowed && !operands_fit(c, cmd, a))
                return;
        if ((cmd->flags & CMD_UPCHECK) && !ctl_upcheck(c))
                return;
        if (none_allowed || operands_fit(c, cmd, a))
                cmd->run(c, a);
}

static void dispatch_run_command(struct ctl *c, const struct cmd *cmd, const char *rest)
{
        struct args a = { .cmd = cmd, .json = c->json, .verbose = c->verbose };

        if (!split_words(cmd, rest, &a))
                ctl_fail(c, EXIT_GENERIC, "error: out of memory");
        else if (a.json && !(cmd->flags & CMD_UNLISTED))
                run_json(c, cmd, &a);
        else
                run_plain(c, cmd, &a);
        strlist_release(&a.words);
}

void ctl_run(struct ctl *c, const char *line)
{
        AUTO_BUF command = BUF_INIT;
        AUTO_BUF rest = BUF_INIT;

        if (!cmd_split(line, &command, &rest)) {
                ctl_fail(c, EXIT_GENERIC, "error: out of memory");
                return;
        }
        if (!command.len && !rest.len)
                return;
        const struct cmd *cmd = cmd_find(buf_str(&command));
        if (cmd) {
                dispatch_run_command(c, cmd, buf_str(&rest));
        } else {
                while (dispatch_is_blank(*line))
                        line++;
                size_t len = strlen(line);
                while (len && dispatch_is_blank(line[len - 1]))
                        len--;
                ctl_fail(c, EXIT_GENERIC, "*** Unknown syntax: %.*s", (int)len, line);
        }
        fflush(c->out);
}

/* ---- help and quit */

static void list_commands(struct ctl *c, const char *title, unsigned flags)
{
        const char *names[64];
        size_t count = 0;
        AUTO_BUF text = BUF_INIT;

        for (const struct cmd *cmd = ctl_cmds; cmd->name && count < 64; cmd++)
                if ((cmd->flags & (CMD_OURS | CMD_UNLISTED)) == flags)
                        names[count++] = cmd->name;
        buf_printf(&text, "%s\n", title);
        for (size_t i = strlen(title); i; i--)
                buf_putc(&text, '=');
        buf_putc(&text, '\n');
        columns_put(&text, names, count, 79);
        ctl_say(c, "%s", buf_str(&text));
}

void cmd_help(struct ctl *c, const struct args *a)
{
        AUTO_BUF topic = BUF_INIT;

        if (!a->words.count) {
                ctl_say(c, "%s", "");
                list_commands(c, "default commands (type help <topic>):", 0);
                list_commands(c, "more commands (type help <topic>):", CMD_OURS);
                return;
        }
        for (size_t i = 0; i < a->words.count; i++)
                buf_printf(&topic, "%s%s", i ? " " : "", a->words.items[i]);
        const struct cmd *cmd = cmd_find(buf_str(&topic));
        if (cmd)
                put_help(c, cmd);
        else
                ctl_say(c, "*** No help on %s", buf_str(&topic));
}

void cmd_quit(struct ctl *c, const struct args *a)
{
        (void)a;
        ctl_say(c, "%s", "");
        c->leave = true;
}
