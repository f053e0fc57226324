/* Which AUTO logs belong to a daemon that lives: each is a lock of one byte on their directory, at
 * the place that the file's name gives. One descriptor holds all of them, and they end with the
 * daemon, however it ends. */
#include "logs/store/auto_claims.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/path.h"
#include "logs/logs.h"
#include "sys/store/guarded.h"
#include "sys/store/mapped.h"

static struct flock auto_claims_place_of(short type, const char *name, size_t len)
{
        return (struct flock){ .l_type = type,
                               .l_whence = SEEK_SET,
                               .l_start = (off_t)(hash_bytes(0, name, len) & (INT64_MAX >> 1)),
                               .l_len = 1 };
}

/* Another daemon's. Our own locks do not count where fd is what holds them. */
bool auto_log_is_claimed(int fd, const char *name, size_t len)
{
        struct flock lock = auto_claims_place_of(F_WRLCK, name, len);

        return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static bool is_that_directory(int fd, const char *dir)
{
        struct stat ours, there;

        return fstat(fd, &ours) == 0 && guarded_stat(dir, &there) == 0 &&
               ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

bool auto_claims_open(struct auto_claims *c, int inherited, const char *dir, struct err *e)
{
        AUTO_FD fd = inherited;

        if (c->dir && strcmp(c->dir, dir) == 0)
                return true;
        auto_claims_release(c);
        c->dir = strdup(dir);
        if (!c->dir)
                return err_nomem(e);
        if (fd >= 0 && !is_that_directory(fd, dir))
                fd_close(&fd);
        if (fd < 0)
                fd = guarded_open_dir(dir, e);
        c->fd = fd_take(&fd);
        return c->fd >= 0;
}

bool auto_claims_add(struct auto_claims *c, const char *path, struct err *e)
{
        const char *name = path_basename(path);
        size_t n = (size_t)(name - path);

        /* One that was taken over may lie where such logs were once. */
        if (c->fd < 0 || n != strlen(c->dir) + 1 || strncmp(path, c->dir, n - 1) != 0)
                return true;
        struct flock lock = auto_claims_place_of(F_RDLCK, name, strlen(name));
        return fcntl(c->fd, F_OFD_SETLK, &lock) == 0 || err_set(e, ERR_SYS, "lock %s", path);
}

void auto_claims_release(struct auto_claims *c)
{
        fd_close(&c->fd);
        free(c->dir);
        c->dir = NULL;
}
