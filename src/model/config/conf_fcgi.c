/* Checks that only one kind of program has: the listener's events and queue, the FastCGI socket. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "model/config/check_host.h"
#include "model/config/conf_load.h"
#include "model/config/opt_paths.h"
#include "model/config/pytext.h"

static const struct conf_key *conf_fcgi_key_of(const struct load *l, const struct filling *f,
                                               const char *key)
{
        return conf_doc_key(&l->doc, f->section, key);
}

void load_check_listener(struct load *l, struct filling *f, struct program *p)
{
        const char *section = f->section->name;
        const struct conf_key *events = conf_fcgi_key_of(l, f, "events");
        const struct conf_key *handler = conf_fcgi_key_of(l, f, "result_handler");

        if (p->buffer_size < 1)
                load_error(l, f->section, conf_fcgi_key_of(l, f, "buffer_size"),
                           "expected at least 1", "[%s] section sets invalid buffer_size (%d)",
                           section, p->buffer_size);
        if (!events || !*events->value)
                load_error(l, f->section, events, "for example: events = PROCESS_STATE",
                           "[%s] section requires an \"events\" line", section);
        if (p->redirect_stderr)
                load_error(l, f->section, conf_fcgi_key_of(l, f, "redirect_stderr"), NULL,
                           "[%s] section sets redirect_stderr=true but this is not allowed because "
                           "it will interfere with the eventlistener protocol",
                           section);
        if (handler && program_handler(p) == HANDLER_STDOUT)
                load_warn(
                    l, f->section, handler,
                    "its text goes to standard output; without a listener: stdout_logfile = "
                    "/dev/stdout and stdout_logfile_maxbytes = 0 in each program's section",
                    "result_handler %s is Python code and cannot be called; its name is known",
                    p->result_handler);
        else if (handler && program_handler(p) == HANDLER_UNKNOWN)
                load_warn(
                    l, f->section, handler,
                    "any result that is well formed accepts an event; let the listener answer "
                    "OK or FAIL and leave this line out",
                    "result_handler %s is Python code and cannot be called", p->result_handler);
}

/* ---- socket= */

static void bad_socket(struct load *l, struct filling *f, const char *format, const char *value)
{
        AUTO_BUF quoted = BUF_INIT;

        /* Supervisor shows the arguments of its error, not the sentence that they make. */
        pytext_repr(&quoted, value, strlen(value), false);
        load_error(l, f->section, conf_fcgi_key_of(l, f, "socket"),
                   "expected tcp://HOST:PORT or unix:///PATH", "('%s', %s) in [%s] socket", format,
                   buf_str(&quoted), f->section->name);
}

/* Port digits behind the last colon, a host without blanks before it. */
static const char *tcp_port(const char *address)
{
        const char *colon = strrchr(address, ':');
        bool brackets = address[0] == '[' && colon && colon[-1] == ']';

        if (!colon || colon == address || !colon[1] ||
            strspn(colon + 1, "0123456789") != strlen(colon + 1))
                return NULL;
        for (const char *c = address; c < colon; c++)
                if (pytext_is_space(*c) || (*c == ':' && !brackets))
                        return NULL;
        return colon + 1;
}

static bool check_port(struct load *l, struct filling *f, const char *digits)
{
        const struct conf_key *k = conf_fcgi_key_of(l, f, "socket");
        char *end;
        unsigned long port = strtoul(digits, &end, 10);

        if (port >= 1 && port <= 65535)
                return true;
        load_error(l, f->section, k, NULL, "%s is %s in [%s] socket", digits,
                   port < 1 ? "below lower bound (1)" : "above upper bound (65535)",
                   f->section->name);
        return false;
}

static void conf_fcgi_look_up_host(struct load *l, struct filling *f, const char *text, size_t len)
{
        AUTO_STRLIST addresses = STRLIST_INIT;
        struct err why = { 0 };
        char host[256];

        if (len >= sizeof host || text[0] == '[')
                return;
        memcpy(host, text, len);
        host[len] = '\0';
        if (strcmp(host, "*") == 0 || !host_is_name(host))
                return;
        bool known = l->w->resolve(l->w, host, &addresses, &why);
        if (!known || why.code != ERR_NONE)
                load_warn(l, f->section, conf_fcgi_key_of(l, f, "socket"),
                          known ? "the addresses that it had before count"
                                : "the socket cannot be opened",
                          "the host '%s' cannot be looked up now: %s", host, why.text);
}

