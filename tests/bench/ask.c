/* Questions over a Unix socket, and how long their answers take. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define ANSWER_MAX (8u << 20)

extern char **environ;

struct connection {
        int fd;
        char *data; /* owned: the answer so far */
        size_t have;
};

static int reach(const char *path)
{
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || strlen(path) >= sizeof at.sun_path)
                die("make a socket");
        strcpy(at.sun_path, path);
        if (connect(fd, (struct sockaddr *)&at, sizeof at) < 0)
                die("connect");
        return fd;
}

static char *slurp(const char *path, size_t *len)
{
        FILE *in = fopen(path, "rb");
        char *text = must_alloc(1, 65536);

        if (!in)
                die(path);
        *len = fread(text, 1, 65536, in);
        fclose(in);
        return text;
}

static void ask(const struct connection *c, const char *text, size_t len)
{
        if (send(c->fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
                die("send the question");
}

/* The length of the whole answer; 0 while its head is not complete. */
static size_t answer_length(const char *data, size_t have)
{
        const char *end = memmem(data, have, "\r\n\r\n", 4);

        if (!end)
                return 0;
        for (const char *at = data; at < end; at++) {
                const char *nl = memchr(at, '\n', (size_t)(end + 4 - at));
                if (strncasecmp(at, "content-length:", 15) == 0)
                        return (size_t)(end - data) + 4 + strtoul(at + 15, NULL, 10);
                if (!nl)
                        break;
                at = nl;
        }
        errno = EPROTO;
        die("find the answer's length");
}

/* Returns true when the answer is complete and says success. */
static bool hear(struct connection *c, size_t *len_out)
{
        ssize_t n = recv(c->fd, c->data + c->have, ANSWER_MAX - c->have, 0);

        if (n <= 0)
                die("hear the answer");
        c->have += (size_t)n;
        size_t whole = answer_length(c->data, c->have);
        if (!whole || c->have < whole)
                return false;
        if (strncmp(c->data, "HTTP/1.1 200", 12) != 0 &&
            strncmp(c->data, "HTTP/1.0 200", 12) != 0) {
                fwrite(c->data, 1, c->have < 400 ? c->have : 400, stderr);
                errno = EPROTO;
                die("get a good answer");
        }
        *len_out = whole;
        c->have = 0;
        return true;
}

/* One question after the other over one connection. */
int cmd_ask(int argc, char **argv)
{
        size_t len, answer = 0;
        char *text = slurp(argv[1], &len);
        struct connection c = { .fd = reach(argv[0]), .data = must_alloc(1, ANSWER_MAX) };
        unsigned long count = must_number(argv[2]), pause_us = must_number(argv[3]);
        struct samples s = { 0 };

        (void)argc;
        for (unsigned long i = 0; i < count; i++) {
                uint64_t from = now_ns();
                ask(&c, text, len);
                while (!hear(&c, &answer))
                        ;
                samples_add(&s, now_ns() - from);
                if (pause_us)
                        usleep((useconds_t)pause_us);
        }
        printf("{\"answer_bytes\": %zu, ", answer);
        samples_print("ask", &s);
        printf("}\n");
        samples_release(&s);
        free(c.data);
        free(text);
        close(c.fd);
        return 0;
}

/* Questions over several connections at once, each asked again as soon as it is answered. */
int cmd_flood(int argc, char **argv)
{
        size_t len, answer;
        char *text = slurp(argv[1], &len);
        unsigned long seconds = must_number(argv[2]), many = must_number(argv[3]), done = 0;
        struct connection *all = must_alloc(many, sizeof *all);
        struct epoll_event ready[64];
        int ep = epoll_create1(EPOLL_CLOEXEC);

        (void)argc;
        for (unsigned long i = 0; i < many; i++) {
                all[i] =
                    (struct connection){ .fd = reach(argv[0]), .data = must_alloc(1, ANSWER_MAX) };
                struct epoll_event e = { .events = EPOLLIN, .data.ptr = &all[i] };
                if (epoll_ctl(ep, EPOLL_CTL_ADD, all[i].fd, &e) < 0)
                        die("watch a connection");
        }
        uint64_t from = now_ns();
        for (unsigned long i = 0; i < many; i++)
                ask(&all[i], text, len);
        while (now_ns() - from < seconds * NS_PER_S) {
                int n = epoll_wait(ep, ready, 64, 1000);
                for (int i = 0; i < n; i++) {
                        struct connection *c = ready[i].data.ptr;
                        if (!hear(c, &answer))
                                continue;
                        done++;
                        ask(c, text, len);
                }
        }
        printf("{\"calls_per_s\": %.1f}\n", (double)done / ((double)(now_ns() - from) / NS_PER_S));
        for (unsigned long i = 0; i < many; i++) {
                close(all[i].fd);
                free(all[i].data);
        }
        free(all);
        free(text);
        close(ep);
        return 0;
}

/* ---- limits */

_Noreturn static void echo_server(int fd, size_t request, size_t answer)
{
        char *data = must_alloc(1, answer + request);

        for (;;) {
                size_t have = 0;
                while (have < request) {
                        ssize_t n = recv(fd, data, request - have, 0);
                        if (n <= 0)
                                _exit(0);
                        have += (size_t)n;
                }
                if (send(fd, data, answer, MSG_NOSIGNAL) < 0)
                        _exit(1);
        }
}

/* A round trip between two processes that do nothing else. */
int cmd_echo(int argc, char **argv)
{
        unsigned long count = must_number(argv[0]);
        size_t request = must_number(argv[1]), answer = must_number(argv[2]);
        char *data = must_alloc(1, request + answer);
        struct samples s = { 0 };
        int ends[2];

        (void)argc;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
                die("make a pair of sockets");
        pid_t pid = fork();
        if (pid == 0) {
                close(ends[0]);
                echo_server(ends[1], request, answer);
        }
        close(ends[1]);
        for (unsigned long i = 0; i < count; i++) {
                uint64_t from = now_ns();
                size_t have = 0;
                if (send(ends[0], data, request, MSG_NOSIGNAL) < 0)
                        die("send");
                while (have < answer) {
                        ssize_t n = recv(ends[0], data, answer - have, 0);
                        if (n <= 0)
                                die("receive");
                        have += (size_t)n;
                }
                samples_add(&s, now_ns() - from);
        }
        close(ends[0]);
        waitpid(pid, NULL, 0);
        printf("{");
        samples_print("echo", &s);
        printf("}\n");
        samples_release(&s);
        free(data);
        return 0;
}

/* A program's whole life, its output thrown away. */
int cmd_exec(int argc, char **argv)
{
        unsigned long count = must_number(argv[0]);
        posix_spawn_file_actions_t actions;
        struct samples s = { 0 };
        int status = 0, bad = 0;

        (void)argc;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
        for (unsigned long i = 0; i < count; i++) {
                pid_t pid;
                uint64_t from = now_ns();
                errno = posix_spawn(&pid, argv[1], &actions, NULL, argv + 1, environ);
                if (errno)
                        die(argv[1]);
                waitpid(pid, &status, 0);
                samples_add(&s, now_ns() - from);
                bad += status != 0;
        }
        printf("{\"failed\": %d, ", bad);
        samples_print("exec", &s);
        printf("}\n");
        samples_release(&s);
        posix_spawn_file_actions_destroy(&actions);
        return 0;
}
