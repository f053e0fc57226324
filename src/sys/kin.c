#include "sys/kin.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"

static bool slurp(const char *path, struct buf *out)
{
        AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return false;
        for (;;) {
                if (!buf_reserve(out, 4096))
                        return false;
                ssize_t n = read(fd, out->data + out->len, 4096);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return false;
                if (n == 0)
                        return true;
                out->len += (size_t)n;
                out->data[out->len] = '\0';
        }
}

ssize_t kin_children(pid_t pid, pid_t **out)
{
        char path[64];
        AUTO_BUF text = BUF_INIT;
        size_t count = 0, cap = 0;

        *out = NULL;
        snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
        if (!slurp(path, &text))
                return -1;
        for (char *at = text.data, *end; at; at = end) {
                long child = strtol(at, &end, 10);
                if (end == at)
                        break;
                if (count == cap) {
                        cap = cap ? cap * 2 : 16;
                        pid_t *grown = realloc(*out, cap * sizeof **out);
                        if (!grown) {
                                free(*out);
                                *out = NULL;
                                errno = ENOMEM;
                                return -1;
                        }
                        *out = grown;
                }
                (*out)[count++] = (pid_t)child;
        }
        return (ssize_t)count;
}

bool kin_signal(const struct proc_entry *who, int sig)
{
        struct proc_entry now;
        AUTO_FD pidfd = (int)syscall(SYS_pidfd_open, who->pid, 0);

        if (pidfd < 0 && errno != ENOSYS && errno != EPERM)
                return false;
        if (!proc_entry_read(who->pid, &now) || now.start_ticks != who->start_ticks)
                return false;
        if (pidfd < 0) /* a kernel before 5.3, or a sandbox: the narrowest window there is */
                return kill(who->pid, sig) == 0;
        return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) == 0;
}
