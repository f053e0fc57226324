/* Loads a whole configuration: finds the file, has it read, fills [supervisord] and calls the
 * loaders of the other sections. The machine is seen through struct host only. Every error and
 * warning goes into the list of diagnostics; loading never stops at the first one. */
#include "model/config/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "model/config/conf_load.h"
#include "model/config/pytext.h"

/* ---- freeing */

static void free_rows(const char *section, void *base)
{
        const char *rest;
        const struct section_kind *kind = section_find(section, &rest);

        opts_free(kind, base);
}

static void free_server(struct server_conf *s)
{
        free_rows(s->kind == SERVER_UNIX ? "unix_http_server" : "inet_http_server", s);
        free(s->section);
        free(s->conf_file);
}

void config_free(struct config *c)
{
        if (!c)
                return;
        free_rows("supervisord", &c->settings);
        strlist_release(&c->settings.env);
        free_rows("supervisorctl", &c->ctl);
        for (int i = 0; i < c->server_count; i++)
                free_server(&c->servers[i]);
        for (int i = 0; i < c->group_count; i++)
                group_conf_unref(c->groups[i]);
        free(c->servers);
        free(c->groups);
        free(c->by_name);
        free(c->path);
        free(c->here);
        strlist_release(&c->files);
        free(c);
}

/* ---- where the file is */

/* Two directories up from the program, "" when its path is not as long. */
static char *prefix_of(const char *argv0)
{
        char *dir = path_dirname(argv0);
        char *up = dir ? path_dirname(dir) : NULL;

        free(dir);
        return up;
}

static bool search_list(const char *argv0, struct strlist *list)
{
        static const char *const tails[] = { "etc/supervisord.conf", "supervisord.conf" };
        char *prefix = prefix_of(argv0);
        bool ok = prefix != NULL;

        for (size_t i = 0; i < 2 && ok; i++)
                ok = strlist_take(list, path_join(prefix, tails[i]));
        free(prefix);
        return ok && strlist_add(list, "supervisord.conf") &&
               strlist_add(list, "etc/supervisord.conf") &&
               strlist_add(list, "/etc/supervisord.conf") &&
               strlist_add(list, "/etc/supervisor/supervisord.conf");
}

char *config_search(const char *argv0, const struct host *w, char **tried_out)
{
        AUTO_STRLIST list = STRLIST_INIT;
        struct buf tried = BUF_INIT;
        char *found = NULL;

        if (tried_out)
                *tried_out = NULL;
        if (!search_list(argv0, &list))
                return NULL;
        for (size_t i = 0; i < list.count && !found; i++)
                if (w->is_file(w, list.items[i]))
                        found = strdup(list.items[i]);
        for (size_t i = 0; i < list.count; i++)
                buf_printf(&tried, "%s%s", i ? ", " : "", list.items[i]);
        if (tried_out)
                *tried_out = buf_take(&tried);
        buf_release(&tried);
        return found;
}

/* ---- [supervisord] */

static bool config_is_environment(const struct opt *o)
{
        return strcmp(o->key, "environment") == 0;
}

static bool config_is_plain(const struct filling *f, const struct opt *o)
{
        (void)f;
        return !config_is_environment(o);
}

/* Supervisor expands it twice, 4.4 once; then it is split. */
static void load_environment(struct load *l, const struct filling *f)
{
        const struct conf_key *k = conf_doc_key(&l->doc, f->section, "environment");
        struct settings *s = &l->c->settings;
        struct names names = f->names;
        struct buf text = BUF_INIT;
        AUTO_BUF why = BUF_INIT;
        AUTO_BUF dropped = BUF_INIT;
        struct err e = { 0 };

        if (!k)
                return;
        names.have |= NAME_HOST;
        if (!expand_twice(k->value, &names, "supervisord.environment", &text, &why)) {
                l->diags->failed |= text.failed || why.failed;
                load_error(l, f->section, k, NULL, "%s", buf_str(&why));
                buf_release(&text);
                return;
        }
        s->environment = buf_take(&text);
        if (!s->environment || !keyvals_parse(s->environment, &s->env, &dropped, &e)) {
                l->diags->failed |= !s->environment || e.code == ERR_NOMEM;
                load_error(l, f->section, k, "expected KEY=\"value\",KEY2=\"value\"", "%s", e.text);
        } else if (dropped.len) {
                load_warn(l, f->section, k, "put the value into double quotes",
                          "text in environment is ignored: %s", buf_str(&dropped));
        }
}

