/* Lists from the tables of ctl/: the client's options and commands. */
#include <string.h>

#include "ctl/commands/commands.h"
#include "ctl/options.h"
#include "mangen.h"

/* ---- options */

/* The help of an option may have several lines. */
static void put_sentence(struct buf *out, const char *help)
{
        AUTO_BUF text = BUF_INIT;

        for (const char *at = help; *at; at++)
                buf_putc(&text, at == help && *at >= 'a' && *at <= 'z' ? *at - 'a' + 'A'
                                : *at == '\n'                          ? ' '
                                                                       : *at);
        buf_putc(&text, '.');
        mdoc_text(out, buf_str(&text));
}

static void put_option(void *arg, char letter, const char *name, const char *operand,
                       const char *help)
{
        struct buf *out = arg;

        buf_puts(out, ".It");
        if (letter)
                buf_printf(out, " Fl %c ,", letter);
        buf_printf(out, " Fl \\&-%s", name);
        if (operand)
                buf_printf(out, " Ar %s", operand);
        buf_putc(out, '\n');
        put_sentence(out, help);
}

static bool put_options(struct buf *out, char **words, int count)
{
        (void)words;
        if (count)
                return false;
        buf_puts(out, ".Bl -tag -width Ds\n");
        options_each(put_option, out);
        buf_puts(out, ".El\n");
        return true;
}

/* ---- commands: their help is lines of "usage TAB description" */

/* Texts of the table may leave out the full stop, as it is usual in lists. */
static void put_full_sentence(struct buf *out, struct buf *text)
{
        char last = text->len ? text->data[text->len - 1] : '\0';

        if (last && last != '.' && last != ':')
                buf_putc(text, '.');
        mdoc_text(out, buf_str(text));
}

static void put_help_line(struct buf *out, const struct cmd *cmd, const char *line, size_t len)
{
        size_t usage = 0, said;
        size_t name = strlen(cmd->name);

        while (usage < len && line[usage] != '\t')
                usage++;
        for (said = usage; said < len && line[said] == '\t';)
                said++;
        while (usage && line[usage - 1] == ' ')
                usage--;
        AUTO_BUF left = BUF_INIT, right = BUF_INIT;
        buf_put(&left, line, usage);
        buf_put(&right, line + said, len - said);
        if (strncmp(buf_str(&left), cmd->name, name) == 0) {
                buf_puts(out, ".It Li ");
                mdoc_arg(out, buf_str(&left));
                buf_putc(out, '\n');
        } else if (said == len && strcmp(buf_str(&left), "Ex:") != 0) {
                put_full_sentence(out, &left);
        }
        if (right.len)
                put_full_sentence(out, &right);
}

static void put_command(struct buf *out, const struct cmd *cmd)
{
        for (const char *at = cmd->help; *at;) {
                size_t len = strcspn(at, "\n");
                put_help_line(out, cmd, at, len);
                at += len + (at[len] == '\n');
        }
}

/* "commands supervisor" or "commands ours" */
static bool put_commands(struct buf *out, char **words, int count)
{
        bool ours = count == 1 && strcmp(words[0], "ours") == 0;

        if (count != 1 || (!ours && strcmp(words[0], "supervisor") != 0))
                return false;
        buf_puts(out, ".Bl -tag -width Ds\n");
        for (const struct cmd *cmd = ctl_cmds; cmd->name; cmd++)
                if (ours == !!(cmd->flags & CMD_OURS) && strcmp(cmd->name, "EOF") != 0)
                        put_command(out, cmd);
        buf_puts(out, ".El\n");
        return true;
}

/* "options-of tail" */
static bool put_options_of(struct buf *out, char **words, int count)
{
        const struct cmd *cmd = count == 1 ? cmd_find(words[0]) : NULL;

        if (!cmd || !cmd->options)
                return false;
        buf_puts(out, ".Bl -tag -width Ds\n");
        for (const struct cmd_option *o = cmd->options; o->name; o++)
                put_option(out, o->letter, o->name, o->value, o->help);
        buf_puts(out, ".El\n");
        return true;
}

/* "takes --json": names of the commands that know a flag, for a sentence. */
static bool put_takers(struct buf *out, char **words, int count)
{
        const struct cmd *last = NULL;
        bool json =
            count == 1 && strcmp(words[0], "--json") == 0; /* the others refuse it by name */

        if (count != 1)
                return false;
        for (const struct cmd *cmd = ctl_cmds; cmd->name; cmd++)
                if (json ? cmd->run_json != NULL : cmd_takes(cmd, words[0])) {
                        if (last)
                                buf_printf(out, ".Cm %s ,\n", last->name);
                        last = cmd;
                }
        if (last)
                buf_printf(out, ".Cm %s .\n", last->name);
        return last != NULL;
}

const struct list ctl_lists[] = {
        { "ctl-options", put_options },
        { "commands", put_commands },
        { "options-of", put_options_of },
        { "takes", put_takers },
        { NULL, NULL },
};
