/* The types that ask the host: paths, users, addresses. Texts of errors as in compat section 4. */
#include "model/config/opt_paths.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/path.h"
#include "model/config/opt_kind.h"

static const char *env_home(const struct host *w)
{
        for (const char *const *v = w->environ; v && *v; v++)
                if (strncmp(*v, "HOME=", 5) == 0)
                        return *v + 5;
        return NULL;
}

/* Home of "" (ourselves) or of a user. */
static bool find_home(const char *user, const struct host *w, struct account *who, struct err *e)
{
        char uid[24];

        if (!*user && env_home(w) && strlen(env_home(w)) < sizeof who->home) {
                snprintf(who->home, sizeof who->home, "%s", env_home(w));
                return true;
        }
        snprintf(uid, sizeof uid, "%lu", (unsigned long)w->euid);
        return w->user(w, *user ? user : uid, who, e);
}

static char *opt_paths_copy(const char *path, struct err *e)
{
        char *same = strdup(path);

        if (!same)
                err_nomem(e);
        return same;
}

char *path_expand_home(const char *path, const struct host *w, struct err *e)
{
        struct err why = { 0 };
        size_t len = strcspn(path, "/");
        struct account who = { 0 };
        char user[sizeof who.name];

        if (path[0] != '~' || len > sizeof user)
                return opt_paths_copy(path, e);
        memcpy(user, path + 1, len - 1);
        user[len - 1] = '\0';
        if (!find_home(user, w, &who, &why)) {
                if (why.code == ERR_NOENT)
                        return opt_paths_copy(path, e);
                err_set(e, ERR_BUSY, "The home of %s cannot be looked up: %s", path, why.text);
                return NULL;
        }
        struct buf b = BUF_INIT;
        size_t home = strlen(who.home);
        while (home > 0 && who.home[home - 1] == '/')
                home--;
        buf_put(&b, who.home, home);
        buf_puts(&b, path + len);
        if (!b.failed && b.len == 0)
                buf_putc(&b, '/');
        char *expanded = buf_take(&b);
        if (!expanded)
                err_nomem(e);
        return expanded;
}

char *path_normal(const char *path, const struct host *w, struct err *e)
{
        char *expanded = path_expand_home(path, w, e);

        if (!expanded)
                return NULL;
        char *whole = path_absolute(expanded, w->cwd);
        free(expanded);
        if (!whole)
                err_nomem(e);
        return whole;
}

/* ---- paths */

static bool path_parse(const struct opt *o, const char *text, const struct host *w,
                       union opt_value *v, struct err *e)
{
        (void)o;
        v->text = path_normal(text, w, e);
        return v->text != NULL;
}

static bool dir_parse(const struct opt *o, const char *text, const struct host *w,
                      union opt_value *v, struct err *e)
{
        char *path = path_normal(text, w, e);

        (void)o;
        if (path && (!*text || !w->is_dir(w, path))) {
                free(path);
                return err_set(e, ERR_CONFIG, "%s is not an existing directory", text);
        }
        v->text = path;
        return path != NULL;
}

/* 1: its directory exists, or it names none; 0: not; -1: no memory. */
static int parent_exists(const char *path, const struct host *w)
{
        char *dir = path_dirname(path);
        char *whole = dir ? path_join(w->cwd, dir) : NULL;
        int exists = !whole ? -1 : !*dir || w->is_dir(w, whole);

        free(dir);
        free(whole);
        return exists;
}

/* Takes the expanded path over; on failure it is freed. NULL: *e is set already. */
static bool keep_if_parent(char *path, const char *text, const struct host *w, union opt_value *v,
                           struct err *e)
{
        if (!path)
                return false;
        int exists = parent_exists(path, w);
        if (exists > 0)
                return opt_keep(path, v, e);
        free(path);
        if (exists < 0)
                return err_nomem(e);
        return err_set(e, ERR_CONFIG, "The directory named as part of the path %s does not exist",
                       text);
}

static bool dirpath_parse(const struct opt *o, const char *text, const struct host *w,
                          union opt_value *v, struct err *e)
{
        char *path = path_expand_home(text, w, e);

