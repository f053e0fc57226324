/* Listening sockets of FastCGI programs: bound when the group is made, shared by groups that name
 * the same one, and unlinked at the end. */
#include "engine/sockets/fcgi.h"
#include "base/unconst.h"
#include "engine/core/startup.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/hash.h"
#include "engine/order/lookup.h"
#include "engine/persist/fdstore.h"
#include "engine/persist/state.h"
#include "sys/net/listen.h"
#include "sys/net/listen_fds.h"
#include "sys/store/handover.h"
#include "sys/store/mapped.h"

#define DEFAULT_MODE 0700
#define HOST_MAX     256

/* One listening socket, shared by every program that names it. */
struct fcgi_socket {
        unsigned refs;
        char *url; /* owned */
        int fd;    /* owned */
        dev_t dev; /* of the path that we made, to know it again; inode 0: no path */
        ino_t inode;
        char stored_name[GIVEN_NAME_MAX]; /* in the descriptor store */
};

/* A program's socket. What hangs on group->engine is a list of these. */
struct fcgi {
        struct fcgi *next;
        char *program;              /* owned */
        struct fcgi_socket *socket; /* reference */
};

/* What the component has for itself: sockets for the configuration that is to come, a list. */
static struct fcgi **fcgi_bound(const struct supervisor *s)
{
        return component_own(s, COMPONENT_fcgi);
}

static const char unix_scheme[] = "unix://";
static const char tcp_scheme[] = "tcp://";

/* The path of a unix:// URL; NULL: it is another. */
static const char *unix_path(const char *url)
{
        size_t n = sizeof unix_scheme - 1;

        return strncmp(url, unix_scheme, n) == 0 ? url + n : NULL;
}

/* ---- making a socket */

/* Supervisor removes whatever has the name before it binds; here nothing goes that has a content.
 * Workers that an earlier daemon left behind may still answer on it: they keep theirs, the name
 * becomes ours. */
static bool take_path(struct supervisor *s, const struct unix_listen *l, struct unix_made *made,
                      struct err *e)
{
        struct stat st;

        if (listen_unix(l, made, e))
                return true;
        if (e->code != ERR_BUSY || !l->path || lstat(l->path, &st) < 0 || !S_ISSOCK(st.st_mode))
                return false;
        log_line(s->log, LVL_WARN, "%s was in use by pid %d, taking it over", l->path,
                 (int)made->holder);
        if (s->sys->unlink(s->sys, l->path) < 0)
                return err_set(e, ERR_SYS, "unlink %s", l->path);
        return listen_unix(l, made, e);
}

static bool fcgi_bind_unix(struct supervisor *s, const struct program *p, struct fcgi_socket *k,
                           struct err *e)
{
        struct unix_made made;
        struct unix_listen l = {
                .path = unix_path(p->socket),
                .mode = p->socket_mode < 0 ? DEFAULT_MODE : (mode_t)p->socket_mode,
                .uid = p->socket_uid,
                .gid = p->socket_gid,
                .backlog = p->socket_backlog < 0 ? SOMAXCONN : p->socket_backlog,
        };

        if (!take_path(s, &l, &made, e))
                return false;
        k->fd = made.fd;
        k->dev = made.dev;
        k->inode = made.ino;
        if (made.replaced)
                log_line(s->log, LVL_WARN, "%s was %s, not a socket: replaced", l.path,
                         made.replaced);
        return true;
}

/* A worker gets one descriptor, so one address: IPv4 where the name leaves it open, as with
 * Supervisor. False: there is no port, or the host is too long. */
static bool tcp_address(const char *url, char host[HOST_MAX], int *port_out)
{
        size_t n = sizeof tcp_scheme - 1;
        const char *where = url + (strncmp(url, tcp_scheme, n) == 0 ? n : 0);
        const char *colon = strrchr(where, ':');
        size_t len = colon ? (size_t)(colon - where) : 0;

        if (!colon || len >= HOST_MAX)
                return false;
        if (len >= 2 && where[0] == '[' && where[len - 1] == ']') {
                where++;
                len -= 2;
        }
        memcpy(host, where, len);
        host[len] = '\0';
        if (len == 0 || strcmp(host, "*") == 0)
                strcpy(host, "0.0.0.0");
        else if (strcasecmp(host, "localhost") == 0)
                strcpy(host, "127.0.0.1");
        *port_out = atoi(colon + 1);
        return true;
}