static bool check_tcp(struct load *l, struct filling *f, struct program *p)
{
        const char *port = tcp_port(p->socket + strlen("tcp://"));

        if (!port) {
                bad_socket(l, f, "Bad socket format %s", p->socket);
                return false;
        }
        if (!check_port(l, f, port))
                return false;
        for (char *c = p->socket; *c; c++)
                *c = (char)tolower((unsigned char)*c);
        conf_fcgi_look_up_host(l, f, p->socket + strlen("tcp://"),
                               (size_t)(port - 1 - p->socket) - strlen("tcp://"));
        if (!conf_fcgi_key_of(l, f, "socket_owner") && !conf_fcgi_key_of(l, f, "socket_mode"))
                return true;
        load_error(l, f->section, conf_fcgi_key_of(l, f, "socket"), NULL,
                   "socket_owner and socket_mode params should only be used with a Unix domain "
                   "socket in [%s] socket",
                   f->section->name);
        return false;
}

/* The program's user owns the socket when no owner was named and it is another user than ours. */
static void settle_owner(struct load *l, struct filling *f, struct program *p)
{
        struct owner_ref owner;
        struct err why = { 0 };

        if (!p->socket_owner) {
                if (p->user.set && p->user.who.uid != l->w->euid) {
                        p->socket_uid = p->user.who.uid;
                        p->socket_gid = p->user.who.gid;
                }
                return;
        }
        if (!owner_parse(p->socket_owner, l->w, &owner, &why) && why.code != ERR_NOENT) {
                load_error(l, f->section, conf_fcgi_key_of(l, f, "socket_owner"), NULL,
                           "The socket_owner %s cannot be looked up: %s", p->socket_owner,
                           why.text);
                return;
        }
        if (why.code == ERR_NOENT) {
                load_error(l, f->section, conf_fcgi_key_of(l, f, "socket_owner"),
                           "expected USER or USER:GROUP", "Invalid socket_owner value %s",
                           p->socket_owner);
                return;
        }
        p->socket_uid = owner.uid;
        p->socket_gid = owner.gid;
}

void load_check_fcgi(struct load *l, struct filling *f, struct program *p)
{
        const struct conf_key *socket = conf_fcgi_key_of(l, f, "socket");

        if (!socket || !*socket->value) {
                load_error(l, f->section, socket, "write: socket = unix:///PATH",
                           "[%s] section requires a \"socket\" line", f->section->name);
                return;
        }
        if (!p->socket) /* its expansion failed, and that was said */
                return;
        if (strncmp(p->socket, "tcp://", 6) == 0) {
                check_tcp(l, f, p);
                return;
        }
        if (strncmp(p->socket, "unix://", 7) != 0) {
                bad_socket(l, f, "Bad socket format %s", p->socket);
                return;
        }
        if (p->socket[7] != '/') {
                bad_socket(l, f, "Unix socket path %s is not an absolute path", p->socket + 7);
                return;
        }
        settle_owner(l, f, p);
}

/* ---- beside the control sockets */

/* "//" and "/./" name the same directory as "/". */
static const char *skip_slashes(const char *path)
{
        while (path[0] == '/' && (path[1] == '/' || (path[1] == '.' && path[2] == '/')))
                path += path[1] == '/' ? 1 : 2;
        return path;
}

static bool is_same_path(const char *a, const char *b)
{
        for (;; a++, b++) {
                a = skip_slashes(a);
                b = skip_slashes(b);
                if (*a != *b)
                        return false;
                if (!*a)
                        return true;
        }
}

static void check_socket(struct load *l, const struct conf_section *s, const char *path)
{
        for (int i = 0; i < l->c->server_count; i++) {
                const struct server_conf *sc = &l->c->servers[i];
                if (sc->kind != SERVER_UNIX || !sc->file || !is_same_path(path, sc->file))
                        continue;
                load_error(l, s, conf_doc_key(&l->doc, s, "socket"), "choose another path",
                           "the socket of [%s] has the path of the control socket in [%s], %s",
                           s->name, sc->section, sc->file);
        }
}

void load_check_sockets(struct load *l)
{
        static const char scheme[] = "unix://";

        for (const struct conf_section *s = l->doc.sections; s; s = s->hh.next) {
                const struct program *p = s->program;
                if (p && p->kind == KIND_FCGI && p->socket &&
                    strncmp(p->socket, scheme, sizeof scheme - 1) == 0)
                        check_socket(l, s, p->socket + sizeof scheme - 1);
        }
}
