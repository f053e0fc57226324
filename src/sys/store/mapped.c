/* Files that are mapped memory: header, ownership, growth, writing anew. What is not ours or is
 * damaged is renamed, never used. Blocks are reserved before a file is mapped larger, so that a
 * store cannot fail. */
#include "sys/store/mapped.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "sys/process/pidfd.h"
#include "sys/process/procfs.h"

#define MAX_BYTES     ((size_t)1 << 30)
#define OTHER_VERSION "is of another version"
#define PIDFS_MAGIC   0x50494446

struct header {
        char magic[8];
        uint32_t shape;
        struct state_owner owner;
        uint64_t sum;
};

/* How many units there ought to be, twice: behind the header, because growth changes it. */
struct extent {
        uint32_t units, inverse;
};
#define EXTENT_AT 1024u
#define MARGIN_AT 2048u
#define COPY_AT   3072u /* of the header: without it nothing of the file would count */

/* ---- whose it is */

static bool read_boot_id(char *out, size_t size)
{
        AUTO_FD fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);

        if (n <= 0)
                return false;
        out[n] = '\0';
        out[strcspn(out, "\n")] = '\0';
        return true;
}

/* By its pidfd's inode, which is used once in a boot (Linux 6.9, and whatever of /proc is hidden);
 * where the kernel has no such thing, by when it was started. 0: it cannot be told now. */
static uint64_t namespace_init_id(void)
{
        struct stat st;
        struct statfs fs;
        struct proc_entry init;
        AUTO_FD pidfd = sys_process_real.pidfd(NULL, 1);

        if (pidfd < 0 || fstatfs(pidfd, &fs) < 0 || fstat(pidfd, &st) < 0)
                return 0;
        if (fs.f_type == PIDFS_MAGIC)
                return hash_word(PIDFS_MAGIC, st.st_ino);
        return proc_entry_read(1, &init) ? hash_word(0, init.start_ticks) : 0;
}

bool state_owner_here(struct state_owner *out, struct err *e)
{
        struct stat st;

        *out = (struct state_owner){ .uid = geteuid() };
        if (!read_boot_id(out->boot_id, sizeof out->boot_id))
                return err_set(e, ERR_SYS, "learn which boot this is");
        if (stat("/proc/self/ns/pid", &st) < 0)
                return err_set(e, ERR_SYS, "learn which pid namespace this is");
        out->pid_namespace = st.st_ino;
        out->namespace_init = (uint32_t)(namespace_init_id() >> 32);
        return true;
}

static uint64_t header_sum(const struct header *h)
{
        return hash_bytes(0, h, offsetof(struct header, sum));
}

static bool mapped_is_whole(const struct header *h, const struct mapped_form *f)
{
        return memcmp(h->magic, f->magic, sizeof f->magic) == 0 && h->sum == header_sum(h);
}

/* As pread(2) of the first one; where that is damaged and its copy is not, *h is the copy. */
static ssize_t read_header(int fd, const struct mapped_form *f, struct header *h, bool *is_copy)
{
        struct header copy;
        ssize_t n = pread(fd, h, sizeof *h, 0);

        *is_copy = n == (ssize_t)sizeof *h && !mapped_is_whole(h, f) &&
                   pread(fd, &copy, sizeof copy, COPY_AT) == (ssize_t)sizeof copy &&
                   mapped_is_whole(&copy, f);
        if (*is_copy)
                *h = copy;
        return n;
}

static bool write_header(int fd, const struct header *h)
{
        return pwrite(fd, h, sizeof *h, 0) == (ssize_t)sizeof *h &&
               pwrite(fd, h, sizeof *h, COPY_AT) == (ssize_t)sizeof *h;
}

/* The inode number of a namespace that has gone is given to the next one, its first process is
 * not. */
static bool is_same_namespace(const struct header *h, const struct state_owner *who)
{
        return h->owner.pid_namespace == who->pid_namespace &&
               (h->owner.namespace_init == who->namespace_init || !h->owner.namespace_init ||
                !who->namespace_init);
}

