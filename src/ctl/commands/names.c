#include "ctl/commands/names.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

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

bool name_is_one(const char *word)
{
        return strcmp(word, "all") != 0 && !name_is_glob(word) && !name_is_group(word);
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

static bool any_exact(const char *word, const struct xval *infos)
{
        for (size_t i = 0; infos && i < infos->count; i++)
                if (name_is_exact(word, xval_str(infos->items[i], "group"),
                                  xval_str(infos->items[i], "name")))
                        return true;
        return false;
}

/* A word that is a name stays what it is: the daemon knows it. */
static bool expand_word(const char *word, const struct xval *infos, bool groups,
                        struct strlist *out)
{
        size_t before = out->count;
        bool exact = any_exact(word, infos);

        if (exact && !(groups && name_is_group(word)))
                return strlist_add(out, word);
        for (size_t i = 0; infos && i < infos->count; i++) {
                const char *group = xval_str(infos->items[i], "group");
                const char *process = xval_str(infos->items[i], "name");
                AUTO_BUF name = BUF_INIT;
                if (!(exact ? name_is_exact : name_selects)(word, group, process))
                        continue;
                namespec_put(&name, group, process);
                if (!strlist_add(out, buf_str(&name)))
                        return false;
        }
        return out->count > before || strlist_add(out, word);
}

static bool to_expand(const char *word, bool groups)
{
        return name_is_glob(word) || (groups && name_is_group(word));
}

bool names_expand(const struct strlist *words, const struct xval *infos, bool groups,
                  struct strlist *out)
{
        for (size_t i = 0; i < words->count; i++) {
                const char *word = words->items[i];
                bool ok = to_expand(word, groups) ? expand_word(word, infos, groups, out)
                                                  : strlist_add(out, word);
                if (!ok)
                        return false;
        }
        return true;
}

bool ctl_expand(struct ctl *c, const struct strlist *words, bool groups, struct strlist *out)
{
        AUTO_REPLY r = REPLY_INIT;
        bool any = false;

        for (size_t i = 0; i < words->count; i++)
                any = any || to_expand(words->items[i], groups);
        if (any && !CALL0(&c->session, &r, "supervisor.getAllProcessInfo")) {
                ctl_report(c, &r);
                return false;
        }
        if (names_expand(words, r.value, groups, out))
                return true;
        ctl_fail(c, EXIT_GENERIC, "error: out of memory");
        return false;
}
