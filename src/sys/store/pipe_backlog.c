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

struct feed {
        char *path;        /* owned */
        int fd;            /* owned */
        struct head *head; /* owned mapping of BEGIN bytes */
};

void feed_close(struct feed *f)
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
void feed_remove(struct feed *f)
{
        if (f)
                unlink(f->path);
        feed_close(f);
}

static struct feed *make(const char *path, int flags)
{
        struct feed *f = calloc(1, sizeof *f);

        if (!f)
                return NULL;
        f->fd = -1;
        f->path = strdup(path);
        if (f->path)
                f->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0600);
        if (f->fd >= 0)
                return f;
        int error = errno;
        feed_close(f);
        errno = error;
        return NULL;
}

static bool map_head(struct feed *f)
{
        void *map = mmap(NULL, BEGIN, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);

        if (map == MAP_FAILED)
                return false;
        f->head = map;
        return true;
}

struct feed *feed_new(const char *path, struct err *e)
{
        char first[BEGIN] = { 0 };
        const struct head head = { .magic = MAGIC, .at = BEGIN, .end = BEGIN };

        unlink(path);
        struct feed *f = make(path, O_CREAT | O_EXCL);
        memcpy(first, &head, sizeof head);
        /* Its block first: a full disk would be SIGBUS at a store. */
        if (f && fd_write_all(f->fd, first, sizeof first) && map_head(f))
                return f;
        err_set(e, ERR_SYS, "make %s", path);
        feed_remove(f);
        return NULL;
}

static bool makes_sense(const struct head *h, off_t size)
{
        return memcmp(h->magic, MAGIC, sizeof h->magic) == 0 && h->at >= BEGIN && h->at <= h->end &&
               h->end <= size;
}

struct feed *feed_take_up(const char *path)
{
        struct feed *f = make(path, 0);
        struct stat st;

        if (f && fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= BEGIN &&
            map_head(f) && makes_sense(f->head, st.st_size))
                return f;
        feed_close(f);
        return NULL;
}

/* Behind `end` there is nothing, whatever is there: only the last store makes it count. */
bool feed_put(struct feed *f, const void *data, size_t len, struct err *e)
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

size_t feed_left(const struct feed *f)
{
        return (size_t)(f->head->end - f->head->at);
}

/* Where the file's disk knows no splice: then a kill may come between the bytes and their count. */
static ssize_t copy(struct feed *f, int pipe)
{
        char some[PIPE_BUF];
        size_t most = feed_left(f) < sizeof some ? feed_left(f) : sizeof some;
        ssize_t n = pread(f->fd, some, most, f->head->at);

        n = n > 0 ? write(pipe, some, (size_t)n) : -1;
        if (n > 0)
                f->head->at += n;
        return n;
}

bool feed_move(struct feed *f, int pipe)
{
        while (feed_left(f)) {
                ssize_t n =
                    splice(f->fd, &f->head->at, pipe, NULL, feed_left(f), SPLICE_F_NONBLOCK);
                fault_point("feed.moved");
                if (n < 0 && errno == EINVAL)
                        n = copy(f, pipe);
                if (n < 0 && errno == EAGAIN)
                        return true;
                if (n == 0 || (n < 0 && errno != EINTR))
                        return false;
        }
        return true;
}
