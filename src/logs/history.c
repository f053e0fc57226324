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

enum tail_result tail_history(const char *path, int64_t most, struct buf *out)
{
        int64_t found = 0, sizes[64], size;
        bool kinds[64], is_gzip;
        int n = 0, fds[64];
        bool fine = true;

        while (n < 64 && found < most &&
               (fds[n] = open_backup(path, n + 1, &is_gzip, &size)) >= 0) {
                kinds[n] = is_gzip;
                sizes[n] = size;
                found += size;
                n++;
        }
        while (n-- > 0) {
                int64_t skip = found > most ? found - most : 0;
                if (skip < sizes[n])
                        fine = fine && read_all(fds[n], kinds[n], skip, sizes[n], out);
                found -= sizes[n] > skip ? skip : sizes[n];
                close(fds[n]);
        }
        return fine ? TAIL_OK : TAIL_FAILED;
}
