/* A Unix socket whose path never exists with the wrong rights and is never taken from a server
 * who lives. */
#include "sys/net/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "sys/store/guarded.h"

/* How often another daemon may change the path under our hands before it counts as busy. */
#define ATTEMPTS     16
#define LOCK_WAIT_MS 1000

/* Everything happens in the directory as it was found first, whatever its path leads to by now. */
struct unix_name {
        int dir;          /* owned: of the path */
        bool dir_is_ours; /* no other user can put anything into it, or into one on the way to it */
        const char *name; /* borrowed: in that directory */
        struct buf fresh; /* the temporary name in it, beside the real one */
        struct sockaddr_un address;
};

enum peer {
        PEER_LIVES,
        PEER_GONE,   /* a socket, or a link to one, without an answer */
        PEER_NONE,   /* no such path */
        PEER_UNKNOWN /* errno says why it cannot be told */
};

static bool listen_unix_address_of(const char *path, struct sockaddr_un *out)
{
        *out = (struct sockaddr_un){ .sun_family = AF_UNIX };
        if (strlen(path) >= sizeof out->sun_path)
                return false;
        strcpy(out->sun_path, path);
        return true;
}

/* Who called listen there. */
static void ask_holder(int fd, struct unix_made *out)
{
        struct ucred who;
        socklen_t len = sizeof who;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0)
                return;
        out->holder = who.pid; /* 0: of another pid namespace */
        out->holder_uid = who.uid;
        out->holder_known = true;
}

/* What the answer to connect tells about what is at the path. */
static enum peer listen_unix_judge(int error, const char *path)
{
        struct stat st;

        switch (error) {
        case EAGAIN: /* its queue of connections is full */
        case EINPROGRESS:
        case EPROTOTYPE: /* a datagram socket */
                return PEER_LIVES;
        case ENOENT: /* no path, or a link that leads nowhere */
                return lstat(path, &st) == 0 ? PEER_GONE : PEER_NONE;
        case ECONNREFUSED: /* also what a link to something else says */
        case ELOOP:        /* a link to itself */
        case ENOTDIR:      /* or below a file */
                return PEER_GONE;
        default:
                errno = error;
                return PEER_UNKNOWN;
        }
}

static enum peer listen_unix_probe(const char *path, struct unix_made *out)
{
        AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        struct sockaddr_un address;

        if (fd < 0 || !listen_unix_address_of(path, &address))
                return PEER_UNKNOWN;
        if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
                return listen_unix_judge(errno, path);
        ask_holder(fd, out);
        return PEER_LIVES;
}

/* ---- whose it is */

#define OWNER_MAX 48

/* For an error behind the path, where it is not ours. */
static const char *owner_text(const struct stat *st, char out[OWNER_MAX])
{
        out[0] = '\0';
        if (st->st_uid != geteuid())
                snprintf(out, OWNER_MAX, " (which belongs to user %u)", (unsigned)st->st_uid);
        return out;
}

static bool refuse_busy(const char *path, const struct stat *st, const struct unix_made *m,
                        struct err *e)
{
        if (m->holder > 0)
                return err_set(e, ERR_BUSY, "%s is in use by pid %d of user %u", path,
                               (int)m->holder, (unsigned)m->holder_uid);
        if (m->holder_known)
                return err_set(e, ERR_BUSY, "%s is in use by a process of user %u", path,
                               (unsigned)m->holder_uid);
        return err_set(e, ERR_BUSY, "%s is in use; it belongs to user %u", path,
                       (unsigned)st->st_uid);
}

