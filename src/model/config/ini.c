/* One text in Supervisor's syntax, walked line by line into sections, keys and bad lines; inih
 * only sees tokens that stand for them. Knows nothing of what a section or key means, and opens no
 * file. */
#include "model/config/ini.h"

#include <ctype.h>
#include <ini.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "model/config/pytext.h"

/* What a walk over the lines finds, in order. */
struct item {
        bool is_section;
        bool cut;
        int line;
        char *name;       /* owned: section or key */
        struct buf value; /* of a key */
};

#define NO_ITEM SIZE_MAX

struct walk {
        const char *file;
        struct item *items; /* owned */
        size_t count;
        bool in_section;     /* a header was seen */
        bool skips;          /* the section at hand is not wanted */
        bool has_key;        /* a key can be continued by deeper lines */
        size_t key_at;       /* which item it is; NO_ITEM: one that is skipped */
        size_t indent;       /* of the last line that was no continuation */
        struct buf *why;     /* the text about bad lines grows here */
        unsigned wide_blank; /* beyond ASCII, in the line at hand; 0: none */
        const struct ini_handler *handler;
        void *arg;
        int bad_line; /* first of them, 0: none */
        bool failed;  /* out of memory */
        bool refused; /* text before any header */
};

static void ini_walk_release(struct walk *w)
{
        for (size_t i = 0; i < w->count; i++) {
                free(w->items[i].name);
                buf_release(&w->items[i].value);
        }
        free(w->items);
}

static struct item *ini_add_item(struct walk *w, const char *name, size_t len, int line)
{
        if (!vec_grow(w->items, w->count)) {
                w->failed = true;
                return NULL;
        }
        struct item *it = &w->items[w->count];
        *it = (struct item){ .line = line, .name = strndup(name, len) };
        w->failed |= !it->name;
        if (!it->name)
                return NULL;
        w->count++;
        return it;
}

/* Where an inline comment begins in a line, or n. Both marks are searched in step, the next of each
 * per round, and the first round in which one of them follows white space decides: the rule of the
 * parser that the files were written for. */
static size_t ini_comment_at(const char *s, size_t n)
{
        static const char marks[] = { ';', '#' };
        size_t from[2] = { 0, 0 };
        bool more[2] = { true, true };

        while (more[0] || more[1]) {
                size_t cut = n;
                for (int m = 0; m < 2; m++) {
                        const char *hit =
                            more[m] ? memchr(s + from[m], marks[m], n - from[m]) : NULL;
                        more[m] = hit != NULL;
                        if (!hit)
                                continue;
                        size_t at = (size_t)(hit - s);
                        from[m] = at + 1;
                        if ((at == 0 || pytext_space_before(s, at)) && at < cut)
                                cut = at;
                }
                if (cut < n)
                        return cut;
        }
        return n;
}

static void add_bad_line(struct walk *w, const char *s, size_t len, int line)
{
        if (!w->bad_line) {
                w->bad_line = line;
                buf_puts(w->why, "Source contains parsing errors: ");
                pytext_repr(w->why, w->file, strlen(w->file), false);
        }
        buf_printf(w->why, "\n\t[line %2d]: ", line);
        pytext_repr(w->why, s, len, false);
}

/* As pytext_trim; what is beyond ASCII is noted. */
static void ini_trim(struct walk *w, const char **s, size_t *len)
{
        const char *from = *s;
        size_t had = *len;
        unsigned cp;

        pytext_trim(s, len);
        if (pytext_find_wide_space(from, (size_t)(*s - from), &cp) ||
            pytext_find_wide_space(*s + *len, had - (size_t)(*s - from) - *len, &cp))
                w->wide_blank = cp;
}

static void ini_add_key(struct walk *w, const char *s, size_t len, const char *sep, int line,
                        bool cut)
{
        const char *key = s, *value = sep + 1;
        size_t key_len = (size_t)(sep - s), value_len = len - key_len - 1;

        ini_trim(w, &key, &key_len);
        ini_trim(w, &value, &value_len);
        w->has_key = true;
        w->key_at = NO_ITEM;
        struct item *it = w->skips ? NULL : ini_add_item(w, key, key_len, line);
        if (!it)
                return;
        for (char *c = it->name; *c; c++)
                *c = (char)tolower((unsigned char)*c);
        buf_put(&it->value, value, value_len);
        it->cut = cut;
        w->key_at = w->count - 1;
}

static const char *ini_separator(const char *s, size_t len)
{
        for (size_t i = 0; i < len; i++)
                if (s[i] == '=' || s[i] == ':')
                        return s + i;
        return NULL;
}

