/* Takes the descriptors that a service manager passes at the start (LISTEN_FDS) into the list of
 * what is handed over, by name. A descriptor that is not what its name says is not taken. */
#include "sys/net/listen_fds.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define FIRST_FD  3 /* sd_listen_fds(3) */
#define MOST_FDS  100000
#define OUR_NAMES "worker-"
#define SOCKETS   "socket-"

void listen_fds_name(char out[GIVEN_NAME_MAX], uint64_t pipe_inode)
{
        snprintf(out, GIVEN_NAME_MAX, OUR_NAMES "%" PRIu64, pipe_inode);
}

void listen_fds_socket_name(char out[GIVEN_NAME_MAX], uint64_t key)
{
        snprintf(out, GIVEN_NAME_MAX, SOCKETS "%016" PRIx64, key);
}

static bool listen_fds_listens(int fd)
{
        int yes = 0;
        socklen_t len = sizeof yes;

        return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) == 0 && yes;
}

static bool is_pidfd(int fd)
{
        char path[40], target[64];

        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(path, target, sizeof target - 1);
        if (n <= 0)
                return false;
        target[n] = '\0';
        return strstr(target, "pidfd") != NULL;
}

/* "": it is none of ours. */
static void item_name(int fd, const char *name, char *out, size_t size)
{
        struct stat st;

        *out = '\0';
        if (strncmp(name, SOCKETS, strlen(SOCKETS)) == 0 && listen_fds_listens(fd))
                snprintf(out, size, "listens:%s", name);
        if (strncmp(name, OUR_NAMES, strlen(OUR_NAMES)) != 0 || fstat(fd, &st) < 0)
                return;
        if (is_pidfd(fd))
                snprintf(out, size, "pidfd:%s", name);
        else if (S_ISFIFO(st.st_mode))
                handover_pipe_name(out, size, st.st_ino, handover_pipe_reads(fd));
}

static bool listen_fds_take(struct handover *h, int fd, const char *name)
{
        char item[80];

        item_name(fd, name, item, sizeof item);
        if (!*item) {
                close(fd);
                return true;
        }
        fd_cloexec(fd, true);
        return handover_put_fd(&h->items, item, fd) && strlist_add(&h->names, name);
}

/* Not of a parent that was meant, and passed its environment on. */
static int count_given(void)
{
        const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");

        if (!pid || !count || strtol(pid, NULL, 10) != (long)getpid())
                return 0;
        long n = strtol(count, NULL, 10);
        return n < 0 || n > MOST_FDS ? 0 : (int)n;
}

bool listen_fds_read(struct handover *h)
{
        int count = count_given();
        const char *at = getenv("LISTEN_FDNAMES");
        bool fine = true;

        for (int i = 0; i < count; i++) {
                size_t len = at ? strcspn(at, ":") : 0;
                char name[GIVEN_NAME_MAX] = "";
                if (len < sizeof name && at)
                        memcpy(name, at, len);
                if (at)
                        at += len + (at[len] == ':');
                fine = listen_fds_take(h, FIRST_FD + i, name) && fine;
        }
        unsetenv("LISTEN_PID");
        unsetenv("LISTEN_FDS");
        unsetenv("LISTEN_FDNAMES");
        strlist_sort(&h->items);
        strlist_sort(&h->names);
        return fine;
}

static int take_named(struct handover *h, const char *kind, const char *name)
{
        char item[80];

        snprintf(item, sizeof item, "%s:%s", kind, name);
        return handover_fd(h, item);
}

int listen_fds_pidfd(struct handover *h, const char *name)
{
        return take_named(h, "pidfd", name);
}

int listen_fds_socket(struct handover *h, const char *name)
{
        return take_named(h, "listens", name);
}
