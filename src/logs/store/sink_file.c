/* One open log file: appending by write or splice, rotation, reopening, clearing. Does not wait
 * and holds nothing back: what could not be written stays the caller's. */
#include "logs/store/sink_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fault_point.h"
#include "base/fd.h"

/* No memory to say why is no reason to open it. */
static void set_refused(struct sink_file *f, const struct err *e)
{
        free(f->refused);
        f->refused = e ? strdup(e->text) : NULL;
}

bool sink_file_open(struct sink_file *f, struct sys *sys, const char *path, uid_t owner,
                    mode_t mode, struct err *e)
{
        struct err own;

        e = e ? e : &own;
        *f = (struct sink_file){ .sys = sys,
                                 .path = path,
                                 .owner = owner,
                                 .mode = (uint16_t)mode,
                                 .out = OUTFD_NONE,
                                 .appends = true,
                                 .generation = 1 };
        if (outfd_open(sys, path, owner, mode, &f->out, e))
                return true;
        if (e->code == ERR_FOREIGN) {
                f->out = (struct outfd){ .fd = -1, .kind = OUT_FILE, .named = true };
                set_refused(f, e);
                return true;
        }
        sink_file_close(f);
        return false;
}

void sink_file_close(struct sink_file *f)
{
        if (f->path)
                outfd_close(f->sys, &f->out);
        free(f->failure);
        free(f->refused);
        *f = (struct sink_file){ .out = OUTFD_NONE };
}

void sink_file_set_rotation(struct sink_file *f, int64_t maxbytes, int backups)
{
        f->maxbytes = f->limit = maxbytes;
        f->backups = backups;
}

static bool sink_file_has_regular_fd(const struct sink_file *f)
{
        return f->out.kind == OUT_FILE && f->out.named;
}

bool sink_file_is_regular(const struct sink_file *f)
{
        return sink_file_has_regular_fd(f);
}

static bool sink_file_rotates(const struct sink_file *f)
{
        return (f->maxbytes > 0 || f->due) && sink_file_has_regular_fd(f);
}

/* Whether the path leads to another file than the one that we write to, or to none: another program
 * may have rotated it. */
static bool path_is_other(const struct sink_file *f)
{
        struct stat there, ours;

        if (f->sys->fstat(f->sys, f->out.fd, &ours) < 0)
                return false;
        if (f->sys->stat_file(f->sys, f->path, &there) < 0)
                return errno == ENOENT || errno == ELOOP;
        return there.st_dev != ours.st_dev || there.st_ino != ours.st_ino;
}

bool sink_file_reopen(struct sink_file *f, struct err *e)
{
        struct outfd fresh;
        struct err own;

        e = e ? e : &own;
        if (!sink_file_has_regular_fd(f))
                return true;
        if (!outfd_open(f->sys, f->path, f->owner, f->mode, &fresh, e)) {
                if (e->code == ERR_FOREIGN) { /* until it has gone nothing is written */
                        set_refused(f, e);
                        f->doubtful = true;
                }
                return false;
        }
        set_refused(f, NULL);
        outfd_close(f->sys, &f->out);
        f->out = fresh;
        f->generation++;
        f->appends = true;
        f->no_splice = f->doubtful = false;
        f->stuck = 0;
        f->limit = f->maxbytes;
        return true;
}

/* -1: cannot be told, which is no reason not to write. -2: it was removed, or its disk is
 * gone, and another one cannot be made now, errno says why: what is written to a removed file is
 * lost with its last descriptor. */
static int64_t sink_file_look_at(struct sink_file *f, struct stat *st)
{
        struct err e;

        if (f->out.fd >= 0 && f->sys->fstat(f->sys, f->out.fd, st) < 0)
                return -1;
        /* There are file systems that count no links. */
        if (f->out.fd >= 0 && ((st->st_nlink > 0 && !f->doubtful) || !sink_file_has_regular_fd(f) ||
                               !path_is_other(f))) {
                if (f->refused) { /* it has its name back */
                        set_refused(f, NULL);
                        f->doubtful = false;
                }
                return st->st_size;
        }
        if (sink_file_reopen(f, &e))
                return f->sys->fstat(f->sys, f->out.fd, st) < 0 ? -1 : st->st_size;
        errno = e.sys ? e.sys : ENOENT;
        return -2;
}

