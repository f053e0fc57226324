/* Listening sockets of floor 3: bound from the configuration, accepting, given up. */
#include "api/http/server_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/http/sock_file.h"
#include "base/fd.h"
#include "base/reserve.h"
#include "engine/core/startup.h"
#include "engine/order/lookup.h"
#include "sys/net/listen.h"
#include "sys/store/guarded.h"
#include "sys/store/handover.h"

#define BACKLOG       1024
#define ACCEPTS_A_RUN 64    /* then the others get their turn */
#define PAUSE_S       0.1   /* without descriptors: until the next try */
#define SHORT_MS      60000 /* and how often that is said */

/* ---- copies of the configuration */

static bool copy_text(char **to, const char *from)
{
        *to = from ? strdup(from) : NULL;
        return !from || *to;
}

static void conf_release(struct server_conf *c)
{
        free(c->section);
        free(c->file);
        free(c->port.host);
        free(c->username);
        free(c->password);
        free(c->conf_file);
        free(c->allowed_hosts);
        *c = (struct server_conf){ 0 };
}

static bool conf_copy(struct server_conf *to, const struct server_conf *from)
{
        *to = (struct server_conf){ .kind = from->kind,
                                    .chmod = from->chmod,
                                    .chown = from->chown,
                                    .line = from->line,
                                    .port.port = from->port.port };
        if (copy_text(&to->section, from->section) && copy_text(&to->file, from->file) &&
            copy_text(&to->port.host, from->port.host) &&
            copy_text(&to->username, from->username) && copy_text(&to->password, from->password) &&
            copy_text(&to->conf_file, from->conf_file) &&
            copy_text(&to->allowed_hosts, from->allowed_hosts))
                return true;
        conf_release(to);
        return false;
}

static bool same_text(const char *a, const char *b)
{
        return strcmp(a ? a : "", b ? b : "") == 0;
}

bool listener_serves(const struct listener *l, const struct server_conf *c)
{
        if (l->conf.kind != c->kind)
                return false;
        if (c->kind == SERVER_UNIX)
                return same_text(l->conf.file, c->file);
        return same_text(l->conf.port.host, c->port.host) && l->conf.port.port == c->port.port;
}

/* ---- binding */

/* As Supervisor shows it: -1 for what stays. */
static long long owner_id(uint32_t id)
{
        return id == UINT32_MAX ? -1 : (long long)id;
}

/* Whose right it was not to give the socket away. */
static bool not_permitted(const struct listener *l, struct err *e)
{
        const struct server_conf *c = &l->conf;
        const struct host *w = l->api->sup->host;
        struct account who;
        struct err unknown; /* then the number says it */
        char uid[16];

        snprintf(uid, sizeof uid, "%u", (unsigned)w->euid);
        err_set(e, ERR_USAGE,
                "Not permitted to chown %s to uid/gid (%lld, %lld); adjust \"sockchown\" value in "
                "config file or on command line to values that the current user (%s) can "
                "successfully chown",
                c->file, owner_id(c->chown.uid), owner_id(c->chown.gid),
                w->user(w, uid, &who, &unknown) ? who.name : uid);
        return false;
}

/* Why it cannot listen, in the words of compat 8; behind them, what was tried. */
static bool put_in_words(const struct server_conf *c, struct err *e)
{
        static const char busy[] =
            "Another program is already listening on a port that one of our HTTP servers is "
            "configured to use.  Shut this program down first before starting supervisord.";
        struct err why = *e;
        const char *name = why.code == ERR_SYS ? strerrorname_np(why.sys) : NULL;

        if (why.code == ERR_NOMEM || strncmp(why.text, "Not permitted", 13) == 0)
                return false;
        if (why.code == ERR_BUSY || (name && why.sys == EADDRINUSE)) {
                if (c->kind == SERVER_UNIX)
                        return err_set(e, ERR_BUSY, "%s (%s)", busy, why.text);
                return err_set(e, ERR_BUSY, "%s", busy);
        }
        if (name)
                err_set(e, ERR_USAGE,
                        "Cannot open an HTTP server: socket.error reported errno.%s (%d): %s", name,
                        why.sys, why.text);
        else
                err_set(e, ERR_USAGE, "Cannot open an HTTP server: [%s]: %s", c->section, why.text);
        e->code = why.code; /* set last: ERR_SYS would append errno's text once more */
        e->sys = why.sys;
        return false;
}