static void refuse_override(struct load *l, const struct override *o, const struct err *e)
{
        AUTO_BUF quoted = BUF_INIT;

        pytext_repr(&quoted, o->value, strlen(o->value), false);
        if (e->code == ERR_NOMEM || quoted.failed)
                load_nomem(l);
        else if (strcmp(o->key, "user") == 0)
                diags_add(l->diags, DIAG_ERROR, NULL, NULL, "%s", e->text);
        else
                diags_add(l->diags, DIAG_ERROR, NULL, NULL, "invalid value for %s %s: %s", o->flag,
                          buf_str(&quoted), e->text);
}

/* The command line's values are checked before the file is read, and win over it in the end. */
static void check_overrides(struct load *l, const struct section_kind *kind,
                            const struct override *list, int count)
{
        for (int i = 0; i < count; i++) {
                const struct opt *o = opt_find(kind, list[i].key);
                struct err e = { 0 };
                if (o && !opt_check(o, list[i].value, l->w, &e))
                        refuse_override(l, &list[i], &e);
        }
}

static void apply_overrides(struct load *l, const struct section_kind *kind,
                            const struct override *list, int count)
{
        for (int i = 0; i < count; i++) {
                const struct opt *o = opt_find(kind, list[i].key);
                struct err e = { 0 };
                if (o && !opt_parse(o, &l->c->settings, list[i].value, l->w, &e))
                        l->diags->failed |= e.code == ERR_NOMEM;
        }
}

static void warn_root(struct load *l, const struct conf_section *s)
{
        struct where at = conf_at(s, NULL);

        if (l->w->euid == 0 && !l->c->settings.user.set)
                diags_add(
                    l->diags, DIAG_CRITICAL, &at, NULL,
                    "Supervisor is running as root.  Privileges were not dropped because no "
                    "user is specified in the config file.  If you intend to run as root, you "
                    "can set user=root in the config file to avoid this message.");
}

/* Users write pidfile=/dev/null for "none"; no state directory can be beside it. */
static void find_statedir(struct load *l, struct settings *set)
{
        static const char suffix[] = ".pid";
        struct buf path = BUF_INIT;
        size_t len = set->pidfile ? strlen(set->pidfile) : 0, cut = sizeof suffix - 1;

        if (set->statedir || !len || strncmp(set->pidfile, "/dev/", 5) == 0)
                return;
        if (len > cut && strcmp(set->pidfile + len - cut, suffix) == 0)
                len -= cut;
        buf_put(&path, set->pidfile, len);
        buf_puts(&path, ".state");
        set->statedir = buf_take(&path);
        if (!set->statedir)
                load_nomem(l);
}

static void load_settings(struct load *l, struct conf_section *s, const struct section_kind *kind,
                          const struct override *overrides, int count)
{
        struct settings *set = &l->c->settings;
        struct filling f = { .kind = kind, .section = s, .base = set };

        s->used = true;
        f.names = load_names(l, NAME_HERE, s);
        f.per_process = f.names;
        if (!load_defaults(l, &f))
                return;
        load_keys(l, &f, config_is_plain);
        load_environment(l, &f);
        load_oddities(l, kind, s);
        apply_overrides(l, kind, overrides, count);
        if (!set->childlogdir && !(set->childlogdir = strdup(l->w->tmpdir)))
                load_nomem(l);
        find_statedir(l, set);
        warn_root(l, s);
}

/* ---- all of it */

