/* Patterns of file names, part by part. glob(3) passes over what it may not look at; a reload has
 * to know, because the programs of a file that is passed over would count as removed. */
#include "sys/store/globs.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"

struct search {
        struct strlist *out;
        struct err *e; /* the first trouble */
        bool fine;
};

static bool is_absent(int error)
{
        return error == ENOENT || error == ENOTDIR;
}

static void search_trouble(struct search *s, const char *what, const char *path)
{
        if (!is_absent(errno) && s->fine)
                s->fine = err_set(s->e, ERR_SYS, "%s %s", what, path);
}

static void search_nomem(struct search *s)
{
        if (s->fine)
                s->fine = err_nomem(s->e);
}

static bool globs_has_magic(const char *part, size_t len)
{
        for (size_t i = 0; i < len; i++)
                if (strchr("*?[", part[i]))
                        return true;
        return false;
}

static void search_rest(struct search *s, const char *base, const char *rest);

/* `base` ends in a slash, or is empty. */
static void search_one(struct search *s, const char *base, const char *name, size_t len,
                       const char *rest)
{
        struct stat st;
        AUTO_BUF path = BUF_INIT;

        buf_puts(&path, base);
        buf_put(&path, name, len);
        if (*rest)
                buf_putc(&path, '/');
        if (path.failed)
                search_nomem(s);
        else if (*rest)
                search_rest(s, path.data, rest);
        else if (lstat(path.data, &st) < 0)
                search_trouble(s, "look at", path.data);
        else if (!strlist_add(s->out, path.data))
                search_nomem(s);
}

static void search_dir(struct search *s, const char *base, const char *part, const char *rest)
{
        const char *where = *base ? base : ".";
        DIR *dir = opendir(where);
        const struct dirent *entry;

        if (!dir) {
                search_trouble(s, "open", where);
                return;
        }
        for (errno = 0; (entry = readdir(dir)); errno = 0) {
                const char *name = entry->d_name;
                if (fnmatch(part, name, FNM_NOESCAPE | FNM_PERIOD) == 0)
                        search_one(s, base, name, strlen(name), rest);
        }
        if (errno)
                search_trouble(s, "read", where);
        closedir(dir);
}

static void search_rest(struct search *s, const char *base, const char *rest)
{
        size_t len = strcspn(rest, "/");
        const char *next = rest + len + strspn(rest + len, "/");

        if (!globs_has_magic(rest, len)) {
                search_one(s, base, rest, len, next);
                return;
        }
        char *part = strndup(rest, len);
        if (part)
                search_dir(s, base, part, next);
        else
                search_nomem(s);
        free(part);
}

bool globs_find(const char *pattern, struct strlist *out, struct err *e)
{
        struct search s = { .out = out, .e = e, .fine = true };
        size_t slashes = strspn(pattern, "/");

        search_rest(&s, slashes ? "/" : "", pattern + slashes);
        return s.fine;
}
