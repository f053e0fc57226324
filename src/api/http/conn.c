/* One connection: bytes in, requests to the router one after the other, and every way it can end.
 */
#include "api/http/conn.h"
#include "engine/core/startup.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "api/access/door.h"
#include "base/fd.h"
#include "logs/logs.h"
#include "logs/mainlog/mainlog.h"
#include "wire/percent.h"

#define READ_BYTES (64u << 10)
#define AHEAD_MAX  (64u << 10) /* bytes of later requests that are read before their turn */
#define LINGER_MAX (32u << 20)
#define IDLE_S     600.
#define REQUEST_S  60.
#define STUCK_S    60. /* an answer of which the client takes nothing */
#define GOODBYE_S  5.
#define LOGGED_S   1. /* a disk that hangs holds up no answer for longer */

static const struct {
        bool reads;
        double limit_s; /* 0: none */
} rules[CONN_STATE_COUNT] = {
        [CONN_IDLE] = { true, IDLE_S },    [CONN_READING] = { true, REQUEST_S },
        [CONN_PAUSED] = { false, 1. },     [CONN_BUSY] = { true, 0. },
        [CONN_HELD] = { false, LOGGED_S }, [CONN_FLUSH] = { false, STUCK_S },
        [CONN_STREAM] = { true, 0. },      [CONN_LINGER] = { true, GOODBYE_S },
        [CONN_DEAD] = { false, 0. },
};

static void read_or_not(struct conn *c)
{
        if (rules[c->state].reads && !c->eof && c->in.len < AHEAD_MAX)
                ev_io_start(c->api->loop, &c->in_ready);
        else
                ev_io_stop(c->api->loop, &c->in_ready);
}

void conn_enter(struct conn *c, enum conn_state state)
{
        struct ev_loop *loop = c->api->loop;

        c->state = state;
        conn_place(c);
        if (rules[state].limit_s > 0) {
                c->limit.repeat = rules[state].limit_s;
                if (state == CONN_PAUSED)
                        c->limit.repeat *= c->pause_s;
                ev_timer_again(loop, &c->limit);
        } else {
                ev_timer_stop(loop, &c->limit);
        }
        read_or_not(c);
}

void conn_wake(struct conn *c)
{
        ev_feed_event(c->api->loop, &c->in_ready, EV_CUSTOM);
}

static void conn_hold(struct conn *c)
{
        c->holds++;
}

static void conn_unhold(struct conn *c)
{
        if (--c->holds > 0)
                return;
        http_parse_free(c->parse);
        free(c->req.target);
        free(c->req.path);
        free(c->req.query);
        buf_release(&c->req.body);
        buf_release(&c->in);
        buf_release(&c->out);
        buf_release(&c->rest);
        if (--c->from->refs == 0)
                c->from->release(c->from);
        free(c);
}

static void forget_logged(struct conn *c)
{
        if (c->logged)
                logs_wait_cancel(c->logged);
        c->logged = NULL;
}

void conn_close(struct conn *c)
{
        struct api *a = c->api;
        bool owes = c->state == CONN_BUSY || c->state == CONN_STREAM;

        if (c->state == CONN_DEAD)
                return;
        conn_enter(c, CONN_DEAD);
        forget_logged(c);
        ev_io_stop(a->loop, &c->out_ready);
        fd_close(&c->fd);
        DL_DELETE(a->conns, c);
        a->conn_count--;
        a->held -= c->held;
        c->held = 0;
        c->from->taken -= c->descriptors;
        if (owes && c->req.on_gone)
                c->req.on_gone(&c->req);
        conn_unhold(c);
}

/* ---- a request's life */

/* Split and decode the target. 0, or the status to refuse it with: no memory, or a path that no
 * file or process can have. */