static bool listen_unix_same_node(const struct stat *a, const struct stat *b)
{
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
               a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Remove what was judged. Another daemon may replace it at the same time: so it is first moved
 * aside, and put back when it turns out to be a new one. */
static bool remove_judged(const struct unix_name *n, const char *path, const struct stat *judged,
                          struct err *e)
{
        AUTO_BUF aside = BUF_INIT;
        struct stat taken;
        char owner[OWNER_MAX];

        buf_printf(&aside, "%s.%d.old", n->name, (int)getpid());
        if (aside.failed)
                return err_nomem(e);
        if (renameat(n->dir, n->name, n->dir, aside.data) < 0)
                return errno == ENOENT ||
                       err_set(e, ERR_SYS, "remove %s%s", path, owner_text(judged, owner));
        if (fstatat(n->dir, aside.data, &taken, AT_SYMLINK_NOFOLLOW) == 0 &&
            !listen_unix_same_node(&taken, judged) &&
            linkat(n->dir, aside.data, n->dir, n->name, 0) < 0 && errno != EEXIST)
                return renameat(n->dir, aside.data, n->dir, n->name) == 0 ||
                       err_set(e, ERR_SYS, "restore %s", path);
        if (unlinkat(n->dir, aside.data, 0) < 0)
                return err_set(e, ERR_SYS, "remove %s.%d.old", path, (int)getpid());
        return true;
}

/* ---- our own socket, at its temporary name */

static void name_release(struct unix_name *n)
{
        buf_release(&n->fresh);
        fd_close(&n->dir);
}

/* Where others may exchange a component of the path, or where the address has no room for it, the
 * directory is named by its descriptor. */
static bool name_address(struct unix_name *n, const char *path)
{
        AUTO_BUF address = BUF_INIT;

        buf_put(&address, path, (size_t)(n->name - path));
        buf_puts(&address, buf_str(&n->fresh));
        if (n->dir_is_ours && !address.failed && listen_unix_address_of(address.data, &n->address))
                return true;
        buf_reset(&address);
        buf_printf(&address, "/proc/self/fd/%d/%s", n->dir, buf_str(&n->fresh));
        return !address.failed && listen_unix_address_of(address.data, &n->address);
}

/* "<name>.<pid>", or ".<pid>" where there is no room for that. */
static bool name_init(struct unix_name *n, const char *path, struct err *e)
{
        *n = (struct unix_name){ .fresh = BUF_INIT };
        n->dir = guarded_parent(path, &n->name, &n->dir_is_ours, e);
        if (n->dir < 0)
                return false;
        buf_printf(&n->fresh, "%s.%d", n->name, (int)getpid());
        if (!n->fresh.failed && name_address(n, path))
                return true;
        buf_reset(&n->fresh);
        buf_printf(&n->fresh, ".%d", (int)getpid());
        return (!n->fresh.failed && name_address(n, path)) || err_nomem(e);
}

/* A leftover of ours: an earlier process with our pid ended between bind and unlink. */
static bool bind_fresh(int fd, const struct unix_name *n)
{
        const struct sockaddr *address = (const void *)&n->address;
        struct stat st;

        if (bind(fd, address, sizeof n->address) == 0)
                return true;
        if (errno != EADDRINUSE || fstatat(n->dir, n->fresh.data, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISSOCK(st.st_mode))
                return false;
        return unlinkat(n->dir, n->fresh.data, 0) == 0 && bind(fd, address, sizeof n->address) == 0;
}

/* The node of that name, if it is a socket that only we can have made. Whatever becomes of the
 * name, the descriptor stays with what was looked at. */
static int open_node(const struct unix_name *n, const char *name, struct stat *st)
{
        AUTO_FD node = openat(n->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

        if (node < 0 || fstat(node, st) < 0)
                return -1;
        errno = EAGAIN;
        if (!S_ISSOCK(st->st_mode) || st->st_nlink > 1 ||
            (!n->dir_is_ours && st->st_uid != geteuid()))
                return -1;
        return fd_take(&node);
}

static bool set_owner(int node, uid_t uid, gid_t gid)
{
        return (uid == (uid_t)-1 && gid == (gid_t)-1) ||
               fchownat(node, "", uid, gid, AT_EMPTY_PATH) == 0;
}

/* There is no fchmod for a node that cannot be opened but this. */
static bool set_mode(int node, mode_t mode)
{
        char link[32];
        struct stat st;

        if (fstat(node, &st) == 0 && (st.st_mode & 07777) == mode)
                return true;
        snprintf(link, sizeof link, "/proc/self/fd/%d", node);
        return chmod(link, mode) == 0;
}

/* Rights and owner are right before anybody can connect: listen comes last. */
static bool listen_unix_prepare(int fd, const struct unix_name *n, const struct unix_listen *l,
                                struct unix_made *out, struct err *e)
{
        struct stat st;
        AUTO_FD node = open_node(n, n->fresh.data, &st);

        if (node < 0)
                return err_set(e, ERR_SYS, "make %s", l->path);
        if (!set_owner(node, l->uid, l->gid))
                return err_set(e, ERR_SYS, "chown %s", l->path);
        if (!set_mode(node, l->mode))
                return err_set(e, ERR_SYS, "chmod %s", l->path);
        if (listen(fd, l->backlog) < 0)
                return err_set(e, ERR_SYS, "listen on %s", l->path);
        out->dev = st.st_dev;
        out->ino = st.st_ino;
        return true;
}

bool unix_rights(const struct unix_listen *l, dev_t dev, ino_t ino, struct err *e)
{
        struct unix_name n = { .fresh = BUF_INIT };
        struct stat st;
        AUTO_FD dir = guarded_parent(l->path, &n.name, NULL, e);

        if (dir < 0)
                return false;
        AUTO_FD node = openat(dir, n.name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (node < 0 || fstat(node, &st) < 0)
                return err_set(e, ERR_SYS, "open %s", l->path);
        if (st.st_dev != dev || st.st_ino != ino || st.st_nlink > 1)
                return err_set(e, ERR_FOREIGN, "%s is not our socket any more", l->path);
        if (!set_owner(node, l->uid, l->gid))
                return err_set(e, ERR_SYS, "chown %s", l->path);
        return set_mode(node, l->mode) || err_set(e, ERR_SYS, "chmod %s", l->path);
}

/* ---- into place */

/* Where the file system has no hard links: not atomic against another daemon in the same moment,
 * and the best there is. */
static bool move_into_place(const struct unix_name *n)
{
        const char *from = n->fresh.data;
        struct stat st;

        if (renameat2(n->dir, from, n->dir, n->name, RENAME_NOREPLACE) == 0)
                return true;
        if (errno == EEXIST)
                return false;
        if (fstatat(n->dir, n->name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
                errno = EEXIST;
                return false;
        }
        return renameat(n->dir, from, n->dir, n->name) == 0;
}

static bool put_in_place(const struct unix_name *n)
{
        if (linkat(n->dir, n->fresh.data, n->dir, n->name, 0) == 0) {
                unlinkat(n->dir, n->fresh.data, 0);
                return true;
        }
        if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS && errno != EMLINK)
                return false;
        return move_into_place(n);
}

/* What may be replaced: something of which nothing is lost. NULL: it may not. */
static const char *listen_unix_worthless(const struct stat *st)
{
        if (S_ISFIFO(st->st_mode))
                return "a FIFO";
        if (S_ISLNK(st->st_mode))
                return "a link";
        return S_ISREG(st->st_mode) && st->st_size == 0 ? "an empty file" : NULL;
}

static bool refuse_node(const struct stat *st, const char *path, struct err *e)
{
        char owner[OWNER_MAX];

        errno = EEXIST;
        owner_text(st, owner);
        if (S_ISREG(st->st_mode))
                return err_set(e, ERR_SYS,
                               "%s%s is a file with content, not a socket; remove it or choose "
                               "another path",
                               path, owner);
        return err_set(e, ERR_SYS, "%s%s is %s, not a socket; choose another path", path, owner,
                       S_ISDIR(st->st_mode) ? "a directory" : "a device");
}

/* Of several that find the same dead socket only one may take it away: between the look and the
 * removal another could have put its living one there. The lock is on the directory and ends with
 * the descriptor. Where others may write nothing is certain anyway, and they could hold the lock;
 * so it is not waited for there, and nowhere for longer than a second. */
static int lock_directory(const struct unix_name *n)
{
        AUTO_FD fd = n->dir_is_ours ? openat(n->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 || (st.st_mode & (S_IWGRP | S_IWOTH)))
                return -1;
        for (int ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; ms++)
                if (errno != EWOULDBLOCK || ms == LOCK_WAIT_MS)
                        return -1;
                else
                        poll(NULL, 0, 1);
        return fd_take(&fd);
}

/* The path exists: say who has it, or free it. */
static bool make_way(const struct unix_name *n, const struct unix_listen *l, struct unix_made *out,
                     struct err *e)
{
        struct stat judged;
        enum peer peer = PEER_GONE;
        char owner[OWNER_MAX];

        if (fstatat(n->dir, n->name, &judged, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT || err_set(e, ERR_SYS, "look at %s", l->path);
        const char *what = listen_unix_worthless(&judged);
        if (!what && !S_ISSOCK(judged.st_mode))
                return refuse_node(&judged, l->path, e);
        if (S_ISSOCK(judged.st_mode) || S_ISLNK(judged.st_mode))
                peer = listen_unix_probe(l->path, out);
        switch (peer) {
        case PEER_NONE:
                return true;
        case PEER_LIVES:
                return refuse_busy(l->path, &judged, out, e);
        case PEER_UNKNOWN:
                return err_set(e, ERR_SYS, "connect to %s%s", l->path, owner_text(&judged, owner));
        case PEER_GONE:
                break;
        }
        out->stale = !what;
        out->replaced = what;
        return remove_judged(n, l->path, &judged, e);
}

static bool listen_unix_publish(const struct unix_name *n, const struct unix_listen *l,
                                struct unix_made *out, struct err *e)
{
        AUTO_FD lock = -1;

        for (int i = 0; i < ATTEMPTS; i++) {
                if (put_in_place(n))
                        return true;
                if (errno != EEXIST)
                        return err_set(e, ERR_SYS, "link %s", l->path);
                if (lock < 0)
                        lock = lock_directory(n);
                if (!make_way(n, l, out, e))
                        return false;
        }
        return err_set(e, ERR_BUSY, "%s changes all the time", l->path);
}

/* The kernel makes the node with the socket's own mode, as far as the umask lets it. */
static bool listen_unix_make(int fd, const struct unix_name *n, const struct unix_listen *l,
                             struct unix_made *out, struct err *e)
{
        if (fchmod(fd, l->mode) < 0)
                return err_set(e, ERR_SYS, "chmod %s", l->path);
        if (!bind_fresh(fd, n))
                return err_set(e, ERR_SYS, "bind %s", l->path);
        if (listen_unix_prepare(fd, n, l, out, e) && listen_unix_publish(n, l, out, e))
                return true;
        unlinkat(n->dir, n->fresh.data, 0);
        return false;
}

bool listen_unix(const struct unix_listen *l, struct unix_made *out, struct err *e)
{
        struct unix_name name;
        struct sockaddr_un final;

        *out = (struct unix_made){ .fd = -1 };
        if (!listen_unix_address_of(l->path, &final))
                return err_set(e, ERR_USAGE, "%s: a socket's path has at most %zu bytes", l->path,
                               sizeof final.sun_path - 1);
        AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return err_set(e, ERR_SYS, "make a socket for %s", l->path);
        bool fine = name_init(&name, l->path, e) && listen_unix_make(fd, &name, l, out, e);
        name_release(&name);
        if (fine)
                out->fd = fd_take(&fd);
        return fine;
}