/* [DEFAULT]'s keys belong to every section, so a key is odd only when no section knows it. */
static void check_defaults(struct load *l)
{
        for (const struct conf_key *k = l->doc.defaults.keys; k; k = k->hh.next) {
                bool known = false;
                for (const struct section_kind *s = section_kinds; s->prefix && !known; s++)
                        known = opt_find(s, k->key) != NULL;
                if (!known && !l->quiet) {
                        const struct where at = { .file = k->file,
                                                  .line = k->line,
                                                  .section = "DEFAULT",
                                                  .key = k->key };
                        diags_add(l->diags, DIAG_WARNING, &at, "it is ignored",
                                  "unknown key '%s' in [DEFAULT]", k->key);
                }
        }
}

static void load_daemon(struct load *l, const struct override *overrides, int count)
{
        const char *rest;
        const struct section_kind *kind = section_find("supervisord", &rest);
        struct names names = load_names(l, NAME_HERE | NAME_HOST, NULL);

        conf_doc_includes(&l->doc, &names, l->w, l->diags);
        struct conf_section *s = conf_doc_section(&l->doc, "supervisord");
        if (!s) {
                const struct where at = { .file = l->path };
                diags_add(l->diags, DIAG_ERROR, &at, NULL,
                          ".ini file does not include supervisord section");
                return;
        }
        load_settings(l, s, kind, overrides, count);
        load_plugins(l);
        load_groups(l);
        load_servers(l);
        load_check_sockets(l);
        load_leftovers(l);
        check_defaults(l);
}

static bool fill_paths(struct load *l)
{
        struct config *c = l->c;

        c->path = path_absolute(l->path, l->w->cwd);
        c->here = c->path ? path_dirname(c->path) : NULL;
        return c->here && strlist_copy(&c->files, &l->doc.files);
}

static void load_all(struct load *l, enum config_want want, const struct override *overrides,
                     int count)
{
        const char *rest;

        check_overrides(l, section_find("supervisord", &rest), overrides, count);
        if (!conf_doc_main(&l->doc, l->path, l->w, l->diags))
                return;
        if (want == WANT_CTL)
                load_ctl(l);
        else
                load_daemon(l, overrides, count);
        if (!fill_paths(l))
                load_nomem(l);
}

static enum file_kind main_kind(enum config_want want)
{
        if (want == WANT_RELOAD)
                return FILE_ORDINARY;
        return want == WANT_CTL ? FILE_OPEN : FILE_AWAITED;
}

struct config *config_load(const char *path, enum config_want want,
                           const struct override *overrides, int override_count,
                           const struct host *w, struct diags *diags)
{
        size_t errors = diags->errors;
        struct load l = { .w = w,
                          .diags = diags,
                          .path = path,
                          .quiet = want == WANT_CTL,
                          .c = calloc(1, sizeof *l.c) };

        if (!l.c) {
                diags->failed = true;
                return NULL;
        }
        l.doc.needs_all = want == WANT_RELOAD || want == WANT_CHECK;
        l.doc.kind = main_kind(want);
        l.doc.only = want == WANT_CTL ? "supervisorctl" : NULL;
        load_all(&l, want, overrides, override_count);
        l.c->incomplete = l.doc.incomplete;
        conf_doc_release(&l.doc);
        if (diags->errors == errors && !diags->failed)
                return l.c;
        if (diags->failed)
                diags_nomem(diags);
        config_free(l.c);
        return NULL;
}

bool config_keeps_files(const struct config *c, const struct config *before, const struct host *w,
                        struct diags *diags)
{
        bool ok = true;

        for (size_t i = 0; i < before->files.count; i++) {
                const char *path = before->files.items[i];
                const struct where at = { .file = path };
                if (strlist_has(&c->files, path) || !w->is_dir(w, path))
                        continue;
                ok = false;
                diags_add(diags, DIAG_ERROR, &at,
                          "its programs would count as removed; make it a file again, or remove it",
                          "could not read config file %s: Is a directory", path);
        }
        return ok;
}
