/* Completion scripts for bash and zsh, made from the tables of commands and options, so that they
 * cannot forget one. Names of processes are asked from the daemon when Tab is pressed. */
#include <string.h>

#include "ctl/complete.h"
#include "ctl/options.h"

#define HEADER "# Made by `supervisorctl --completion %s`; change the tables, not this file.\n"

static bool is_listed(const struct cmd *cmd)
{
        return strcmp(cmd->name, "EOF") != 0;
}

/* Names of the commands that complete to one of these, joined by `glue`. */
static void put_names(struct buf *out, unsigned kinds, const char *glue)
{
        bool first = true;

        for (const struct cmd *cmd = ctl_cmds; cmd->name; cmd++) {
                if (!is_listed(cmd) || !(kinds >> cmd->completes & 1))
                        continue;
                buf_printf(out, "%s%s", first ? "" : glue, cmd->name);
                first = false;
        }
}

#define KIND(k)   (1u << (k))
#define ALL_KINDS (~0u)

/* ---- bash */

static void put_bash_option(void *arg, char letter, const char *name, const char *operand,
                            const char *help)
{
        (void)help, (void)operand;
        if (letter)
                buf_printf(arg, "-%c ", letter);
        buf_printf(arg, "--%s ", name);
}

static void put_with_operand(void *arg, char letter, const char *name, const char *operand,
                             const char *help)
{
        (void)help;
        if (operand && letter)
                buf_printf(arg, "|-%c", letter);
        if (operand)
                buf_printf(arg, "|--%s", name);
}

static void put_bash_head(struct buf *out)
{
        buf_printf(out, "# bash completion for supervisorctl\n" HEADER, "bash");
        buf_puts(out, "\n_supervisorctl_names() {\n"
                      "    # the user's own options say which daemon to ask\n"
                      "    \"${words[0]}\" \"${conf[@]}\" status 2>/dev/null |\n"
                      "        awk '$2 ~ /^[A-Z]+$/ {\n"
                      "            n = index($1, \":\")\n"
                      "            g = n ? substr($1, 1, n - 1) : $1\n"
                      "            if (want == \"group\") print g\n"
                      "            else { print $1; if (n && !seen[g]++) print g \":*\" }\n"
                      "        }' want=\"$1\"\n"
                      "}\n\n");
        /* Words are taken from the line itself: readline breaks COMP_WORDS at colons. */
        buf_puts(out, "_supervisorctl() {\n"
                      "    local line=${COMP_LINE:0:COMP_POINT} words i word cmd= nth=0 conf=() "
                      "offers=\n"
                      "    read -ra words <<<\"$line\"\n"
                      "    [[ $line == *[[:blank:]] ]] && words+=(\"\")\n"
                      "    local cword=$((${#words[@]} - 1))\n"
                      "    local cur=${words[cword]} prev=${words[cword - 1]}\n");
}

static void put_bash_scan(struct buf *out)
{
        AUTO_BUF list = BUF_INIT;

        options_each(put_with_operand, &list);
        buf_printf(out,
                   "    for ((i = 1; i < cword; i++)); do\n"
                   "        word=${words[i]}\n"
                   "        if [[ $cmd ]]; then\n"
                   "            ((nth++))\n"
                   "            continue\n"
                   "        fi\n"
                   "        case $word in\n"
                   "        %s) conf+=(\"$word\" \"${words[++i]}\") ;;\n"
                   "        -*) ;;\n"
                   "        *) cmd=$word ;;\n"
                   "        esac\n"
                   "    done\n",
                   buf_str(&list) + 1);
}

