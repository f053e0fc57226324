/* What stood before the present file: its backups, compressed or not. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/fd.h"
#include "logs/tail.h"

/* What a .gz holds, as its last four bytes say (RFC 1952): modulo 2^32, and logs are rotated
 * long before that. */
static bool gzip_size(int fd, const struct stat *st, int64_t *size)
{
        unsigned char b[4];

        if (st->st_size < 18 || pread(fd, b, 4, st->st_size - 4) != 4)
                return false;
        *size = (int64_t)b[0] | (int64_t)b[1] << 8 | (int64_t)b[2] << 16 | (int64_t)b[3] << 24;
        return true;
}

/* The compressed one first: where both are there it is complete, and the other about to go. */
static int open_backup(const char *path, int n, bool *is_gzip, int64_t *size)
{
        for (int i = 0; i < 2; i++) {
                AUTO_BUF name = BUF_INIT;
                struct stat st;
                buf_printf(&name, "%s.%d%s", path, n, i ? "" : ".gz");
                AUTO_FD fd = name.failed ? -1
                                         : open(buf_str(&name),
                                                O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
                if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                        continue;
                *is_gzip = i == 0;
                *size = st.st_size;
                if (i == 0 && !gzip_size(fd, &st, size))
                        continue;
                return fd_take(&fd);
        }
        return -1;
}

static bool read_all(int fd, bool is_gzip, int64_t skip, int64_t size, struct buf *out)
{
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        gzFile gz = copy < 0 ? NULL : gzdopen(copy, "rb");
        char data[65536];
        int n = 0;

        if (!gz) {
                fd_close(&copy);
                return false;
        }
        if (!is_gzip) /* read as it is, whatever its first bytes look like */
                lseek(fd, 0, SEEK_SET);
        for (int64_t at = 0; at < size; at += n) {
                n = is_gzip ? gzread(gz, data, sizeof data) : (int)read(fd, data, sizeof data);
                if (n <= 0)
                        break;
                int64_t from = skip > at ? skip - at : 0;
                if (from < n)
                        buf_put(out, data + from, (size_t)(n - from));
        }
        gzclose(gz);
        return n > 0 && !out->failed;
}

#define FILES_MOST 64
#define TRIES      40

struct backups {
        struct backup {
                int fd;
                bool is_gzip;
                int64_t size;
                ino_t inode;
        } items[FILES_MOST]; /* the newest first */
        int count;
        int64_t size; /* of all */
};

static void backups_close(struct backups *b)
{
        while (b->count > 0)
                close(b->items[--b->count].fd);
        b->size = 0;
}

/* A file that moved up while we went from one name to the next is seen twice. */
static bool is_there_twice(const struct backups *b, ino_t inode)
{
        for (int i = 0; i < b->count; i++)
                if (b->items[i].inode == inode)
                        return true;
        return false;
}

/* Compressing gives a file another inode: a name that still leads where it led is what counts. */
static bool all_in_place(const char *path, const struct backups *b)
{
        struct stat st;

        for (int i = b->count - 1; i >= 0; i--) {
                AUTO_BUF name = BUF_INIT;
                buf_printf(&name, "%s.%d%s", path, i + 1, b->items[i].is_gzip ? ".gz" : "");
                if (name.failed || stat(name.data, &st) < 0 || st.st_ino != b->items[i].inode)
                        return false;
        }
        return true;
}

static bool collect(const char *path, uint64_t inode, int64_t most, struct backups *b)
{
        struct stat st;

        while (b->count < FILES_MOST && b->size < most) {
                struct backup *item = &b->items[b->count];
                item->fd = open_backup(path, b->count + 1, &item->is_gzip, &item->size);
                if (item->fd < 0)
                        break;
                bool fine = fstat(item->fd, &st) == 0 && !is_there_twice(b, st.st_ino);
                item->inode = st.st_ino;
                b->size += item->size;
                b->count++;
                if (!fine)
                        return false;
        }
        return all_in_place(path, b) && stat(path, &st) == 0 && st.st_ino == inode;
}

/* Names move while they are read: only what was the same before and after is the truth. Less than
 * there should be may be so, or a file that was between two names. */
static bool collect_well(const char *path, uint64_t inode, int64_t most, struct backups *b)
{
        for (int tries = 0; tries < TRIES; tries++) {
                backups_close(b);
                if (collect(path, inode, most, b) && (b->size >= most || tries >= TRIES / 2))
                        return true;
        }
        return false;
}

enum tail_result tail_history(const char *path, uint64_t inode, int64_t most, struct buf *out)
{
        struct backups b = { 0 };
        bool fine = collect_well(path, inode, most, &b);
        int64_t skip = b.size > most ? b.size - most : 0;

        for (int i = b.count - 1; fine && i >= 0; i--) {
                const struct backup *item = &b.items[i];
                if (skip < item->size)
                        fine = read_all(item->fd, item->is_gzip, skip, item->size, out);
                skip -= skip < item->size ? skip : item->size;
        }
        backups_close(&b);
        return fine ? TAIL_OK : TAIL_FAILED;
}