static int64_t present_size(struct sink_file *f)
{
        struct stat st;

        return sink_file_look_at(f, &st);
}

bool sink_file_is_refused(struct sink_file *f)
{
        struct stat st;

        if (f->refused)
                sink_file_look_at(f, &st);
        return f->refused;
}

bool sink_file_clear(struct sink_file *f, struct err *e)
{
        if (!sink_file_has_regular_fd(f))
                return true;
        rename_seq_begin(f->moves);
        if (f->sys->unlink(f->sys, f->path) < 0 && errno != ENOENT)
                return err_set(e, ERR_SYS, "unlink %s", f->path);
        return sink_file_reopen(f, e);
}

/* ---- rotation */

static bool replace_by_empty(struct sink_file *f, struct err *e)
{
        if (f->backups <= 0)
                return f->sys->ftruncate(f->sys, f->out.fd, 0) == 0 ||
                       err_set(e, ERR_SYS, "truncate %s", f->path);
        if (path_is_other(f))
                return sink_file_reopen(f, e);
        rename_seq_begin(f->moves);
        if (!rotate_shift(f->sys, f->path, f->backups, e))
                return false;
        f->shifts++;
        fault_point("rotate.shifted");
        if (sink_file_reopen(f, e))
                return true;
        f->shifts--;
        /* No new file: what we write to gets its name back, so that it is found there. */
        size_t size = strlen(f->path) + 3;
        char *first = malloc(size);
        if (first) {
                snprintf(first, size, "%s.1", f->path);
                f->sys->rename(f->sys, first, f->path);
        }
        free(first);
        return false;
}

/* What cannot be rotated goes on growing, and is tried again after another maxbytes. */
static void rotate_now(struct sink_file *f)
{
        struct err e = { 0 };
        int64_t size;

        f->due = false;
        f->due_bytes = 0;
        if (replace_by_empty(f, &e)) {
                f->rotations++;
                f->generation++;
                f->limit = f->maxbytes;
                f->stuck = 0;
                return;
        }
        size = present_size(f);
        f->limit = (size < 0 ? f->limit : size) + f->maxbytes;
        f->rotation_failed = true;
        f->stuck = (int16_t)(e.sys ? e.sys : EIO);
        free(f->failure);
        f->failure = strdup(e.text);
}

char *sink_file_failure(struct sink_file *f)
{
        char *why = f->failure;

        if (!f->rotation_failed)
                return NULL;
        f->rotation_failed = false;
        f->failure = NULL;
        return why ? why : strdup("out of memory");
}

/* False: cannot be told, which counts as a whole line. */
static bool ends_within_line(struct sink_file *f, int64_t size)
{
        char last = '\n';
        int fd = f->sys->open_file(f->sys, f->path, f->owner, O_RDONLY, 0, NULL, NULL);

        if (fd >= 0)
                f->sys->pread(f->sys, fd, &last, 1, size - 1);
        if (fd >= 0)
                f->sys->close(f->sys, fd);
        return last != '\n';
}

void sink_file_rotate(struct sink_file *f)
{
        int64_t size = sink_file_has_regular_fd(f) ? present_size(f) : 0;

        if (size <= 0)
                return;
        if (ends_within_line(f, size))
                f->due = true;
        else
                rotate_now(f);
}

/* How much of this belongs to the present file. */
static struct rotate_cut cut_at(struct sink_file *f, int64_t size, const char *data, size_t len)
{
        const char *end;

