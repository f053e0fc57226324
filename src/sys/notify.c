#include "sys/notify.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"

bool notify_send(const char *path, const char *text)
{
        struct sockaddr_un to = { .sun_family = AF_UNIX };
        size_t len = strlen(path);

        if (len < 2 || len >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@')) {
                errno = EINVAL;
                return false;
        }
        memcpy(to.sun_path, path, len);
        if (path[0] == '@')
                to.sun_path[0] = '\0';
        AUTO_FD fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return false;
        socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
        return sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&to,
                      size) >= 0;
}
