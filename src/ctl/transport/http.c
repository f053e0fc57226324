/* One HTTP exchange with the daemon: connecting, sending, and reading the answer as it comes. It
 * blocks, but every wait can be interrupted. */
#include "ctl/transport/http.h"

#include <ctype.h>
#include <errno.h>
#include <http_parser.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "wire/base64.h"

#define ANSWER_MAX_BYTES  ((size_t)256 << 20)
#define HEADERS_MAX_BYTES ((size_t)64 << 10)

struct http {
        int fd;
        struct http_wait wait;
        http_parser parser;
        struct http_answer answer;
        http_sink sink; /* NULL: collect */
        void *sink_arg;
        bool in_field; /* of the headers: a name, not a value */
        bool done, stopped, too_large;
};

static bool http_interrupted(int fd, struct err *e)
{
        struct signalfd_siginfo info;
        ssize_t n = read(fd, &info, sizeof info);

        (void)n; /* whatever it said, it was readable: Ctrl-C was pressed */
        errno = EINTR;
        return err_set(e, ERR_SYS, "wait");
}

int http_wait_fd(int fd, short events, int interrupt_fd, int timeout_ms, struct err *e)
{
        struct pollfd p[2] = { { .fd = fd, .events = events },
                               { .fd = interrupt_fd, .events = POLLIN } };

        for (;;) {
                int n = poll(p, 2, timeout_ms);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0) {
                        err_set(e, ERR_SYS, "poll");
                        return -1;
                }
                if (n == 0)
                        return 0;
                if (p[1].revents) {
                        http_interrupted(interrupt_fd, e);
                        return -1;
                }
                return 1;
        }
}

/* ---- connecting */

static int socket_error(int fd)
{
        int error = 0;
        socklen_t len = sizeof error;

        return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? errno : error;
}

/* The socket is non-blocking until it is connected, so that Ctrl-C is heard. A Unix socket whose
 * backlog is full says EAGAIN and has no event for "try again now". */
static bool connect_fd(int fd, const struct sockaddr *sa, socklen_t len, int interrupt_fd)
{
        struct err e = { 0 };

        while (connect(fd, sa, len) < 0) {
                if (errno != EINPROGRESS && errno != EAGAIN)
                        return false;
                bool full = errno == EAGAIN;
                if (http_wait_fd(full ? -1 : fd, POLLOUT, interrupt_fd, full ? 50 : -1, &e) < 0) {
                        errno = e.sys;
                        return false;
                }
                if (full)
                        continue;
                errno = socket_error(fd);
                if (errno)
                        return false;
                break;
        }
        return fd_nonblock(fd, false);
}

/* -1 with errno. */
static int http_connect_to(const struct sockaddr *sa, socklen_t len, int interrupt_fd)
{
        AUTO_FD fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0 || !connect_fd(fd, sa, len, interrupt_fd))
                return -1;
        return fd_take(&fd);
}

static bool connect_unix(struct http *h, const char *path, struct err *e)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX };

        if (strlen(path) < sizeof sa.sun_path) {
                memcpy(sa.sun_path, path, strlen(path) + 1);
                h->fd = http_connect_to((struct sockaddr *)&sa, sizeof sa, h->wait.interrupt_fd);
        } else {
                errno = ENAMETOOLONG;
        }
        return h->fd >= 0 || err_set(e, ERR_SYS, "connect to %s", path);
}

static bool connect_tcp(struct http *h, const struct url *u, struct err *e)
{
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
        int rc = getaddrinfo(u->host, u->port, &hints, &list);

        if (rc != 0)
                return err_set(e, ERR_NOENT, "%s: %s", u->host, gai_strerror(rc));
        for (struct addrinfo *a = list; a && h->fd < 0; a = a->ai_next)
                h->fd = http_connect_to(a->ai_addr, a->ai_addrlen, h->wait.interrupt_fd);
        int error = errno;
        freeaddrinfo(list);
        errno = error;
        return h->fd >= 0 || err_set(e, ERR_SYS, "connect to %s:%s", u->host, u->port);
}