/* NULL: it is ours; else what is wrong. */
static const char *mapped_foreign(const struct header *h, const struct mapped_form *f,
                                  const struct state_owner *who)
{
        if (memcmp(h->magic, f->magic, sizeof f->magic) != 0)
                return "is no state table";
        if (!mapped_is_whole(h, f))
                return "is damaged";
        if (strcmp(h->owner.boot_id, who->boot_id) != 0)
                return "is of an earlier boot";
        if (!is_same_namespace(h, who))
                return "is of another pid namespace";
        if (h->owner.uid != who->uid)
                return "is another user's";
        if (h->owner.readable_by > who->version || h->shape != f->shape)
                return OTHER_VERSION;
        return NULL;
}

/* False: there is no header. */
static bool header_of(const char *path, const struct mapped_form *form, struct header *out)
{
        bool is_copy;
        AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

        return fd >= 0 && read_header(fd, form, out, &is_copy) == (ssize_t)sizeof *out;
}

bool mapped_is_readable(const char *path, const struct mapped_form *form,
                        const struct state_owner *who)
{
        struct header h;

        if (!header_of(path, form, &h))
                return true;
        const char *why = mapped_foreign(&h, form, who);
        return !why || strcmp(why, OTHER_VERSION) != 0;
}

bool mapped_is_past(const char *path, const struct mapped_form *form, const struct state_owner *who)
{
        struct header h;

        return header_of(path, form, &h) && memcmp(h.magic, form->magic, sizeof h.magic) == 0 &&
               mapped_is_whole(&h, form) &&
               (strcmp(h.owner.boot_id, who->boot_id) != 0 || !is_same_namespace(&h, who));
}

/* ---- size */

static size_t size_for(const struct mapped *m, size_t units)
{
        return MAPPED_HEADER + units * m->unit;
}

static bool is_mapped(struct mapped *m, void *map, size_t size, uint32_t units, struct err *e)
{
        if (map == MAP_FAILED)
                return err_set(e, ERR_SYS, "map %s", m->path);
        m->map = map;
        m->size = size;
        m->units = units;
        return true;
}

/* What is stored there no other process will see. */
static bool map_copy(struct mapped *m, uint32_t units, struct err *e)
{
        size_t size = size_for(m, units);
        void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, m->fd, 0);

        return is_mapped(m, map, size, units, e);
}

static bool map_file(struct mapped *m, uint32_t units, struct err *e)
{
        size_t size = size_for(m, units);

        if (size > MAX_BYTES)
                return err_set(e, ERR_USAGE, "%s is full", m->path);
        /* Blocks first: a full disk would be SIGBUS at a store. */
        int error = posix_fallocate(m->fd, 0, (off_t)size);
        if (error) {
                errno = error;
                return err_set(e, ERR_SYS, "reserve %zu bytes for %s", size, m->path);
        }
        void *map = m->map ? mremap(m->map, m->size, size, MREMAP_MAYMOVE)
                           : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
        return is_mapped(m, map, size, units, e);
}

static struct extent *extent_of(const struct mapped *m)
{
        return (struct extent *)(m->map + EXTENT_AT);
}

static void note_extent(struct mapped *m)
{
        *extent_of(m) = (struct extent){ m->units, ~m->units };
}

void mapped_damaged(const struct mapped *m, struct buf *said)
{
        buf_printf(said, "%s%s is damaged: what was lost is not known", said->len ? "; " : "",
                   m->path);
}

/* There always was one: without it the file is no longer what it was. */
static void check_extent(struct mapped *m, struct buf *said)
{
        const struct extent *was = extent_of(m);

        if (was->units != ~was->inverse)
                mapped_damaged(m, said);
        else if (was->units > m->units)
                m->lost = was->units - m->units;
        note_extent(m);
}

bool mapped_grow(struct mapped *m, uint32_t more, struct err *e)
{
        if (m->copy) {
                errno = EROFS;
                return err_set(e, ERR_SYS, "extend %s", m->path);
        }
        if (!map_file(m, m->units + more, e))
                return false;
        note_extent(m);
        return true;
}

