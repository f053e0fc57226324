/* Answers every GET with 200 and notes, for each path, how late after its period it was asked. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define PATHS 65536 /* numbered: GET /17 */

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

struct web {
        uint64_t *asked; /* owned: when each path was asked last; 0: never */
        struct samples late;
        uint64_t period_ns, requests;
};

static int listen_at(unsigned short port)
{
        struct sockaddr_in at = { .sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 4096) < 0)
                die("listen");
        return fd;
}

static void note(struct web *w, const char *request)
{
        unsigned long path = strncmp(request, "GET /", 5) == 0 ? strtoul(request + 5, NULL, 10) : 0;
        uint64_t now = now_ns();

        w->requests++;
        if (path >= PATHS)
                return;
        if (w->asked[path]) {
                uint64_t gap = now - w->asked[path];
                samples_add(&w->late, gap > w->period_ns ? gap - w->period_ns : 0);
        }
        w->asked[path] = now;
}

static void serve(struct web *w, int fd)
{
        char request[2048];
        ssize_t n = recv(fd, request, sizeof request - 1, 0);

        if (n > 0) {
                request[n] = '\0';
                note(w, request);
                (void)send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL);
        }
        if (n != -1 || errno != EAGAIN)
                close(fd);
}

static void welcome(int ep, int listener)
{
        int fd;

        while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
                struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };
                if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) < 0)
                        close(fd);
        }
}

int cmd_web(int argc, char **argv)
{
        struct web w = { .asked = must_alloc(PATHS, sizeof *w.asked),
                         .period_ns = must_number(argv[2]) * 1000000 };
        uint64_t until = now_ns() + must_number(argv[1]) * NS_PER_S;
        int listener = listen_at((unsigned short)must_number(argv[0]));
        int ep = epoll_create1(EPOLL_CLOEXEC);
        struct epoll_event ready[256], e = { .events = EPOLLIN, .data.fd = listener };

        (void)argc;
        if (epoll_ctl(ep, EPOLL_CTL_ADD, listener, &e) < 0)
                die("watch the socket");
        while (now_ns() < until) {
                int n = epoll_wait(ep, ready, 256, 100);
                for (int i = 0; i < n; i++)
                        if (ready[i].data.fd == listener)
                                welcome(ep, listener);
                        else
                                serve(&w, ready[i].data.fd);
        }
        printf("{\"requests\": %llu, ", (unsigned long long)w.requests);
        samples_print("late", &w.late);
        printf("}\n");
        samples_release(&w.late);
        free(w.asked);
        close(listener);
        close(ep);
        return 0;
}