static bool bind_tcp(const struct host *w, const struct program *p, struct fcgi_socket *k,
                     struct err *e)
{
        char host[HOST_MAX];
        int port, count;

        if (!tcp_address(p->socket, host, &port))
                return err_set(e, ERR_CONFIG, "no port in %s", p->socket);
        return lookup_listen(w, host, port, p->socket_backlog < 0 ? SOMAXCONN : p->socket_backlog,
                             &k->fd, 1, &count, e);
}

/* Where it is ours still. */
static void socket_unlink(struct supervisor *s, const struct fcgi_socket *k)
{
        const char *path = k->inode ? unix_path(k->url) : NULL;
        struct stat st;

        if (path && s->sys->stat(s->sys, path, &st) == 0 && st.st_dev == k->dev &&
            st.st_ino == k->inode)
                s->sys->unlink(s->sys, path);
}

static void socket_unref(struct supervisor *s, struct fcgi_socket *k)
{
        if (!k || --k->refs)
                return;
        if (k->fd >= 0) {
                log_line(s->log, LVL_INFO, "Closing socket %s", k->url);
                fdstore_forget_socket(s, k->stored_name);
        }
        socket_unlink(s, k);
        fd_close(&k->fd);
        free(k->url);
        free(k);
}

/* Another owner or mode makes it another one. */
static void name_for_store(const struct program *p, struct fcgi_socket *k)
{
        uint64_t key = hash_word(1, strlen(p->socket));

        key = hash_word(key, (uint64_t)(uint32_t)p->socket_uid << 32 | (uint32_t)p->socket_gid);
        key =
            hash_word(key, (uint64_t)(uint32_t)p->socket_mode << 32 | (uint32_t)p->socket_backlog);
        listen_fds_socket_name(k->stored_name, hash_bytes(key, p->socket, strlen(p->socket)));
}

/* Where its name is gone, no client would come to it. */
static int socket_from_store(struct supervisor *s, const char *path, const struct fcgi_socket *k)
{
        struct stat st;
        AUTO_FD fd = listen_fds_socket(startup_of(s)->handover, k->stored_name);

        if (fd >= 0 && path && s->sys->stat(s->sys, path, &st) < 0)
                return -1;
        return fd_take(&fd);
}

/* Workers of the previous instance listen on it still: theirs is ours, or no client would reach
 * them any more. */
static bool fcgi_inherit(struct supervisor *s, const struct program *p, struct fcgi_socket *k)
{
        const char *path = unix_path(p->socket);
        struct stat st;

        AUTO_BUF name = BUF_INIT;

        buf_printf(&name, "fcgi:%s", p->socket);
        k->fd = handover_fd(startup_of(s)->handover, buf_str(&name));
        if (k->fd < 0)
                k->fd = state_fcgi_socket(s, p);
        if (k->fd < 0)
                k->fd = socket_from_store(s, path, k);
        if (k->fd < 0)
                return false;
        if (path && s->sys->stat(s->sys, path, &st) == 0) {
                k->dev = st.st_dev;
                k->inode = st.st_ino;
        }
        return true;
}

static bool socket_bind(struct supervisor *s, const struct program *p, struct fcgi_socket *k,
                        struct err *e)
{
        return unix_path(p->socket) ? fcgi_bind_unix(s, p, k, e) : bind_tcp(s->host, p, k, e);
}

static void socket_failed(const struct program *p, const struct err *why, struct err *e)
{
        err_set(e, why->code == ERR_SYS ? ERR_CONFIG : why->code,
                "Could not create FastCGI socket %s: %s", p->socket, why->text);
        if (e)
                e->sys = why->sys;
}