/* ---- sending */

static void put_auth(struct buf *out, const struct http_request *rq)
{
        AUTO_BUF pair = BUF_INIT;

        if (!rq->user)
                return;
        buf_printf(&pair, "%s:%s", rq->user, rq->password ? rq->password : "");
        buf_puts(out, "Authorization: Basic ");
        base64_encode(buf_str(&pair), pair.len, out);
        buf_puts(out, "\r\n");
        out->failed = out->failed || pair.failed;
}

static void http_put_host(struct buf *out, const struct url *u)
{
        if (u->kind == URL_UNIX)
                buf_puts(out, "Host: localhost\r\n");
        else if (strchr(u->host, ':'))
                buf_printf(out, "Host: [%s]:%s\r\n", u->host, u->port);
        else
                buf_printf(out, "Host: %s:%s\r\n", u->host, u->port);
}

static bool send_all(int fd, const char *data, size_t len)
{
        while (len) {
                ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return false;
                data += n;
                len -= (size_t)n;
        }
        return true;
}

static bool http_send_request(struct http *h, const struct url *u, const struct http_request *rq,
                              struct err *e)
{
        AUTO_BUF out = BUF_INIT;

        buf_printf(&out, "%s %s HTTP/1.1\r\n", rq->method, rq->path);
        http_put_host(&out, u);
        buf_printf(&out, "User-Agent: supervisorctl\r\nAccept: %s\r\nConnection: close\r\n",
                   rq->accept ? rq->accept : "*/*");
        put_auth(&out, rq);
        if (rq->type)
                buf_printf(&out, "Content-Type: %s\r\nContent-Length: %zu\r\n", rq->type,
                           rq->body_len);
        buf_puts(&out, "\r\n");
        if (rq->type)
                buf_put(&out, rq->body, rq->body_len);
        if (out.failed)
                return err_nomem(e);
        /* A daemon may refuse before it has read everything; its answer tells why. */
        if (!send_all(h->fd, out.data, out.len) && errno != EPIPE && errno != ECONNRESET)
                return err_set(e, ERR_SYS, "send to %s", u->text);
        return true;
}

/* ---- receiving */

static int on_field(http_parser *p, const char *at, size_t len)
{
        struct http *h = p->data;
        struct buf *to = &h->answer.headers;

        if (!h->in_field)
                buf_putc(to, '\n');
        h->in_field = true;
        for (size_t i = 0; i < len && to->len < HEADERS_MAX_BYTES; i++)
                buf_putc(to, (char)tolower((unsigned char)at[i]));
        return to->failed;
}

static int on_value(http_parser *p, const char *at, size_t len)
{
        struct http *h = p->data;
        struct buf *to = &h->answer.headers;

        if (h->in_field)
                buf_puts(to, ": ");
        h->in_field = false;
        if (to->len + len < HEADERS_MAX_BYTES)
                buf_put(to, at, len);
        return to->failed;
}

bool http_header(const struct http_answer *a, const char *name, struct buf *value_out)
{
        AUTO_BUF key = BUF_INIT;

        buf_printf(&key, "\n%s: ", name);
        const char *at = key.failed ? NULL : strstr(buf_str(&a->headers), key.data);
        if (!at)
                return false;
        at += key.len;
        buf_put(value_out, at, strcspn(at, "\n"));
        return true;
}

static int http_on_headers_complete(http_parser *p)
{
        struct http *h = p->data;
        AUTO_BUF type = BUF_INIT;

        h->answer.status = p->status_code;
        http_header(&h->answer, "content-type", &type);
        const char *text = buf_str(&type);
        size_t len = strcspn(text, "; \t");
        for (size_t i = 0; i < len && i + 1 < sizeof h->answer.type; i++)
                h->answer.type[i] = (char)tolower((unsigned char)text[i]);
        return 0;
}

