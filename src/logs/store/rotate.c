/* Where a file is cut when it is full, and the chain of renames to .1, .2 and so on (compat 15).
 * The chain is renamed up to its first gap: a kill half way leaves one, and the next rotation
 * fills it. */
#include "logs/store/rotate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault_point.h"

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

static void backup_name(char *out, size_t size, const char *path, int n, const char *suffix)
{
        if (n)
                snprintf(out, size, "%s.%d%s", path, n, suffix);
        else
                snprintf(out, size, "%s", path);
}

/* The two names that a backup may have. */
static const char *const suffixes[] = { "", ".gz" };

/* What cannot be looked at may be there, and must not be written over. */
static bool is_there(struct sys *sys, const char *path, int n, char *name, size_t size, bool *there,
                     struct err *e)
{
        struct stat st;

        *there = false;
        for (int i = 0; i < 2 && !*there; i++) {
                backup_name(name, size, path, n, suffixes[i]);
                *there = sys->stat_file(sys, name, &st) == 0;
                if (!*there && errno != ENOENT)
                        return err_set(e, ERR_SYS, "look at %s", name);
        }
        return true;
}

/* Where both are there a kill came between the compressed one's naming and the other's removal. */
static bool move_up(struct sys *sys, const char *path, int n, char *from, char *to, size_t size,
                    struct err *e)
{
        bool compressed = false;

        for (int i = n ? 1 : 0; i >= 0; i--) {
                backup_name(from, size, path, n, suffixes[i]);
                backup_name(to, size, path, n + 1, suffixes[i]);
                if (i == 0 && compressed)
                        sys->unlink(sys, from);
                else if (sys->rename(sys, from, to) == 0)
                        compressed = i == 1;
                else if (n == 0 || errno != ENOENT)
                        return err_set(e, ERR_SYS, "rename %s to %s", from, to);
        }
        return true;
}

static void remove_last(struct sys *sys, const char *path, int n, char *name, size_t size)
{
        for (int i = 0; i < 2; i++) {
                backup_name(name, size, path, n, suffixes[i]);
                sys->unlink(sys, name);
        }
}

/* Up to the first gap only: a kill half way leaves one, and the next rotation fills it. */
bool rotate_shift(struct sys *sys, const char *path, int backups, struct err *e)
{
        size_t size = strlen(path) + 24;
        char *from = malloc(size), *to = malloc(size);
        bool fine = from && to;
        int gap = 1;

        if (!fine)
                err_nomem(e);
        for (bool there = true; fine && there && gap < backups; gap += there)
                fine = is_there(sys, path, gap, from, size, &there, e);
        if (fine && gap == backups)
                remove_last(sys, path, gap, from, size);
        for (int n = gap - 1; fine && n >= 0; n--) {
                fault_point("rotate.rename");
                fine = move_up(sys, path, n, from, to, size, e);
        }
        free(from);
        free(to);
        return fine;
}
