/* Addresses of health checks from their text, and connecting to them one after another without
 * blocking. A socket that met itself is no connection. */
#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/unconst.h"
#include "base/vec.h"
#include "engine/watch/probe_kinds.h"

/* ---- targets: nothing here looks anything up */

static bool bad_target(struct err *e, const char *text, const char *why)
{
        return err_set(e, ERR_CONFIG, "healthcheck '%.200s': %s", text, why);
}

static bool parse_port(const char *text, in_port_t *out)
{
        size_t digits = strspn(text, "0123456789");

        if (digits == 0 || digits > 5 || text[digits])
                return false;
        long port = strtol(text, NULL, 10);
        *out = htons((uint16_t)port);
        return port >= 1 && port <= 65535;
}

static struct probe_address *probe_net_add_address(struct probe_target *t, struct err *e)
{
        if (!vec_grow(t->addresses, t->count)) {
                err_nomem(e);
                return NULL;
        }
        t->addresses[t->count] = (struct probe_address){ 0 };
        return &t->addresses[t->count++];
}

/* One address in digits, an interface behind a '%' included: nothing is looked up. */
static bool probe_net_put_digits(struct probe_target *t, const char *digits, in_port_t port,
                                 struct err *e)
{
        struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
        struct addrinfo *list = NULL;
        struct probe_address *a = NULL;

        if (getaddrinfo(digits, NULL, &hints, &list) == 0 && list->ai_addrlen <= sizeof a->at &&
            (a = probe_net_add_address(t, e))) {
                memcpy(&a->at, list->ai_addr, list->ai_addrlen);
                a->len = list->ai_addrlen;
                if (a->at.any.sa_family == AF_INET)
                        a->at.v4.sin_port = port;
                else
                        a->at.v6.sin6_port = port;
        }
        if (list)
                freeaddrinfo(list);
        return a != NULL;
}

/* False without an error: no address is known. */
static bool probe_net_put_host(struct probe_target *t, const char *host, in_port_t port,
                               const struct host *w, struct err *e)
{
        AUTO_STRLIST known = STRLIST_INIT;

        if (host[0] == '\0' || strcasecmp(host, "localhost") == 0)
                return probe_net_put_digits(t, "127.0.0.1", port, e) &&
                       probe_net_put_digits(t, "::1", port, e);
        if (probe_net_put_digits(t, host, port, e))
                return true;
        if (e->code != ERR_NONE || !w->resolve(w, host, &known, NULL))
                return false;
        for (size_t i = 0; i < known.count; i++)
                probe_net_put_digits(t, known.items[i], port, e);
        return t->count > 0 && e->code == ERR_NONE;
}

/* "host:port", "[v6]:port"; cut into its parts in place. *port: NULL when there is none. */
static bool probe_net_split_authority(char *text, char **host, char **port)
{
        char *end;

        *host = text;
        if (text[0] == '[') {
                *host = text + 1;
                end = strchr(text, ']');
                if (!end || (end[1] && end[1] != ':'))
                        return false;
                *port = end[1] ? end + 2 : NULL;
        } else {
                end = strchr(text, ':');
                *port = end ? end + 1 : NULL;
        }
        if (end)
                *end = '\0';
        return true;
}

static bool parse_inet(const char *authority, const char *default_port, const struct host *w,
                       struct probe_target *t, struct err *e)
{
        char text[512], *host, *port;
        in_port_t number;

        if (strlen(authority) >= sizeof text)
                return bad_target(e, authority, "the host is too long");
        strcpy(text, authority);
        if (!probe_net_split_authority(text, &host, &port))
                return bad_target(e, authority, "expected HOST:PORT");
        if (!port && default_port)
                port = unconst(default_port);
        if (!port || !parse_port(port, &number))
                return bad_target(e, authority, "expected a port from 1 to 65535 after the host");
        if (!probe_net_put_host(t, host, number, w, e))
                return e->code == ERR_NOMEM
                           ? false
                           : bad_target(e, authority,
                                        "the host was not found when the configuration was read; "
                                        "read it again, or use an address");
        t->authority = strdup(authority);
        return t->authority != NULL || err_nomem(e);
}

/* What would break out of the request line is refused rather than encoded: the server should see
 * what the file says. */
static bool parse_http(const char *text, const struct host *w, struct probe_target *t,
                       struct err *e)
{
        size_t host_len = strcspn(text, "/?#");
        size_t path_len = strcspn(text + host_len, "#");
        AUTO_BUF authority = BUF_INIT, path = BUF_INIT;

        for (const char *c = text; *c; c++)
                if ((unsigned char)*c <= ' ' || *c == 0x7f)
                        return bad_target(e, text, "blanks and control characters cannot be sent");
        buf_put(&authority, text, host_len);
        if (text[host_len] != '/')
                buf_putc(&path, '/');
        buf_put(&path, text + host_len, path_len);
        t->path = buf_take(&path);
        if (!t->path || authority.failed)
                return err_nomem(e);
        return parse_inet(buf_str(&authority), "80", w, t, e);
}