static void put_bash_offers(struct buf *out)
{
        buf_puts(out, "    if [[ ! $cmd ]]; then\n"
                      "        case $prev in\n"
                      "        -c|--configuration|-r|--history_file)\n"
                      "            mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
                      "            return ;;\n"
                      "        esac\n"
                      "        if [[ $cur == -* ]]; then\n"
                      "            offers=\"");
        options_each(put_bash_option, out);
        buf_puts(out, "\"\n        else\n            offers=\"");
        put_names(out, ALL_KINDS, " ");
        buf_puts(out, "\"\n        fi\n    else\n        case $cmd in\n        ");
        put_names(out, KIND(COMP_PROCESS), "|");
        buf_puts(out, ")\n            offers=$(_supervisorctl_names process) ;;\n        ");
        put_names(out, KIND(COMP_GROUP) | KIND(COMP_PROGRAM), "|");
        buf_puts(out, ")\n            offers=$(_supervisorctl_names group) ;;\n        ");
        put_names(out, KIND(COMP_SIGNAL), "|");
        buf_puts(out, ")\n            if ((nth == 0)); then\n"
                      "                offers=\"TERM HUP INT QUIT KILL USR1 USR2 STOP CONT\"\n"
                      "            else\n"
                      "                offers=$(_supervisorctl_names process)\n"
                      "            fi ;;\n        ");
        put_names(out, KIND(COMP_COMMAND), "|");
        buf_puts(out, ")\n            offers=\"");
        put_names(out, ALL_KINDS, " ");
        buf_puts(out, "\" ;;\n        esac\n    fi\n");
}

/* Behind a dash: the command's own options. */
static void put_bash_options(struct buf *out)
{
        buf_puts(out, "    if [[ $cmd && $cur == -* ]]; then\n        case $cmd in\n");
        for (const struct cmd *cmd = ctl_cmds; cmd->name; cmd++) {
                if (!cmd->options)
                        continue;
                buf_printf(out, "        %s) offers=\"", cmd->name);
                for (const struct cmd_option *o = cmd->options; o->name; o++)
                        buf_printf(out, "%s--%s", o == cmd->options ? "" : " ", o->name);
                buf_puts(out, "\" ;;\n");
        }
        buf_puts(out, "        esac\n    fi\n");
}

static void put_bash(struct buf *out)
{
        put_bash_head(out);
        put_bash_scan(out);
        put_bash_offers(out);
        put_bash_options(out);
        buf_puts(out, "    mapfile -t COMPREPLY < <(compgen -W \"$offers\" -- \"$cur\")\n"
                      "    if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then\n"
                      "        word=${cur%\"${cur##*:}\"}\n"
                      "        COMPREPLY=(\"${COMPREPLY[@]#\"$word\"}\")\n"
                      "    fi\n"
                      "}\n"
                      "complete -F _supervisorctl supervisorctl\n");
}

/* ---- zsh */

/* Text inside single quotes and brackets of an _arguments specification. */
static void put_zsh_text(struct buf *out, const char *text)
{
        for (; *text; text++) {
                if (*text == '\'')
                        buf_puts(out, "'\\''");
                else if (strchr("[]:\\", *text))
                        buf_printf(out, "\\%c", *text);
                else
                        buf_putc(out, *text == '\n' ? ' ' : *text);
        }
}

static void put_zsh_option(void *arg, char letter, const char *name, const char *operand,
                           const char *help)
{
        struct buf *out = arg;
        bool is_file = operand && strcmp(operand, "FILE") == 0;

        buf_puts(out, "        ");
        if (letter)
                buf_printf(out, "'(-%c --%s)'{-%c%s,--%s%s}'[", letter, name, letter,
                           operand ? "+" : "", name, operand ? "=" : "");
        else
                buf_printf(out, "'--%s%s[", name, operand ? "=" : "");
        put_zsh_text(out, help);
        buf_puts(out, "]");
        if (operand)
                buf_printf(out, ":%s:%s", name, is_file ? "_files" : "");
        buf_puts(out, "' \\\n");
}

/* What a command does: the words behind the first tab of its help. */
static void put_summary(struct buf *out, const char *help)
{
        const char *text = help + strcspn(help, "\t");
        AUTO_BUF line = BUF_INIT;

        while (*text == '\t')
                text++;
        buf_put(&line, text, strcspn(text, "\n"));
        put_zsh_text(out, buf_str(&line));
}

