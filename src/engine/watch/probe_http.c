/* Health checks by HTTP: one GET on a connection of its own, judged by the status. Reads no more
 * than the result needs. Nothing is looked up here. */
#include <errno.h>
#include <http_parser.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/watch/probe_kinds.h"

/* No honest answer needs more before its body's first KiB; a server that sends interim answers for
 * ever is cut off here. */
#define ANSWER_MAX (256 * 1024)

struct http_asking {
        struct http_parser parser; /* its data is the probe */
        struct buf request;
        size_t sent, received;
        int status; /* the final one; 0: not seen yet */
        bool complete;
};

static void probe_http_on_answer(EV_P_ ev_io *w, int revents);
static void on_sendable(EV_P_ ev_io *w, int revents);

static bool http_prepare(struct probe *pr, const char *target, struct err *e)
{
        return probe_target_parse(CHECK_HTTP, target, pr->sup->host, &pr->target, e);
}

static void http_forget(struct probe *pr)
{
        probe_close(pr);
        if (pr->http)
                buf_release(&pr->http->request);
        free(pr->http);
        pr->http = NULL;
}

static void http_release(struct probe *pr)
{
        probe_target_release(&pr->target);
}

/* ---- what the parser tells */

/* The status line is read: 1xx announce that another answer follows. */
static int note_status(struct http_parser *hp)
{
        struct probe *pr = hp->data;
        int status = (int)hp->status_code;

        if (status >= 200 || status == 101)
                pr->http->status = status;
        return 0;
}

static int on_header(struct http_parser *hp, const char *at, size_t len)
{
        (void)at, (void)len;
        return note_status(hp);
}

static int probe_http_on_body(struct http_parser *hp, const char *at, size_t len)
{
        struct probe *pr = hp->data;

        probe_keep(pr, at, len);
        pr->http->complete = pr->output.len == PROBE_OUTPUT_MAX;
        return 0;
}

static int on_complete(struct http_parser *hp)
{
        struct probe *pr = hp->data;

        pr->http->complete = pr->http->status != 0;
        return 0;
}

static const struct http_parser_settings settings = {
        .on_header_field = on_header,
        .on_headers_complete = note_status,
        .on_body = probe_http_on_body,
        .on_message_complete = on_complete,
};

/* ---- the verdict */

static bool http_conclude(struct probe *pr)
{
        int status = pr->http ? pr->http->status : 0;

        if (!status)
                return false;
        if (status >= 200 && status < 400)
                probe_answer(pr, true, NULL);
        else
                probe_answer(pr, false, "HTTP status %d", status);
        return true;
}

/* The connection ended, or what came is no HTTP: the status decides when there is one. */
static void http_over(struct probe *pr, const char *why)
{
        if (!http_conclude(pr))
                probe_answer(pr, false, "%s: %s", pr->target.authority, why);
}

/* ---- the conversation */

static void take_answer(struct probe *pr, const char *data, size_t len)
{
        struct http_asking *h = pr->http;

        h->received += len;
        size_t taken = http_parser_execute(&h->parser, &settings, data, len);
        enum http_errno why = HTTP_PARSER_ERRNO(&h->parser);
        if (h->complete)
                http_conclude(pr);
        else if (why != HPE_OK)
                http_over(pr, http_errno_description(why));
        else if (len == 0)
                http_over(pr, "closed without an answer");
        else if (taken < len || h->received > ANSWER_MAX)
                http_over(pr, "the answer is not what was asked for");
}

static void probe_http_on_answer(EV_P_ ev_io *w, int revents)
{
        struct probe *pr = w->data;
        char chunk[4096];
        ssize_t n = recv(pr->fd, chunk, sizeof chunk, 0);

        (void)loop, (void)revents;
        if (n >= 0)
                take_answer(pr, chunk, (size_t)n);
        else if (errno != EAGAIN && errno != EINTR)
                http_over(pr, strerror(errno));
}

static void probe_http_send_request(struct probe *pr)
{
        struct http_asking *h = pr->http;

        while (h->sent < h->request.len) {
                ssize_t n =
                    send(pr->fd, h->request.data + h->sent, h->request.len - h->sent, MSG_NOSIGNAL);
                if (n >= 0) {
                        h->sent += (size_t)n;
                } else if (errno == EAGAIN) {
                        probe_watch(pr, EV_WRITE, on_sendable);
                        return;
                } else if (errno != EINTR) {
                        break; /* it may have answered before it hung up: read on */
                }
        }
        probe_watch(pr, EV_READ, probe_http_on_answer);
}

static void on_sendable(EV_P_ ev_io *w, int revents)
{
        (void)loop, (void)revents;
        probe_http_send_request(w->data);
}

static void http_ask(struct probe *pr)
{
        struct http_asking *h = calloc(1, sizeof *h);

        pr->http = h;
        if (h)
                buf_printf(&h->request,
                           "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: supervisord-healthcheck\r\n"
                           "Accept: */*\r\nConnection: close\r\n\r\n",
                           pr->target.path, pr->target.authority);
        if (!h || h->request.failed) {
                probe_answer(pr, false, "out of memory");
                return;
        }
        http_parser_init(&h->parser, HTTP_RESPONSE);
        h->parser.data = pr;
        probe_dial(pr, probe_http_send_request);
}

const struct probe_kind probe_by_http = {
        .prepare = http_prepare,
        .ask = http_ask,
        .cut = http_forget,
        .conclude = http_conclude,
        .release = http_release,
};
