#include "pile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/fd.h"
#include "sys/guarded.h"

#define BLOCK   65536
#define TRIES   40
#define LARGEST (INT64_C(1) << 50) /* offsets of all files together are numbers still */

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

static void put_name(struct buf *out, const char *path, int number, bool is_gzip)
{
        buf_puts(out, path);
        if (number)
                buf_printf(out, ".%d%s", number, is_gzip ? ".gz" : "");
}

static int64_t birth(int fd)
{
        struct statx sx;

        if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &sx) < 0 || !(sx.stx_mask & STATX_BTIME))
                return 0;
        return (int64_t)sx.stx_btime.tv_sec * 1000 + sx.stx_btime.tv_nsec / 1000000;
}

/* False with errno; 0: something that is no log. */
static bool open_name(const struct pile_of *of, int number, bool is_gzip, struct pile_file *f)
{
        AUTO_BUF name = BUF_INIT;
        struct stat st;

        put_name(&name, of->path, number, is_gzip);
        errno = ENOMEM;
        AUTO_FD fd = name.failed ? -1 : guarded_open(name.data, of->owner, O_RDONLY, 0, &st, NULL);
        if (fd < 0)
                return false;
        *f = (struct pile_file){ .number = number,
                                 .is_gzip = is_gzip,
                                 .size = st.st_size,
                                 .inode = st.st_ino,
                                 .mtime_ms = (int64_t)st.st_mtim.tv_sec * 1000 +
                                             st.st_mtim.tv_nsec / 1000000 };
        errno = 0;
        if (!S_ISREG(st.st_mode) || (is_gzip && !gzip_size(fd, &st, &f->size)))
                return false;
        errno = EFBIG;
        if (f->size > LARGEST)
                return false;
        f->born_ms = birth(fd);
        f->fd = fd_take(&fd);
        return true;
}

/* The compressed one first: where both are there it is complete, and the other about to go. */
static bool open_number(const struct pile_of *of, int number, struct pile_file *f)
{
        return (number > 0 && open_name(of, number, true, f)) || open_name(of, number, false, f);
}

/* ---- which files */

void pile_close(struct pile *p)
{
        while (p->count > 0)
                close(p->files[--p->count].fd);
        p->before = 0;
}

static bool is_there_twice(const struct pile *p, ino_t inode)
{
        for (int i = 0; i < p->count; i++)
                if (p->files[i].inode == inode)
                        return true;
        return false;
}

/* The file that is written to: somebody else may have given it another name. */
static enum tail_result open_present(struct pile *p, const struct pile_of *of, uint64_t inode)
{
        enum tail_result missing = TAIL_NO_FILE;

        for (int n = 0; n < (inode ? PILE_MOST : 1); n++) {
                struct pile_file f;
                if (!open_name(of, n, false, &f)) {
                        if (n == 0 && errno != ENOENT && errno != ENOTDIR && errno != 0)
                                missing = TAIL_FAILED;
                        continue;
                }
                if (!inode || f.inode == inode) {
                        p->files[p->count++] = f;
                        return TAIL_OK;
                }
                close(f.fd);
                missing = TAIL_ASTRAY;
        }
        return inode && missing == TAIL_NO_FILE ? TAIL_ASTRAY : missing;
}

static bool is_enough(const struct pile *p, const struct pile_want *w)
{
        const struct pile_file *oldest = &p->files[p->count - 1];

        if (p->count == PILE_MOST)
                return true;
        if (w->since_ms)
                return oldest->mtime_ms < w->since_ms;
        return p->before >= w->before;
}

enum found { FOUND_ALL, FOUND_GAP, FOUND_MOVING };

/* A file that moved up while we went from one name to the next is seen twice. */
static enum found open_backups(struct pile *p, const struct pile_of *of, const struct pile_want *w)
{
        struct pile_file f;

        for (int n = p->files[0].number + 1; !is_enough(p, w); n++) {
                if (!open_number(of, n, &f)) {
                        if (!open_number(of, n + 1, &f))
                                return FOUND_ALL;
                        close(f.fd);
                        return FOUND_GAP;
                }
                bool again = is_there_twice(p, f.inode);
                p->files[p->count++] = f;
                p->before += f.size;
                if (again)
                        return FOUND_MOVING;
        }
        return FOUND_ALL;
}

/* Compressing gives a file another inode: a name that still leads where it led is what counts. */
static bool all_in_place(const char *path, const struct pile *p)
{
        struct stat st;

        for (int i = p->count - 1; i >= 0; i--) {
                AUTO_BUF name = BUF_INIT;
                put_name(&name, path, p->files[i].number, p->files[i].is_gzip);
                if (name.failed || guarded_stat(name.data, &st) < 0 ||
                    st.st_ino != p->files[i].inode)
                        return false;
        }
        return true;
}

