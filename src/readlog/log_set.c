/* Opens a log's present file and its backups so that all of it is of one moment, though they may
 * be renamed meanwhile, and reads from them, compressed or not. May wait for the disk. */
#include "readlog/log_set.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/fd.h"
#include "sys/store/guarded.h"

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

static void log_set_put_name(struct buf *out, const char *path, int number, bool is_gzip)
{
        buf_puts(out, path);
        if (number)
                buf_printf(out, ".%d%s", number, is_gzip ? ".gz" : "");
}

static int64_t log_set_birth(int fd)
{
        struct statx sx;

        if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &sx) < 0 || !(sx.stx_mask & STATX_BTIME))
                return 0;
        return (int64_t)sx.stx_btime.tv_sec * 1000 + sx.stx_btime.tv_nsec / 1000000;
}

/* False with errno; 0: something that is no log. */
static bool open_name(const struct log_set_of *of, int number, bool is_gzip, struct log_set_file *f)
{
        AUTO_BUF name = BUF_INIT;
        struct stat st;

        log_set_put_name(&name, of->path, number, is_gzip);
        errno = ENOMEM;
        AUTO_FD fd = name.failed ? -1 : guarded_open(name.data, of->owner, O_RDONLY, 0, &st, NULL);
        if (fd < 0)
                return false;
        *f = (struct log_set_file){ .number = number,
                                    .is_gzip = is_gzip,
                                    .patience = of->patience,
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
        f->born_ms = log_set_birth(fd);
        f->fd = fd_take(&fd);
        return true;
}

/* The compressed one first: where both are there it is complete, and the other about to go. */
static bool open_number(const struct log_set_of *of, int number, struct log_set_file *f)
{
        return (number > 0 && open_name(of, number, true, f)) || open_name(of, number, false, f);
}

/* ---- which files */

void log_set_close(struct log_set *p)
{
        while (p->count > 0)
                close(p->files[--p->count].fd);
        p->before = 0;
}

static bool is_there_twice(const struct log_set *p, ino_t inode)
{
        for (int i = 0; i < p->count; i++)
                if (p->files[i].inode == inode)
                        return true;
        return false;
}

/* The file that is written to: another program may have renamed it. */
static enum tail_result open_present(struct log_set *p, const struct log_set_of *of, uint64_t inode)
{
        enum tail_result missing = TAIL_NO_FILE;

        for (int n = 0; n < (inode ? PILE_MOST : 1); n++) {
                struct log_set_file f;
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

static bool is_enough(const struct log_set *p, const struct log_set_want *w)
{
        const struct log_set_file *oldest = &p->files[p->count - 1];

        if (p->count == PILE_MOST)
                return true;
        if (w->since_ms)
                return oldest->mtime_ms < w->since_ms;
        return p->before >= w->before;
}

enum found { FOUND_ALL, FOUND_GAP, FOUND_MOVING };

/* A file that moved up while we went from one name to the next is seen twice. */
static enum found open_backups(struct log_set *p, const struct log_set_of *of,
                               const struct log_set_want *w)
{
        struct log_set_file f;

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
static bool all_in_place(const char *path, const struct log_set *p)
{
        struct stat st;

        for (int i = p->count - 1; i >= 0; i--) {
                AUTO_BUF name = BUF_INIT;
                log_set_put_name(&name, path, p->files[i].number, p->files[i].is_gzip);
                if (name.failed || guarded_stat(name.data, &st) < 0 ||
                    st.st_ino != p->files[i].inode)
                        return false;
        }
        return true;
}

/* What is missing may just be between two names. */
static enum found log_set_look(struct log_set *p, const struct log_set_of *of, uint64_t inode,
                               const struct log_set_want *want, enum tail_result *result)
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

/* Only what was the same before and after is the truth, and a gap only where nothing was moving
 * names: a rotation that was cut short has left it, or another program is at it. */
enum tail_result log_set_open(struct log_set *p, const struct log_set_of *of, uint64_t inode,
                              const struct log_set_want *want, struct rename_seq *moves)
{
        enum tail_result result;

        for (int tries = 0; tries < TRIES; tries++) {
                uint32_t before = rename_seq_count(moves);
                enum found found = log_set_look(p, of, inode, want, &result);
                bool at_rest = before % 2 == 0 && rename_seq_count(moves) == before;
                if (found == FOUND_ALL || (found == FOUND_GAP && at_rest))
                        return result;
                log_set_close(p);
                if (!rename_seq_wait(moves))
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

struct slice {
        int64_t at, from, to;
        struct buf *out;
        struct read_turn *turn; /* NULL: none */
};

static bool put_slice(void *arg, const char *data, size_t len)
{
        struct slice *s = arg;
        int64_t end = s->at + (int64_t)len;
        int64_t from = s->from > s->at ? s->from : s->at, to = s->to < end ? s->to : end;

        if (from < to && s->turn)
                s->turn->holds = true;
        if (from < to)
                buf_put(s->out, data + (from - s->at), (size_t)(to - from));
        s->at = end;
        return end < s->to && !s->out->failed;
}

static bool log_set_lasts(struct patience *p)
{
        p->is_over =
            p->is_over || (p->turn && !p->turn->go_on(p->turn)) || clock_mono_ms() >= p->until_ms;
        return !p->is_over;
}

/* Not by gzread: a single call of that has no bound where members hold nothing. */
struct inflating {
        z_stream z;
        int64_t at;      /* in the file: of what is read next */
        bool is_between; /* members of the .gz; what follows the last one may be anything */
        char in[BLOCK], out[BLOCK];
};

enum inflated { INFLATED_SOME, INFLATED_ALL, INFLATED_WRONG };

/* Into `out`, at most a block. */
static enum inflated inflate_piece(struct inflating *i, const struct log_set_file *f)
{
        if (!i->z.avail_in) {
                ssize_t n;
                while ((n = pread(f->fd, i->in, BLOCK, i->at)) < 0 && errno == EINTR)
                        ;
                if (n <= 0)
                        return n == 0 && i->is_between ? INFLATED_ALL : INFLATED_WRONG;
                i->at += n;
                i->z.next_in = (Bytef *)i->in;
                i->z.avail_in = (uInt)n;
        }
        i->z.next_out = (Bytef *)i->out;
        i->z.avail_out = BLOCK;
        int got = inflate(&i->z, Z_NO_FLUSH);
        if (got == Z_DATA_ERROR && i->is_between && i->z.total_out == 0)
                return INFLATED_ALL;
        if (got == Z_STREAM_END) {
                i->is_between = true;
                return inflateReset(&i->z) == Z_OK ? INFLATED_SOME : INFLATED_WRONG;
        }
        i->is_between = i->is_between && i->z.total_out == 0 && i->z.total_in == 0;
        return got == Z_OK || got == Z_BUF_ERROR ? INFLATED_SOME : INFLATED_WRONG;
}

static bool walk_gzip(const struct log_set_file *f, bool (*piece)(void *, const char *, size_t),
                      void *arg)
{
        struct inflating *i = malloc(sizeof *i);
        enum inflated got = INFLATED_SOME;

        if (!i)
                return false;
        *i = (struct inflating){ .at = 0 };
        if (inflateInit2(&i->z, 16 + MAX_WBITS) != Z_OK) {
                free(i);
                return false;
        }
        while (got == INFLATED_SOME) {
                if (!log_set_lasts(f->patience))
                        got = INFLATED_WRONG;
                else if ((got = inflate_piece(i, f)) == INFLATED_SOME && i->z.avail_out < BLOCK &&
                         !piece(arg, i->out, BLOCK - i->z.avail_out))
                        break;
        }
        inflateEnd(&i->z);
        free(i);
        return got != INFLATED_WRONG;
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

bool log_set_file_walk(const struct log_set_file *f, int64_t from,
                       bool (*piece)(void *arg, const char *data, size_t len), void *arg)
{
        struct skipping s = { from, piece, arg };
        AUTO_BUF block = BUF_INIT;

        if (f->is_gzip)
                return walk_gzip(f, skip_piece, &s);
        for (int64_t at = from; at < f->size; at += (int64_t)block.len) {
                buf_reset(&block);
                if (!log_set_lasts(f->patience) ||
                    !read_plain(f->fd, at, f->size - at < BLOCK ? f->size - at : BLOCK, &block))
                        return false;
                if (!block.len || !piece(arg, block.data, block.len))
                        break;
        }
        return true;
}

bool log_set_file_read(const struct log_set_file *f, int64_t at, int64_t len, struct buf *out)
{
        struct slice s = { .from = at, .to = at + len, .out = out, .turn = f->patience->turn };

        return (f->is_gzip ? walk_gzip(f, put_slice, &s) : read_plain(f->fd, at, len, out)) &&
               !out->failed;
}

bool log_set_read(const struct log_set *p, int64_t at, int64_t len, struct buf *out)
{
        int64_t begin = -p->before, to = at + len;

        for (int i = p->count - 1; i >= 0; i--) {
                const struct log_set_file *f = &p->files[i];
                int64_t from = at > begin ? at : begin;
                int64_t till = to < begin + f->size ? to : begin + f->size;
                size_t had = out->len;
                if (from < till && !log_set_file_read(f, from - begin, till - from, out))
                        return false;
                if (i && from < till && (int64_t)(out->len - had) != till - from)
                        return false; /* a backup is as it was, or what follows has no place */
                begin += f->size;
        }
        return true;
}
