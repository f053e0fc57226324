/* What is asked and answered between a reading of the configuration and the child that looks names
 * up.
 *
 * A question is a letter and a name. An answer is a series of strings, each with its NUL: "=" and
 * the question, then what was found, then ".". What was found: "a" an address; "u" and "g" the ids,
 * "n" the name, "d" the home, "s" the shell and "G" each group of a user; "g" the id of a group;
 * "p" a directory, where that is one.
 * "!" and why nothing was found, or "?" and why it could not be known; with what was known before
 * in front of it. */
#define HASH_NONFATAL_OOM 1
#include "model/config/lookup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/unconst.h"
#include "base/vec.h"

#define HOST  'h'
#define USER  'u'
#define GROUP 'g'
#define PLACE 'p'

/* An id that no user has, so that what is assumed equals nothing that is known. */
#define NO_ID ((uid_t)-1)
/* No path below it exists. */
#define NO_HOME "/dev/null/home"

enum mode { MODE_KNOWN, MODE_NOTE, MODE_ASSUME };

struct found {
        bool is_there;
        struct strlist addresses;
        struct account who;
        gid_t gid;
        gid_t *groups; /* owned */
        int group_count;
        char *trouble;  /* owned: why the last question brought nothing; NULL: it did */
        bool is_silent; /* it was no answer, rather than "no such name" */
};

struct entry {
        char *key; /* owned: the question */
        bool is_open, is_fresh;
        struct found found;
        UT_hash_handle hh;
};

struct lookups {
        struct host ops; /* first: cast back */
        const struct host *real;
        struct entry *entries;
        enum mode mode;
        size_t open;
        bool failed;     /* a name could not be noted */
        char *once_path; /* owned: a file that can be read but once, and its text; NULL: none */
        struct buf once;
};

static struct lookups *lookup_of(const struct host *w)
{
        return unconst(w);
}

/* ---- entries */

static void found_release(struct found *f)
{
        strlist_release(&f->addresses);
        free(f->groups);
        free(f->trouble);
        *f = (struct found){ 0 };
}

static struct entry *entry_of(const struct lookups *l, char kind, const char *name)
{
        AUTO_BUF key = BUF_INIT;
        struct entry *hit = NULL;

        buf_putc(&key, kind);
        buf_puts(&key, name);
        if (!key.failed)
                HASH_FIND(hh, l->entries, key.data, key.len, hit);
        return hit;
}

static void lookup_entry_free(struct entry *n)
{
        found_release(&n->found);
        free(n->key);
        free(n);
}

static struct entry *entry_add(struct lookups *l, const char *key)
{
        struct entry *n = NULL;

        HASH_FIND(hh, l->entries, key, strlen(key), n);
        if (n)
                return n;
        n = calloc(1, sizeof *n);
        if (!n || !(n->key = strdup(key))) {
                free(n);
                return NULL;
        }
        HASH_ADD_KEYPTR(hh, l->entries, n->key, strlen(n->key), n);
        if (!n->hh.tbl) {
                lookup_entry_free(n);
                return NULL;
        }
        return n;
}

static void entry_note(struct lookups *l, char kind, const char *name)
{
        AUTO_BUF key = BUF_INIT;
        struct entry *n = NULL;

        buf_putc(&key, kind);
        buf_puts(&key, name);
        if (!key.failed)
                n = entry_add(l, key.data);
        if (!n)
                l->failed = true;
        else if (!n->is_open)
                l->open++;
        if (n)
                n->is_open = true;
}

/* What may be answered from; NULL: a placeholder has to do. */
static struct entry *entry_ask(struct lookups *l, char kind, const char *name)
{
        struct entry *n = entry_of(l, kind, name);

        if (l->mode != MODE_NOTE || (n && n->is_fresh))
                return n;
        entry_note(l, kind, name);
        return NULL;
}

static bool has_placeholders(const struct lookups *l, const struct entry *n)
{
        if (l->mode == MODE_NOTE)
                return !n;
        return l->mode == MODE_ASSUME && (!n || !n->found.is_there);
}

/* A file that is read has to know for sure who is meant; a start goes by what is known. */
static bool may_serve(const struct lookups *l, const struct entry *n)
{
        return n && n->found.is_there && !(l->mode == MODE_NOTE && n->found.trouble);
}

static void once_release(struct lookups *l)
{
        free(l->once_path);
        l->once_path = NULL;
        buf_release(&l->once);
}