/* What is missing may just be between two names. */
static enum found look(struct pile *p, const struct pile_of *of, uint64_t inode,
                       const struct pile_want *want, enum tail_result *result)
{
        *p = PILE_NONE;
        *result = open_present(p, of, inode);
        if (*result == TAIL_FAILED)
                return FOUND_ALL;
        if (*result != TAIL_OK)
                return FOUND_GAP;
        enum found found = open_backups(p, of, want);
        return all_in_place(of->path, p) ? found : FOUND_MOVING;
}

/* Only what was the same before and after is the truth, and a gap only where nobody was moving
 * names: a rotation that was cut short has left it, or another program is at it. */
enum tail_result pile_open(struct pile *p, const struct pile_of *of, uint64_t inode,
                           const struct pile_want *want, struct moves *moves)
{
        enum tail_result result;

        for (int tries = 0; tries < TRIES; tries++) {
                uint32_t before = moves_count(moves);
                enum found found = look(p, of, inode, want, &result);
                bool at_rest = before % 2 == 0 && moves_count(moves) == before;
                if (found == FOUND_ALL || (found == FOUND_GAP && at_rest))
                        return result;
                pile_close(p);
                if (!moves_wait(moves))
                        break;
        }
        return TAIL_BUSY;
}

/* ---- what is in them */

static bool read_plain(int fd, int64_t at, int64_t len, struct buf *out)
{
        if (!buf_reserve(out, (size_t)len))
                return false;
        while (len > 0) {
                ssize_t n = pread(fd, out->data + out->len, (size_t)len, at);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return false;
                if (n == 0)
                        break;
                out->len += (size_t)n;
                at += n;
                len -= n;
        }
        out->data[out->len] = '\0';
        return true;
}

static gzFile open_gzip(int fd)
{
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        gzFile gz = copy < 0 || lseek(copy, 0, SEEK_SET) < 0 ? NULL : gzdopen(copy, "rb");

        if (!gz)
                fd_close(&copy);
        return gz;
}

struct slice {
        int64_t at, from, to;
        struct buf *out;
};

static bool put_slice(void *arg, const char *data, size_t len)
{
        struct slice *s = arg;
        int64_t end = s->at + (int64_t)len;
        int64_t from = s->from > s->at ? s->from : s->at, to = s->to < end ? s->to : end;

        if (from < to)
                buf_put(s->out, data + (from - s->at), (size_t)(to - from));
        s->at = end;
        return end < s->to && !s->out->failed;
}

static bool walk_gzip(const struct pile_file *f, bool (*piece)(void *, const char *, size_t),
                      void *arg)
{
        gzFile gz = open_gzip(f->fd);
        char *data = malloc(BLOCK);
        int n = gz && data ? 1 : -1;

        while (n > 0 && (n = gzread(gz, data, BLOCK)) > 0 && piece(arg, data, (size_t)n))
                ;
        free(data);
        if (gz)
                gzclose(gz);
        return n >= 0;
}

/* A piece at a time, the first ones skipped. */
struct skipping {
        int64_t skip;
        bool (*piece)(void *arg, const char *data, size_t len);
        void *arg;
};

static bool skip_piece(void *arg, const char *data, size_t len)
{
        struct skipping *s = arg;

        if (s->skip >= (int64_t)len) {
                s->skip -= (int64_t)len;
                return true;
        }
        size_t from = (size_t)s->skip;
        s->skip = 0;
        return s->piece(s->arg, data + from, len - from);
}

bool pile_file_walk(const struct pile_file *f, int64_t from,
                    bool (*piece)(void *arg, const char *data, size_t len), void *arg)
{
        struct skipping s = { from, piece, arg };
        AUTO_BUF block = BUF_INIT;

        if (f->is_gzip)
                return walk_gzip(f, skip_piece, &s);
        for (int64_t at = from; at < f->size; at += (int64_t)block.len) {
                buf_reset(&block);
                if (!read_plain(f->fd, at, f->size - at < BLOCK ? f->size - at : BLOCK, &block))
                        return false;
                if (!block.len || !piece(arg, block.data, block.len))
                        break;
        }
        return true;
}

bool pile_file_read(const struct pile_file *f, int64_t at, int64_t len, struct buf *out)
{
        struct slice s = { .from = at, .to = at + len, .out = out };

        return (f->is_gzip ? walk_gzip(f, put_slice, &s) : read_plain(f->fd, at, len, out)) &&
               !out->failed;
}

bool pile_read(const struct pile *p, int64_t at, int64_t len, struct buf *out)
{
        int64_t begin = -p->before, to = at + len;

        for (int i = p->count - 1; i >= 0; i--) {
                const struct pile_file *f = &p->files[i];
                int64_t from = at > begin ? at : begin;
                int64_t till = to < begin + f->size ? to : begin + f->size;
                size_t had = out->len;
                if (from < till && !pile_file_read(f, from - begin, till - from, out))
                        return false;
                if (i && from < till && (int64_t)(out->len - had) != till - from)
                        return false; /* a backup is as it was, or what follows has no place */
                begin += f->size;
        }
        return true;
}
