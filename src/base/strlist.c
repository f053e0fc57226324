#include "base/strlist.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

void strs_release(struct strs *v)
{
        for (size_t i = 0; i < v->count; i++)
                free(v->items[i]);
        free(v->items);
        *v = STRS_INIT;
}

bool strs_take(struct strs *v, char *s)
{
        if (!s)
                return false;
        if (v->count + 2 > v->cap) {
                size_t cap = v->cap ? v->cap * 2 : 8;
                char **items = realloc(v->items, cap * sizeof *items);
                if (!items) {
                        free(s);
                        return false;
                }
                v->items = items;
                v->cap = cap;
        }
        v->items[v->count++] = s;
        v->items[v->count] = NULL;
        return true;
}

bool strs_add(struct strs *v, const char *s)
{
        return strs_take(v, strdup(s));
}

bool strs_add_n(struct strs *v, const char *s, size_t len)
{
        return strs_take(v, strndup(s, len));
}

bool strs_has(const struct strs *v, const char *s)
{
        for (size_t i = 0; i < v->count; i++)
                if (strcmp(v->items[i], s) == 0)
                        return true;
        return false;
}

bool strs_copy(struct strs *to, const struct strs *from)
{
        *to = STRS_INIT;
        for (size_t i = 0; i < from->count; i++)
                if (!strs_add(to, from->items[i])) {
                        strs_release(to);
                        return false;
                }
        return true;
}

static int by_bytes(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

void strs_sort(struct strs *v)
{
        if (v->count)
                qsort(v->items, v->count, sizeof *v->items, by_bytes);
}

static size_t env_index(const struct strs *v, const char *key)
{
        size_t len = strlen(key);

        for (size_t i = 0; i < v->count; i++)
                if (strncmp(v->items[i], key, len) == 0 && v->items[i][len] == '=')
                        return i;
        return v->count;
}

bool strs_setenv(struct strs *v, const char *key, const char *value)
{
        struct buf b = BUF_INIT;

        buf_puts(&b, key);
        buf_putc(&b, '=');
        buf_puts(&b, value);
        char *item = buf_take(&b);
        size_t at = env_index(v, key);
        if (at == v->count)
                return strs_take(v, item);
        if (!item)
                return false;
        free(v->items[at]);
        v->items[at] = item;
        return true;
}

void strs_unsetenv(struct strs *v, const char *key)
{
        size_t at = env_index(v, key);

        if (at == v->count)
                return;
        free(v->items[at]);
        memmove(v->items + at, v->items + at + 1, (v->count - at) * sizeof *v->items);
        v->count--;
}

const char *strs_getenv(const struct strs *v, const char *key)
{
        size_t at = env_index(v, key);

        return at == v->count ? NULL : v->items[at] + strlen(key) + 1;
}
