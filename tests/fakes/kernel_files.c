/* The fake kernel's files. */
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/store/guarded.h"

/* Descriptors of files in memory start here, far above what a test may have open. */
#define MEMORY_FD 100000

static struct fake_file *file_find(struct fake_kernel *k, const char *path)
{
        for (size_t i = 0; i < k->file_count; i++)
                if (k->files[i]->path && strcmp(k->files[i]->path, path) == 0)
                        return k->files[i];
        return NULL;
}

static bool in_memory(struct fake_kernel *k, const char *path)
{
        bool device = strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0;

        return file_find(k, path) || (k->memory && !device);
}

static struct fake_file *file_new(struct fake_kernel *k, const char *path, mode_t mode)
{
        struct fake_file *f = calloc(1, sizeof *f);
        char *name = strdup(path);

        if (!f || !name || !kernel_grow((void **)&k->files, k->file_count, sizeof *k->files)) {
                free(f);
                free(name);
                errno = ENOMEM;
                return NULL;
        }
        *f = (struct fake_file){ .path = name,
                                 .mode = mode & S_IFMT ? mode : S_IFREG | mode,
                                 .ino = ++k->next_ino };
        k->files[k->file_count++] = f;
        return f;
}

static void file_forget_path(struct fake_file *f)
{
        free(f->path);
        f->path = NULL;
}

struct fake_file *kernel_file(struct fake_kernel *k, const char *path, const char *text,
                              mode_t mode)
{
        struct fake_file *old = file_find(k, path);

        if (old)
                file_forget_path(old);
        struct fake_file *f = file_new(k, path, mode);
        if (f)
                buf_puts(&f->data, text);
        return f;
}

const char *kernel_text(struct fake_kernel *k, const char *path)
{
        struct fake_file *f = file_find(k, path);

        return f ? buf_str(&f->data) : NULL;
}

static struct fake_open *open_of(struct fake_kernel *k, int fd)
{
        if (fd < MEMORY_FD || (size_t)(fd - MEMORY_FD) >= k->open_count)
                return NULL;
        struct fake_open *o = &k->opens[fd - MEMORY_FD];
        return o->file ? o : NULL;
}

static int memory_open(struct fake_kernel *k, const char *path, int flags, mode_t mode)
{
        struct fake_file *f = file_find(k, path);
        size_t at = 0;

        if (f && (flags & O_CREAT) && (flags & O_EXCL))
                return errno = EEXIST, -1;
        if (!f && !(flags & O_CREAT))
                return errno = ENOENT, -1;
        if (f && S_ISDIR(f->mode) && (flags & O_ACCMODE) != O_RDONLY)
                return errno = EISDIR, -1;
        if (!f && !(f = file_new(k, path, mode & 0777)))
                return -1;
        while (at < k->open_count && k->opens[at].file)
                at++;
        if (at == k->open_count && !kernel_grow((void **)&k->opens, at, sizeof *k->opens))
                return errno = ENOMEM, -1;
        if (at == k->open_count)
                k->open_count++;
        if (flags & O_TRUNC)
                buf_reset(&f->data);
        f->opens++;
        k->opens[at] = (struct fake_open){ .file = f, .flags = flags };
        return MEMORY_FD + (int)at;
}

static ssize_t memory_read(struct fake_open *o, void *data, size_t len, off_t at)
{
        if ((o->flags & O_ACCMODE) == O_WRONLY)
                return errno = EBADF, -1;
        if ((size_t)at >= o->file->data.len)
                return 0;
        if (len > o->file->data.len - (size_t)at)
                len = o->file->data.len - (size_t)at;
        memcpy(data, o->file->data.data + at, len);
        return (ssize_t)len;
}

/* Make it exactly `size` long, zeros where it grows. */
static bool memory_resize(struct buf *b, size_t size)
{
        while (b->len < size && !b->failed)
                buf_putc(b, '\0');
        if (!b->failed && b->len > size) {
                b->len = size;
                b->data[size] = '\0';
        }
        return !b->failed;
}