bool mapped_is_there(const struct mapped *m)
{
        struct stat by_path, by_fd;

        return m->path && stat(m->path, &by_path) == 0 && fstat(m->fd, &by_fd) == 0 &&
               by_path.st_ino == by_fd.st_ino && by_path.st_dev == by_fd.st_dev;
}

/* All of it under another name first; the old file is let go of when the new one is in place. */
static bool write_copy(struct mapped *m, const char *fresh, int fd, struct err *e)
{
        int error = posix_fallocate(fd, 0, (off_t)m->size);

        if (error) {
                errno = error;
                return err_set(e, ERR_SYS, "reserve %zu bytes for %s", m->size, m->path);
        }
        for (size_t at = 0; at < m->size;) {
                ssize_t n = pwrite(fd, m->map + at, m->size - at, (off_t)at);
                if (n < 0)
                        return err_set(e, ERR_SYS, "write %s", fresh);
                at += (size_t)n;
        }
        return true;
}

static char *fresh_name(const struct mapped *m)
{
        AUTO_BUF fresh = BUF_INIT;

        buf_printf(&fresh, "%s.new", m->path);
        return buf_take(&fresh);
}

static bool map_copy_anew(struct mapped *m, const char *fresh, struct err *e)
{
        AUTO_FD fd = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return err_set(e, ERR_SYS, "make %s", fresh);
        if (!write_copy(m, fresh, fd, e))
                return false;
        void *map = mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
                return err_set(e, ERR_SYS, "map %s", fresh);
        munmap(m->map, m->size);
        fd_close(&m->fd);
        m->map = map;
        m->fd = fd_take(&fd);
        m->copy = false;
        return true;
}

bool mapped_write_anew(struct mapped *m, struct err *e)
{
        char *fresh = fresh_name(m);

        if (!fresh)
                return err_nomem(e);
        unlink(fresh);
        bool ok = map_copy_anew(m, fresh, e);
        if (!ok)
                unlink(fresh);
        free(fresh);
        return ok;
}

bool mapped_put_in_place(struct mapped *m, struct err *e)
{
        char *fresh = fresh_name(m);
        bool ok = fresh ? rename(fresh, m->path) == 0 || err_set(e, ERR_SYS, "rename %s", fresh)
                        : err_nomem(e);

        if (!ok && fresh)
                unlink(fresh);
        free(fresh);
        return ok;
}

uint64_t *mapped_mark(const struct mapped *m)
{
        return (uint64_t *)(m->map + EXTENT_AT) + 1;
}

void *mapped_margin(const struct mapped *m)
{
        return m->map + MARGIN_AT;
}

void *mapped_margin_keep(const struct mapped *m)
{
        char *page = mmap(NULL, MAPPED_HEADER, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);

        return page == MAP_FAILED ? NULL : page + MARGIN_AT;
}

void mapped_margin_drop(void *margin)
{
        if (margin)
                munmap((char *)margin - MARGIN_AT, MAPPED_HEADER);
}

/* ---- opening */

static void mapped_let_go(struct mapped *m)
{
        if (m->map)
                munmap(m->map, m->size);
        m->map = NULL;
        fd_close(&m->fd);
        m->size = 0;
        m->units = m->lost = 0;
        m->copy = false;
}

/* Written whole under another name: a file with half a header never exists. */
static bool make_file(struct mapped *m, const struct mapped_form *f, const struct state_owner *who,
                      struct err *e)
{
        AUTO_BUF fresh = BUF_INIT;
        struct header h;