        (void)o;
        if (!keep_if_parent(path, text, w, v, e))
                return false;
        path = path_absolute(v->text, w->cwd);
        free(v->text);
        return opt_keep(path, v, e);
}

static bool mainlog_parse(const struct opt *o, const char *text, const struct host *w,
                          union opt_value *v, struct err *e)
{
        if (strcasecmp(text, "syslog") == 0)
                return opt_keep(strdup("syslog"), v, e);
        return dirpath_parse(o, text, w, v, e);
}

static bool logfile_parse(const struct opt *o, const char *text, const struct host *w,
                          union opt_value *v, struct err *e)
{
        static const char *const words[][2] = {
                { "none", NULL },   { "off", NULL },        { "", NULL },
                { "auto", "AUTO" }, { "syslog", "syslog" },
        };

        (void)o;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
                if (strcasecmp(text, words[i][0]) != 0)
                        continue;
                return !words[i][1] || opt_keep(strdup(words[i][1]), v, e);
        }
        char *path = path_expand_home(text, w, e);
        if (path && strchr(text, '%'))
                return opt_keep(path, v, e);
        return keep_if_parent(path, text, w, v, e);
}

static void logfile_format(const struct opt *o, const void *v, struct buf *out)
{
        if (*(char *const *)v)
                opt_format_text(o, v, out);
        else
                buf_puts(out, "NONE");
}

#define PATH_KIND(parser, formatter, meaning)                                     \
        {                                                                         \
                .size = sizeof(char *), .parse = (parser), .same = opt_same_text, \
                .drop = opt_drop_text, .format = (formatter), .words = (meaning)  \
        }

const struct opt_kind opt_kind_path = PATH_KIND(path_parse, opt_format_text, "a path");
const struct opt_kind opt_kind_dir = PATH_KIND(dir_parse, opt_format_text, "an existing directory");
const struct opt_kind opt_kind_dirpath =
    PATH_KIND(dirpath_parse, opt_format_text, "a path in an existing directory");
const struct opt_kind opt_kind_mainlog =
    PATH_KIND(mainlog_parse, opt_format_text, "a path in an existing directory, or syslog");
const struct opt_kind opt_kind_logfile = PATH_KIND(
    logfile_parse, logfile_format, "a path in an existing directory with expansions, AUTO or NONE");

/* ---- users */

static bool is_number(const char *text)
{
        int64_t n;

        return pyint_parse(text, strlen(text), 10, &n) != PYINT_BAD;
}

static bool user_parse(const struct opt *o, const char *text, const struct host *w,
                       union opt_value *v, struct err *e)
{
        struct err why = { 0 };

        (void)o;
        v->user.set = true;
        if (*text && w->user(w, text, &v->user.who, &why))
                return true;
        if (*text && why.code != ERR_NOENT)
                return err_set(e, ERR_BUSY, "The user %s cannot be looked up: %s", text, why.text);
        return err_set(e, ERR_CONFIG, "Invalid user %s %s", is_number(text) ? "id" : "name", text);
}

static bool user_same(const void *a, const void *b)
{
        const struct user_ref *s = a, *t = b;

        return s->set == t->set &&
               (!s->set ||
                (s->who.uid == t->who.uid && s->who.gid == t->who.gid &&
                 strcmp(s->who.name, t->who.name) == 0 && strcmp(s->who.home, t->who.home) == 0));
}

static void user_drop(void *v)
{
        *(struct user_ref *)v = (struct user_ref){ 0 };
}

static void user_format(const struct opt *o, const void *v, struct buf *out)
{
        const struct user_ref *u = v;

        (void)o;
        if (u->set)
                buf_puts(out, u->who.name);
}

const struct opt_kind opt_kind_user = {
        .size = sizeof(struct user_ref),
        .parse = user_parse,
        .same = user_same,
        .drop = user_drop,
        .format = user_format,
        .words = "a user's name or number",
};

bool owner_parse(const char *text, const struct host *w, struct owner_ref *out, struct err *e)
{
        const char *colon = strchr(text, ':');
        size_t len = colon ? (size_t)(colon - text) : strlen(text);
        struct account who;
        char user[sizeof who.name];

        *out = (struct owner_ref){ .set = true, .gid = (gid_t)-1 };
        if (len == 0 || len >= sizeof user || (colon && !colon[1]))
                return err_set(e, ERR_NOENT, "there is no such user");
        memcpy(user, text, len);
        user[len] = '\0';
        if (!w->user(w, user, &who, e))
                return false;
        out->uid = who.uid;
        return !colon || w->group(w, colon + 1, &out->gid, e);
}