static int request_fill(struct conn *c)
{
        struct request *r = &c->req;
        const struct http_parse *p = c->parse;
        struct target_parts parts = target_split(http_parse_target(p));
        struct buf path = BUF_INIT;

        percent_decode(parts.path, parts.path_len, false, &path);
        size_t len = path.len;
        r->path = buf_take(&path);
        r->target = strdup(http_parse_target(p));
        r->query = strndup(parts.query, strcspn(parts.query, "#"));
        if (!r->path || !r->target || !r->query)
                return 503;
        if (strlen(r->path) != len)
                return 400;
        strncpy(r->method, http_parse_method(p), sizeof r->method - 1);
        r->http11 = http_parse_is_11(p);
        r->keep_alive = http_parse_keep_alive(p);
        return 0;
}

void conn_name_request(struct conn *c)
{
        struct api *a = c->api;
        char *id = c->req.caller.request_id;
        const char *given = c->whole_head ? http_parse_header(c->parse, "X-Request-Id") : NULL;
        size_t len = given ? strlen(given) : 0;
        bool fine = len > 0 && len < sizeof c->req.caller.request_id;

        for (size_t i = 0; fine && i < len; i++)
                fine = given[i] > ' ' && given[i] < 0x7f;
        if (fine)
                memcpy(id, given, len + 1);
        else
                snprintf(id, sizeof c->req.caller.request_id, "%08x-%u", (unsigned)a->instance,
                         ++a->requests);
}

/* Guessing is slow, and leaves a trace. */
static void note_guess(struct conn *c)
{
        const struct caller *by = &c->req.caller;
        const char *colon = strrchr(by->peer, ':');
        char peer[64];
        unsigned count;

        if (by->known)
                snprintf(peer, sizeof peer, "uid %d", (int)by->uid);
        else
                snprintf(peer, sizeof peer, "%.*s", colon ? (int)(colon - by->peer) : 60, by->peer);
        c->pause_s = guesses_note(&c->api->guesses, peer, clock_now().mono_ms, &count);
        if (count > 0)
                log_line(c->api->sup->log, LVL_WARN,
                         "[%s]: %u wrong password%s from %s (said once a minute)",
                         c->from->conf.section, count, count > 1 ? "s" : "", peer);
}

/* 0, or the status to refuse it with. */
static int conn_ask_door(struct conn *c, const struct http_parse *p, enum right right)
{
        struct request *r = &c->req;
        const struct host *w = r->sup->host;
        const struct door_ask ask = {
                .server = r->server,
                .caller = &r->caller,
                .hostname = w ? w->hostname : NULL,
                .authorization = http_parse_header(p, "Authorization"),
                .browser = { .method = r->method,
                             .path = r->path,
                             .host = http_parse_header(p, "Host"),
                             .origin = http_parse_header(p, "Origin"),
                             .site = http_parse_header(p, "Sec-Fetch-Site"),
                             .mode = http_parse_header(p, "Sec-Fetch-Mode"),
                             .dest = http_parse_header(p, "Sec-Fetch-Dest"),
                             .two_origins = http_parse_header_at(p, "Origin", 1),
                             .two_sites = http_parse_header_at(p, "Sec-Fetch-Site", 1) }
        };
        struct door_answer answer = door_decide(&ask, right);

        r->granted = answer.granted;
        c->why = answer.why;
        c->trusted = c->trusted || answer.knows_password;
        if (answer.status == 401 && ask.authorization)
                note_guess(c);
        return answer.status;
}

/* The headers are whole: is the body worth reading? */
static int conn_check_head(void *arg, struct http_parse *p)
{
        struct conn *c = arg;
        struct request *r = &c->req;

        c->whole_head = true;
        conn_name_request(c);
        int status = request_fill(c);
        if (status != 0)
                return status;
        struct route_row row = c->api->row(r);
        http_parse_limit_body(p, row.body_max);
        return conn_ask_door(c, p, row.right);
}

/* Ready for the next one. Who calls stays the same for the connection's life. */
static void request_reset(struct conn *c)
{
        struct request *r = &c->req;

        http_parse_free(c->parse);
        c->parse = NULL;
        c->whole_head = false;
        c->chunked = false;
        c->why = NULL;
        c->pause_s = 0;
        c->on_drained = NULL;
        free(r->target);
        free(r->path);
        free(r->query);
        buf_release(&r->body);
        c->from->taken -= c->descriptors - 1;
        c->descriptors = 1;
        budget_count(c);
        *r = (struct request){ .conn = c,
                               .api = c->api,
                               .sup = c->api->sup,
                               .server = &c->from->conf,
                               .caller = r->caller };
        r->caller.request_id[0] = '\0';
}

