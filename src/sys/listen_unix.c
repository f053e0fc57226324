/* A Unix socket whose path never exists with the wrong rights and is never taken from somebody
 * who lives. */
#include "sys/listen.h"

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
#include "base/path.h"

/* How often another daemon may change the path under our hands before it counts as busy. */
#define ATTEMPTS     16
#define LOCK_WAIT_MS 1000

struct unix_name {
        struct buf path; /* the temporary name, beside the real one */
        int dir;         /* its directory, when the name itself is too long for a socket address */
        struct sockaddr_un address;
};

enum peer {
        PEER_LIVES,
        PEER_GONE,    /* a socket, or a link to one, that nobody answers */
        PEER_NONE,    /* no such path */
        PEER_FOREIGN, /* not a socket */
        PEER_UNKNOWN  /* errno says why it cannot be told */
};

static bool address_of(const char *path, struct sockaddr_un *out)
{
        *out = (struct sockaddr_un){ .sun_family = AF_UNIX };
        if (strlen(path) >= sizeof out->sun_path)
                return false;
        strcpy(out->sun_path, path);
        return true;
}

static pid_t peer_pid(int fd)
{
        struct ucred who;
        socklen_t len = sizeof who;

        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 ? who.pid : 0;
}

/* What the answer to connect tells about what is at the path. */
static enum peer judge(int error, const char *path)
{
        struct stat st;

        switch (error) {
        case EAGAIN: /* its queue of connections is full */
        case EINPROGRESS:
        case EPROTOTYPE: /* a datagram socket */
                return PEER_LIVES;
        case ENOENT: /* no path, or a link that leads nowhere */
                return lstat(path, &st) == 0 ? PEER_GONE : PEER_NONE;
        case ECONNREFUSED: /* files that are no sockets refuse too */
                return stat(path, &st) == 0 && !S_ISSOCK(st.st_mode) ? PEER_FOREIGN : PEER_GONE;
        default:
                errno = error;
                return PEER_UNKNOWN;
        }
}

static enum peer probe(const char *path, pid_t *pid_out)
{
        AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        struct sockaddr_un address;

        *pid_out = 0;
        if (fd < 0 || !address_of(path, &address))
                return PEER_UNKNOWN;
        if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
                return judge(errno, path);
        *pid_out = peer_pid(fd);
        return PEER_LIVES;
}

