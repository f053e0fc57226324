/* What words of a command line mean, against the list of processes that the daemon gives. */
#include "ctl/commands/names.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/transport/json_get.h"
#include "ctl/transport/v1.h"

void namespec_release(struct namespec *n)
{
        free(n->group);
        free(n->process);
        *n = (struct namespec){ 0 };
}

bool namespec_split(const char *text, struct namespec *out)
{
        const char *colon = strchr(text, ':');
        const char *process = colon ? colon + 1 : text;
        bool whole = colon && (!*process || strcmp(process, "*") == 0);

        *out = (struct namespec){
                .group = strndup(text, colon ? (size_t)(colon - text) : strlen(text)),
                .process = whole ? NULL : strdup(process),
        };
        if (out->group && (whole || out->process))
                return true;
        namespec_release(out);
        return false;
}

void namespec_put(struct buf *out, const char *group, const char *process)
{
        if (strcmp(group, process) != 0)
                buf_printf(out, "%s:", group);
        buf_puts(out, process);
}

static bool names_has_magic(const char *text, size_t len)
{
        for (size_t i = 0; i < len; i++)
                if (strchr("*?[", text[i]))
                        return true;
        return false;
}

bool name_is_glob(const char *text)
{
        const char *colon = strchr(text, ':');
        size_t len = strlen(text);

        if (colon && strcmp(colon, ":*") == 0)
                len = (size_t)(colon - text);
        return names_has_magic(text, len);
}

bool name_matches(const char *pattern, const char *group, const char *process)
{
        AUTO_BUF full = BUF_INIT;

        buf_printf(&full, "%s:%s", group, process);
        if (fnmatch(pattern, buf_str(&full), 0) == 0)
                return true;
        return strcmp(group, process) == 0 && fnmatch(pattern, process, 0) == 0;
}

bool name_is_group(const char *text)
{
        const char *colon = strchr(text, ':');

        return colon && (!colon[1] || strcmp(colon, ":*") == 0);
}

bool name_selects(const char *word, const char *group, const char *process)
{
        return name_is_glob(word) ? name_matches(word, group, process)
                                  : name_is_exact(word, group, process);
}

bool name_is_exact(const char *word, const char *group, const char *process)
{
        const char *colon = strchr(word, ':');
        size_t len = colon ? (size_t)(colon - word) : strlen(word);

        if (strlen(group) != len || strncmp(word, group, len) != 0)
                return false;
        return name_is_group(word) || strcmp(colon ? colon + 1 : word, process) == 0;
}

bool process_fits(name_rule *rule, const char *word, const json_t *process)
{
        return rule(word, json_text(process, "group"), json_text(process, "process"));
}

name_rule *name_rule_for(const char *word, const json_t *processes)
{
        for (size_t i = 0; i < json_array_size(processes); i++)
                if (process_fits(name_is_exact, word, json_array_get(processes, i)))
                        return name_is_exact;
        return name_selects;
}

void process_put_name(struct buf *out, const json_t *process)
{
        namespec_put(out, json_text(process, "group"), json_text(process, "process"));
}

bool processes_select(const json_t *processes, const char *word, json_t *to)
{
        name_rule *rule = name_rule_for(word, processes);

        for (size_t i = 0; i < json_array_size(processes); i++)
                if (process_fits(rule, word, json_array_get(processes, i)) &&
                    json_array_append(to, json_array_get(processes, i)) < 0)
                        return false;
        return true;
}

/* A word that is a name stays what it is: the daemon knows it. */
static bool expand_word(const char *word, const json_t *processes, bool groups, struct strlist *out)
{
        size_t before = out->count;
        name_rule *rule = name_rule_for(word, processes);

        if (rule == name_is_exact && !(groups && name_is_group(word)))
                return strlist_add(out, word);
        for (size_t i = 0; i < json_array_size(processes); i++) {
                const json_t *p = json_array_get(processes, i);
                AUTO_BUF name = BUF_INIT;
                process_put_name(&name, p);
                if (process_fits(rule, word, p) && !strlist_add(out, buf_str(&name)))
                        return false;
        }
        return out->count > before || strlist_add(out, word);
}

static bool to_expand(const char *word, bool groups)
{
        return name_is_glob(word) || (groups && name_is_group(word));
}

bool names_expand(const struct strlist *words, const json_t *processes, bool groups,
                  struct strlist *out)
{
        for (size_t i = 0; i < words->count; i++) {
                const char *word = words->items[i];
                bool ok = to_expand(word, groups) ? expand_word(word, processes, groups, out)
                                                  : strlist_add(out, word);
                if (!ok)
                        return false;
        }
        return true;
}

bool ctl_expand(struct ctl *c, const struct strlist *words, bool groups, struct strlist *out)
{
        json_t *doc = NULL;
        bool any = false;

        for (size_t i = 0; i < words->count; i++)
                any = any || to_expand(words->items[i], groups);
        if (any && !(doc = v1_list(c, NULL, NAME_FIELDS)))
                return false;
        bool ok = names_expand(words, v1_items(doc), groups, out);
        json_decref(doc);
        if (!ok)
                ctl_fail(c, EXIT_GENERIC, "error: out of memory");
        return ok;
}