/* ---- the host */

static bool once_fill(struct lookups *l, const char *path, enum file_kind kind, struct err *e)
{
        once_release(l);
        if (!l->real->read_file(l->real, path, kind, &l->once, e))
                return false;
        l->once_path = strdup(path);
        return l->once_path || err_nomem(e);
}

/* What comes through a pipe is there once only, and a file is read as often as its names need. */
static bool read_file(const struct host *w, const char *path, enum file_kind kind, struct buf *out,
                      struct err *e)
{
        struct lookups *l = lookup_of(w);

        if (kind == FILE_ORDINARY || l->mode != MODE_NOTE)
                return l->real->read_file(l->real, path, kind, out, e);
        bool is_there = l->once_path && strcmp(l->once_path, path) == 0;
        if (!is_there && !once_fill(l, path, kind, e))
                return false;
        buf_put(out, buf_str(&l->once), l->once.len);
        return !out->failed || err_nomem(e);
}

static bool glob_paths(const struct host *w, const char *pattern, struct strlist *out,
                       struct err *e)
{
        return lookup_of(w)->real->glob(lookup_of(w)->real, pattern, out, e);
}

/* Of a disk that does not answer nothing is known: that is not to stop a reading. */
static bool is_dir(const struct host *w, const char *path)
{
        bool is_assumed = strncmp(path, NO_HOME, sizeof NO_HOME - 1) == 0;
        struct lookups *l = lookup_of(w);

        if (is_assumed && l->mode != MODE_KNOWN)
                return true;
        int known = l->real->is_dir_at_once(l->real, path);
        if (known >= 0)
                return known;
        if (l->mode == MODE_KNOWN)
                return l->real->is_dir(l->real, path);
        const struct entry *n = entry_ask(l, PLACE, path);
        return !n || n->found.is_there || n->found.is_silent;
}

static bool lookup_is_file(const struct host *w, const char *path)
{
        return lookup_of(w)->real->is_file(lookup_of(w)->real, path);
}

static bool lookup_say_trouble(const struct entry *n, struct err *e)
{
        if (!n || !n->found.trouble)
                return err_set(e, ERR_NOENT, "nothing is known of it");
        return err_set(e, n->found.is_silent ? ERR_BUSY : ERR_NOENT, "%s", n->found.trouble);
}

static bool find_user(const struct host *w, const char *name_or_uid, struct account *out,
                      struct err *e)
{
        struct lookups *l = lookup_of(w);
        struct entry *n = entry_ask(l, USER, name_or_uid);

        if (has_placeholders(l, n)) {
                *out = (struct account){ .uid = NO_ID, .gid = NO_ID, .home = NO_HOME };
                snprintf(out->name, sizeof out->name, "%s", name_or_uid);
                return true;
        }
        if (!may_serve(l, n))
                return lookup_say_trouble(n, e);
        *out = n->found.who;
        return true;
}

static bool find_group(const struct host *w, const char *name_or_gid, gid_t *out, struct err *e)
{
        struct lookups *l = lookup_of(w);
        struct entry *n = entry_ask(l, GROUP, name_or_gid);

        if (has_placeholders(l, n)) {
                *out = NO_ID;
                return true;
        }
        if (!may_serve(l, n))
                return lookup_say_trouble(n, e);
        *out = n->found.gid;
        return true;
}

/* Old addresses are better than none. */
static bool find_host(const struct host *w, const char *host, struct strlist *out, struct err *e)
{
        struct lookups *l = lookup_of(w);
        struct entry *n = entry_ask(l, HOST, host);

        if (has_placeholders(l, n))
                return true;
        if (!n || !n->found.is_there)
                return lookup_say_trouble(n, e);
        for (size_t i = 0; i < n->found.addresses.count; i++)
                if (!strlist_add(out, n->found.addresses.items[i]))
                        return err_nomem(e);
        if (n->found.trouble)
                lookup_say_trouble(n, e);
        return true;
}

/* The file may have named the user by number. */
static const struct entry *entry_of_account(const struct lookups *l, const char *user, gid_t first)
{
        const struct entry *n = entry_of(l, USER, user);

        if (n && n->found.is_there)
                return n;
        for (n = l->entries; n; n = n->hh.next)
                if (n->key[0] == USER && n->found.is_there && n->found.who.gid == first &&
                    strcmp(n->found.who.name, user) == 0)
                        return n;
        return NULL;
}