static bool chown_parse(const struct opt *o, const char *text, const struct host *w,
                        union opt_value *v, struct err *e)
{
        struct err why = { 0 };

        (void)o;
        if (owner_parse(text, w, &v->owner, &why))
                return true;
        if (why.code != ERR_NOENT)
                return err_set(e, ERR_BUSY, "The owner %s cannot be looked up: %s", text, why.text);
        return err_set(e, ERR_CONFIG, "Invalid user:group definition %s", text);
}

static bool chown_same(const void *a, const void *b)
{
        const struct owner_ref *s = a, *t = b;

        return s->set == t->set && (!s->set || (s->uid == t->uid && s->gid == t->gid));
}

static void chown_drop(void *v)
{
        *(struct owner_ref *)v = (struct owner_ref){ 0 };
}

static void chown_format(const struct opt *o, const void *v, struct buf *out)
{
        const struct owner_ref *owner = v;

        (void)o;
        if (owner->set)
                buf_printf(out, "%lu", (unsigned long)owner->uid);
        if (owner->set && owner->gid != (gid_t)-1)
                buf_printf(out, ":%lu", (unsigned long)owner->gid);
}

const struct opt_kind opt_kind_chown = {
        .size = sizeof(struct owner_ref),
        .parse = chown_parse,
        .same = chown_same,
        .drop = chown_drop,
        .format = chown_format,
        .words = "USER or USER:GROUP, names or numbers",
};

/* ---- addresses */

static bool port_parse(const char *text, int *out, struct err *e)
{
        int64_t n;

        if (pyint_parse(text, strlen(text), 10, &n) == PYINT_BAD)
                return opt_wrong(e, "invalid literal for int() with base 10: ", text, "");
        if (n < 1)
                return err_set(e, ERR_CONFIG, "%lld is below lower bound (1)", (long long)n);
        if (n > 65535)
                return err_set(e, ERR_CONFIG, "%lld is above upper bound (65535)", (long long)n);
        *out = (int)n;
        return true;
}

/* Lower case, without the brackets of an IPv6 address; "*" is "". */
static char *host_of(const char *text, size_t len)
{
        if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
                text++;
                len -= 2;
        }
        char *host = len == 1 && *text == '*' ? strdup("") : strndup(text, len);
        for (char *c = host; c && *c; c++)
                *c = (char)tolower((unsigned char)*c);
        return host;
}

static bool inet_parse(const struct opt *o, const char *text, const struct host *w,
                       union opt_value *v, struct err *e)
{
        const char *colon = strrchr(text, ':');

        (void)o, (void)w;
        if (colon && !colon[1])
                return err_set(e, ERR_CONFIG, "no port number specified in ''");
        if (!port_parse(colon ? colon + 1 : text, &v->inet.port, e))
                return colon ? false : opt_wrong(e, "not a valid port number: ", text, " ");
        v->inet.host = host_of(text, colon ? (size_t)(colon - text) : 0);
        return v->inet.host || err_nomem(e);
}

static bool inet_same(const void *a, const void *b)
{
        const struct inet_addr *s = a, *t = b;

        return s->port == t->port && opt_same_text(&s->host, &t->host);
}

static void inet_drop(void *v)
{
        struct inet_addr *a = v;

        free(a->host);
        *a = (struct inet_addr){ 0 };
}

static void inet_format(const struct opt *o, const void *v, struct buf *out)
{
        const struct inet_addr *a = v;

        (void)o;
        if (!a->host)
                return;
        const char *shape = strchr(a->host, ':') ? "[%s]:%d" : "%s:%d";
        buf_printf(out, shape, *a->host ? a->host : "*", a->port);
}

const struct opt_kind opt_kind_inet = {
        .size = sizeof(struct inet_addr),
        .parse = inet_parse,
        .same = inet_same,
        .drop = inet_drop,
        .format = inet_format,
        .words = "PORT, *:PORT or HOST:PORT",
};