static struct fcgi_socket *socket_new(struct supervisor *s, const struct program *p, struct err *e)
{
        struct fcgi_socket *k = calloc(1, sizeof *k);
        struct err why = { 0 };

        if (!k) {
                err_nomem(e);
                return NULL;
        }
        *k = (struct fcgi_socket){ .refs = 1, .fd = -1, .url = strdup(p->socket) };
        name_for_store(p, k);
        if (k->url && fcgi_inherit(s, p, k)) {
                log_line(s->log, LVL_INFO, "Going on with socket %s", k->url);
                fdstore_socket(s, k->stored_name, k->url, k->fd);
                return k;
        }
        bool ok = k->url && socket_bind(s, p, k, &why);
        if (!k->url)
                err_nomem(&why);
        /* Workers accept on it as they please, and most expect to wait there. */
        if (ok && !fd_nonblock(k->fd, false))
                ok = err_set(&why, ERR_SYS, "make it blocking");
        if (ok) {
                log_line(s->log, LVL_INFO, "Creating socket %s", k->url);
                fdstore_socket(s, k->stored_name, k->url, k->fd);
                return k;
        }
        socket_failed(p, &why, e);
        socket_unref(s, k);
        return NULL;
}

/* ---- finding */

static struct fcgi *find_program(const struct fcgi *first, const char *program)
{
        for (const struct fcgi *f = first; f; f = f->next)
                if (strcmp(f->program, program) == 0)
                        return unconst(f);
        return NULL;
}

/* Also in other words: tcp://localhost:9000 is tcp://127.0.0.1:9000. */
static bool fcgi_same_address(const char *a, const char *b)
{
        char host_a[HOST_MAX], host_b[HOST_MAX];
        int port_a, port_b;

        if (strcmp(a, b) == 0 || unix_path(a) || unix_path(b))
                return strcmp(a, b) == 0;
        return tcp_address(a, host_a, &port_a) && tcp_address(b, host_b, &port_b) &&
               port_a == port_b && strcasecmp(host_a, host_b) == 0;
}

static struct fcgi_socket *find_url(const struct fcgi *first, const char *url)
{
        for (const struct fcgi *f = first; f; f = f->next)
                if (fcgi_same_address(f->socket->url, url))
                        return f->socket;
        return NULL;
}

/* One that is open already, in the list that is being made or in any group. */
static struct fcgi_socket *find_shared(struct supervisor *s, const struct fcgi *fresh,
                                       const struct group *own, const char *url)
{
        struct fcgi_socket *k = find_url(fresh, url);

        if (!k && own)
                k = find_url(own->engine, url);
        for (int i = 0; !k && i < s->registry.group_count; i++)
                k = find_url(s->registry.groups[i]->engine, url);
        return k ? k : find_url(*fcgi_bound(s), url);
}

int fcgi_socket(const struct fleet *f)
{
        if (!f || f->program->kind != KIND_FCGI)
                return -1;
        const struct fcgi *found = find_program(f->group->engine, f->program->name);
        return found ? found->socket->fd : -1;
}

/* ---- groups */

static void list_free(struct supervisor *s, struct fcgi *first)
{
        while (first) {
                struct fcgi *next = first->next;
                socket_unref(s, first->socket);
                free(first->program);
                free(first);
                first = next;
        }
}

static bool fcgi_add_program(struct supervisor *s, const struct group *g, const struct program *p,
                             struct fcgi **list, struct err *e)
{
        struct fcgi *f = calloc(1, sizeof *f);

        if (!f || !(f->program = strdup(p->name))) {
                free(f);
                return err_nomem(e);
        }
        f->socket = find_shared(s, *list, g, p->socket);
        if (f->socket)
                f->socket->refs++;
        else
                f->socket = socket_new(s, p, e);
        if (!f->socket) {
                free(f->program);
                free(f);
                return false;
        }
        f->next = *list;
        *list = f;
        return true;
}