static bool parse_unix(const char *path, struct probe_target *t, struct err *e)
{
        size_t len = strlen(path);
        struct probe_address *a = probe_net_add_address(t, e);

        if (!a)
                return false;
        if (len == 0 || len >= sizeof a->at.local.sun_path)
                return bad_target(e, path, "expected the path of a socket, at most 107 bytes");
        a->at.local.sun_family = AF_UNIX;
        memcpy(a->at.local.sun_path, path, len + 1);
        a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
        t->authority = strdup(path);
        return t->authority != NULL || err_nomem(e);
}

bool probe_target_parse(enum check_kind kind, const char *text, const struct host *w,
                        struct probe_target *out, struct err *e)
{
        *out = (struct probe_target){ 0 };
        switch (kind) {
        case CHECK_HTTP:
                return parse_http(text, w, out, e);
        case CHECK_TCP:
                return parse_inet(text, NULL, w, out, e);
        case CHECK_UNIX:
                return parse_unix(text, out, e);
        case CHECK_NONE:
        case CHECK_EXEC:
                break;
        }
        return err_set(e, ERR_USAGE, "nothing to connect to");
}

void probe_target_release(struct probe_target *t)
{
        free(t->addresses);
        free(t->authority);
        free(t->path);
        *t = (struct probe_target){ 0 };
}

/* ---- connecting */

static void dial_next(struct probe *pr);

/* A connection to a local port in the ephemeral range without a listener can meet itself. */
static bool met_itself(int fd)
{
        struct probe_address here = { .len = sizeof here.at }, there = { .len = sizeof there.at };

        if (getsockname(fd, &here.at.any, &here.len) < 0 || here.at.any.sa_family == AF_UNIX ||
            getpeername(fd, &there.at.any, &there.len) < 0)
                return false;
        return here.len == there.len && memcmp(&here.at, &there.at, here.len) == 0;
}

static void dial_failed(struct probe *pr, int why)
{
        probe_close(pr);
        if (!pr->dial_errno)
                pr->dial_errno = why;
}

static void on_dialled(EV_P_ ev_io *w, int revents)
{
        struct probe *pr = w->data;
        int why = 0;
        socklen_t len = sizeof why;

        (void)revents;
        ev_io_stop(loop, w);
        ev_timer_stop(loop, &pr->turn);
        if (getsockopt(pr->fd, SOL_SOCKET, SO_ERROR, &why, &len) < 0)
                why = errno;
        if (!why && met_itself(pr->fd))
                why = ECONNREFUSED;
        if (!why) {
                pr->on_connected(pr);
                return;
        }
        dial_failed(pr, why);
        dial_next(pr);
}

static int dial_one(struct probe *pr, const struct probe_address *a)
{
        pr->fd = socket(a->at.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (pr->fd < 0)
                return errno;
        if (connect(pr->fd, &a->at.any, a->len) == 0)
                return met_itself(pr->fd) ? ECONNREFUSED : 0;
        return errno;
}

static void probe_net_on_turn(EV_P_ ev_timer *w, int revents)
{
        struct probe *pr = w->data;

        (void)loop, (void)revents;
        dial_failed(pr, ETIMEDOUT);
        dial_next(pr);
}

/* Of the time that is left, the last address has all. */
static void limit_turn(struct probe *pr)
{
        int others = pr->target.count - pr->next_address;
        int64_t left_ms = pr->began_ms + pr->program->healthcheck_timeout_ms - clock_mono_ms();

        if (others == 0)
                return;
        ev_set_cb(&pr->turn, probe_net_on_turn);
        ev_now_update(pr->sup->loop);
        ev_timer_set(&pr->turn, left_ms > 0 ? (double)left_ms / (others + 1) / 1000 : 0., 0.);
        ev_timer_start(pr->sup->loop, &pr->turn);
}

static void dial_next(struct probe *pr)
{
        while (pr->next_address < pr->target.count) {
                int why = dial_one(pr, &pr->target.addresses[pr->next_address++]);
                if (why == EINPROGRESS) {
                        probe_watch(pr, EV_WRITE, on_dialled);
                        limit_turn(pr);
                        return;
                }
                if (!why) {
                        pr->on_connected(pr);
                        return;
                }
                dial_failed(pr, why);
        }
        probe_answer(pr, false, "connect to %s: %s", pr->target.authority,
                     strerror(pr->dial_errno));
}

void probe_dial(struct probe *pr, void (*on_connected)(struct probe *pr))
{
        pr->next_address = 0;
        pr->dial_errno = 0;
        pr->on_connected = on_connected;
        dial_next(pr);
}

/* ---- tcp and unix: that a connection is accepted is all that is asked */

static bool connect_prepare(struct probe *pr, const char *target, struct err *e)
{
        return probe_target_parse(pr->program->healthcheck.kind, target, pr->sup->host, &pr->target,
                                  e);
}

static void connect_done(struct probe *pr)
{
        probe_answer(pr, true, NULL);
}

static void connect_ask(struct probe *pr)
{
        probe_dial(pr, connect_done);
}

static void connect_release(struct probe *pr)
{
        probe_target_release(&pr->target);
}

const struct probe_kind probe_by_connect = {
        .prepare = connect_prepare,
        .ask = connect_ask,
        .cut = probe_close,
        .release = connect_release,
};