static bool same_node(const struct stat *a, const struct stat *b)
{
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
               a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Remove the dead socket that was judged. Another daemon may replace it at the same time: so it is
 * first moved aside, and put back when it turns out to be a new one. */
static bool remove_stale(const char *path, const struct stat *judged, struct err *e)
{
        AUTO_BUF aside = BUF_INIT;
        struct stat taken;

        buf_printf(&aside, "%s.%d.old", path, (int)getpid());
        if (aside.failed)
                return err_nomem(e);
        if (rename(path, aside.data) < 0)
                return errno == ENOENT || err_set(e, ERR_SYS, "remove %s", path);
        if (lstat(aside.data, &taken) == 0 && !same_node(&taken, judged) &&
            link(aside.data, path) < 0 && errno != EEXIST)
                return rename(aside.data, path) == 0 || err_set(e, ERR_SYS, "restore %s", path);
        if (unlink(aside.data) < 0)
                return err_set(e, ERR_SYS, "remove %s", aside.data);
        return true;
}

/* ---- our own socket, at its temporary name */

static void name_release(struct unix_name *n)
{
        buf_release(&n->path);
        fd_close(&n->dir);
}

/* A path that just fits leaves no room for a suffix: then a short name in the same directory, which
 * is named by a descriptor if even that is too long. */
static bool name_short(struct unix_name *n, const char *dir, struct err *e)
{
        AUTO_BUF by_fd = BUF_INIT;

        buf_reset(&n->path);
        buf_printf(&n->path, "%s/.%d", *dir ? dir : ".", (int)getpid());
        if (n->path.failed)
                return err_nomem(e);
        if (address_of(n->path.data, &n->address))
                return true;
        n->dir = open(*dir ? dir : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (n->dir < 0)
                return err_set(e, ERR_SYS, "open %s", dir);
        buf_printf(&by_fd, "/proc/self/fd/%d/.%d", n->dir, (int)getpid());
        return (!by_fd.failed && address_of(by_fd.data, &n->address)) || err_nomem(e);
}

/* "<file>.<pid>", where it fits. */
static bool name_init(struct unix_name *n, const char *path, struct err *e)
{
        *n = (struct unix_name){ .dir = -1 };
        buf_printf(&n->path, "%s.%d", path, (int)getpid());
        if (n->path.failed)
                return err_nomem(e);
        if (address_of(n->path.data, &n->address))
                return true;
        char *dir = path_dirname(path);
        bool fine = dir ? name_short(n, dir, e) : err_nomem(e);
        free(dir);
        return fine;
}

/* A leftover of ours: an earlier process with our pid ended between bind and unlink. */
static bool bind_fresh(int fd, const struct unix_name *n)
{
        const struct sockaddr *address = (const void *)&n->address;
        struct stat st;

        if (bind(fd, address, sizeof n->address) == 0)
                return true;
        if (errno != EADDRINUSE || lstat(n->path.data, &st) < 0 || !S_ISSOCK(st.st_mode))
                return false;
        return unlink(n->path.data) == 0 && bind(fd, address, sizeof n->address) == 0;
}

/* Rights and owner are right before anybody can connect: listen comes last. */
static bool prepare(int fd, const struct unix_name *n, const struct unix_listen *l, struct err *e)
{
        if (chmod(n->path.data, l->mode) < 0)
                return err_set(e, ERR_SYS, "chmod %s", l->path);
        if ((l->uid != (uid_t)-1 || l->gid != (gid_t)-1) &&
            lchown(n->path.data, l->uid, l->gid) < 0)
                return err_set(e, ERR_SYS, "chown %s", l->path);
        if (listen(fd, l->backlog) < 0)
                return err_set(e, ERR_SYS, "listen on %s", l->path);
        return true;
}

/* ---- into place */

/* Where the file system has no hard links: not atomic against another daemon in the same moment,
 * and the best there is. */
static bool move_into_place(const char *from, const char *to)
{
        struct stat st;

        if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
                return true;
        if (errno == EEXIST)
                return false;
        if (lstat(to, &st) == 0) {
                errno = EEXIST;
                return false;
        }
        return rename(from, to) == 0;
}

static bool put_in_place(const char *from, const char *to)
{
        if (link(from, to) == 0) {
                unlink(from);
                return true;
        }
        if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS && errno != EMLINK)
                return false;
        return move_into_place(from, to);
}

/* Of several that find the same dead socket only one may take it away: between the look and the
 * removal another could have put its living one there. The lock is on the directory and ends with
 * the descriptor. Where others may write nothing is certain anyway, and they could hold the lock;
 * so it is not waited for there, and nowhere for longer than a second. */
static int lock_directory(const char *path)
{
        char *dir = path_dirname(path);
        AUTO_FD fd = dir ? open(*dir ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        struct stat st;

        free(dir);
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
static bool make_way(const struct unix_listen *l, bool *stale_out, pid_t *holder_out, struct err *e)
{
        struct stat judged;

        if (lstat(l->path, &judged) < 0)
                return errno == ENOENT || err_set(e, ERR_SYS, "look at %s", l->path);
        switch (probe(l->path, holder_out)) {
        case PEER_NONE:
                return true;
        case PEER_LIVES:
                return err_set(e, ERR_BUSY, "%s is in use", l->path);
        case PEER_FOREIGN:
                errno = EEXIST;
                return err_set(e, ERR_SYS, "%s is not a socket", l->path);
        case PEER_UNKNOWN:
                return err_set(e, ERR_SYS, "connect to %s", l->path);
        case PEER_GONE:
                break;
        }
        *stale_out = true;
        return remove_stale(l->path, &judged, e);
}

static bool publish(const struct unix_name *n, const struct unix_listen *l, bool *stale_out,
                    pid_t *holder_out, struct err *e)
{
        AUTO_FD lock = -1;

        for (int i = 0; i < ATTEMPTS; i++) {
                if (put_in_place(n->path.data, l->path))
                        return true;
                if (errno != EEXIST)
                        return err_set(e, ERR_SYS, "link %s", l->path);
                if (lock < 0)
                        lock = lock_directory(l->path);
                if (!make_way(l, stale_out, holder_out, e))
                        return false;
        }
        return err_set(e, ERR_BUSY, "%s changes all the time", l->path);
}

bool listen_unix(const struct unix_listen *l, int *fd_out, bool *stale_out, pid_t *holder_out,
                 struct err *e)
{
        struct unix_name name;
        struct sockaddr_un final;

        *stale_out = false;
        *holder_out = 0;
        if (!address_of(l->path, &final))
                return err_set(e, ERR_USAGE, "%s: a socket's path has at most %zu bytes", l->path,
                               sizeof final.sun_path - 1);
        AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return err_set(e, ERR_SYS, "make a socket for %s", l->path);
        if (!name_init(&name, l->path, e)) {
                name_release(&name);
                return false;
        }
        bool bound = bind_fresh(fd, &name);
        bool fine = bound ? prepare(fd, &name, l, e) && publish(&name, l, stale_out, holder_out, e)
                          : err_set(e, ERR_SYS, "bind %s", l->path);
        if (bound && !fine)
                unlink(name.path.data);
        name_release(&name);
        if (fine)
                *fd_out = fd_take(&fd);
        return fine;
}