/* The last closing bracket of a header line, or NULL: "[]" is no header. */
static const char *header_end(const char *s, size_t len)
{
        const char *end = s[0] == '[' ? memrchr(s, ']', len) : NULL;

        return end && end > s + 1 ? end : NULL;
}

static void refuse_headless(struct walk *w, const char *s, size_t len, int line)
{
        w->refused = true;
        w->bad_line = line;
        buf_puts(w->why, "File contains no section headers.\nfile: ");
        pytext_repr(w->why, w->file, strlen(w->file), false);
        buf_printf(w->why, ", line: %d\n", line);
        pytext_repr(w->why, s, len, false);
}

static void begin_section(struct walk *w, const char *name, size_t len, int line)
{
        const struct ini_handler *h = w->handler;

        w->in_section = true;
        w->has_key = false;
        w->skips = h->wants && !h->wants(w->arg, name, len);
        struct item *it = w->skips ? NULL : ini_add_item(w, name, len, line);
        if (it)
                it->is_section = true;
}

/* A line that begins something: `s` is the whole line as it would be quoted, `v` what is left of
 * it without blanks and comment. */
static void ini_begin(struct walk *w, const char *s, size_t len, const char *v, size_t vlen,
                      int line, bool cut)
{
        const char *end = header_end(v, vlen);

        if (end) {
                begin_section(w, v + 1, (size_t)(end - v) - 1, line);
                return;
        }
        if (!w->in_section) {
                refuse_headless(w, s, len, line);
                return;
        }
        /* Supervisor takes "[program:web" for a key, and the program is gone. "[]" is one. */
        if (v[0] == '[' && !(vlen > 1 && v[1] == ']')) {
                add_bad_line(w, s, len, line);
                buf_puts(w->why, " (a section header without its closing bracket)");
                w->has_key = false;
                return;
        }
        const char *sep = ini_separator(v, vlen);
        if (!sep) {
                add_bad_line(w, s, len, line);
                return;
        }
        if (sep == v) {
                add_bad_line(w, s, len, line);
                w->has_key = false;
                return;
        }
        ini_add_key(w, v, vlen, sep, line, cut);
}

/* In characters; *bytes_out: in bytes. A blank line has none. */
static size_t indent_of(const char *s, size_t len, size_t *bytes_out)
{
        size_t at = 0, chars = 0;

        for (size_t n; (n = pytext_space_at(s + at, len - at)); at += n)
                chars++;
        *bytes_out = at < len ? at : 0;
        return at < len ? chars : 0;
}

static void continue_key(struct item *key, const char *s, size_t len, bool cut)
{
        buf_putc(&key->value, '\n');
        buf_put(&key->value, s, len);
        key->cut |= cut;
}

/* One physical line; `len` with its newline (always "\n"), if it has one. */
static void walk_line(struct walk *w, const char *s, size_t len, int line)
{
        size_t first, indent = indent_of(s, len, &first);
        size_t cut = s[first] == ';' || s[first] == '#' ? 0 : ini_comment_at(s, len);
        const char *v = s;
        size_t vlen = cut;
        unsigned wide;
        struct item *key = w->has_key && w->key_at != NO_ITEM ? &w->items[w->key_at] : NULL;

        if (cut == 0 && pytext_find_wide_space(s, first, &wide))
                w->wide_blank = wide;
        ini_trim(w, &v, &vlen);
        if (vlen == 0) {
                if (cut == len && key)
                        buf_putc(&key->value, '\n');
                return;
        }
        if (w->has_key && indent > w->indent) {
                if (key)
                        continue_key(key, v, vlen, cut < len);
                return;
        }
        w->indent = indent;
        ini_begin(w, s, len, v, vlen, line, cut < len);
}

/* Lines end at "\n", "\r\n" or a lone "\r"; each is shown to the rules with a "\n". */
static void walk_text(struct walk *w, const char *text, size_t len)
{
        struct buf line = BUF_INIT;
        int number = 0;

        for (size_t at = 0; at < len && !w->failed && !w->refused;) {
                size_t n = 0;
                while (at + n < len && text[at + n] != '\n' && text[at + n] != '\r')
                        n++;
                buf_reset(&line);
                buf_put(&line, text + at, n);
                at += n;
                if (at < len) {
                        buf_putc(&line, '\n');
                        at += text[at] == '\r' && at + 1 < len && text[at + 1] == '\n' ? 2 : 1;
                }
                w->failed |= line.failed || number == INT_MAX;
                if (w->failed)
                        break;
                w->wide_blank = 0;
                walk_line(w, line.data, line.len, ++number);
                if (w->wide_blank && w->handler->blank)
                        w->handler->blank(w->arg, w->wide_blank, number);
        }
        buf_release(&line);
}

/* ---- inih: tokens in, items out */