/* Under which name a socket is handed from one image of the daemon to the next. */
static bool server_socket_put_name(const struct server_conf *c, int i, struct buf *out)
{
        if (c->kind == SERVER_UNIX)
                buf_printf(out, "unix:%s", c->file);
        else
                buf_printf(out, "inet:%s:%d:%d", c->port.host ? c->port.host : "", c->port.port, i);
        return !out->failed;
}

/* The previous image listened there; clients that wait in its queue are served by us. */
static bool server_socket_inherit(struct listener *l)
{
        struct stat st;

        while (l->count < LISTEN_FDS_MAX) {
                AUTO_BUF name = BUF_INIT;
                int listens = 0;
                socklen_t len = sizeof listens;
                if (!server_socket_put_name(&l->conf, l->count, &name))
                        break;
                int fd = handover_fd(startup_of(l->api->sup)->handover, buf_str(&name));
                if (fd < 0)
                        break;
                if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0 || !listens) {
                        fd_close(&fd);
                        break;
                }
                l->fds[l->count++] = fd;
                if (l->conf.kind == SERVER_UNIX)
                        break;
        }
        if (l->count > 0 && l->conf.file && lstat(l->conf.file, &st) == 0) {
                l->dev = st.st_dev;
                l->ino = st.st_ino;
        }
        return l->count > 0;
}

static bool put_conn_name(const struct listener *l, int i, struct buf *out)
{
        if (!server_socket_put_name(&l->conf, 0, out))
                return false;
        buf_printf(out, ":client:%d", i);
        return !out->failed;
}

/* Between two requests, or with one that has come and was not looked at yet. */
static bool waits_for_the_next(const struct conn *c)
{
        return c->state == CONN_IDLE && c->in.len == 0 && !c->eof && !c->close_after;
}

static bool hand_over_connections(const struct listener *l, struct strlist *items)
{
        int count = 0;

        for (const struct conn *c = l->api->conns; c; c = c->next) {
                AUTO_BUF name = BUF_INIT;
                if (c->from != l || !waits_for_the_next(c))
                        continue;
                if (!put_conn_name(l, count++, &name) ||
                    !handover_put_fd(items, buf_str(&name), c->fd))
                        return false;
        }
        return true;
}

bool listener_hand_over(const struct listener *l, struct strlist *items)
{
        for (int i = 0; i < l->count; i++) {
                AUTO_BUF name = BUF_INIT;
                if (!server_socket_put_name(&l->conf, i, &name) ||
                    !handover_put_fd(items, buf_str(&name), l->fds[i]))
                        return false;
        }
        return hand_over_connections(l, items);
}

static bool server_socket_bind_unix(struct listener *l, struct err *e)
{
        const struct server_conf *c = &l->conf;
        struct unix_listen how = { .path = c->file,
                                   .mode = (mode_t)c->chmod,
                                   .uid = c->chown.set ? c->chown.uid : (uid_t)-1,
                                   .gid = c->chown.set ? c->chown.gid : (gid_t)-1,
                                   .backlog = BACKLOG };
        struct unix_made made;

        if (!listen_unix(&how, &made, e))
                return e->sys == EPERM && strncmp(e->text, "chown ", 6) == 0 ? not_permitted(l, e)
                                                                             : put_in_words(c, e);
        l->fds[0] = made.fd;
        l->count = 1;
        l->dev = made.dev;
        l->ino = made.ino;
        if (made.stale)
                log_line(l->api->sup->log, LVL_INFO, "Unlinking stale socket %s", c->file);
        if (made.replaced)
                log_line(l->api->sup->log, LVL_WARN, "%s was %s, not a socket: replaced", c->file,
                         made.replaced);
        return true;
}

static bool bind_inet(struct listener *l, struct err *e)
{
        const struct server_conf *c = &l->conf;

        return lookup_listen(l->api->sup->host, c->port.host ? c->port.host : "", c->port.port,
                             BACKLOG, l->fds, LISTEN_FDS_MAX, &l->count, e) ||
               put_in_words(c, e);
}

/* ---- accepting */

static void name_peer(const struct sockaddr *sa, struct caller *out)
{
        char host[INET6_ADDRSTRLEN] = "?";

        if (sa->sa_family == AF_INET6) {
                const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)sa;
                inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
                snprintf(out->peer, sizeof out->peer, "[%s]:%d", host, ntohs(in->sin6_port));
        } else if (sa->sa_family == AF_INET) {
                const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
                inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
                snprintf(out->peer, sizeof out->peer, "%s:%d", host, ntohs(in->sin_port));
        }
}

