#include "rotate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How far beyond the limit a file may grow in wait of a line end. */
#define OVERSHOOT 65536

struct rotate_cut rotate_cut(int64_t size, int64_t limit, const char *data, size_t len)
{
        int64_t room = size < limit ? limit - size : 0;
        int64_t slack = limit < OVERSHOOT ? limit : OVERSHOOT;

        if ((uint64_t)len < (uint64_t)room)
                return (struct rotate_cut){ .take = len };
        size_t from = room ? (size_t)room - 1 : 0;
        const char *end = len > from ? memchr(data + from, '\n', len - from) : NULL;
        if (end)
                return (struct rotate_cut){ .take = (size_t)(end - data) + 1, .rotate = true };
        return (struct rotate_cut){ .take = len, .rotate = size + (int64_t)len >= limit + slack };
}

static void backup_name(char *out, size_t size, const char *path, int n)
{
        if (n)
                snprintf(out, size, "%s.%d", path, n);
        else
                snprintf(out, size, "%s", path);
}

bool rotate_shift(struct sys *sys, const char *path, int backups, struct err *e)
{
        size_t size = strlen(path) + 16;
        char *from = malloc(size), *to = malloc(size);
        bool fine = from && to;

        if (!fine)
                err_nomem(e);
        for (int n = backups - 1; fine && n >= 0; n--) {
                backup_name(from, size, path, n);
                backup_name(to, size, path, n + 1);
                if (sys->rename(sys, from, to) < 0 && (n == 0 || errno != ENOENT))
                        fine = err_set(e, ERR_SYS, "rename %s to %s", from, to);
        }
        free(from);
        free(to);
        return fine;
}
