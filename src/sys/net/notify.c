/* Sends datagrams, with descriptors, to a service manager (sd_notify). It never waits: a message
 * that the socket does not take is the caller's to repeat. */
#include "sys/net/notify.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/unconst.h"

/* 0: it is no such path. */
static socklen_t notify_address_of(const char *path, struct sockaddr_un *to)
{
        size_t len = strlen(path);

        *to = (struct sockaddr_un){ .sun_family = AF_UNIX };
        if (len < 2 || len >= sizeof to->sun_path || (path[0] != '/' && path[0] != '@')) {
                errno = EINVAL;
                return 0;
        }
        memcpy(to->sun_path, path, len);
        if (path[0] == '@')
                to->sun_path[0] = '\0';
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

int notify_open(const char *path)
{
        struct sockaddr_un to;
        socklen_t size = notify_address_of(path, &to);
        AUTO_FD fd = size ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;

        if (fd < 0 || connect(fd, (struct sockaddr *)&to, size) < 0)
                return -1;
        return fd_take(&fd);
}

bool notify_put(int socket, const char *text, const int *fds, int count)
{
        union {
                struct cmsghdr head;
                char room[CMSG_SPACE(NOTIFY_FDS_MAX * sizeof(int))];
        } control = { 0 };
        struct iovec piece = { .iov_base = unconst(text), .iov_len = strlen(text) };
        struct msghdr m = { .msg_iov = &piece, .msg_iovlen = 1 };
        size_t size = (size_t)count * sizeof *fds;

        if (count > 0) {
                m.msg_control = control.room;
                m.msg_controllen = CMSG_SPACE(size);
                control.head.cmsg_level = SOL_SOCKET;
                control.head.cmsg_type = SCM_RIGHTS;
                control.head.cmsg_len = CMSG_LEN(size);
                memcpy(CMSG_DATA(&control.head), fds, size);
        }
        return sendmsg(socket, &m, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

bool notify_send(const char *path, const char *text)
{
        AUTO_FD fd = notify_open(path);

        return fd >= 0 && notify_put(fd, text, NULL, 0);
}