static void conn_let_go(struct conn *c)
{
        forget_logged(c);
        conn_enter(c, CONN_FLUSH);
        conn_flush(c);
}

static void on_logged(void *arg)
{
        struct conn *c = arg;

        c->logged = NULL;
        conn_let_go(c);
}

static void let_go_late(struct conn *c)
{
        c->api->log_hangs = true;
        conn_let_go(c);
}

void conn_answer(struct conn *c)
{
        struct api *a = c->api;

        if (!mainlog_is_behind(startup_of(a->sup)->mainlog))
                a->log_hangs = false;
        else if (!a->log_hangs)
                c->logged = logs_wait(a->sup->logs, on_logged, NULL, c);
        if (c->logged)
                conn_enter(c, CONN_HELD);
        else
                conn_let_go(c);
}

static void conn_dispatch(struct conn *c)
{
        c->req.body = http_parse_take_body(c->parse);
        if (!c->req.keep_alive || c->from->closed)
                c->close_after = true;
        conn_enter(c, CONN_BUSY);
        c->api->route(&c->req);
}

/* One step through what was read: false when more bytes are needed. */
static bool conn_step(struct conn *c)
{
        size_t used = 0;

        if (!c->parse) { /* blank lines between requests are no part of either */
                used = strspn(c->in.data, "\r\n");
                if (used == c->in.len) {
                        buf_reset(&c->in);
                        return false;
                }
                buf_drop(&c->in, used);
                c->parse = http_parse_new(conn_check_head, c);
                if (!c->parse) {
                        reply_refuse(c, 503);
                        return false;
                }
        }
        enum http_progress got = http_parse_feed(c->parse, c->in.data, c->in.len, &used);
        buf_drop(&c->in, used);
        switch (got) {
        case HTTP_DONE:
                conn_dispatch(c);
                return true;
        case HTTP_BAD:
                if (c->pause_s > 0)
                        conn_enter(c, CONN_PAUSED);
                else
                        reply_refuse(c, http_parse_status(c->parse));
                return false;
        default:
                if (http_parse_wants_continue(c->parse)) {
                        buf_puts(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
                        if (!conn_flush(c))
                                return false;
                }
                if (c->state == CONN_IDLE)
                        conn_enter(c, CONN_READING);
                else
                        conn_place(c); /* its head may be whole now */
                return false;
        }
}

static bool takes_requests(const struct conn *c)
{
        return c->state == CONN_IDLE || c->state == CONN_READING;
}

/* Handle what was read, one request after the other, until one has to wait. */
static void conn_run(struct conn *c)
{
        conn_hold(c);
        c->running = true;
        while (takes_requests(c) && c->in.len > 0 && conn_step(c))
                ;
        c->running = false;
        if (takes_requests(c)) {
                if (c->eof)
                        conn_close(c);
                else if (c->in.len == 0)
                        buf_release(&c->in); /* an idle connection costs no buffer */
        }
        if (c->state != CONN_DEAD)
                read_or_not(c);
        conn_unhold(c);
}

void conn_answered(struct conn *c)
{
        ev_io_stop(c->api->loop, &c->out_ready);
        if (c->close_after) {
                if (c->eof || shutdown(c->fd, SHUT_WR) < 0) {
                        conn_close(c);
                        return;
                }
                request_reset(c);
                buf_release(&c->in);
                conn_enter(c, CONN_LINGER);
                return;
        }
        request_reset(c);
        c->was_served = true;
        conn_enter(c, CONN_IDLE);
        if (!c->running && (c->in.len > 0 || c->eof))
                conn_wake(c); /* not from within the answering call: deep in the engine */
}

/* ---- the loop's side */

/* The reading end is closed. Has the client left, or does it only send no more? A Unix socket
 * tells; on TCP both look alike, and an answer is worth trying. */
static bool peer_left(const struct conn *c)
{
        struct pollfd p = { .fd = c->fd };

        return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR));
}