static bool is_fcgi(const struct program *p)
{
        return p->kind == KIND_FCGI && p->socket;
}

bool fcgi_open(struct supervisor *s, struct group *g, struct err *e)
{
        struct fcgi *fresh = NULL;

        for (int i = 0; i < g->conf->program_count; i++) {
                const struct program *p = g->conf->programs[i];
                if (!is_fcgi(p))
                        continue;
                if (fcgi_add_program(s, g, p, &fresh, e))
                        continue;
                list_free(s, fresh);
                return false;
        }
        list_free(s, g->engine);
        g->engine = fresh;
        return true;
}

void fcgi_bound_release(struct supervisor *s)
{
        list_free(s, *fcgi_bound(s));
        *fcgi_bound(s) = NULL;
}

bool fcgi_bind(struct supervisor *s, const struct config *next, struct err *e)
{
        for (int i = 0; i < next->group_count; i++) {
                const struct group_conf *conf = next->groups[i];
                for (int k = 0; k < conf->program_count; k++)
                        if (is_fcgi(conf->programs[k]) &&
                            !fcgi_add_program(s, NULL, conf->programs[k], fcgi_bound(s), e)) {
                                fcgi_bound_release(s);
                                return false;
                        }
        }
        return true;
}

/* Something that has no content is there: it would be replaced, or taken over. */
static bool is_replaced(const char *path)
{
        struct stat st;

        return path && lstat(path, &st) == 0 && !S_ISDIR(st.st_mode) &&
               !(S_ISREG(st.st_mode) && st.st_size > 0);
}

static bool try_program(struct supervisor *s, const struct program *p, struct err *e)
{
        struct fcgi_socket *k = NULL;
        struct err why = { 0 };

        if (find_shared(s, NULL, NULL, p->socket) || is_replaced(unix_path(p->socket)))
                return true;
        if (!(k = calloc(1, sizeof *k)))
                return err_nomem(e);
        *k = (struct fcgi_socket){ .refs = 1, .fd = -1, .url = strdup(p->socket) };
        bool ok = k->url ? socket_bind(s, p, k, &why) : err_nomem(&why);
        if (!ok)
                socket_failed(p, &why, e);
        socket_unlink(s, k);
        fd_close(&k->fd);
        free(k->url);
        free(k);
        return ok;
}

bool fcgi_try(struct supervisor *s, const struct group_conf *next, struct err *e)
{
        for (int i = 0; i < next->program_count; i++)
                if (is_fcgi(next->programs[i]) && !try_program(s, next->programs[i], e))
                        return false;
        return true;
}

void fcgi_close(struct supervisor *s, struct group *g)
{
        list_free(s, g->engine);
        g->engine = NULL;
}

bool fcgi_hand_over(struct supervisor *s, struct strlist *items)
{
        bool fine = true;

        for (int i = 0; fine && i < s->registry.group_count; i++)
                for (const struct fcgi *f = s->registry.groups[i]->engine; fine && f; f = f->next) {
                        AUTO_BUF item = BUF_INIT; /* programs may share a socket */
                        AUTO_BUF name = BUF_INIT;
                        buf_printf(&name, "fcgi:%s", f->socket->url);
                        buf_printf(&item, "%s=fd:%d", buf_str(&name), f->socket->fd);
                        if (!strlist_has(items, buf_str(&item)))
                                fine = !name.failed && !item.failed &&
                                       handover_put_fd(items, buf_str(&name), f->socket->fd);
                }
        return fine;
}

bool fcgi_stored_names(const struct supervisor *s, struct strlist *names)
{
        for (int i = 0; i < s->registry.group_count; i++)
                for (const struct fcgi *f = s->registry.groups[i]->engine; f; f = f->next)
                        if (!strlist_add(names, f->socket->stored_name))
                                return false;
        return true;
}

const struct component component_fcgi = { .name = "fcgi",
                                          .size = sizeof(struct fcgi *),
                                          .on_group_added = fcgi_open,
                                          .on_group_gone = fcgi_close };
