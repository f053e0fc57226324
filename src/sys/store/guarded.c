/* Opening files in directories that another user may write to: see the header for the rule. */
#include "sys/store/guarded.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"

#define LINKS_MOST 40 /* as the kernel's own limit */
#define TRIES      16 /* another user exchanges what is there while we look */

/* How far a path has been followed. */
struct walk {
        int dir;             /* owned: the directory that has been reached */
        struct stat dir_st;  /* of it */
        bool is_ours;        /* it and all before it are root's or ours */
        char rest[PATH_MAX]; /* what is left of the path */
        int links;
};

/* What the last component is. */
struct target {
        char name[NAME_MAX + 1];
        struct stat st;
        bool exists;
        bool is_through; /* it is a link, which is walked now */
        bool is_magic;   /* a link of /proc, which has no text that could be followed */
};

/* ---- which users are trusted */

static bool is_trusted(uid_t uid)
{
        return uid == 0 || uid == geteuid();
}

static bool may_follow(const struct stat *link, const struct stat *dir)
{
        return is_trusted(link->st_uid) && is_trusted(dir->st_uid);
}

/* Fill *e with why this is refused, and set errno to the nearest number. */
static bool guarded_refuse(struct err *e, int error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static bool guarded_refuse(struct err *e, int error, const char *fmt, ...)
{
        char text[sizeof e->text];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        err_set(e, ERR_FOREIGN, "%s", text);
        if (e)
                e->sys = error;
        errno = error;
        return false;
}

/* ---- walking */

static void guarded_walk_release(struct walk *w)
{
        fd_close(&w->dir);
}

/* Takes fd over. */
static bool walk_enter(struct walk *w, int fd)
{
        AUTO_FD dir = fd;

        if (dir < 0 || fstat(dir, &w->dir_st) < 0)
                return false;
        if (!S_ISDIR(w->dir_st.st_mode)) {
                errno = ENOTDIR;
                return false;
        }
        fd_close(&w->dir);
        w->dir = fd_take(&dir);
        w->is_ours = w->is_ours && is_trusted(w->dir_st.st_uid);
        return true;
}

static bool walk_begin(struct walk *w)
{
        const char *from = w->rest[0] == '/' ? "/" : ".";

        return walk_enter(w, open(from, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/* The next component, which is taken from the rest. False: it is too long. */
static bool walk_next(struct walk *w, char *name, bool *is_last)
{
        const char *at = w->rest + strspn(w->rest, "/");
        size_t n = strcspn(at, "/");

        if (n > NAME_MAX) {
                errno = ENAMETOOLONG;
                return false;
        }
        memcpy(name, at, n);
        name[n] = '\0';
        at += n;
        *is_last = !at[strspn(at, "/")];
        if (*is_last && *at) /* "name/" means a directory */
                *is_last = false;
        memmove(w->rest, at, strlen(at) + 1);
        return true;
}

static bool is_on_proc(int fd)
{
        struct statfs fs;

        return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* The text of a link takes the place of the component. */
static bool walk_link(struct walk *w, int link)
{
        char text[PATH_MAX];
        ssize_t n = readlinkat(link, "", text, sizeof text);
        size_t rest = strlen(w->rest);

        if (n <= 0 || ++w->links > LINKS_MOST) {
                errno = n < 0 ? errno : n == 0 ? ENOENT : ELOOP;
                return false;
        }
        if ((size_t)n + rest + 2 > sizeof w->rest) {
                errno = ENAMETOOLONG;
                return false;
        }
        memmove(w->rest + n, w->rest, rest + 1);
        memcpy(w->rest, text, (size_t)n);
        return w->rest[0] != '/' || walk_begin(w);
}

static bool refuse_link(struct err *e, const char *path, const char *name, const struct stat *link,
                        const struct stat *dir)
{
        bool foreign_link = !is_trusted(link->st_uid);

        return guarded_refuse(e, ELOOP, "open %s: %s is a link %s user %u, which is not followed",
                              path, name, foreign_link ? "of" : "in a directory of",
                              (unsigned)(foreign_link ? link->st_uid : dir->st_uid));
}

/* One component that is not the last: a directory, or a link to one. */
static bool walk_step(struct walk *w, const char *name, const char *path, struct err *e)
{
        struct stat st;
        AUTO_FD fd = openat(w->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0 || fstat(fd, &st) < 0)
                return err_set(e, ERR_SYS, "open %s", path);
        if (!S_ISLNK(st.st_mode))
                return walk_enter(w, fd_take(&fd)) || err_set(e, ERR_SYS, "open %s", path);
        if (!may_follow(&st, &w->dir_st))
                return refuse_link(e, path, name, &st, &w->dir_st);
        if (is_on_proc(fd))
                return walk_enter(w, openat(w->dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC)) ||
                       err_set(e, ERR_SYS, "open %s", path);
        return walk_link(w, fd) || err_set(e, ERR_SYS, "open %s", path);
}

/* The last component, where it is a link that may be followed: true with is_through, and there is
 * more to walk. */
static bool look_at_last(struct walk *w, struct target *t, const char *path, struct err *e)
{
        AUTO_FD fd = openat(w->dir, t->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

        t->is_through = t->is_magic = false;
        t->exists = fd >= 0;
        if (fd < 0)
                return errno == ENOENT || err_set(e, ERR_SYS, "open %s", path);
        if (fstat(fd, &t->st) < 0)
                return err_set(e, ERR_SYS, "look at %s", path);
        if (!S_ISLNK(t->st.st_mode) || !may_follow(&t->st, &w->dir_st))
                return true;
        if (is_on_proc(fd)) {
                t->is_magic = true;
                return fstatat(w->dir, t->name, &t->st, 0) == 0 ||
                       err_set(e, ERR_SYS, "look at %s", path);
        }
        t->is_through = true;
        return walk_link(w, fd) || err_set(e, ERR_SYS, "open %s", path);
}

static bool walk_start(struct walk *w, const char *path, struct err *e)
{
        size_t n = strlen(path);

        w->dir = -1;
        w->is_ours = true;
        w->links = 0;
        errno = n ? ENAMETOOLONG : ENOENT;
        if (n == 0 || n >= sizeof w->rest)
                return err_set(e, ERR_SYS, "open %s", path);
        memcpy(w->rest, path, n + 1);
        return walk_begin(w) || err_set(e, ERR_SYS, "open %s", path);
}

/* To the directory that the last component is in; links there are not looked at. */
static bool walk_to_parent(struct walk *w, const char *path, char *name, struct err *e)
{
        bool is_last = false;

        while (true) {
                if (!walk_next(w, name, &is_last))
                        return err_set(e, ERR_SYS, "open %s", path);
                if (is_last)
                        return true;
                if (*name && !walk_step(w, name, path, e))
                        return false;
        }
}

/* To what the whole path means. */
static bool walk_to_target(struct walk *w, const char *path, struct target *t, struct err *e)
{
        do {
                if (!walk_to_parent(w, path, t->name, e))
                        return false;
                if (!*t->name)
                        strcpy(t->name, ".");
                if (!look_at_last(w, t, path, e))
                        return false;
        } while (t->is_through);
        return true;
}

/* ---- what may be opened */

static const char *guarded_kind_word(mode_t mode)
{
        return S_ISFIFO(mode)   ? "a FIFO"
               : S_ISSOCK(mode) ? "a socket"
               : S_ISCHR(mode)  ? "a device"
               : S_ISBLK(mode)  ? "a block device"
                                : "no regular file";
}

/* dir: the directory's owner, who gains nothing when his own file there is used. */
static bool file_is_fine(const struct stat *st, uid_t owner, uid_t dir, const char *path,
                         struct err *e)
{
        if (!is_trusted(st->st_uid) && st->st_uid != owner && st->st_uid != dir)
                return guarded_refuse(e, EPERM, "open %s: the file belongs to user %u", path,
                                      (unsigned)st->st_uid);
        if (st->st_nlink > 1) /* some file systems do not count: they say 0 */
                return guarded_refuse(e, EMLINK, "open %s: the file has %lu names (hard links)",
                                      path, (unsigned long)st->st_nlink);
        return true;
}

/* A node that is no regular file is there because an administrator made it, or it is refused. */
static bool node_is_fine(const struct walk *w, const struct target *t, const char *path,
                         struct err *e)
{
        bool placed = is_trusted(t->st.st_uid) || !(w->dir_st.st_mode & 022);

        if (w->is_ours && placed)
                return true;
        return guarded_refuse(e, EACCES, "open %s: it is %s in a directory of user %u", path,
                              guarded_kind_word(t->st.st_mode),
                              (unsigned)(w->is_ours ? t->st.st_uid : w->dir_st.st_uid));
}

static bool target_is_fine(const struct walk *w, const struct target *t, uid_t owner, int flags,
                           const char *path, struct err *e)
{
        if (S_ISLNK(t->st.st_mode))
                return refuse_link(e, path, t->name, &t->st, &w->dir_st);
        if (S_ISDIR(t->st.st_mode)) {
                errno = EISDIR;
                return err_set(e, ERR_SYS, "open %s", path);
        }
        if (S_ISREG(t->st.st_mode))
                return file_is_fine(&t->st, owner, w->dir_st.st_uid, path, e);
        if (S_ISFIFO(t->st.st_mode) && (flags & O_ACCMODE) == O_RDONLY)
                return guarded_refuse(e, ESPIPE, "open %s: it is a FIFO", path);
        return node_is_fine(w, t, path, e);
}

static bool guarded_same_node(const struct stat *a, const struct stat *b)
{
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* What was looked at, and nothing that has its name by now. -1 with EAGAIN: it has changed. */
static int open_target(const struct walk *w, const struct target *t, int flags, struct stat *st)
{
        int how = (flags & ~(O_CREAT | O_EXCL)) | (t->is_magic ? 0 : O_NOFOLLOW);

        if (S_ISFIFO(t->st.st_mode))
                how = (how & ~(O_ACCMODE | O_APPEND)) | O_RDWR;
        AUTO_FD fd = openat(w->dir, t->name, how);
        if (fd < 0) {
                if (errno == ENOENT || errno == ELOOP)
                        errno = EAGAIN;
                return -1;
        }
        if (fstat(fd, st) < 0)
                return -1;
        errno = EAGAIN;
        return guarded_same_node(st, &t->st) ? fd_take(&fd) : -1;
}

/* One attempt. -1 with EAGAIN: what is there has changed meanwhile. */
static int open_slowly(const char *path, uid_t owner, int flags, mode_t mode, struct stat *st,
                       struct err *e)
{
        struct walk w = { 0 };
        struct target t = { 0 };
        int fd = -1;

        if (!walk_start(&w, path, e) || !walk_to_target(&w, path, &t, e)) {
                guarded_walk_release(&w);
                return -1;
        }
        if (t.exists && (flags & O_EXCL)) {
                errno = EEXIST;
        } else if (t.exists) {
                if (!target_is_fine(&w, &t, owner, flags, path, e)) {
                        guarded_walk_release(&w);
                        return -1;
                }
                fd = open_target(&w, &t, flags, st);
        } else if (flags & O_CREAT) {
                fd = openat(w.dir, t.name, flags | O_EXCL | O_NOFOLLOW, mode);
                if (fd < 0 && errno == EEXIST && !(flags & O_EXCL))
                        errno = EAGAIN;
                if (fd >= 0 && fstat(fd, st) < 0)
                        fd_close(&fd);
        } else {
                errno = ENOENT;
        }
        guarded_walk_release(&w);
        if (fd < 0)
                err_set(e, ERR_SYS, "open %s", path);
        return fd;
}

/* Where there is no link on the whole way and an ordinary file at its end, which is nearly always.
 * -1: that has to be looked at more closely. The look comes first because opening a FIFO wakes its
 * other end. */
static int open_quickly(const char *path, uid_t owner, int flags, mode_t mode, struct stat *st)
{
        struct open_how how = { .flags = (unsigned)flags | O_NOFOLLOW,
                                .mode = flags & O_CREAT ? mode : 0,
                                .resolve = RESOLVE_NO_SYMLINKS };

        if (lstat(path, st) < 0 ? errno != ENOENT : !S_ISREG(st->st_mode))
                return -1;
        AUTO_FD fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
        if (fd < 0 || fstat(fd, st) < 0 || !S_ISREG(st->st_mode) ||
            !file_is_fine(st, owner, owner, path, NULL))
                return -1;
        return fd_take(&fd);
}

int guarded_open(const char *path, uid_t owner, int flags, mode_t mode, struct stat *st_out,
                 struct err *e)
{
        struct stat own;
        struct stat *st = st_out ? st_out : &own;
        int how = flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
        int fd = open_quickly(path, owner, flags & O_EXCL ? how : how & ~O_CREAT, mode, st);

        for (int i = 0; fd < 0 && i < TRIES; i++) {
                fd = open_slowly(path, owner, how, mode, st, e);
                if (fd < 0 && errno != EAGAIN)
                        return -1;
        }
        if (fd < 0)
                guarded_refuse(e, EAGAIN, "open %s: it changes all the time", path);
        return fd;
}

/* ---- the other calls */

int guarded_stat(const char *path, struct stat *out)
{
        struct walk w = { 0 };
        struct target t = { 0 };

        bool fine = walk_start(&w, path, NULL) && walk_to_target(&w, path, &t, NULL);
        guarded_walk_release(&w);
        if (!fine)
                return -1;
        if (!t.exists) {
                errno = ENOENT;
                return -1;
        }
        *out = t.st;
        return 0;
}

int guarded_parent(const char *path, const char **name_out, bool *is_ours_out, struct err *e)
{
        const char *slash = strrchr(path, '/');
        char name[NAME_MAX + 1];
        struct walk w = { 0 };

        if (!walk_start(&w, path, e) || !walk_to_parent(&w, path, name, e)) {
                guarded_walk_release(&w);
                return -1;
        }
        *name_out = slash ? slash + 1 : path;
        if (is_ours_out)
                *is_ours_out = w.is_ours;
        return w.dir;
}

/* The same in one call, where there is no link on the way. */
static int parent_of(const char *path, const char **name_out)
{
        const char *slash = strrchr(path, '/');
        struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                                .resolve = RESOLVE_NO_SYMLINKS };
        char dir[PATH_MAX] = ".";
        size_t n = slash ? (size_t)(slash - path) + (slash == path) : 1;

        if (n >= sizeof dir) {
                errno = ENAMETOOLONG;
                return -1;
        }
        if (slash)
                memcpy(dir, path, n);
        dir[n] = '\0';
        int fd = (int)syscall(SYS_openat2, AT_FDCWD, dir, &how, sizeof how);
        if (fd < 0)
                return guarded_parent(path, name_out, NULL, NULL);
        *name_out = slash ? slash + 1 : path;
        return fd;
}

int guarded_rename(const char *from, const char *to)
{
        const char *from_name, *to_name;
        AUTO_FD from_dir = parent_of(from, &from_name);
        AUTO_FD to_dir = from_dir < 0 ? -1 : parent_of(to, &to_name);

        if (from_dir < 0 || to_dir < 0)
                return -1;
        return renameat(from_dir, from_name, to_dir, to_name);
}

int guarded_unlink(const char *path)
{
        const char *name;
        AUTO_FD dir = parent_of(path, &name);

        return dir < 0 ? -1 : unlinkat(dir, name, 0);
}

int guarded_open_dir(const char *path, struct err *e)
{
        struct walk w = { 0 };
        struct target t = { 0 };
        int fd = -1;

        if (walk_start(&w, path, e) && walk_to_target(&w, path, &t, e)) {
                fd = openat(w.dir, t.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0)
                        err_set(e, ERR_SYS, "open %s", path);
        }
        guarded_walk_release(&w);
        return fd;
}

DIR *guarded_opendir(const char *path, struct err *e)
{
        AUTO_FD fd = guarded_open_dir(path, e);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);

        if (dir)
                fd_take(&fd);
        else if (fd >= 0)
                err_set(e, ERR_SYS, "read %s", path);
        return dir;
}