static void server_socket_identify(struct conn *c, const struct sockaddr *sa)
{
        struct request *r = &c->req;
        struct ucred who;
        socklen_t len = sizeof who;
        int on = 1;

        if (c->from->conf.kind == SERVER_UNIX) {
                if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0)
                        return;
                r->caller.known = true;
                r->caller.uid = who.uid;
                r->caller.pid = who.pid;
                c->trusted = door_is_owner(&r->caller);
                return;
        }
        name_peer(sa, &r->caller);
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(c->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

static void turn_away(struct api *a, int fd)
{
        char text[256];
        int n = snprintf(text, sizeof text,
                         "HTTP/1.1 503 Service Unavailable\r\nServer: Medusa/1.12\r\n"
                         "X-Request-Id: %08x-%u\r\nContent-Length: 0\r\n"
                         "Connection: close\r\n\r\n",
                         (unsigned)a->instance, ++a->requests);

        (void)!send(fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void server_socket_welcome(struct listener *l, int fd, const struct sockaddr *sa)
{
        struct api *a = l->api;

        if (!reserve_refill()) { /* its watchers could need more than there is */
                turn_away(a, fd);
                close(fd);
                return;
        }
        struct conn *c = conn_new(a, l, fd);
        if (!c)
                return;
        server_socket_identify(c, sa);
        if (places_make_room(l, c, c->trusted))
                return;
        turn_away(a, fd);
        conn_close(c);
}

/* Connections that the previous image had accepted. */
static void inherit_connections(struct listener *l)
{
        for (int i = 0;; i++) {
                struct sockaddr_storage ss = { 0 };
                socklen_t len = sizeof ss;
                AUTO_BUF name = BUF_INIT;
                int fd = put_conn_name(l, i, &name)
                             ? handover_fd(startup_of(l->api->sup)->handover, buf_str(&name))
                             : -1;
                if (fd < 0)
                        return;
                getpeername(fd, (struct sockaddr *)&ss, &len);
                server_socket_welcome(l, fd, (struct sockaddr *)&ss);
        }
}

static void server_socket_watch(struct api *a, bool on)
{
        for (struct listener *l = a->listeners; l; l = l->next)
                for (int i = 0; i < l->count; i++)
                        if (on)
                                ev_io_start(a->loop, &l->ready[i]);
                        else
                                ev_io_stop(a->loop, &l->ready[i]);
}

/* The waiting client stays in the queue: looking at it again at once would spin. Descriptors may be
 * short for hours. */
static void pause_accepting(struct api *a, int error)
{
        int64_t now_ms = clock_now().mono_ms;

        if (a->short_ms == 0 || now_ms - a->short_ms >= SHORT_MS) {
                log_line(a->sup->log, LVL_WARN,
                         "cannot accept a connection: %s (tried again ten times a second, and said "
                         "once a minute)",
                         strerror(error));
                a->short_ms = now_ms;
        }
        server_socket_watch(a, false);
        ev_timer_set(&a->pause, PAUSE_S, 0.);
        ev_timer_start(a->loop, &a->pause);
}

void listeners_pause(struct api *a)
{
        server_socket_watch(a, false);
}

void listeners_resume(struct api *a)
{
        server_socket_watch(a, true);
}

/* Where places are few, so many that each can send its request before the next ones push it out. */
static int accepts_a_run(const struct listener *l)
{
        int few = places_of_listener(l->api) / 4;

        return few < 1 ? 1 : few < ACCEPTS_A_RUN ? few : ACCEPTS_A_RUN;
}

static void on_accept(EV_P_ ev_io *w, int revents)
{
        struct listener *l = w->data;

        (void)loop, (void)revents;
        for (int left = accepts_a_run(l); left > 0; left--) {
                struct sockaddr_storage ss = { 0 };
                socklen_t len = sizeof ss;
                int fd = accept4(w->fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (fd >= 0) {
                        server_socket_welcome(l, fd, (struct sockaddr *)&ss);
                        continue;
                }
                if (errno == EINTR || errno == ECONNABORTED)
                        continue;
                if (errno == EAGAIN)
                        return;
                int error = errno;
                if ((error == EMFILE || error == ENFILE) && places_free_one(l))
                        continue;
                pause_accepting(l->api, error);
                return;
        }
}

/* ---- a listener's life */

static void server_socket_announce(const struct listener *l, bool has_rpc)
{
        struct log *log = l->api->sup->log;
        const struct server_conf *c = &l->conf;

        if (has_rpc)
                log_line(log, LVL_INFO, "RPC interface 'supervisor' initialized");
        if (!c->username)
                log_line(log, c->kind == SERVER_INET ? LVL_CRITICAL : LVL_INFO,
                         "Server '%s' running without any HTTP authentication checking",
                         c->section);
}

static void server_socket_begin(struct listener *l)
{
        for (int i = 0; i < l->count; i++) {
                ev_io_init(&l->ready[i], on_accept, l->fds[i], EV_READ);
                l->ready[i].data = l;
                ev_io_start(l->api->loop, &l->ready[i]);
        }
}

void listener_suspend(struct listener *l)
{
        for (int i = 0; i < l->count; i++) {
                ev_io_stop(l->api->loop, &l->ready[i]);
                fd_close(&l->fds[i]);
        }
        l->count = 0;
}

bool listener_take_again(struct listener *l, struct err *e)
{
        if (l->count > 0)
                return true;
        if (!bind_inet(l, e))
                return false;
        server_socket_begin(l);
        return true;
}

bool listener_renew(struct listener *l, struct err *e)
{
        struct listener fresh = { .api = l->api, .conf = l->conf };

        if (!server_socket_bind_unix(&fresh, e))
                return false;
        ev_invoke(l->api->loop, &l->ready[0], EV_READ); /* who still waits at the old one */
        listener_suspend(l);
        l->fds[0] = fresh.fds[0];
        l->count = fresh.count;
        l->dev = fresh.dev;
        l->ino = fresh.ino;
        server_socket_begin(l);
        return true;
}

static void server_socket_release(struct listener *l)
{
        conf_release(&l->conf);
        free(l);
}

struct listener *listener_open(struct api *a, const struct server_conf *conf, bool has_rpc,
                               struct err *e)
{
        struct listener *l = calloc(1, sizeof *l);

        if (!l || !conf_copy(&l->conf, conf)) {
                free(l);
                err_nomem(e);
                return NULL;
        }
        l->api = a;
        l->refs = 1;
        l->release = server_socket_release;
        l->watch = -1;
        if (!server_socket_inherit(l) &&
            !(conf->kind == SERVER_UNIX ? server_socket_bind_unix(l, e) : bind_inet(l, e))) {
                listener_unref(l);
                return NULL;
        }
        server_socket_begin(l);
        inherit_connections(l);
        sock_file_watch(l);
        server_socket_announce(l, has_rpc);
        return l;
}

void listener_close(struct listener *l)
{
        if (l->closed)
                return;
        l->closed = true;
        sock_file_unwatch(l);
        if (l->conf.kind == SERVER_UNIX && l->count > 0 && sock_file_is_ours(l))
                guarded_unlink(l->conf.file);
        listener_suspend(l);
}

void listener_unref(struct listener *l)
{
        if (--l->refs == 0)
                l->release(l);
}

static void change_rights(struct listener *l, const struct server_conf *next)
{
        bool same_owner = l->conf.chown.set == next->chown.set &&
                          l->conf.chown.uid == next->chown.uid &&
                          l->conf.chown.gid == next->chown.gid;
        bool gives = !same_owner && next->chown.set;
        struct unix_listen how = { .path = l->conf.file,
                                   .mode = (mode_t)next->chmod,
                                   .uid = gives ? next->chown.uid : (uid_t)-1,
                                   .gid = gives ? next->chown.gid : (gid_t)-1 };
        struct err e;

        if ((gives || l->conf.chmod != next->chmod) && !unix_rights(&how, l->dev, l->ino, &e))
                log_line(l->api->sup->log, LVL_WARN, "cannot change owner and mode: %s", e.text);
}

bool listener_update(struct listener *l, const struct server_conf *next, struct err *e)
{
        struct server_conf conf;

        if (!conf_copy(&conf, next))
                return err_nomem(e);
        if (conf.kind == SERVER_UNIX)
                change_rights(l, next);
        conf_release(&l->conf);
        l->conf = conf;
        return true;
}
