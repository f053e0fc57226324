/* uthash would end the process when memory runs out; with this it only says so. */
#define HASH_NONFATAL_OOM 1
#include "model/config/conf_doc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/path.h"
#include "model/config/ini.h"
#include "model/config/program.h"
#include "model/config/pytext.h"

#define HERE      "%(here)s"
#define MAX_FILES 10000

/* ---- the document */

static void free_key(struct conf_key *k)
{
        free(k->key);
        free(k->value);
        free(k);
}

static void free_keys(struct conf_section *s)
{
        struct conf_key *k = s->keys, *next;

        HASH_CLEAR(hh, s->keys); /* the table only; the keys still know each other */
        for (; k; k = next) {
                next = k->hh.next;
                free_key(k);
        }
}

static void free_section(struct conf_section *s)
{
        free_keys(s);
        program_unref(s->program);
        free(s->name);
        free(s);
}

void conf_doc_release(struct conf_doc *d)
{
        struct conf_section *s = d->sections, *next;

        HASH_CLEAR(hh, d->sections);
        for (; s; s = next) {
                next = s->hh.next;
                free_section(s);
        }
        free_keys(&d->defaults);
        strlist_release(&d->files);
        strlist_release(&d->heres);
        *d = (struct conf_doc){ 0 };
}

struct conf_section *conf_doc_section(const struct conf_doc *d, const char *name)
{
        struct conf_section *s;

        HASH_FIND_STR(d->sections, name, s);
        return s;
}

static struct conf_key *own_key(const struct conf_section *s, const char *key)
{
        struct conf_key *k;

        HASH_FIND_STR(s->keys, key, k);
        return k;
}

struct conf_key *conf_doc_key(const struct conf_doc *d, const struct conf_section *s,
                              const char *key)
{
        struct conf_key *k = own_key(s, key);

        return k ? k : own_key(&d->defaults, key);
}

struct conf_key *conf_doc_next(const struct conf_doc *d, const struct conf_section *s,
                               const struct conf_key *k)
{
        struct conf_key *next = k ? k->hh.next : s->keys;

        if (!next && (!k || k->owner == s))
                next = d->defaults.keys;
        while (next && next->owner != s && own_key(s, next->key))
                next = next->hh.next;
        return next;
}

struct where conf_at(const struct conf_section *s, const struct conf_key *k)
{
        struct where at = { .section = s->name };

        at.file = k ? k->file : s->file;
        at.line = k ? k->line : s->line;
        at.key = k ? k->key : NULL;
        return at;
}

/* ---- from a file into the document */

struct reading {
        struct conf_doc *doc;
        const char *file, *here; /* borrowed from the document */
        bool put_here;           /* "here" is text: an included file */
        struct conf_section *section;
        struct diags *diags;
};

static struct conf_section *add_section(struct reading *r, const char *name, int line)
{
        struct conf_section *s = calloc(1, sizeof *s);

        if (!s)
                return NULL;
        s->name = strdup(name);
        s->file = r->file;
        s->here = r->here;
        s->line = line;
        if (s->name) {
                HASH_ADD_KEYPTR(hh, r->doc->sections, s->name, strlen(s->name), s);
                if (s->hh.tbl)
                        return s;
        }
        free_section(s);
        return NULL;
}

static bool on_section(void *arg, const char *name, int line)
{
        struct reading *r = arg;

        if (strcmp(name, "DEFAULT") == 0)
                r->section = &r->doc->defaults;
        else
                r->section = conf_doc_section(r->doc, name);
        if (!r->section)
                r->section = add_section(r, name, line);
        return r->section != NULL;
}

static bool on_wanted(void *arg, const char *name, size_t len)
{
        const struct reading *r = arg;
        const char *wanted[] = { r->doc->only, "DEFAULT" };

        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
                if (strlen(wanted[i]) == len && memcmp(wanted[i], name, len) == 0)
                        return true;
        return false;
}

static struct conf_key *conf_doc_add_key(struct conf_section *s, const char *key)
{
        struct conf_key *k = calloc(1, sizeof *k);

        if (!k)
                return NULL;
        k->key = strdup(key);
        k->owner = s;
        if (k->key) {
                HASH_ADD_KEYPTR(hh, s->keys, k->key, strlen(k->key), k);
                if (k->hh.tbl)
                        return k;
        }
        free_key(k);
        return NULL;
}