static ssize_t memory_write(struct fake_open *o, const void *data, size_t len)
{
        struct buf *b = &o->file->data;

        if ((o->flags & O_ACCMODE) == O_RDONLY)
                return errno = EBADF, -1;
        if (o->flags & O_APPEND)
                o->at = (off_t)b->len;
        size_t end = (size_t)o->at + len;
        if (end > b->len && !memory_resize(b, end))
                return errno = ENOSPC, -1;
        if (len)
                memcpy(b->data + o->at, data, len);
        o->at = (off_t)end;
        return (ssize_t)len;
}

static int memory_stat(const struct fake_file *f, struct stat *out)
{
        *out = (struct stat){ .st_dev = 4242,
                              .st_ino = f->ino,
                              .st_mode = f->mode,
                              .st_nlink = f->path ? 1 : 0,
                              .st_uid = f->uid,
                              .st_gid = f->gid,
                              .st_size = (off_t)f->data.len };
        return 0;
}

/* ---- the operations on files */

static int fake_open(struct sys *s, const char *path, int flags, mode_t mode)
{
        struct fake_kernel *k = s->arg;

        if (!kernel_enter(k, K_OPEN, NULL))
                return -1;
        if (in_memory(k, path))
                return memory_open(k, path, flags, mode);
        return open(path, flags | O_CLOEXEC, mode);
}

static int fake_stat(struct sys *s, const char *path, struct stat *out);
static int fake_fstat(struct sys *s, int fd, struct stat *out);

/* No other program changes files in memory. */
static int fake_open_file(struct sys *s, const char *path, uid_t owner, int flags, mode_t mode,
                          struct stat *out, struct err *e)
{
        struct fake_kernel *k = s->arg;
        struct stat own;
        int fd;

        if (!kernel_enter(k, K_OPEN, NULL))
                fd = -1;
        else if (!in_memory(k, path))
                return guarded_open(path, owner, flags, mode, out, e);
        else
                fd = memory_open(k, path, flags, mode);
        if (fd >= 0 && fake_fstat(s, fd, out ? out : &own) < 0) {
                s->close(s, fd);
                fd = -1;
        }
        if (fd < 0)
                err_set(e, ERR_SYS, "open %s", path);
        return fd;
}

static int fake_close(struct sys *s, int fd)
{
        struct fake_kernel *k = s->arg;
        struct fake_open *o = open_of(k, fd);
        bool fine = kernel_enter(k, K_CLOSE, NULL);
        int error = errno;

        /* As in Linux, the descriptor is gone even when close reports an error. */
        if (o) {
                o->file->opens--;
                o->file = NULL;
        } else if (close(fd) < 0 && fine) {
                return -1;
        }
        errno = error;
        return fine ? 0 : -1;
}

static ssize_t fake_read(struct sys *s, int fd, void *data, size_t len)
{
        struct fake_kernel *k = s->arg;
        struct fake_open *o = open_of(k, fd);

        if (!kernel_enter(k, K_READ, &len))
                return -1;
        if (!o)
                return read(fd, data, len);
        ssize_t n = memory_read(o, data, len, o->at);
        if (n > 0)
                o->at += n;
        return n;
}

static ssize_t fake_pread(struct sys *s, int fd, void *data, size_t len, off_t at)
{
        struct fake_kernel *k = s->arg;
        struct fake_open *o = open_of(k, fd);

        if (!kernel_enter(k, K_PREAD, &len))
                return -1;
        return o ? memory_read(o, data, len, at) : pread(fd, data, len, at);
}

static ssize_t fake_write(struct sys *s, int fd, const void *data, size_t len)
{
        struct fake_kernel *k = s->arg;
        struct fake_open *o = open_of(k, fd);

        if (!kernel_enter(k, K_WRITE, &len))
                return -1;
        return o ? memory_write(o, data, len) : write(fd, data, len);
}

static ssize_t fake_pwrite(struct sys *s, int fd, const void *data, size_t len, off_t at)
{
        struct fake_kernel *k = s->arg;
        struct fake_open *o = open_of(k, fd);

        if (!kernel_enter(k, K_PWRITE, &len))
                return -1;
        if (!o)
                return pwrite(fd, data, len, at);
        struct fake_open there = { .file = o->file, .flags = o->flags & ~O_APPEND, .at = at };
        return memory_write(&there, data, len);
}

