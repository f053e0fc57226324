/* What goes back: whole answers, refusals, and answers that go on. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "api/http/conn.h"

#define CRLF "\r\n"

const char *http_reason(int status)
{
        static const struct {
                int status;
                const char *reason;
        } reasons[] = {
                { 200, "OK" },
                { 202, "Accepted" },
                { 204, "No Content" },
                { 301, "Moved Permanently" },
                { 304, "Not Modified" },
                { 400, "Bad Request" },
                { 401, "Unauthorized" },
                { 403, "Forbidden" },
                { 404, "Not Found" },
                { 405, "Method Not Allowed" },
                { 408, "Request Timeout" },
                { 409, "Conflict" },
                { 410, "Gone" },
                { 411, "Length Required" },
                { 413, "Request Entity Too Large" },
                { 422, "Unprocessable Entity" },
                { 431, "Request Header Fields Too Large" },
                { 500, "Internal Server Error" },
                { 501, "Not Implemented" },
                { 503, "Service Unavailable" },
                { 504, "Gateway Timeout" },
                { 505, "HTTP Version Not Supported" },
        };

        for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
                if (reasons[i].status == status)
                        return reasons[i].reason;
        return "Unknown";
}

static bool is_head(const struct request *r)
{
        return strcmp(r->method, "HEAD") == 0;
}

/* Made once a second at most. */
static const char *date_of(struct api *a)
{
        time_t now = (time_t)(clock_wall_ms() / 1000);
        struct tm tm;

        if (now == a->date_s)
                return a->date;
        a->date_s = now;
        a->date[0] = '\0';
        if (gmtime_r(&now, &tm))
                strftime(a->date, sizeof a->date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        return a->date;
}

static void reply_put_line(struct buf *out, const char *name, const char *value)
{
        buf_puts(out, name);
        buf_puts(out, value);
        buf_lit(out, CRLF);
}

static void reply_put_head(struct conn *c, int status, const char *type, const char *extra)
{
        const struct request *r = &c->req;
        struct buf *out = &c->out;

        buf_reserve(out, 512);
        buf_puts(out, r->http11 || !c->whole_head ? "HTTP/1.1 " : "HTTP/1.0 ");
        buf_put_int(out, status);
        reply_put_line(out, " ", http_reason(status));
        reply_put_line(out, "Server: ", "Medusa/1.12");
        reply_put_line(out, "Date: ", date_of(c->api));
        if (type)
                reply_put_line(out, "Content-Type: ", type);
        if (r->caller.request_id[0])
                reply_put_line(out, "X-Request-Id: ", r->caller.request_id);
        if (c->close_after)
                reply_put_line(out, "Connection: ", "close");
        else if (!r->http11)
                reply_put_line(out, "Connection: ", "Keep-Alive");
        if (extra)
                buf_puts(out, extra);
}

static void reply_trace(const struct conn *c, int status, size_t len)
{
        const struct request *r = &c->req;
        struct log *log = c->api->sup->log;

        if (log_wants(log, LVL_TRACE))
                log_line(log, LVL_TRACE, "%s - \"%s %s\" %d %zu",
                         r->caller.peer[0] ? r->caller.peer : "unix", r->method,
                         r->target ? r->target : "", status, len);
}

size_t conn_waiting(const struct conn *c)
{
        return c->out.len - c->sent + c->rest.len;
}

static void reply_flushed(struct conn *c)
{
        ev_io_stop(c->api->loop, &c->out_ready);
        buf_release(&c->out);
        c->sent = 0;
        budget_count(c);
        if (c->state == CONN_FLUSH)
                conn_answered(c);
        else if (c->state == CONN_STREAM && c->on_drained)
                c->on_drained(&c->req);
}

/* Not to fill memory with what has long gone out. */
static void reply_compact(struct conn *c)
{
        if (c->sent < 64u << 10 || c->sent < c->out.len / 2)
                return;
        buf_drop(&c->out, c->sent);
        c->sent = 0;
}

static void reply_take_rest(struct conn *c)
{
        buf_release(&c->out);
        c->out = c->rest;
        c->rest = BUF_INIT;
        c->sent = 0;
}

bool conn_flush(struct conn *c)
{
        bool progress = false;

        while (conn_waiting(c) > 0) {
                if (c->sent == c->out.len)
                        reply_take_rest(c);
                ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent,
                                 MSG_NOSIGNAL | (c->rest.len ? MSG_MORE : 0));
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n < 0) {
                        conn_close(c);
                        return false;
                }
                c->sent += (size_t)n;
                progress = true;
        }
        if (conn_waiting(c) == 0) {
                reply_flushed(c);
                return true;
        }
        reply_compact(c);
        budget_count(c);
        if (progress && c->state == CONN_FLUSH)
                ev_timer_again(c->api->loop, &c->limit);
        ev_io_start(c->api->loop, &c->out_ready);
        return true;
}

static void send_answer(struct conn *c)
{
        if (c->out.failed)
                conn_close(c);
        else
                conn_answer(c);
}

/* Head, and length of what follows. */
static void reply_put_answer(struct conn *c, int status, const char *type, const char *extra,
                             size_t len)
{
        reply_put_head(c, status, type, extra);
        if (status != 204 && status != 304) {
                buf_lit(&c->out, "Content-Length: ");
                buf_put_int(&c->out, (int64_t)len);
                buf_lit(&c->out, CRLF);
        }
        buf_lit(&c->out, CRLF);
        reply_trace(c, status, len);
}

static bool has_body(const struct request *r, int status)
{
        return !is_head(r) && status != 204 && status != 304;
}

