/* Bytes for a pipe that is full, in a file whose offset the kernel advances in the call that moves
 * them. Never waits for the pipe's reader. */
#include "sys/store/pipe_backlog.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault_point.h"
#include "base/fd.h"

#define MAGIC "sv-feed1"
#define BEGIN 4096 /* where the bytes are; before them is the head */

struct head {
        char magic[8];
        loff_t at;   /* the next byte: the kernel counts it */
        int64_t end; /* behind the last one */
};

struct pipe_backlog {
        char *path;        /* owned */
        int fd;            /* owned */
        struct head *head; /* owned mapping of BEGIN bytes */
};

void pipe_backlog_close(struct pipe_backlog *f)
{
        if (!f)
                return;
        if (f->head)
                munmap(f->head, BEGIN);
        fd_close(&f->fd);
        free(f->path);
        free(f);
}

/* What of it is in the pipe stays there as it is: the pages go when they are read. */
void pipe_backlog_remove(struct pipe_backlog *f)
{
        if (f)
                unlink(f->path);
        pipe_backlog_close(f);
}

static struct pipe_backlog *pipe_backlog_make(const char *path, int flags)
{
        struct pipe_backlog *f = calloc(1, sizeof *f);

        if (!f)
                return NULL;
        f->fd = -1;
        f->path = strdup(path);
        if (f->path)
                f->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0600);
        if (f->fd >= 0)
                return f;
        int error = errno;
        pipe_backlog_close(f);
        errno = error;
        return NULL;
}

static bool map_head(struct pipe_backlog *f)
{
        void *map = mmap(NULL, BEGIN, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);

        if (map == MAP_FAILED)
                return false;
        f->head = map;
        return true;
}

struct pipe_backlog *pipe_backlog_new(const char *path, struct err *e)
{
        char first[BEGIN] = { 0 };
        const struct head head = { .magic = MAGIC, .at = BEGIN, .end = BEGIN };

        unlink(path);
        struct pipe_backlog *f = pipe_backlog_make(path, O_CREAT | O_EXCL);
        memcpy(first, &head, sizeof head);
        /* Its block first: a full disk would be SIGBUS at a store. */
        if (f && fd_write_all(f->fd, first, sizeof first) && map_head(f))
                return f;
        err_set(e, ERR_SYS, "make %s", path);
        pipe_backlog_remove(f);
        return NULL;
}

static bool pipe_backlog_makes_sense(const struct head *h, off_t size)
{
        return memcmp(h->magic, MAGIC, sizeof h->magic) == 0 && h->at >= BEGIN && h->at <= h->end &&
               h->end <= size;
}

struct pipe_backlog *pipe_backlog_take_up(const char *path)
{
        struct pipe_backlog *f = pipe_backlog_make(path, 0);
        struct stat st;

        if (f && fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= BEGIN &&
            map_head(f) && pipe_backlog_makes_sense(f->head, st.st_size))
                return f;
        pipe_backlog_close(f);
        return NULL;
}

bool pipe_backlog_look(const char *path, size_t *left_out, struct err *e)
{
        struct head h = { 0 };
        struct stat st;
        AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

        if (fd < 0 || fstat(fd, &st) < 0)
                return err_set(e, ERR_SYS, "open %s", path);
        if (!S_ISREG(st.st_mode))
                return err_set(e, ERR_CONFIG, "%s is no ordinary file", path);
        ssize_t n = pread(fd, &h, sizeof h, 0);
        if (n < 0)
                return err_set(e, ERR_SYS, "read %s", path);
        if (st.st_size < BEGIN || n != (ssize_t)sizeof h)
                return err_set(e, ERR_PROTOCOL, "it ends within its header (length)");
        if (!pipe_backlog_makes_sense(&h, st.st_size))
                return err_set(e, ERR_PROTOCOL, "its header makes no sense (magic or offsets)");
        *left_out = (size_t)(h.end - h.at);
        return true;
}

/* Behind `end` there is nothing, whatever is there: only the last store makes it count. */
bool pipe_backlog_put(struct pipe_backlog *f, const void *data, size_t len, struct err *e)
{
        const char *from = data;
        size_t done = 0;

        while (done < len) {
                ssize_t n =
                    pwrite(f->fd, from + done, len - done, (off_t)f->head->end + (off_t)done);
                if (n < 0 && errno != EINTR)
                        return err_set(e, ERR_SYS, "write %s", f->path);
                done += n > 0 ? (size_t)n : 0;
        }
        __atomic_store_n(&f->head->end, f->head->end + (int64_t)len, __ATOMIC_RELEASE);
        return true;
}

size_t pipe_backlog_left(const struct pipe_backlog *f)
{
        return (size_t)(f->head->end - f->head->at);
}

/* Where the file's disk knows no splice: then a kill may come between the bytes and their count. */
static ssize_t pipe_backlog_copy(struct pipe_backlog *f, int pipe)
{
        char some[PIPE_BUF];
        size_t most = pipe_backlog_left(f) < sizeof some ? pipe_backlog_left(f) : sizeof some;
        ssize_t n = pread(f->fd, some, most, f->head->at);

        n = n > 0 ? write(pipe, some, (size_t)n) : -1;
        if (n > 0)
                f->head->at += n;
        return n;
}

bool pipe_backlog_move(struct pipe_backlog *f, int pipe)
{
        while (pipe_backlog_left(f)) {
                ssize_t n = splice(f->fd, &f->head->at, pipe, NULL, pipe_backlog_left(f),
                                   SPLICE_F_NONBLOCK);
                fault_point("feed.moved");
                if (n < 0 && errno == EINVAL)
                        n = pipe_backlog_copy(f, pipe);
                if (n < 0 && errno == EAGAIN)
                        return true;
                if (n == 0 || (n < 0 && errno != EINTR))
                        return false;
        }
        return true;
}
