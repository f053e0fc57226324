/* Listening on TCP ports. */
#include "sys/net/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

/* What is being asked for, and what came of it so far. */
struct request {
        const char *host; /* as given, for the texts */
        int port, backlog;
        int *fds;
        int max, count;
};

static bool set_on(int fd, int level, int option, int value)
{
        return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/* -1: errno. v6 sockets speak v6 only, but for the one that stands for all interfaces. */
static int bound_socket(const struct request *r, const struct sockaddr *at, socklen_t len,
                        bool both)
{
        AUTO_FD fd = socket(at->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd < 0 || !set_on(fd, SOL_SOCKET, SO_REUSEADDR, 1))
                return -1;
        if (at->sa_family == AF_INET6 && !set_on(fd, IPPROTO_IPV6, IPV6_V6ONLY, !both))
                return -1;
        if (bind(fd, at, len) < 0 || listen(fd, r->backlog) < 0)
                return -1;
        return fd_take(&fd);
}

static bool listen_inet_refuse(const struct request *r, struct err *e)
{
        bool v6 = strchr(r->host, ':') != NULL;
        const char *host = *r->host ? r->host : "*";
        bool busy = errno == EADDRINUSE;

        err_set(e, ERR_SYS, "bind %s%s%s:%d", v6 ? "[" : "", host, v6 ? "]" : "", r->port);
        if (e && busy)
                e->code = ERR_BUSY;
        return false;
}

static bool listen_inet_add(struct request *r, const struct sockaddr *at, socklen_t len, bool both)
{
        if (r->count == r->max) {
                errno = ENOSPC;
                return false;
        }
        int fd = bound_socket(r, at, len, both);
        if (fd >= 0)
                r->fds[r->count++] = fd;
        return fd >= 0;
}

static bool add_v4(struct request *r, in_addr_t host)
{
        struct sockaddr_in at = { .sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)r->port),
                                  .sin_addr.s_addr = htonl(host) };

        return listen_inet_add(r, (const struct sockaddr *)&at, sizeof at, false);
}

static bool add_v6(struct request *r, const struct in6_addr *host, bool both)
{
        struct sockaddr_in6 at = { .sin6_family = AF_INET6,
                                   .sin6_port = htons((uint16_t)r->port),
                                   .sin6_addr = *host };

        return listen_inet_add(r, (const struct sockaddr *)&at, sizeof at, both);
}

/* A kernel without IPv6, or one where it is switched off. */
static bool family_is_missing(int error)
{
        return error == EAFNOSUPPORT || error == EADDRNOTAVAIL || error == EPROTONOSUPPORT ||
               error == EINVAL;
}

static bool listen_everywhere(struct request *r, struct err *e)
{
        if (add_v6(r, &in6addr_any, true))
                return true;
        if (family_is_missing(errno) && add_v4(r, INADDR_ANY))
                return true;
        return listen_inet_refuse(r, e);
}

/* Port 0 was asked for: the second family gets the number that the first one got. */
static int port_of(int fd, int otherwise)
{
        struct sockaddr_in at = { 0 };
        socklen_t len = sizeof at;

        if (getsockname(fd, (struct sockaddr *)&at, &len) < 0)
                return otherwise;
        return ntohs(at.sin_port);
}

/* 127.0.0.1 decides, as it does in Supervisor, which knows no other; ::1 is taken where it can
 * be had. */
static bool listen_localhost(struct request *r, struct err *e)
{
        if (!add_v4(r, INADDR_LOOPBACK))
                return listen_inet_refuse(r, e);
        r->port = port_of(r->fds[0], r->port);
        if (r->count < r->max)
                add_v6(r, &in6addr_loopback, false);
        return true;
}

static bool no_address(const char *host, struct err *e)
{
        return err_set(e, ERR_NOENT, "%s is no address", host);
}

/* An address in digits. */
static bool add_digits(struct request *r, const char *digits)
{
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                                  .ai_flags = AI_PASSIVE | AI_NUMERICSERV | AI_NUMERICHOST };
        struct addrinfo *list = NULL;
        char service[16];

        snprintf(service, sizeof service, "%d", r->port);
        errno = EINVAL;
        if (getaddrinfo(digits, service, &hints, &list) != 0)
                return false;
        bool fine = listen_inet_add(r, list->ai_addr, list->ai_addrlen, false);
        freeaddrinfo(list);
        return fine;
}

static bool is_digits(const char *text)
{
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };
        struct addrinfo *list = NULL;

        if (getaddrinfo(text, NULL, &hints, &list) != 0)
                return false;
        freeaddrinfo(list);
        return true;
}

static bool listen_inet_finish(struct request *r, bool fine, int *count_out)
{
        while (!fine && r->count > 0)
                fd_close(&r->fds[--r->count]);
        *count_out = r->count;
        return fine;
}

/* One that is not on this machine is passed over as long as another one is. */
static bool listen_each(struct request *r, const struct strlist *addresses, struct err *e)
{
        int error = EADDRNOTAVAIL;
        bool fine = true;

        for (size_t i = 0; i < addresses->count && fine && r->count < r->max; i++)
                if (!add_digits(r, addresses->items[i])) {
                        error = errno;
                        fine = family_is_missing(error);
                }
        errno = error;
        return (fine && r->count > 0) || listen_inet_refuse(r, e);
}

bool listen_addresses(const char *host, const struct strlist *addresses, int port, int backlog,
                      int *fds, int max, int *count_out, struct err *e)
{
        struct request r = {
                .host = host, .port = port, .backlog = backlog, .fds = fds, .max = max
        };

        *count_out = 0;
        if (port < 0 || port > 65535 || max < 1)
                return err_set(e, ERR_USAGE, "%d is not a port", port);
        return listen_inet_finish(&r, listen_each(&r, addresses, e), count_out);
}

/* "[::1]" -> "::1". */
static const char *without_brackets(const char *host, char *room, size_t size)
{
        size_t len = strlen(host);

        if (len < 3 || len > size || host[0] != '[' || host[len - 1] != ']')
                return host;
        memcpy(room, host + 1, len - 2);
        room[len - 2] = '\0';
        return room;
}

bool listen_inet(const char *host, int port, int backlog, int *fds, int max, int *count_out,
                 struct err *e)
{
        char room[256];
        const char *name = without_brackets(host, room, sizeof room);
        struct request r = {
                .host = name, .port = port, .backlog = backlog, .fds = fds, .max = max
        };
        bool fine;

        *count_out = 0;
        if (port < 0 || port > 65535 || max < 1)
                return err_set(e, ERR_USAGE, "%d is not a port", port);
        if (!*name)
                fine = listen_everywhere(&r, e);
        else if (strcasecmp(name, "localhost") == 0)
                fine = listen_localhost(&r, e);
        else if (!is_digits(name))
                fine = no_address(name, e);
        else
                fine = add_digits(&r, name) || listen_inet_refuse(&r, e);
        return listen_inet_finish(&r, fine, count_out);
}
