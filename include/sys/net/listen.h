/* Listening sockets: the control servers' and FastCGI's. compat sections 8, 10 (Unix socket
 * creation) and 18. */
#ifndef SYS_NET_LISTEN_H
#define SYS_NET_LISTEN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strlist.h"

struct unix_listen {
        const char *path;
        mode_t mode;
        uid_t uid; /* (uid_t)-1: leave */
        gid_t gid; /* (gid_t)-1: leave */
        int backlog;
};

/* What came of it, also where it failed. */
struct unix_made {
        int fd;               /* -1: none */
        bool stale;           /* a socket without an answer was at the path, and was replaced */
        const char *replaced; /* what else was there, of which nothing is lost; NULL: nothing */
        pid_t holder;         /* ERR_BUSY: whose it is (SO_PEERCRED); 0 unknown */
        uid_t holder_uid;     /* and of which user, where that is known */
        bool holder_known;
        dev_t dev;
        ino_t ino; /* of the node */
};

/* Bind at a temporary name, chown, chmod, link into place: the path never exists with wrong rights,
 * and only the node that was made gets them, also where another user may exchange names (see
 * sys/store/guarded.h). A socket without an answer is replaced, and so are an empty file, a FIFO
 * and a link (not what it leads to), unless it leads to a socket that answers; a living one is
 * ERR_BUSY. Errors about what is at the path name its owner, where that is another user. The socket
 * is non-blocking and close-on-exec. ERR_SYS texts begin with the call: "chown PATH:
 * ..." for compat 8's own message. Anything else at the path is left alone (EEXIST); more than 107
 * bytes is ERR_USAGE. */
bool listen_unix(const struct unix_listen *l, struct unix_made *out, struct err *e);

/* Owner and mode of a socket that listens already, which is this node: other settings. */
bool unix_rights(const struct unix_listen *l, dev_t dev, ino_t ino, struct err *e);

/* host "" binds all interfaces; IPv4, IPv6 and "localhost" (both families, no look-up). Up to `max`
 * sockets; *count_out says how many. ERR_BUSY: in use. Nothing is looked up: any other name
 * is ERR_NOENT. Otherwise ERR_SYS, "bind HOST:PORT: ...". */
bool listen_inet(const char *host, int port, int backlog, int *fds, int max, int *count_out,
                 struct err *e);
/* The same for a name, whose addresses in digits are known: each that is on this machine. */
bool listen_addresses(const char *host, const struct strlist *addresses, int port, int backlog,
                      int *fds, int max, int *count_out, struct err *e);

#endif