static bool find_groups_of(const struct host *w, const char *user, gid_t first, gid_t **list_out,
                           int *count_out)
{
        const struct entry *n = entry_of_account(lookup_of(w), user, first);
        size_t size;

        if (!n || !n->found.groups)
                return false;
        size = (size_t)n->found.group_count * sizeof **list_out;
        *list_out = malloc(size);
        if (!*list_out)
                return false;
        memcpy(*list_out, n->found.groups, size);
        *count_out = n->found.group_count;
        return true;
}

struct lookups *lookups_new(const struct host *real)
{
        struct lookups *l = calloc(1, sizeof *l);

        if (!l)
                return NULL;
        l->real = real;
        l->ops = *real;
        l->ops.read_file = read_file;
        l->ops.glob = glob_paths;
        l->ops.is_dir = is_dir;
        l->ops.is_file = lookup_is_file;
        l->ops.user = find_user;
        l->ops.group = find_group;
        l->ops.groups_of = find_groups_of;
        l->ops.resolve = find_host;
        return l;
}

void lookups_free(struct lookups *l)
{
        struct entry *n, *next;

        if (!l)
                return;
        HASH_ITER (hh, l->entries, n, next) {
                HASH_DEL(l->entries, n);
                lookup_entry_free(n);
        }
        once_release(l);
        free(l);
}

const struct host *lookups_world(const struct lookups *l)
{
        return &l->ops;
}

/* ---- a reading */

void lookups_begin(struct lookups *l)
{
        for (struct entry *n = l->entries; n; n = n->hh.next)
                n->is_fresh = n->is_open = false;
        l->open = 0;
        l->failed = false;
        l->mode = MODE_NOTE;
}

void lookups_end(struct lookups *l)
{
        for (struct entry *n = l->entries; n && l->open; n = n->hh.next)
                n->is_open = false;
        l->open = 0;
        l->mode = MODE_KNOWN;
        once_release(l);
}

int lookups_assume(struct lookups *l)
{
        enum mode before = l->mode;

        l->mode = MODE_ASSUME;
        return before;
}

void lookups_resume(struct lookups *l, int before)
{
        l->mode = before;
}

size_t lookups_open(const struct lookups *l)
{
        return l->open + l->failed;
}

void lookups_questions(const struct lookups *l, struct buf *out)
{
        for (const struct entry *n = l->entries; n; n = n->hh.next)
                if (n->is_open)
                        buf_put(out, n->key, strlen(n->key) + 1);
}

static void entry_settle(struct lookups *l, struct entry *n)
{
        l->open -= n->is_open;
        n->is_open = false;
        n->is_fresh = true;
}

void lookups_close(struct lookups *l, const char *why)
{
        l->failed = false;
        for (struct entry *n = l->entries; n; n = n->hh.next) {
                if (!n->is_open)
                        continue;
                entry_settle(l, n);
                free(n->found.trouble);
                n->found.trouble = strdup(why);
                n->found.is_silent = true;
                l->failed = l->failed || !n->found.trouble;
        }
}

/* ---- answers, written */

static void put_string(struct buf *out, char kind, const char *text)
{
        buf_putc(out, kind);
        buf_put(out, text, strlen(text) + 1);
}

static void lookup_put_number(struct buf *out, char kind, unsigned long n)
{
        char text[24];

        snprintf(text, sizeof text, "%lu", n);
        put_string(out, kind, text);
}

static void put_found(struct buf *out, char kind, const struct found *f)
{
        const struct account *who = &f->who;

        for (size_t i = 0; i < f->addresses.count; i++)
                put_string(out, 'a', f->addresses.items[i]);
        if (kind == GROUP)
                lookup_put_number(out, 'g', f->gid);
        if (kind == PLACE)
                put_string(out, 'p', "");
        if (kind != USER)
                return;
        lookup_put_number(out, 'u', who->uid);
        lookup_put_number(out, 'g', who->gid);
        put_string(out, 'n', who->name);
        put_string(out, 'd', who->home);
        put_string(out, 's', who->shell);
        for (int i = 0; i < f->group_count; i++)
                lookup_put_number(out, 'G', f->groups[i]);
}

void lookups_put(const struct lookups *l, struct buf *out)
{
        for (const struct entry *n = l->entries; n; n = n->hh.next) {
                put_string(out, '=', n->key);
                if (n->found.is_there)
                        put_found(out, n->key[0], &n->found);
                if (n->found.trouble)
                        put_string(out, n->found.is_silent ? '?' : '!', n->found.trouble);
                put_string(out, '.', "");
        }
}