/* A percent sign in the directory's own name is doubled: what comes out is expanded again. */
static char *put_here(const char *value, const char *here)
{
        struct buf b = BUF_INIT;
        const char *hit;

        for (; (hit = strstr(value, HERE)); value = hit + strlen(HERE)) {
                buf_put(&b, value, (size_t)(hit - value));
                for (const char *c = here; *c; c++) {
                        if (*c == '%')
                                buf_putc(&b, '%');
                        buf_putc(&b, *c);
                }
        }
        buf_puts(&b, value);
        return buf_take(&b);
}

static bool on_key(void *arg, const struct ini_key *read)
{
        struct reading *r = arg;
        struct conf_key *k = own_key(r->section, read->key);
        bool here = r->put_here && strstr(read->value, HERE);
        char *value = here ? put_here(read->value, r->here) : strdup(read->value);

        if (value && !k)
                k = conf_doc_add_key(r->section, read->key);
        if (!value || !k) {
                free(value);
                return false;
        }
        free(k->value);
        k->value = value;
        k->file = r->file;
        k->line = read->line;
        k->cut = read->cut;
        return true;
}

/* It cannot be seen, and in the middle of a value it is none. */
static void on_blank(void *arg, unsigned cp, int line)
{
        struct reading *r = arg;
        const struct where at = { .file = r->file, .line = line };

        diags_add(r->diags, DIAG_WARNING, &at, "write an ordinary blank",
                  "the character U+%04X, which looks like a blank, counts as one here", cp);
}

/* With an [include], "here" becomes text in the main file as well. */
static bool replace_here(struct conf_section *s, const char *here)
{
        for (struct conf_key *k = s->keys; k; k = k->hh.next) {
                if (!strstr(k->value, HERE))
                        continue;
                char *value = put_here(k->value, here);
                if (!value)
                        return false;
                free(k->value);
                k->value = value;
        }
        return true;
}

static bool replace_main_here(struct conf_doc *d)
{
        bool ok = replace_here(&d->defaults, d->heres.items[0]);

        for (struct conf_section *s = d->sections; s && ok; s = s->hh.next)
                ok = replace_here(s, d->heres.items[0]);
        return ok;
}

/* ---- files */

static bool remember_file(struct conf_doc *d, const char *path, const struct host *w)
{
        char *whole = path_absolute(path, w->cwd);
        char *here = whole ? path_dirname(whole) : NULL;

        free(whole);
        if (!strlist_take(&d->heres, here))
                return false;
        return strlist_add(&d->files, path);
}

/* The parser's verdict; false when the file is of no use. */
static bool read_text(struct conf_doc *d, const struct buf *text, bool included,
                      struct diags *diags)
{
        const struct ini_handler handler = { .section = on_section,
                                             .key = on_key,
                                             .blank = on_blank,
                                             .wants = d->only ? on_wanted : NULL };
        struct reading r = { .doc = d,
                             .file = d->files.items[d->files.count - 1],
                             .here = d->heres.items[d->heres.count - 1],
                             .put_here = included,
                             .diags = diags };
        AUTO_BUF why = BUF_INIT;
        struct where at = { .file = r.file };

        switch (ini_read(buf_str(text), text->len, r.file, &handler, &r, &why, &at.line)) {
        case INI_OK:
                return true;
        case INI_BAD_LINES:
                diags_add(
                    diags, DIAG_ERROR, &at,
                    "a line is a [section] with both of its brackets, a key = value, a comment, "
                    "or indented to continue the value above it",
                    "%s", buf_str(&why));
                return true;
        case INI_REFUSED:
                diags_add(diags, DIAG_ERROR, &at, NULL, "%s", buf_str(&why));
                return false;
        default:
                diags->failed = true;
                return false;
        }
}

bool conf_doc_main(struct conf_doc *d, const char *path, const struct host *w, struct diags *diags)
{
        AUTO_BUF text = BUF_INIT;
        struct where at = { .file = path };
        struct err e = { 0 };

        if (!w->read_file(w, path, d->kind, &text, &e)) {
                diags->failed |= e.code == ERR_NOMEM;
                bool missing = e.sys == ENOENT || e.sys == ENOTDIR;
                diags_add(diags, DIAG_ERROR, &at, missing || !e.sys ? NULL : e.text,
                          "could not %s config file %s%s%s", missing ? "find" : "read", path,
                          e.code == ERR_CONFIG ? ": " : "", e.code == ERR_CONFIG ? e.text : "");
                return false;
        }
        if (!remember_file(d, path, w)) {
                diags->failed = true;
                return false;
        }
        return read_text(d, &text, false, diags);
}

/* ---- [include] */

struct inclusion {
        struct conf_doc *doc;
        const struct host *w;
        struct diags *diags;
        const struct conf_section *section;
        struct where at;     /* of the key that names the files */
        struct where quoted; /* the same, for lines of Supervisor's */
};