static void put_zsh_names(struct buf *out)
{
        buf_puts(out, "_supervisorctl_names() {\n"
                      "    setopt localoptions extendedglob\n"
                      "    local -a lines names\n"
                      "    local line name\n"
                      "    lines=(${(f)\"$(_call_program names $service ${(kv)opt_args} status "
                      "2>/dev/null)\"})\n"
                      "    for line in $lines; do\n"
                      "        [[ ${${=line}[2]} == [A-Z]## ]] || continue\n"
                      "        name=${${=line}[1]}\n"
                      "        if [[ $1 == group ]]; then\n"
                      "            names+=(${name%%:*})\n"
                      "        else\n"
                      "            names+=($name)\n"
                      "            [[ $name == *:* ]] && names+=(\"${name%%:*}:*\")\n"
                      "        fi\n"
                      "    done\n"
                      "    names=(${(u)names})\n"
                      "    compadd -Q -M 'r:|:=* r:|=*' -a names\n"
                      "}\n\n");
}

static void put_zsh_commands(struct buf *out)
{
        buf_puts(out, "_supervisorctl_commands() {\n    local -a commands\n    commands=(\n");
        for (const struct cmd *cmd = ctl_cmds; cmd->name; cmd++) {
                if (!is_listed(cmd))
                        continue;
                buf_printf(out, "        '%s:", cmd->name);
                put_summary(out, cmd->help);
                buf_puts(out, "'\n");
        }
        buf_puts(out, "    )\n    _describe -t commands command commands\n}\n\n");
}

/* Commands with options of their own: these behind a dash, else what everybody offers. */
static void put_zsh_own(struct buf *out)
{
        for (const struct cmd *cmd = ctl_cmds; cmd->name; cmd++) {
                if (!cmd->options)
                        continue;
                buf_printf(out, "%s) if [[ $PREFIX == -* ]]; then compadd --", cmd->name);
                for (const struct cmd_option *o = cmd->options; o->name; o++)
                        buf_printf(out, " --%s", o->name);
                buf_puts(out, "; else _supervisorctl_names process; fi ;;\n    ");
        }
}

static void put_zsh(struct buf *out)
{
        buf_printf(out, "#compdef supervisorctl\n" HEADER "\n", "zsh");
        put_zsh_names(out);
        put_zsh_commands(out);
        buf_puts(out, "_supervisorctl() {\n    local curcontext=$curcontext state\n"
                      "    local -A opt_args\n"
                      "    _arguments -C -S \\\n");
        options_each(put_zsh_option, out);
        buf_puts(out, "        '1:command:_supervisorctl_commands' '*::operand:->operand'\n"
                      "    [[ $state == operand ]] || return\n    case $words[1] in\n    ");
        put_zsh_own(out);
        put_names(out, KIND(COMP_PROCESS), "|");
        buf_puts(out, ") _supervisorctl_names process ;;\n    ");
        put_names(out, KIND(COMP_GROUP) | KIND(COMP_PROGRAM), "|");
        buf_puts(out, ") _supervisorctl_names group ;;\n    ");
        put_names(out, KIND(COMP_SIGNAL), "|");
        buf_puts(out, ") if ((CURRENT == 2)); then compadd TERM HUP INT QUIT KILL USR1 USR2 STOP "
                      "CONT; else _supervisorctl_names process; fi ;;\n    ");
        put_names(out, KIND(COMP_COMMAND), "|");
        buf_puts(out, ") _supervisorctl_commands ;;\n    esac\n}\n\n_supervisorctl \"$@\"\n");
}

/* ---- which */

static const struct {
        const char *shell;
        void (*put)(struct buf *);
} scripts[] = { { "bash", put_bash }, { "zsh", put_zsh } };

bool completion_script(struct buf *out, const char *shell)
{
        for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
                if (strcmp(scripts[i].shell, shell) != 0)
                        continue;
                scripts[i].put(out);
                return true;
        }
        return false;
}