static bool lookup_look_up(const struct host *w, const char *question, struct found *f,
                           struct err *e)
{
        const char *name = question + 1;

        switch (question[0]) {
        case HOST:
                return w->resolve(w, name, &f->addresses, e);
        case USER:
                return w->user(w, name, &f->who, e) &&
                       (w->groups_of(w, f->who.name, f->who.gid, &f->groups, &f->group_count) ||
                        err_set(e, ERR_BUSY, "the user's groups cannot be found"));
        case GROUP:
                return w->group(w, name, &f->gid, e);
        case PLACE:
                return w->is_dir(w, name) || err_set(e, ERR_NOENT, "it is no directory");
        default:
                return err_set(e, ERR_USAGE, "no such question");
        }
}

void lookup_answer(const struct host *w, const char *question, struct buf *out)
{
        struct found f = { 0 };
        struct err e = { 0 };

        put_string(out, '=', question);
        if (lookup_look_up(w, question, &f, &e))
                put_found(out, question[0], &f);
        else
                put_string(out, e.code == ERR_NOENT ? '!' : '?', e.text);
        put_string(out, '.', "");
        found_release(&f);
}

/* ---- answers, read */

static bool lookup_add_group(struct found *f, gid_t gid)
{
        if (!vec_grow(f->groups, f->group_count))
                return false;
        f->groups[f->group_count++] = gid;
        return true;
}

static void lookup_copy_word(char *to, size_t size, const char *from)
{
        snprintf(to, size, "%s", from);
}

static bool set_trouble(struct found *f, const char *why, bool is_silent)
{
        free(f->trouble);
        f->trouble = strdup(why);
        f->is_silent = is_silent;
        return f->trouble != NULL;
}

/* One string of an answer. */
static bool take_string(struct found *f, char kind, const char *text)
{
        f->is_there = f->is_there || (text[0] && strchr("augp", text[0]));
        switch (text[0]) {
        case 'a':
                return strlist_add(&f->addresses, text + 1);
        case 'u':
                f->who.uid = (uid_t)strtoul(text + 1, NULL, 10);
                break;
        case 'g':
                f->gid = (gid_t)strtoul(text + 1, NULL, 10);
                f->who.gid = kind == USER ? f->gid : 0;
                break;
        case 'n':
                lookup_copy_word(f->who.name, sizeof f->who.name, text + 1);
                break;
        case 'd':
                lookup_copy_word(f->who.home, sizeof f->who.home, text + 1);
                break;
        case 's':
                lookup_copy_word(f->who.shell, sizeof f->who.shell, text + 1);
                break;
        case 'G':
                return lookup_add_group(f, (gid_t)strtoul(text + 1, NULL, 10));
        case '!':
        case '?':
                return set_trouble(f, text + 1, text[0] == '?');
        default:
                break;
        }
        return true;
}

/* What was found takes the old one's place; a failure does only where nothing better was known: a
 * host keeps its addresses, and of a user who is gone it is remembered that he is. */
static void entry_answer(struct lookups *l, struct entry *n, struct found *f)
{
        bool keeps = !f->is_there && n->found.is_there && (n->key[0] == HOST || f->is_silent);

        entry_settle(l, n);
        if (keeps) {
                free(n->found.trouble);
                n->found.trouble = f->trouble;
                n->found.is_silent = f->is_silent;
                f->trouble = NULL;
                found_release(f);
                return;
        }
        found_release(&n->found);
        n->found = *f;
        *f = (struct found){ 0 };
}

bool lookups_take(struct lookups *l, const char *data, size_t len)
{
        const char *at = data, *end = data + len, *stop;
        struct entry *n = NULL;
        struct found f = { 0 };
        bool fine = true;

        for (; fine && (stop = memchr(at, '\0', (size_t)(end - at))); at = stop + 1) {
                if (at[0] == '=') {
                        found_release(&f);
                        fine = at[1] && (n = entry_add(l, at + 1));
                } else if (n && at[0] == '.') {
                        entry_answer(l, n, &f);
                        n = NULL;
                } else if (n) {
                        fine = take_string(&f, n->key[0], at);
                }
                if (stop + 1 == end)
                        break;
        }
        found_release(&f);
        return fine;
}