/* Between a real pipe and a real file; memory refuses, as some kinds of files do. */
static ssize_t fake_splice(struct sys *s, int pipe, int fd, off_t at, size_t len)
{
        struct fake_kernel *k = s->arg;
        loff_t to = at;

        if (!kernel_enter(k, K_SPLICE, &len))
                return -1;
        if (open_of(k, fd) || open_of(k, pipe))
                return errno = EINVAL, -1;
        return splice(pipe, NULL, fd, &to, len, SPLICE_F_NONBLOCK);
}

static int fake_fstat(struct sys *s, int fd, struct stat *out)
{
        struct fake_kernel *k = s->arg;
        struct fake_open *o = open_of(k, fd);

        if (!kernel_enter(k, K_FSTAT, NULL))
                return -1;
        return o ? memory_stat(o->file, out) : fstat(fd, out);
}

static int fake_stat(struct sys *s, const char *path, struct stat *out)
{
        struct fake_kernel *k = s->arg;

        if (!kernel_enter(k, K_STAT, NULL))
                return -1;
        struct fake_file *f = file_find(k, path);
        if (f)
                return memory_stat(f, out);
        if (in_memory(k, path))
                return errno = ENOENT, -1;
        return stat(path, out);
}

static int fake_stat_cached(struct sys *s, const char *path, struct stat *out)
{
        const struct fake_kernel *k = s->arg;

        if (k->disk_is_slow)
                return errno = EAGAIN, -1;
        return fake_stat(s, path, out);
}

static int fake_ftruncate(struct sys *s, int fd, off_t size)
{
        struct fake_kernel *k = s->arg;
        struct fake_open *o = open_of(k, fd);

        if (!kernel_enter(k, K_FTRUNCATE, NULL))
                return -1;
        if (!o)
                return ftruncate(fd, size);
        if (!memory_resize(&o->file->data, (size_t)size))
                return errno = ENOSPC, -1;
        return 0;
}

static int fake_rename(struct sys *s, const char *from, const char *to)
{
        struct fake_kernel *k = s->arg;

        if (!kernel_enter(k, K_RENAME, NULL))
                return -1;
        struct fake_file *f = file_find(k, from);
        if (!f)
                return in_memory(k, from) ? (errno = ENOENT, -1) : rename(from, to);
        char *name = strdup(to);
        if (!name)
                return -1;
        struct fake_file *old = file_find(k, to);
        if (old)
                file_forget_path(old);
        free(f->path);
        f->path = name;
        return 0;
}

static int fake_unlink(struct sys *s, const char *path)
{
        struct fake_kernel *k = s->arg;

        if (!kernel_enter(k, K_UNLINK, NULL))
                return -1;
        struct fake_file *f = file_find(k, path);
        if (!f)
                return in_memory(k, path) ? (errno = ENOENT, -1) : unlink(path);
        file_forget_path(f);
        return 0;
}

static int fake_fchown(struct sys *s, int fd, uid_t uid, gid_t gid)
{
        struct fake_kernel *k = s->arg;
        struct fake_open *o = open_of(k, fd);

        if (!kernel_enter(k, K_FCHOWN, NULL))
                return -1;
        if (!o)
                return 0; /* recorded as a call only: tests need not be root */
        o->file->uid = uid;
        o->file->gid = gid;
        return 0;
}

/* Sockets are real ones. */
static int fake_dial(struct sys *s, const char *path)
{
        return kernel_enter(s->arg, K_DIAL, NULL) ? sys_real()->dial(sys_real(), path) : -1;
}

static ssize_t fake_send(struct sys *s, int fd, const void *data, size_t len)
{
        return kernel_enter(s->arg, K_SEND, NULL) ? sys_real()->send(sys_real(), fd, data, len)
                                                  : -1;
}

void kernel_files_init(struct sys *ops)
{
        ops->open = fake_open;
        ops->open_file = fake_open_file;
        ops->stat_file = fake_stat;
        ops->close = fake_close;
        ops->read = fake_read;
        ops->write = fake_write;
        ops->pread = fake_pread;
        ops->pwrite = fake_pwrite;
        ops->splice = fake_splice;
        ops->fstat = fake_fstat;
        ops->stat = fake_stat;
        ops->stat_cached = fake_stat_cached;
        ops->ftruncate = fake_ftruncate;
        ops->rename = fake_rename;
        ops->unlink = fake_unlink;
        ops->fchown = fake_fchown;
        ops->dial = fake_dial;
        ops->send = fake_send;
}
