/* Paths as text: joining, taking apart, making absolute. Never looks at the file system. */
#include "base/path.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/strlist.h"

char *path_join(const char *dir, const char *name)
{
        struct buf b = BUF_INIT;

        if (name[0] != '/' && dir[0]) {
                buf_puts(&b, dir);
                if (dir[strlen(dir) - 1] != '/')
                        buf_putc(&b, '/');
        }
        buf_puts(&b, name);
        return buf_take(&b);
}

char *path_dirname(const char *path)
{
        const char *slash = strrchr(path, '/');

        if (!slash)
                return strdup("");
        return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

const char *path_basename(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

static char *join_parts(const struct strlist *parts)
{
        struct buf b = BUF_INIT;

        for (size_t i = 0; i < parts->count; i++) {
                buf_putc(&b, '/');
                buf_puts(&b, parts->items[i]);
        }
        if (!parts->count)
                buf_putc(&b, '/');
        return buf_take(&b);
}

char *path_absolute(const char *path, const char *cwd)
{
        char *whole = path_join(cwd, path);
        AUTO_STRLIST parts = STRLIST_INIT;
        char *save = NULL;

        if (!whole)
                return NULL;
        for (char *p = strtok_r(whole, "/", &save); p; p = strtok_r(NULL, "/", &save)) {
                if (strcmp(p, ".") == 0)
                        continue;
                if (strcmp(p, "..") == 0) {
                        if (parts.count)
                                free(parts.items[--parts.count]);
                        continue;
                }
                if (!strlist_add(&parts, p)) {
                        free(whole);
                        return NULL;
                }
        }
        free(whole);
        return join_parts(&parts);
}
