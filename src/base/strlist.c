/* Lists of owned strings, also as an environment: set, unset and find a variable. Always ends in
 * NULL, so that exec can take it. */
#include "base/strlist.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/vec.h"

void strlist_release(struct strlist *v)
{
        for (size_t i = 0; i < v->count; i++)
                free(v->items[i]);
        free(v->items);
        *v = STRLIST_INIT;
}

bool strlist_take(struct strlist *v, char *s)
{
        if (!s)
                return false;
        if (!vec_reserve(&v->items, v->count + (v->items != NULL), v->items ? 1 : 2, sizeof s)) {
                free(s);
                return false;
        }
        v->items[v->count++] = s;
        v->items[v->count] = NULL;
        return true;
}

bool strlist_add(struct strlist *v, const char *s)
{
        return strlist_take(v, strdup(s));
}

bool strlist_add_n(struct strlist *v, const char *s, size_t len)
{
        return strlist_take(v, strndup(s, len));
}

bool strlist_has(const struct strlist *v, const char *s)
{
        for (size_t i = 0; i < v->count; i++)
                if (strcmp(v->items[i], s) == 0)
                        return true;
        return false;
}

bool strlist_copy(struct strlist *to, const struct strlist *from)
{
        *to = STRLIST_INIT;
        for (size_t i = 0; i < from->count; i++)
                if (!strlist_add(to, from->items[i])) {
                        strlist_release(to);
                        return false;
                }
        return true;
}

static int by_bytes(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

void strlist_sort(struct strlist *v)
{
        if (v->count)
                qsort(v->items, v->count, sizeof *v->items, by_bytes);
}

static size_t env_index(const struct strlist *v, const char *key)
{
        size_t len = strlen(key);

        for (size_t i = 0; i < v->count; i++)
                if (strncmp(v->items[i], key, len) == 0 && v->items[i][len] == '=')
                        return i;
        return v->count;
}

bool strlist_setenv(struct strlist *v, const char *key, const char *value)
{
        struct buf b = BUF_INIT;

        buf_puts(&b, key);
        buf_putc(&b, '=');
        buf_puts(&b, value);
        char *item = buf_take(&b);
        size_t at = env_index(v, key);
        if (at == v->count)
                return strlist_take(v, item);
        if (!item)
                return false;
        free(v->items[at]);
        v->items[at] = item;
        return true;
}

const char *strlist_getenv(const struct strlist *v, const char *key)
{
        size_t at = env_index(v, key);

        return at == v->count ? NULL : v->items[at] + strlen(key) + 1;
}