void reply(struct request *r, int status, const char *type, const char *extra, const void *data,
           size_t len)
{
        struct conn *c = r->conn;

        if (c->state != CONN_BUSY)
                return;
        if (len > BUDGET_LITTLE) {
                struct buf copy = BUF_INIT;
                buf_put(&copy, data, len);
                if (copy.failed)
                        reply_refuse(c, 503);
                else
                        reply_body(r, status, type, extra, &copy);
                buf_release(&copy);
                return;
        }
        reply_put_answer(c, status, type, extra, len);
        if (has_body(r, status))
                buf_put(&c->out, data, len);
        send_answer(c);
}

void reply_body(struct request *r, int status, const char *type, const char *extra,
                struct buf *body)
{
        struct conn *c = r->conn;
        AUTO_BUF mine = *body;

        *body = BUF_INIT;
        if (c->state != CONN_BUSY)
                return;
        if (mine.len <= BUDGET_LITTLE) {
                reply(r, status, type, extra, buf_str(&mine), mine.len);
                return;
        }
        size_t begin = c->out.len;
        reply_put_answer(c, status, type, extra, mine.len);
        if (has_body(r, status)) {
                c->rest = mine;
                mine = BUF_INIT;
        }
        budget_count(c);
        if (budget_fits(c)) {
                send_answer(c);
                return;
        }
        buf_cut(&c->out, begin);
        buf_release(&c->rest);
        budget_count(c);
        reply_refuse(c, 503);
}

/* why: NULL, or words of ours. */
static int error_page(char *page, size_t size, int status, const char *why)
{
        return snprintf(page, size,
                        "<head>\r\n<title>Error response</title>\r\n</head>\r\n<body>\r\n"
                        "<h1>Error response</h1>\r\n<p>Error code %d.\r\n<p>Message: "
                        "%s.\r\n%s%s%s</body>\r\n",
                        status, http_reason(status), why ? "<p>" : "", why ? why : "",
                        why ? ".\r\n" : "");
}

void reply_error_page(struct request *r, int status)
{
        char page[512];
        int n = error_page(page, sizeof page, status, NULL);

        reply(r, status, "text/html", NULL, page, (size_t)n);
}

static int reply_problem(char *text, size_t size, int status, const char *why)
{
        static const struct {
                int status;
                const char *code;
        } codes[] = { { 401, "UNAUTHORIZED" }, { 403, "FORBIDDEN" }, { 413, "TOO_LARGE" },
                      { 431, "TOO_LARGE" },    { 408, "TIMEOUT" },   { 503, "BUSY" } };
        const char *code = "BAD_REQUEST";

        for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
                if (codes[i].status == status)
                        code = codes[i].code;
        return snprintf(text, size,
                        "{\"status\":%d,\"title\":\"%s\",\"detail\":%s%s%s,\"code\":\"%s\"}\n",
                        status, http_reason(status), why ? "\"" : "", why ? why : "null",
                        why ? "\"" : "", code);
}

/* Nothing that came with a refused request is trusted to be understood: the connection ends. */
void reply_refuse(struct conn *c, int status)
{
        struct request *r = &c->req;
        const char *target = r->path ? r->path : c->parse ? http_parse_target(c->parse) : "";
        bool json = strncmp(target, "/v1/", 4) == 0;
        char text[512];
        int n = json ? reply_problem(text, sizeof text, status, c->why)
                     : error_page(text, sizeof text, status, c->why);

        c->close_after = true;
        if (r->caller.request_id[0] == '\0')
                conn_name_request(c);
        if (!c->whole_head)
                snprintf(r->method, sizeof r->method, "-");
        conn_enter(c, CONN_BUSY);
        reply(r, status, json ? "application/problem+json" : "text/html",
              status == 401 ? "WWW-Authenticate: Basic realm=\"default\"" CRLF : NULL, text,
              (size_t)n);
}

/* ---- streams */

bool stream_begin_reply(struct request *r, int status, const char *type, const char *extra)
{
        struct conn *c = r->conn;

        if (c->state != CONN_BUSY)
                return false;
        c->chunked = r->http11;
        if (!c->chunked)
                c->close_after = true;
        reply_put_head(c, status, type, extra);
        if (c->chunked)
                buf_puts(&c->out, "Transfer-Encoding: chunked" CRLF);
        buf_puts(&c->out, CRLF);
        reply_trace(c, status, 0);
        conn_enter(c, CONN_STREAM);
        ev_io_start(c->api->loop, &c->out_ready);
        if (!c->out.failed)
                return true;
        conn_close(c);
        return false;
}

bool stream_send(struct request *r, const void *data, size_t len)
{
        struct conn *c = r->conn;

        if (c->state != CONN_STREAM)
                return false;
        if (len == 0)
                return true; /* an empty chunk would be the end */
        size_t most = budget_is_short(c->api) ? BUDGET_LITTLE : STREAM_WAIT_MAX;
        if (conn_waiting(c) > 0 && conn_waiting(c) + len > most) {
                conn_close(c);
                return false;
        }
        if (c->chunked)
                buf_printf(&c->out, "%zx" CRLF, len);
        buf_put(&c->out, data, len);
        if (c->chunked)
                buf_puts(&c->out, CRLF);
        if (c->out.failed) {
                conn_close(c);
                return false;
        }
        budget_count(c);
        ev_io_start(c->api->loop, &c->out_ready);
        return true;
}

size_t stream_waiting(const struct request *r)
{
        return conn_waiting(r->conn);
}

void stream_on_drained(struct request *r, void (*fn)(struct request *r))
{
        r->conn->on_drained = fn;
}

void stream_end(struct request *r)
{
        struct conn *c = r->conn;

        if (c->state != CONN_STREAM)
                return;
        if (c->chunked)
                buf_puts(&c->out, "0" CRLF CRLF);
        send_answer(c);
}