        memset(&h, 0, sizeof h); /* the gaps, too: they are in the sum */
        h.shape = f->shape;
        memcpy(&h.owner, who, sizeof h.owner);
        memcpy(h.magic, f->magic, sizeof h.magic);
        h.sum = header_sum(&h);
        buf_printf(&fresh, "%s.new", m->path);
        if (fresh.failed)
                return err_nomem(e);
        unlink(fresh.data);
        m->fd = open(fresh.data, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (m->fd < 0)
                return err_set(e, ERR_SYS, "make %s", fresh.data);
        if (!write_header(m->fd, &h))
                err_set(e, ERR_SYS, "write %s", fresh.data);
        else if (map_file(m, f->first, e)) {
                note_extent(m);
                if (rename(fresh.data, m->path) == 0)
                        return true;
                err_set(e, ERR_SYS, "rename %s", fresh.data);
        }
        unlink(fresh.data);
        return false;
}

/* What says nothing about the file: it may be as good as ever. One of ours that we are refused is
 * no less so; a link or a file of another user never is what we have left. */
static bool is_passing(const char *path, const struct state_owner *who, int sys)
{
        struct stat st;

        if (sys == EMFILE || sys == ENFILE || sys == ENOMEM || sys == EIO)
                return true;
        return sys && lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == who->uid;
}

/* NULL: mapped and ours; else why not, in *e where a system call failed. */
static const char *take_file(struct mapped *m, const struct mapped_form *f,
                             const struct state_owner *who, struct buf *said, struct err *e)
{
        struct header h;
        struct stat st;
        bool is_copy;

        if (fstat(m->fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1)
                return "is no ordinary file";
        if (st.st_uid != who->uid || (st.st_mode & 077))
                return "may be written by others";
        ssize_t n = read_header(m->fd, f, &h, &is_copy);
        if (n < 0) {
                err_set(e, ERR_SYS, "read %s", m->path);
                return e->text;
        }
        if (n != (ssize_t)sizeof h)
                return "is too short";
        const char *why = mapped_foreign(&h, f, who);
        if (why)
                return why;
        if ((size_t)st.st_size < size_for(m, 1))
                return "is too short";
        size_t units = ((size_t)st.st_size - MAPPED_HEADER) / m->unit;
        if ((size_t)st.st_size > MAX_BYTES || (size_t)st.st_size != size_for(m, units))
                return "has an impossible size";
        if (!(m->copy ? map_copy : map_file)(m, (uint32_t)units, e))
                return e->text;
        if (is_copy) {
                buf_printf(said, "%s%s is damaged at its beginning: the copy of that is believed",
                           said->len ? "; " : "", m->path);
                memcpy(m->map, &h, sizeof h);
        }
        check_extent(m, said);
        return NULL;
}

/* ---- a private copy, for words about it */

void mapped_say(const struct mapped *m, struct buf *damage, size_t at, const char *how)
{
        const char *slash = strrchr(m->path, '/');

        buf_printf(damage, "damaged: %s at %zu: %s\n", slash ? slash + 1 : m->path, at, how);
}

static bool copy_file(struct mapped *m, size_t size, struct buf *damage, struct err *e)
{
        size_t units = size > MAPPED_HEADER ? (size - MAPPED_HEADER) / m->unit : 0;
        size_t done = 0, all = size_for(m, units);
        void *map = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (!is_mapped(m, map, all, (uint32_t)units, e))
                return false;
        while (done < all) {
                ssize_t n = pread(m->fd, m->map + done, all - done, (off_t)done);
                if (n < 0)
                        return err_set(e, ERR_SYS, "read %s", m->path);
                if (n == 0)
                        break;
                done += (size_t)n;
        }
        if (done < MAPPED_HEADER)
                mapped_say(m, damage, done, "it ends within its header (length)");
        else if (done < all || all < size)
                mapped_say(m, damage, done, "it ends within a record (length)");
        return true;
}

/* The header counts when it or its copy is whole. */
static void judge_header(struct mapped *m, const struct mapped_form *f, uint32_t version,
                         struct state_owner *owner_out, struct buf *damage)
{
        struct header h, copy;

        memcpy(&h, m->map, sizeof h);
        memcpy(&copy, m->map + COPY_AT, sizeof copy);
        bool whole = mapped_is_whole(&h, f), copy_whole = mapped_is_whole(&copy, f);
        if (!whole)
                mapped_say(m, damage, 0, "its header is damaged (magic or checksum)");
        if (!copy_whole)
                mapped_say(m, damage, COPY_AT,
                           "the copy of its header is damaged (magic or checksum)");
        if (!whole && !copy_whole)
                return;
        if (!whole)
                h = copy;
        *owner_out = h.owner;
        owner_out->boot_id[sizeof owner_out->boot_id - 1] = '\0';
        if (h.shape == f->shape && h.owner.readable_by <= version)
                return;
        mapped_say(m, damage, offsetof(struct header, shape),
                   "its records have another layout (unknown version)");
        m->units = 0;
}

static void judge_extent(struct mapped *m, struct buf *damage)
{
        const struct extent *was = extent_of(m);

        if (was->units != ~was->inverse)
                mapped_say(m, damage, EXTENT_AT,
                           "the number of its units is damaged (does not match its inverse)");
        else if (was->units > m->units)
                mapped_say(m, damage, m->size, "its end is missing (length)");
}

bool mapped_read(struct mapped *m, const char *path, const struct mapped_form *form,
                 uint32_t version, struct state_owner *owner_out, struct buf *damage, struct err *e)
{
        struct stat st;

        *owner_out = (struct state_owner){ 0 };
        *m = (struct mapped){ .fd = -1, .path = strdup(path), .unit = form->unit, .copy = true };
        if (!m->path)
                return err_nomem(e);
        m->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (m->fd < 0 || fstat(m->fd, &st) < 0)
                err_set(e, ERR_SYS, "open %s", path);
        else if (!S_ISREG(st.st_mode))
                err_set(e, ERR_CONFIG, "%s is no ordinary file", path);
        else if (st.st_size < 0 || (size_t)st.st_size > MAX_BYTES)
                err_set(e, ERR_CONFIG, "%s is larger than such a file can be", path);
        else if (copy_file(m, (size_t)st.st_size, damage, e)) {
                if (st.st_size >= (off_t)MAPPED_HEADER) {
                        judge_extent(m, damage);
                        judge_header(m, form, version, owner_out, damage);
                }
                return true;
        }
        mapped_close(m);
        return false;
}

/* ---- setting aside */

static void set_aside(struct mapped *m, const char *why, struct buf *said)
{
        AUTO_BUF aside = BUF_INIT;

        if (said->len)
                buf_puts(said, "; ");
        buf_printf(&aside, "%s.aside", m->path);
        if (!aside.failed && rename(m->path, aside.data) == 0) {
                buf_printf(said, "%s %s: set aside as %s, starting without it", m->path, why,
                           aside.data);
                return;
        }
        bool is_gone = unlink(m->path) == 0 || errno == ENOENT;
        buf_printf(said, "%s %s: %s, starting without it", m->path, why,
                   is_gone ? "removed" : "it cannot be removed");
}

bool mapped_open(struct mapped *m, const char *path, const struct mapped_form *form,
                 const struct state_owner *who, struct buf *said, struct err *e)
{
        struct err why_not = { 0 };

        *m = (struct mapped){ .fd = -1, .path = strdup(path), .unit = form->unit };
        if (!m->path)
                return err_nomem(e);
        m->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        m->copy = m->fd < 0 && errno == EROFS;
        if (m->copy)
                m->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (m->fd >= 0 || errno != ENOENT) {
                const char *why = "cannot be opened";
                if (m->fd < 0)
                        err_set(&why_not, ERR_SYS, "open %s", path);
                else
                        why = take_file(m, form, who, said, &why_not);
                if (!why)
                        return true;
                if (is_passing(path, who, why_not.sys)) {
                        *e = why_not;
                        mapped_close(m);
                        return false;
                }
                set_aside(m, why, said);
                mapped_let_go(m);
        }
        m->fresh = make_file(m, form, who, e);
        if (!m->fresh)
                mapped_close(m);
        return m->fresh;
}

void mapped_close(struct mapped *m)
{
        if (!m->path)
                return;
        mapped_let_go(m);
        free(m->path);
        m->path = NULL;
}

void mapped_remove(struct mapped *m)
{
        if (!m->path)
                return;
        unlink(m->path);
        mapped_close(m);
}