struct feed {
        struct walk *walk;
        const struct ini_handler *handler;
        void *arg;
        size_t at;
        bool named; /* the section's own header line went out, its token is next */
        bool failed;
};

static char *feed_line(char *buf, int size, void *arg)
{
        struct feed *f = arg;

        if (f->failed || f->at == f->walk->count)
                return NULL;
        if (f->walk->items[f->at].is_section && !f->named) {
                f->named = true;
                snprintf(buf, (size_t)size, "[@%zu]\n", f->at);
                return buf;
        }
        /* After a header: the section itself, so that an empty one is seen as well. */
        f->named = false;
        snprintf(buf, (size_t)size, "@%zu=@%zu\n", f->at, f->at);
        f->at++;
        return buf;
}

static int on_token(void *arg, const char *section, const char *name, const char *value)
{
        struct feed *f = arg;
        char *end;

        (void)section, (void)value;
        size_t at = strtoul(name + 1, &end, 10);
        if (f->failed || at >= f->walk->count)
                return 0;
        const struct item *it = &f->walk->items[at];
        const struct ini_key k = {
                .key = it->name, .value = buf_str(&it->value), .line = it->line, .cut = it->cut
        };
        bool ok = it->is_section ? f->handler->section(f->arg, it->name, it->line)
                                 : f->handler->key(f->arg, &k);
        f->failed = !ok;
        return ok;
}

static bool ini_deliver(struct walk *w, const struct ini_handler *handler, void *arg)
{
        struct feed f = { .walk = w, .handler = handler, .arg = arg };

        return ini_parse_stream(feed_line, &f, on_token, &f) == 0 && !f.failed;
}

static void finish_values(struct walk *w)
{
        for (size_t i = 0; i < w->count; i++) {
                struct buf *v = &w->items[i].value;
                while (v->len && pytext_is_space(v->data[v->len - 1]))
                        v->data[--v->len] = '\0';
                w->failed |= v->failed;
        }
}

static void skip_bom(const char **text, size_t *len)
{
        if (*len >= 3 && memcmp(*text, "\xef\xbb\xbf", 3) == 0) {
                *text += 3;
                *len -= 3;
        }
}

static int line_of(const char *text, const char *at)
{
        int line = 1;

        for (const char *c = text; c < at; c++)
                if (*c == '\n' || (*c == '\r' && c[1] != '\n'))
                        line++;
        return line;
}

static enum ini_result refuse_nul(const char *text, const char *nul, const char *name,
                                  struct buf *why, int *line_out)
{
        *line_out = line_of(text, nul);
        buf_puts(why, "File contains a NUL byte.\nfile: ");
        pytext_repr(why, name, strlen(name), false);
        buf_printf(why, ", line: %d", *line_out);
        return why->failed ? INI_NOMEM : INI_REFUSED;
}

/* The parser that the files were written for decodes them first. NULL: all of it is UTF-8. */
static const char *find_undecodable(const char *text, size_t len)
{
        for (size_t i = 0; i < len;) {
                unsigned cp;
                size_t n = 1;
                if ((unsigned char)text[i] >= 0x80 &&
                    (n = pytext_decode(text + i, len - i, &cp)) == 1)
                        return text + i;
                i += n;
        }
        return NULL;
}

static enum ini_result refuse_undecodable(const char *text, const char *bad, const char *name,
                                          struct buf *why, int *line_out)
{
        *line_out = line_of(text, bad);
        buf_printf(why, "File is not UTF-8 text: byte 0x%02x cannot be decoded.\nfile: ",
                   (unsigned char)*bad);
        pytext_repr(why, name, strlen(name), false);
        buf_printf(why, ", line: %d", *line_out);
        return why->failed ? INI_NOMEM : INI_REFUSED;
}

enum ini_result ini_read(const char *text, size_t len, const char *name,
                         const struct ini_handler *handler, void *arg, struct buf *why,
                         int *line_out)
{
        struct walk w = { .file = name, .why = why, .handler = handler, .arg = arg };
        const char *nul = len ? memchr(text, '\0', len) : NULL;

        *line_out = 0;
        if (nul)
                return refuse_nul(text, nul, name, why, line_out);
        const char *bad = find_undecodable(text, len);
        if (bad)
                return refuse_undecodable(text, bad, name, why, line_out);
        skip_bom(&text, &len);
        walk_text(&w, text, len);
        finish_values(&w);
        *line_out = w.bad_line;

        enum ini_result result = w.refused ? INI_REFUSED : w.bad_line ? INI_BAD_LINES : INI_OK;
        if (!w.failed && !w.refused)
                w.failed = !ini_deliver(&w, handler, arg);
        if (w.failed || why->failed)
                result = INI_NOMEM;
        ini_walk_release(&w);
        return result;
}