        if (!f->due)
                return rotate_cut(size, f->limit, data, len);
        end = memchr(data, '\n', len);
        if (end)
                return (struct rotate_cut){ .take = (size_t)(end - data) + 1, .rotate = true };
        f->due_bytes += (uint32_t)len;
        return (struct rotate_cut){ .take = len, .rotate = f->due_bytes > 65536 };
}

/* ---- copying */

static bool is_want_of_room(int error)
{
        return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

static enum put failed_put(struct sink_file *f)
{
        f->doubtful = sink_file_has_regular_fd(f) && errno != EAGAIN && !is_want_of_room(errno);
        if (errno == EAGAIN || errno == EWOULDBLOCK)
                return f->out.kind == OUT_FILE ? PUT_REFUSED : PUT_LATER;
        return outfd_is_gone(&f->out, errno) ? PUT_GONE : PUT_REFUSED;
}

static enum put put_piece(struct sink_file *f, const char *data, size_t len, size_t *done)
{
        size_t written = 0;
        enum put result = PUT_ALL;

        while (written < len) {
                ssize_t n = outfd_write(f->sys, &f->out, data + written, len - written);
                if (n == 0)
                        errno = ENOSPC;
                if (n <= 0) {
                        result = failed_put(f);
                        break;
                }
                written += (size_t)n;
        }
        *done += written;
        return result;
}

/* O_APPEND is what others who write to the file rely on, but splice refuses it. */
static bool set_append(struct sink_file *f, bool on)
{
        int flags;

        if (f->appends == on)
                return true;
        flags = fcntl(f->out.fd, F_GETFL);
        if (flags < 0)
                return false;
        flags = on ? flags | O_APPEND : flags & ~O_APPEND;
        if (fcntl(f->out.fd, F_SETFL, flags) < 0)
                return false;
        f->appends = on;
        return true;
}

/* A user that may write to the directory decides whether a log can be rotated, and its size is on
 * no quota of his: where that fails the file takes nothing more beyond so many times maxbytes, as
 * if the disk were full. */
#define STUCK_TIMES 4

static int64_t bound_of(const struct sink_file *f)
{
        bool bounded = f->stuck && f->maxbytes > 0 && f->maxbytes < INT64_MAX / STUCK_TIMES;

        return bounded ? f->maxbytes * STUCK_TIMES : INT64_MAX;
}

/* As look_at, and -2 also where nothing more may be added. */
static int64_t size_to_add_to(struct sink_file *f, struct stat *st)
{
        int64_t size = sink_file_look_at(f, st);

        if (size < bound_of(f))
                return size;
        rotate_now(f);
        if (!f->stuck)
                return sink_file_look_at(f, st);
        errno = f->stuck;
        return -2;
}

static void sink_file_clip(const struct sink_file *f, int64_t size, struct rotate_cut *cut)
{
        int64_t room = bound_of(f) - size;

        if ((uint64_t)cut->take <= (uint64_t)room)
                return;
        cut->take = (size_t)room;
        cut->rotate = false;
}

enum put sink_file_put(struct sink_file *f, const char *data, size_t len,
                       const struct put_watch *watch, size_t *done)
{
        *done = 0;
        if (sink_file_has_regular_fd(f) && !set_append(f, true))
                return PUT_REFUSED;
        while (*done < len) {
                struct rotate_cut cut = { .take = len - *done };
                struct stat st;
                int64_t size = sink_file_has_regular_fd(f) ? size_to_add_to(f, &st) : -1;

                if (size == -2 || (size < 0 && watch))
                        return PUT_REFUSED;
                if (size >= 0 && sink_file_rotates(f))
                        cut = cut_at(f, size, data + *done, len - *done);
                if (size >= 0)
                        sink_file_clip(f, size, &cut);
                if (watch)
                        watch->fn(watch->arg, &st, *done, cut.take);
                enum put result = put_piece(f, data + *done, cut.take, done);
                if (result != PUT_ALL)
                        return result;
                if (cut.rotate)
                        rotate_now(f);
        }
        return PUT_ALL;
}

/* ---- moving */

#define SCRATCH_SIZE 65536 /* what a pipe holds */

void scratch_release(struct scratch *s)
{
        fd_close(&s->fds[0]);
        fd_close(&s->fds[1]);
        free(s->data);
        *s = SCRATCH_NONE;
}

static bool scratch_make(struct scratch *s)
{
        if (s->data)
                return true;
        s->data = malloc(SCRATCH_SIZE);
        if (s->data && pipe2(s->fds, O_CLOEXEC | O_NONBLOCK) == 0)
                return true;
        free(s->data);
        *s = SCRATCH_NONE;
        return false;
}

static bool sink_file_drain(int fd, char *data, size_t len)
{
        for (size_t got = 0; got < len;) {
                ssize_t n = read(fd, data + got, len - got);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return false;
                got += (size_t)n;
        }
        return true;
}

ssize_t scratch_look(struct scratch *s, int pipe, char *data, size_t most)
{
        if (!scratch_make(s)) {
                errno = ENOMEM;
                return -1;
        }
        ssize_t n = tee(pipe, s->fds[1], most, SPLICE_F_NONBLOCK);
        return n <= 0 || sink_file_drain(s->fds[0], data, (size_t)n) ? n : -1;
}

/* Where to cut without seeing the bytes: while they surely fit there is no need to know. Near the
 * limit a copy of the pipe's content is looked at; the bytes themselves stay where they are. */
static bool look_ahead(struct sink_file *f, int pipe, int64_t size, size_t most, struct scratch *s,
                       struct rotate_cut *cut)
{
        int64_t room = f->due ? 0 : f->limit - size;
        int waiting = 0;

        *cut = (struct rotate_cut){ .take = most };
        if (room > (int64_t)most)
                return true;
        if (ioctl(pipe, FIONREAD, &waiting) < 0)
                return false;
        if ((size_t)waiting > most)
                waiting = (int)most;
        if (waiting < room || waiting == 0) {
                cut->take = waiting ? (size_t)waiting : 1; /* 1: to learn of the end of file */
                return true;
        }
        if (!scratch_make(s))
                return false;
        ssize_t n = scratch_look(s, pipe, s->data, SCRATCH_SIZE);
        if (n <= 0)
                return false;
        fault_point("log.looked");
        *cut = cut_at(f, size, s->data, (size_t)n);
        s->more = waiting > n;
        return true;
}

static enum move failed_move(struct sink_file *f)
{
        if (errno == EAGAIN)
                return MOVE_EMPTY;
        if (errno != EINVAL && errno != ESPIPE && errno != EBADF) {
                f->doubtful = !is_want_of_room(errno);
                return MOVE_REFUSED;
        }
        f->no_splice = true;
        return MOVE_CANNOT;
}

enum move sink_file_move(struct sink_file *f, int pipe, size_t most, struct scratch *scratch,
                         size_t *done)
{
        struct rotate_cut cut = { .take = most };
        int64_t size = -1;
        ssize_t n;

        *done = 0;
        scratch->more = false;
        if (sink_file_has_regular_fd(f) && !f->no_splice) {
                struct stat st;
                size = size_to_add_to(f, &st);
                if (size == -2)
                        return MOVE_REFUSED;
                if (size >= 0 && !set_append(f, false))
                        size = -1;
        }
        if (size < 0 || (sink_file_rotates(f) && !look_ahead(f, pipe, size, most, scratch, &cut)))
                return MOVE_CANNOT;
        sink_file_clip(f, size, &cut);
        do
                n = f->sys->splice(f->sys, pipe, f->out.fd, (off_t)size, cut.take);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return failed_move(f);
        if (n == 0)
                return MOVE_END;
        *done = (size_t)n;
        fault_point("log.moved");
        if (cut.rotate && *done == cut.take)
                rotate_now(f);
        return MOVE_SOME;
}