/* What is not there, or is a directory, was named in vain. Anything else that cannot be read may
 * have any program in it. */
static void include_failed(struct inclusion *in, const struct err *e, const char *what,
                           const char *path)
{
        bool absent =
            e->code == ERR_SYS && (e->sys == ENOENT || e->sys == ENOTDIR || e->sys == EISDIR);
        bool refused = in->doc->needs_all && !absent;

        in->diags->failed |= e->code == ERR_NOMEM;
        in->doc->incomplete |= !absent;
        diags_add(in->diags, refused ? DIAG_ERROR : DIAG_WARNING, &in->at,
                  refused ? "its programs would count as removed; make it readable, or remove it"
                          : "nothing of it is used",
                  "could not %s %s: %s", what, path, e->text);
}

static void include_file(struct inclusion *in, const char *path)
{
        AUTO_BUF text = BUF_INIT;
        struct err e = { 0 };

        diags_add(in->diags, DIAG_INFO, &in->quoted, NULL,
                  "Included extra file \"%s\" during parsing", path);
        if (!in->w->read_file(in->w, path, FILE_ORDINARY, &text, &e)) {
                include_failed(in, &e, "read config file", path);
                return;
        }
        if (!remember_file(in->doc, path, in->w)) {
                in->diags->failed = true;
                return;
        }
        read_text(in->doc, &text, true, in->diags);
}

/* One pattern, relative to the main file's directory. */
static void include_pattern(struct inclusion *in, const char *word, size_t len)
{
        char *copy = strndup(word, len);
        char *pattern = copy ? path_join(in->doc->heres.items[0], copy) : NULL;
        AUTO_STRLIST found = STRLIST_INIT;
        struct err e = { 0 };

        free(copy);
        if (!pattern) {
                in->diags->failed = true;
                return;
        }
        bool ok = in->w->glob(in->w, pattern, &found, &e);
        if (!ok)
                include_failed(in, &e, "look for files that match", pattern);
        else if (!found.count)
                diags_add(in->diags, DIAG_WARNING, &in->quoted, NULL,
                          "No file matches via include \"%s\"", pattern);
        for (size_t i = 0; i < found.count && in->doc->files.count < MAX_FILES; i++)
                include_file(in, found.items[i]);
        free(pattern);
}

static void include_words(struct inclusion *in, const char *text)
{
        const char *end = text + strlen(text);

        for (size_t n; text < end; text += n) {
                size_t len = 0;
                while (text + len < end && !pytext_space_at(text + len, (size_t)(end - text) - len))
                        len++;
                if (len)
                        include_pattern(in, text, len);
                n = len ? len : pytext_space_at(text, (size_t)(end - text));
        }
}

static void warn_nested(struct inclusion *in, const struct conf_key *before, const char *value)
{
        const struct conf_key *now = conf_doc_key(in->doc, in->section, "files");

        if (!now || (now == before && strcmp(now->value, value) == 0))
                return;
        struct where at = conf_at(in->section, now);
        diags_add(in->diags, DIAG_WARNING, &at, "name the files in the main file",
                  "an [include] in an included file has no effect");
}

static void include_all(struct conf_doc *d, struct conf_section *s, const struct conf_key *k,
                        const struct names *names, const struct host *w, struct diags *diags)
{
        struct inclusion in = { d, w, diags, s, conf_at(s, k), conf_at(s, k) };
        char *value = strdup(k->value); /* an included file may change the key */
        AUTO_BUF text = BUF_INIT;
        AUTO_BUF why = BUF_INIT;

        in.quoted.quoted = true;
        if (!value || !expand(value, names, "include.files", &text, &why)) {
                diags->failed |= !value || text.failed || why.failed;
                diags_add(diags, DIAG_ERROR, &in.at, NULL, "%s", buf_str(&why));
        } else {
                include_words(&in, buf_str(&text));
                warn_nested(&in, k, value);
        }
        free(value);
}

void conf_doc_includes(struct conf_doc *d, const struct names *names, const struct host *w,
                       struct diags *diags)
{
        struct conf_section *s = conf_doc_section(d, "include");
        struct conf_key *k = s ? conf_doc_key(d, s, "files") : NULL;

        if (!s)
                return;
        s->used = true;
        diags->failed |= !replace_main_here(d);
        if (k) {
                include_all(d, s, k, names, w, diags);
                return;
        }
        struct where at = conf_at(s, NULL);
        diags_add(diags, DIAG_ERROR, &at, "write: files = conf.d/*.conf",
                  ".ini file has [include] section, but no files setting");
}
