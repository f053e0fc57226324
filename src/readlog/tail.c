/* Reads a part of one log file for Supervisor's calls (compat 20.5). Waits for the disk as long as
 * it takes, so it belongs into the reader thread. */
#include "readlog/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/capped.h"
#include "base/fd.h"
#include "sys/store/guarded.h"

#define MOST TAIL_MOST

/* Whatever can be sought in: a FIFO is not even opened, since that could wake its writer. */
static enum tail_result open_log(const char *path, uid_t owner, int *fd_out, int64_t *size_out)
{
        AUTO_FD fd = path ? guarded_open(path, owner, O_RDONLY, 0, NULL, NULL) : -1;

        if (fd < 0)
                return !path || errno == ENOENT || errno == ENOTDIR ? TAIL_NO_FILE : TAIL_FAILED;
        off_t size = lseek(fd, 0, SEEK_END);
        if (size < 0)
                return TAIL_FAILED;
        *size_out = size;
        *fd_out = fd_take(&fd);
        return TAIL_OK;
}

/* Bytes [from, from + len), fewer where the file became shorter meanwhile. */
static enum tail_result read_span(int fd, int64_t from, int64_t len, struct buf *out)
{
        if (!buf_reserve(out, (size_t)len))
                return TAIL_FAILED;
        while (len > 0) {
                ssize_t n = pread(fd, out->data + out->len, (size_t)len, from);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return TAIL_FAILED;
                if (n == 0)
                        break;
                out->len += (size_t)n;
                from += n;
                len -= n;
        }
        out->data[out->len] = '\0';
        return TAIL_OK;
}

static int64_t tail_least(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

enum tail_result tail_read(const char *path, uid_t owner, int64_t offset, int64_t length,
                           struct buf *out)
{
        int64_t size, from = offset, len;
        AUTO_FD fd = -1;

        if (length < 0 || (offset < 0 && length != 0))
                return TAIL_BAD_ARGUMENTS;
        enum tail_result r = open_log(path, owner, &fd, &size);
        if (r != TAIL_OK)
                return r;
        if (offset < 0)
                from = size - tail_least(size, offset < -MOST ? MOST : -offset);
        if (from >= size)
                return TAIL_OK;
        len = length ? tail_least(length, size - from) : size - from;
        return read_span(fd, from, tail_least(len, MOST), out);
}

enum tail_result tail_window(const char *path, uid_t owner, int64_t offset, int64_t length,
                             struct buf *out, int64_t *size_out, bool *overflow_out)
{
        int64_t size;
        AUTO_FD fd = -1;

        *size_out = 0;
        *overflow_out = false;
        enum tail_result r = open_log(path, owner, &fd, &size);
        if (r != TAIL_OK)
                return r == TAIL_NO_FILE ? TAIL_OK : r;
        *size_out = size;
        *overflow_out = size > add_capped(offset, length);
        if (length <= 0 || (!*overflow_out && offset >= size))
                return TAIL_OK;
        int64_t len = tail_least(tail_least(length, MOST), size);
        return read_span(fd, size - len, len, out);
}