static void on_eof(struct conn *c)
{
        c->eof = true;
        ev_io_stop(c->api->loop, &c->in_ready);
        if (c->state == CONN_BUSY && !peer_left(c))
                c->close_after = true;
        else
                conn_close(c);
}

static void run_within_budget(struct conn *c)
{
        conn_hold(c);
        conn_run(c);
        if (c->state != CONN_DEAD) {
                budget_count(c);
                if (takes_requests(c) && !budget_fits(c))
                        reply_refuse(c, 503);
        }
        conn_unhold(c);
}

static void conn_read_some(struct conn *c)
{
        char data[READ_BYTES];
        ssize_t n = read(c->fd, data, sizeof data);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n < 0) {
                conn_close(c);
                return;
        }
        if (n == 0) {
                on_eof(c);
                return;
        }
        if (c->state == CONN_LINGER) {
                c->lingered += (size_t)n;
                if (c->lingered > LINGER_MAX)
                        conn_close(c);
                return;
        }
        buf_put(&c->in, data, (size_t)n);
        if (c->in.failed)
                conn_close(c);
        else
                run_within_budget(c);
}

static void on_in_ready(EV_P_ ev_io *w, int revents)
{
        struct conn *c = w->data;

        (void)loop;
        if (revents & EV_READ)
                conn_read_some(c);
        else
                conn_run(c);
}

static void conn_on_out_ready(EV_P_ ev_io *w, int revents)
{
        struct conn *c = w->data;

        (void)loop, (void)revents;
        conn_flush(c);
}

static void conn_on_limit(EV_P_ ev_timer *w, int revents)
{
        struct conn *c = w->data;

        (void)loop, (void)revents;
        if (c->state == CONN_READING)
                reply_refuse(c, 408);
        else if (c->state == CONN_PAUSED)
                reply_refuse(c, http_parse_status(c->parse));
        else if (c->state == CONN_HELD)
                let_go_late(c);
        else
                conn_close(c);
}

struct conn *conn_new(struct api *a, struct listener *from, int fd)
{
        struct conn *c = calloc(1, sizeof *c);

        if (!c) {
                close(fd);
                return NULL;
        }
        c->api = a;
        c->from = from;
        from->refs++;
        c->fd = fd;
        c->holds = 1;
        c->state = CONN_DEAD;
        c->place = PLACE_COUNT;
        c->descriptors = 1;
        from->taken++;
        ev_io_init(&c->in_ready, on_in_ready, fd, EV_READ);
        ev_io_init(&c->out_ready, conn_on_out_ready, fd, EV_WRITE);
        ev_timer_init(&c->limit, conn_on_limit, 0., 0.);
        c->in_ready.data = c->out_ready.data = c->limit.data = c;
        DL_APPEND(a->conns, c);
        a->conn_count++;
        request_reset(c);
        conn_enter(c, CONN_IDLE);
        return c;
}

void conn_retire(struct conn *c)
{
        c->close_after = true;
        if (takes_requests(c) || c->state == CONN_STREAM)
                conn_close(c);
}

void conn_end(struct conn *c)
{
        bool owes = c->state == CONN_BUSY || c->state == CONN_STREAM;

        conn_hold(c);
        c->close_after = true;
        if (owes && c->req.on_gone)
                c->req.on_gone(&c->req);
        c->req.on_gone = NULL;
        if (c->state == CONN_STREAM)
                stream_end(&c->req);
        else if (c->state == CONN_BUSY)
                reply_error_page(&c->req, 503);
        if (c->state == CONN_HELD)
                conn_let_go(c);
        else if (c->state == CONN_FLUSH)
                conn_flush(c);
        conn_close(c);
        conn_unhold(c);
}

const char *request_header(const struct request *r, const char *name)
{
        return http_parse_header(r->conn->parse, name);
}

bool request_param(const struct request *r, const char *name, struct buf *out)
{
        return query_param(r->query, name, out);
}
