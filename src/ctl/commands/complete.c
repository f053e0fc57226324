/* What the word before the cursor can become: commands, options, signals, names of the daemon. */
#include "ctl/commands/complete.h"

#include <string.h>

#include "ctl/commands/names.h"
#include "ctl/transport/json_get.h"
#include "ctl/transport/v1.h"

static const char *const signals[] = { "TERM", "HUP",  "INT",  "QUIT", "KILL",
                                       "USR1", "USR2", "STOP", "CONT" };

/* ---- names that the daemon has */

void known_release(struct known *k)
{
        strlist_release(&k->processes);
        strlist_release(&k->groups);
}

static bool add_once(struct strlist *to, const char *text)
{
        return strlist_has(to, text) || strlist_add(to, text);
}

bool known_fill(struct known *out, const json_t *processes)
{
        for (size_t i = 0; i < json_array_size(processes); i++) {
                const json_t *p = json_array_get(processes, i);
                const char *group = json_text(p, "group");
                AUTO_BUF name = BUF_INIT;
                AUTO_BUF all = BUF_INIT;
                process_put_name(&name, p);
                buf_printf(&all, "%s:*", group);
                bool several = strcmp(group, json_text(p, "process")) != 0;
                if (!add_once(&out->groups, group) ||
                    (several && !add_once(&out->processes, buf_str(&all))) ||
                    !add_once(&out->processes, buf_str(&name)))
                        return false;
        }
        return true;
}

bool known_fetch(struct ctl *c, struct known *out)
{
        AUTO_REPLY running = REPLY_INIT;
        AUTO_REPLY configured = REPLY_INIT;
        struct session side = c->session;

        side.ask = NULL; /* Tab is no moment for a password */
        bool ok = session_json(&side, &running, "/v1/processes?fields=" NAME_FIELDS, NULL) &&
                  session_json(&side, &configured, "/v1/config/processes", NULL) &&
                  known_fill(out, v1_items(running.json));
        const json_t *items = v1_items(configured.json);
        for (size_t i = 0; ok && i < json_array_size(items); i++)
                ok = add_once(&out->groups, json_text(json_array_get(items, i), "group"));
        return ok;
}

/* ---- the word before the cursor */

struct place {
        size_t start;          /* of the word that is being typed */
        size_t index;          /* how many words stand before it */
        const struct cmd *cmd; /* of the first word; NULL: none */
};

static struct place find_place(const char *line, size_t cursor)
{
        struct place p = { 0 };
        AUTO_BUF first = BUF_INIT;
        size_t at = 0;

        for (;;) {
                while (at < cursor && line[at] == ' ')
                        at++;
                size_t end = at;
                while (end < cursor && line[end] != ' ')
                        end++;
                if (end == cursor) {
                        p.start = at;
                        break;
                }
                if (p.index++ == 0)
                        buf_put(&first, line + at, end - at);
                at = end;
        }
        p.cmd = p.index ? cmd_find(buf_str(&first)) : NULL;
        return p;
}

static bool complete_offer(struct strlist *out, const char *typed, size_t len,
                           const char *candidate)
{
        return strncmp(candidate, typed, len) != 0 || add_once(out, candidate);
}

static bool offer_commands(struct strlist *out, const char *typed, size_t len)
{
        for (const struct cmd *cmd = ctl_cmds; cmd->name; cmd++)
                if (strcmp(cmd->name, "EOF") != 0 && !complete_offer(out, typed, len, cmd->name))
                        return false;
        return true;
}

static bool offer_signals(struct strlist *out, const char *typed, size_t len)
{
        for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
                if (!complete_offer(out, typed, len, signals[i]))
                        return false;
        return true;
}

static bool offer_list(struct strlist *out, const char *typed, size_t len,
                       const struct strlist *list)
{
        for (size_t i = 0; i < list->count; i++)
                if (!complete_offer(out, typed, len, list->items[i]))
                        return false;
        return true;
}

static bool offer_options(struct strlist *out, const char *typed, size_t len, const struct cmd *cmd)
{
        for (const struct cmd_option *o = cmd->options; o->name; o++) {
                AUTO_BUF word = BUF_INIT;
                buf_printf(&word, "--%s", o->name);
                if (word.failed || !complete_offer(out, typed, len, word.data))
                        return false;
        }
        return true;
}

bool complete_wants_names(const char *line, size_t cursor)
{
        struct place p = find_place(line, cursor);

        if (!p.cmd || (p.cmd->options && cursor > p.start && line[p.start] == '-'))
                return false;
        if (p.cmd->completes == COMP_SIGNAL)
                return p.index > 1;
        return p.cmd->completes == COMP_PROCESS || p.cmd->completes == COMP_GROUP ||
               (p.cmd->completes == COMP_PROGRAM && p.index == 1);
}

bool complete_line(const char *line, size_t cursor, const struct known *known, struct strlist *out,
                   size_t *start_out)
{
        struct place p = find_place(line, cursor);
        const char *typed = line + p.start;
        size_t len = cursor - p.start;
        enum completes what = p.cmd ? p.cmd->completes : COMP_NONE;

        *start_out = p.start;
        if (p.index == 0 || what == COMP_COMMAND)
                return offer_commands(out, typed, len);
        if (what == COMP_SIGNAL && p.index == 1)
                return offer_signals(out, typed, len);
        if (p.cmd && p.cmd->options && len && *typed == '-')
                return offer_options(out, typed, len, p.cmd);
        if (!known || !complete_wants_names(line, cursor))
                return true;
        bool groups = what == COMP_GROUP || what == COMP_PROGRAM;
        return offer_list(out, typed, len, groups ? &known->groups : &known->processes);
}

size_t complete_common(const struct strlist *candidates)
{
        if (!candidates->count)
                return 0;
        const char *first = candidates->items[0];
        size_t common = strlen(first);
        for (size_t i = 1; i < candidates->count; i++) {
                size_t n = 0;
                while (n < common && candidates->items[i][n] == first[n])
                        n++;
                common = n;
        }
        return common;
}

/* ---- for a shell: candidates as lines, each with what it means behind a tab */

/* What a command does: the words behind the first tab of its help. */
static void put_summary(struct buf *out, const struct cmd *cmd)
{
        const char *text = cmd->help + strcspn(cmd->help, "\t");

        text += strspn(text, "\t");
        buf_put(out, text, strcspn(text, "\n"));
}

static void put_meaning(struct buf *out, const struct place *p, const char *candidate)
{
        const struct cmd *cmd = p->index == 0 ? cmd_find(candidate) : NULL;

        if (cmd)
                put_summary(out, cmd);
        for (const struct cmd_option *o = p->cmd ? p->cmd->options : NULL; o && o->name; o++)
                if (strncmp(candidate, "--", 2) == 0 && strcmp(candidate + 2, o->name) == 0)
                        buf_puts(out, o->help);
}

bool complete_command(struct ctl *c, const char *line, struct buf *out)
{
        size_t cursor = strlen(line), start;
        struct place p = find_place(line, cursor);
        AUTO_STRLIST candidates = STRLIST_INIT;
        struct known known = { 0 };

        if (complete_wants_names(line, cursor))
                known_fetch(c, &known); /* no daemon: no names */
        bool ok = complete_line(line, cursor, &known, &candidates, &start);
        known_release(&known);
        for (size_t i = 0; ok && i < candidates.count; i++) {
                buf_printf(out, "%s\t", candidates.items[i]);
                put_meaning(out, &p, candidates.items[i]);
                buf_putc(out, '\n');
        }
        return ok && !out->failed;
}
