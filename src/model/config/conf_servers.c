/* [unix_http_server], [inet_http_server], [supervisorctl], the plugin sections, and all unknown
 * knows. */
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "model/config/check_host.h"
#include "model/config/conf_load.h"
#include "model/config/pytext.h"

#define STOCK_RPC "supervisor.rpcinterface:make_main_rpcinterface"

/* ---- servers */

/* Room for one more, zeroed; NULL: no memory (said). */
static struct server_conf *add_server(struct load *l, const struct conf_section *s)
{
        struct config *c = l->c;

        if (!vec_grow(c->servers, c->server_count)) {
                load_nomem(l);
                return NULL;
        }
        struct server_conf *sc = &c->servers[c->server_count++];
        *sc = (struct server_conf){ .section = strdup(s->name),
                                    .conf_file = strdup(s->file),
                                    .line = s->line };
        if (!sc->section || !sc->conf_file)
                load_nomem(l);
        return sc;
}

static void check_server(struct load *l, const struct conf_section *s, const struct server_conf *sc,
                         const char *address_key)
{
        const struct conf_key *user = conf_doc_key(&l->doc, s, "username");
        const struct conf_key *password = conf_doc_key(&l->doc, s, "password");
        const struct conf_key *address = conf_doc_key(&l->doc, s, address_key);

        if (!user != !password)
                load_error(
                    l, s, user ? user : password, user ? "add a password" : "add a username",
                    "Section [%s] contains incomplete authentication: If a username or a "
                    "password is specified, both the username and password must be specified",
                    s->name);
        if (!address)
                load_error(l, s, NULL,
                           sc->kind == SERVER_UNIX ? "for example: file = /run/supervisor.sock"
                                                   : "for example: port = 127.0.0.1:9001",
                           "section [%s] has no %s value", s->name, address_key);
}

/* An empty name and an empty password are none, as with Supervisor. */
static void settle_password(struct server_conf *sc)
{
        if (!sc->username || !sc->password || *sc->username || *sc->password)
                return;
        free(sc->username);
        free(sc->password);
        sc->username = sc->password = NULL;
}

