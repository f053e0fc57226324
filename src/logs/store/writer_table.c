/* Which writer a path has. */
#include "logs/store/writer_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "logs/intake/channel.h"
#include "logs/store/writer.h"
#include "sys/store/mapped.h"

#define FIRST_SIZE 16u

static struct writer **writer_table_place_of(const struct writer_table *t, const char *path)
{
        return &t->heads[hash_bytes(0, path, strlen(path)) >> 32 & (t->size - 1)];
}

/* A head for each: without memory for more of them the lists become longer. */
static bool writer_table_make_room(struct writer_table *t)
{
        struct writer_table wider = { .size = t->size ? t->size * 2 : FIRST_SIZE };
        struct writer *w, *rest;

        if (t->count < t->size)
                return true;
        wider.heads = calloc(wider.size, sizeof(struct writer *));
        if (!wider.heads)
                return t->heads != NULL;
        for (unsigned i = 0; i < t->size; i++)
                for (w = t->heads[i]; w; w = rest) {
                        struct writer **at = writer_table_place_of(&wider, w->file.path);
                        rest = w->same_place;
                        w->same_place = *at;
                        *at = w;
                }
        free(t->heads);
        t->heads = wider.heads;
        t->size = wider.size;
        return true;
}

struct writer *writer_table_find(const struct writer_table *t, const char *path)
{
        struct writer *w = t->heads ? *writer_table_place_of(t, path) : NULL;

        while (w && strcmp(w->file.path, path) != 0)
                w = w->same_place;
        return w;
}

bool writer_table_add(struct writer_table *t, struct writer *w)
{
        if (!writer_table_make_room(t))
                return false;
        struct writer **at = writer_table_place_of(t, w->file.path);
        w->same_place = *at;
        *at = w;
        t->count++;
        return true;
}

void writer_table_remove(struct writer_table *t, const struct writer *w)
{
        struct writer **at = writer_table_place_of(t, w->file.path);

        while (*at != w)
                at = &(*at)->same_place;
        *at = w->same_place;
        if (--t->count)
                return;
        free(t->heads);
        *t = (struct writer_table){ .heads = NULL };
}

struct writer *writer_table_any(const struct writer_table *t)
{
        for (unsigned i = 0; i < t->size; i++)
                if (t->heads[i])
                        return t->heads[i];
        return NULL;
}