static int http_on_body(http_parser *p, const char *at, size_t len)
{
        struct http *h = p->data;

        if (h->sink && p->status_code == 200) {
                h->stopped = !h->sink(h->sink_arg, at, len);
                return h->stopped;
        }
        h->too_large = h->answer.body.len + len > ANSWER_MAX_BYTES;
        if (!h->too_large)
                buf_put(&h->answer.body, at, len);
        return h->too_large || h->answer.body.failed;
}

static int http_on_message_complete(http_parser *p)
{
        struct http *h = p->data;

        h->done = true;
        return 0;
}

static const http_parser_settings callbacks = {
        .on_header_field = on_field,
        .on_header_value = on_value,
        .on_headers_complete = http_on_headers_complete,
        .on_body = http_on_body,
        .on_message_complete = http_on_message_complete,
};

static enum http_step failed_parse(struct http *h, struct err *e)
{
        if (h->answer.body.failed)
                err_nomem(e);
        else if (h->too_large)
                err_set(e, ERR_PROTOCOL, "the answer is larger than 256 MiB");
        else
                err_set(e, ERR_PROTOCOL, "the answer is not HTTP: %s",
                        http_errno_description(HTTP_PARSER_ERRNO(&h->parser)));
        return HTTP_FAILED;
}

enum http_step http_feed(struct http *h, struct err *e)
{
        char data[16384];
        ssize_t n = recv(h->fd, data, sizeof data, 0);

        if (n < 0 && errno == EINTR)
                return HTTP_MORE;
        if (n < 0) {
                err_set(e, ERR_SYS, "read the answer");
                return HTTP_FAILED;
        }
        size_t eaten = http_parser_execute(&h->parser, &callbacks, data, (size_t)n);
        if (h->done || h->stopped)
                return HTTP_DONE;
        if (eaten != (size_t)n || HTTP_PARSER_ERRNO(&h->parser) != HPE_OK)
                return failed_parse(h, e);
        if (n > 0)
                return HTTP_MORE;
        if (h->sink && h->answer.status == 200) /* a stream that was cut is a stream that ended */
                return HTTP_DONE;
        err_set(e, ERR_PROTOCOL, "the connection was closed before the answer was complete");
        return HTTP_FAILED;
}

bool http_finish(struct http *h, struct err *e)
{
        const struct http_wait *w = &h->wait;
        int timeout = w->on_tick && w->tick_ms > 0 ? w->tick_ms : -1;

        for (;;) {
                int ready = http_wait_fd(h->fd, POLLIN, w->interrupt_fd, timeout, e);
                if (ready < 0)
                        return false;
                if (ready == 0) {
                        if (w->on_tick)
                                w->on_tick(w->arg);
                        continue;
                }
                enum http_step step = http_feed(h, e);
                if (step != HTTP_MORE)
                        return step == HTTP_DONE;
        }
}

/* ---- the object */

struct http *http_start(const struct url *u, const struct http_request *rq,
                        const struct http_wait *wait, struct err *e)
{
        struct http *h = calloc(1, sizeof *h);

        if (!h) {
                err_nomem(e);
                return NULL;
        }
        h->fd = -1;
        h->wait = *wait;
        http_parser_init(&h->parser, HTTP_RESPONSE);
        h->parser.data = h;
        bool ok = u->kind == URL_UNIX ? connect_unix(h, u->path, e)
                  : u->kind == URL_HTTP
                      ? connect_tcp(h, u, e)
                      : err_set(e, ERR_USAGE, "Unknown protocol for serverurl %s", u->text);
        if (ok && http_send_request(h, u, rq, e))
                return h;
        http_free(h);
        return NULL;
}

void http_stream(struct http *h, http_sink sink, void *arg)
{
        h->sink = sink;
        h->sink_arg = arg;
}

int http_fd(const struct http *h)
{
        return h->fd;
}

const struct http_answer *http_answer(const struct http *h)
{
        return &h->answer;
}

void http_free(struct http *h)
{
        if (!h)
                return;
        fd_close(&h->fd);
        buf_release(&h->answer.headers);
        buf_release(&h->answer.body);
        free(h);
}