/* Each is the name of a host, as it stands in an address, with a port or without. */
static void check_allowed_hosts(struct load *l, const struct conf_section *s,
                                const struct server_conf *sc)
{
        static const char fine[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_[]: \t";
        const char *at = sc->allowed_hosts;

        while (at && *at) {
                size_t len = strcspn(at, ",");
                if (strspn(at, fine) < len || strspn(at, " \t") == len)
                        load_error(l, s, conf_doc_key(&l->doc, s, "allowed_hosts"),
                                   "for example: panel.example, sup.internal",
                                   "'%.*s' is not the name of a host", (int)len, at);
                at += len + (at[len] == ',');
        }
}

/* No client could be served there; the words are what people know from Supervisor. */
static void conf_servers_look_up_host(struct load *l, const struct conf_section *s,
                                      const struct server_conf *sc)
{
        const struct conf_key *k = conf_doc_key(&l->doc, s, "port");
        const char *host = sc->kind == SERVER_INET ? sc->port.host : NULL;
        AUTO_STRLIST addresses = STRLIST_INIT;
        struct err why = { 0 };

        if (!host || !host_is_name(host))
                return;
        if (!l->w->resolve(l->w, host, &addresses, &why))
                load_error(l, s, k, "use an address, or a name that can be looked up",
                           "Cannot open an HTTP server: socket.error reported %d: [%s]: look up "
                           "%s: %s",
                           why.code == ERR_NOENT ? -2 : -3, s->name, host, why.text);
        else if (why.code != ERR_NONE)
                load_warn(l, s, k, "the addresses that it had before count",
                          "the host '%s' cannot be looked up now: %s", host, why.text);
}

static void warn_open(struct load *l, const struct conf_section *s, const struct server_conf *sc)
{
        const char *host = sc->port.host;
        bool v6 = host && strchr(host, ':');

        if (sc->kind != SERVER_INET || sc->username || !host)
                return;
        load_warn(l, s, conf_doc_key(&l->doc, s, "port"), "set username and password",
                  "anybody who can connect to %s%s%s:%d may start and stop processes",
                  v6 ? "[" : "", *host ? host : "*", v6 ? "]" : "", sc->port.port);
}

static void load_server(struct load *l, struct conf_section *s, const struct section_kind *kind,
                        enum server_kind what)
{
        struct server_conf *sc = add_server(l, s);
        struct filling f = { .kind = kind, .section = s, .base = sc };

        s->used = true;
        if (!sc)
                return;
        sc->kind = what;
        f.names = load_names(l, what == SERVER_UNIX ? NAME_HERE : 0, s);
        if (!load_defaults(l, &f))
                return;
        check_server(l, s, sc, what == SERVER_UNIX ? "file" : "port");
        load_keys(l, &f, NULL);
        settle_password(sc);
        check_allowed_hosts(l, s, sc);
        conf_servers_look_up_host(l, s, sc);
        warn_open(l, s, sc);
        load_oddities(l, kind, s);
}

void load_servers(struct load *l)
{
        for (struct conf_section *s = l->doc.sections; s; s = s->hh.next) {
                const char *rest = NULL;
                const struct section_kind *kind = section_find(s->name, &rest);
                if (!kind)
                        continue;
                if (strcmp(kind->prefix, "unix_http_server") == 0)
                        load_server(l, s, kind, SERVER_UNIX);
                else if (strcmp(kind->prefix, "inet_http_server") == 0)
                        load_server(l, s, kind, SERVER_INET);
        }
}

/* ---- plugins: Python code that we cannot load */

static void load_rpcinterface(struct load *l, struct conf_section *s, const char *name)
{
        const struct conf_key *k = conf_doc_key(&l->doc, s, "supervisor.rpcinterface_factory");
        AUTO_BUF hint = BUF_INIT;

        if (!k || !*k->value) {
                load_error(l, s, k, "write: supervisor.rpcinterface_factory = " STOCK_RPC,
                           "section [%s] does not specify a supervisor.rpcinterface_factory",
                           s->name);
                return;
        }
        struct filling f = { .section = s };
        struct names names = load_names(l, 0, s);
        char *spec = load_expand(l, &f, k, &names);
        if (spec && strcmp(spec, STOCK_RPC) == 0 && strcmp(name, "supervisor") == 0) {
                l->c->has_rpcinterface = true;
        } else if (spec && strcmp(spec, STOCK_RPC) == 0) {
                buf_printf(&hint, "calls of %s.* are answered with UNKNOWN_METHOD", name);
                load_warn(l, s, k, buf_str(&hint),
                          "Supervisor's methods have no other name than supervisor.*");
        } else if (spec) {
                buf_printf(&hint, "calls of %s.* are answered with UNKNOWN_METHOD", name);
                load_warn(l, s, k, buf_str(&hint),
                          "rpcinterface factory %s is Python code and cannot be loaded", spec);
        }
        free(spec);
}

static void load_ctlplugin(struct load *l, struct conf_section *s)
{
        const struct conf_key *k = conf_doc_key(&l->doc, s, "supervisor.ctl_factory");

        load_warn(l, s, k, "supervisorctl works without its commands",
                  "ctlplugin %s is Python code and cannot be loaded", k ? k->value : s->name);
}

void load_plugins(struct load *l)
{
        for (struct conf_section *s = l->doc.sections; s; s = s->hh.next) {
                const char *rest = NULL;
                const struct section_kind *kind = section_find(s->name, &rest);
                bool rpc = kind && strcmp(kind->prefix, "rpcinterface") == 0;
                if (!rpc && !(kind && strcmp(kind->prefix, "ctlplugin") == 0))
                        continue;
                s->used = true;
                if (rpc)
                        load_rpcinterface(l, s, rest);
                else
                        load_ctlplugin(l, s);
        }
}

/* ---- [supervisorctl] */

void load_ctl(struct load *l)
{
        const char *rest = NULL;
        struct conf_section *s = conf_doc_section(&l->doc, "supervisorctl");
        struct filling f = { .section = s, .base = &l->c->ctl };

        f.kind = section_find("supervisorctl", &rest);
        if (!s) {
                struct where at = { .file = l->path };
                diags_add(l->diags, DIAG_ERROR, &at, NULL,
                          ".ini file does not include supervisorctl section");
                return;
        }
        s->used = true;
        f.names = load_names(l, NAME_HERE, s);
        if (!load_defaults(l, &f))
                return;
        load_keys(l, &f, NULL);
        l->c->has_ctl = true;
}

/* ---- unknown sections */

/* The known prefix that is nearest to a misspelt one, or NULL. */
static const char *nearest_prefix(const char *name)
{
        struct opt rows[16] = { { .key = NULL } };
        const struct section_kind all = { .prefix = "", .opts = rows };
        char word[64];
        size_t n = 0, len = strcspn(name, ":");

        pytext_trim(&name, &len);
        if (len >= sizeof word)
                return NULL;
        for (size_t i = 0; i < len; i++)
                word[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
        word[len] = '\0';
        for (const struct section_kind *k = section_kinds; k->prefix; k++)
                if (n + 1 < sizeof rows / sizeof *rows)
                        rows[n++].key = k->prefix;
        return opt_nearest(&all, word);
}

static const char *colon_part(const char *prefix)
{
        for (const struct section_kind *k = section_kinds; k->prefix; k++)
                if (strcmp(k->prefix, prefix) == 0)
                        return k->named == 1 ? ":NAME" : "";
        return "";
}

static void warn_section(struct load *l, const struct conf_section *s)
{
        const char *near = nearest_prefix(s->name);
        AUTO_BUF hint = BUF_INIT;

        if (near)
                buf_printf(&hint, "did you mean [%s%s]?", near, colon_part(near));
        else
                buf_puts(&hint, "it is ignored");
        load_warn(l, s, NULL, buf_str(&hint), "unknown section [%s]", s->name);
}

void load_leftovers(struct load *l)
{
        for (struct conf_section *s = l->doc.sections; s; s = s->hh.next) {
                const char *rest = NULL;
                const struct section_kind *kind = section_find(s->name, &rest);
                if (!kind)
                        warn_section(l, s);
                else if (strcmp(kind->prefix, "supervisorctl") == 0 ||
                         s == conf_doc_section(&l->doc, "include"))
                        load_oddities(l, kind, s);
        }
}
