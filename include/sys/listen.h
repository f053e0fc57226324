/* Listening sockets: the control servers' and FastCGI's. compat sections 8, 10 (Unix socket
 * creation) and 18. */
#ifndef SYS_LISTEN_H
#define SYS_LISTEN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct unix_listen {
        const char *path;
        mode_t mode;
        uid_t uid; /* (uid_t)-1: leave */
        gid_t gid; /* (gid_t)-1: leave */
        int backlog;
};

/* Bind at a temporary name, chmod, chown, link into place: the path never exists with wrong rights.
 * A stale file (nobody answers) is replaced (*stale_out says so); a living one is ERR_BUSY and
 * *holder_out its pid (SO_PEERCRED; 0 unknown). The socket is non-blocking and close-on-exec.
 * ERR_SYS texts begin with the call: "chown PATH: ..." for compat 8's own message. A path that is
 * no socket is left alone (EEXIST); more than 107 bytes is ERR_USAGE. */
bool listen_unix(const struct unix_listen *l, int *fd_out, bool *stale_out, pid_t *holder_out,
                 struct err *e);

/* host "" binds all interfaces; IPv4, IPv6 and "localhost" (both families, no look-up). Up to `max`
 * sockets; *count_out says how many. ERR_BUSY: in use. Names other than localhost are looked up
 * (getaddrinfo): call it only while reading a configuration; one that has no address is ERR_NOENT
 * with the EAI_ number in e->sys. Otherwise ERR_SYS, "bind HOST:PORT: ...". */
bool listen_inet(const char *host, int port, int backlog, int *fds, int max, int *count_out,
                 struct err *e);

#endif
