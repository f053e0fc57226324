/* The lexer of environment= lists (compat 4.1): Python's shlex with "/.+-():" as word characters.
 * The quoting of 4.4 is tried first; what only the older one understood (a backslash before the
 * closing quote, for one) is read its way. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "model/config/config.h"
#include "model/config/pytext.h"

#define BLANKS " \t\r\n"

struct lexer {
        const char *at;
        bool posix;          /* 4.4: quotes join, backslashes escape */
        struct buf token;    /* the present one */
        struct buf *comment; /* text behind "#" is collected here; NULL: not wanted */
        const char *refusal;
};

enum lexed { LEX_TOKEN, LEX_END, LEX_BAD };

static bool is_word(char c)
{
        return isalnum((unsigned char)c) || (unsigned char)c >= 0x80 ||
               (c && strchr("_/.+-():", c) != NULL);
}

static void keyvals_note(struct buf *out, const char *text, size_t len)
{
        if (!out || !len)
                return;
        if (out->len)
                buf_putc(out, ' ');
        buf_put(out, text, len);
}

static void skip_comment(struct lexer *l)
{
        size_t len = strcspn(l->at, "\n");

        keyvals_note(l->comment, l->at, len);
        l->at += len;
}

static enum lexed keyvals_refuse(struct lexer *l, const char *text)
{
        l->refusal = text;
        return LEX_BAD;
}

/* At an opening quote. The quotes themselves are no part of a 4.4 token. */
static enum lexed keyvals_take_quoted(struct lexer *l)
{
        char quote = *l->at++;

        for (; *l->at != quote; l->at++) {
                if (!*l->at)
                        return keyvals_refuse(l, "No closing quotation");
                if (l->posix && quote == '"' && *l->at == '\\') {
                        l->at++;
                        if (!*l->at)
                                return keyvals_refuse(l, "No escaped character");
                        if (*l->at != '\\' && *l->at != '"')
                                buf_putc(&l->token, '\\');
                }
                buf_putc(&l->token, *l->at);
        }
        l->at++;
        return LEX_TOKEN;
}

static enum lexed keyvals_take_word(struct lexer *l)
{
        for (;;) {
                char c = *l->at;
                if (c && l->posix && strchr("\"'", c)) {
                        if (keyvals_take_quoted(l) == LEX_BAD)
                                return LEX_BAD;
                } else if (l->posix && c == '\\') {
                        if (!l->at[1])
                                return keyvals_refuse(l, "No escaped character");
                        buf_putc(&l->token, l->at[1]);
                        l->at += 2;
                } else if (is_word(c) || (c && strchr("\"'", c))) {
                        buf_putc(&l->token, c);
                        l->at++;
                } else {
                        return LEX_TOKEN;
                }
        }
}

/* In the older lexer a quote inside a word is a character of it. */
static enum lexed next_token(struct lexer *l)
{
        buf_reset(&l->token);
        for (;;) {
                l->at += strspn(l->at, BLANKS);
                if (*l->at != '#')
                        break;
                l->at++;
                skip_comment(l);
        }
        char c = *l->at;
        if (!c)
                return LEX_END;
        if (!l->posix && (c == '"' || c == '\''))
                return keyvals_take_quoted(l);
        if (is_word(c) || c == '"' || c == '\'' || (l->posix && c == '\\'))
                return keyvals_take_word(l);
        buf_putc(&l->token, *l->at++);
        return LEX_TOKEN;
}

static bool lex_all(struct lexer *l, struct strlist *tokens, struct err *e)
{
        for (;;) {
                enum lexed got = next_token(l);
                if (got == LEX_BAD)
                        return err_set(e, ERR_CONFIG, "%s", l->refusal);
                if (got == LEX_END)
                        return true;
                if (l->token.failed || !strlist_add(tokens, buf_str(&l->token)))
                        return err_nomem(e);
        }
}

/* The older reading takes quotes off both ends of a value, whatever they enclose. */
static void strip_quotes(char *s)
{
        size_t lead = strspn(s, "\"'"), len = strlen(s);

        while (len > lead && strchr("\"'", s[len - 1]))
                len--;
        memmove(s, s + lead, len - lead);
        s[len - lead] = '\0';
}

/* Marks without a width, as editors and web pages insert them: the soft hyphen, the zero width
 * space and joiners, directions, the word joiner, the byte order mark. */
static const char *find_invisible(const char *s, size_t len, unsigned *cp)
{
        for (size_t i = 0; i < len;) {
                size_t n = pytext_decode(s + i, len - i, cp);
                if (*cp == 0xad || (*cp >= 0x200b && *cp <= 0x200f) || *cp == 0x2060 ||
                    *cp == 0xfeff)
                        return s + i;
                i += n;
        }
        return NULL;
}

/* What the lexer takes for a letter and no reader does: no file means a variable of such a name. */
static bool name_is_fine(const char *name, struct err *e)
{
        AUTO_BUF quoted = BUF_INIT;
        unsigned cp;
        size_t len = strlen(name);
        const char *remedy = "looks like a blank: write an ordinary blank, or none";

        if (!pytext_find_wide_space(name, len, &cp)) {
                remedy = "cannot be seen: remove it";
                if (!find_invisible(name, len, &cp))
                        return true;
        }
        pytext_repr(&quoted, name, len, false);
        return quoted.failed ? err_nomem(e)
                             : err_set(e, ERR_CONFIG,
                                       "the variable %s has the character U+%04X in its name, "
                                       "which %s",
                                       buf_str(&quoted), cp, remedy);
}

/* KEY, "=", VALUE, and one token that is skipped whatever it is. */
static bool pair_up(const struct strlist *tokens, const char *text, struct strlist *out,
                    struct buf *dropped, struct err *e)
{
        for (size_t i = 0; i < tokens->count; i += 4) {
                char **t = tokens->items + i;
                if (tokens->count - i < 3 || strcmp(t[1], "=") != 0)
                        return err_set(e, ERR_CONFIG,
                                       "Unexpected end of key/value pairs in value '%s'", text);
                if (!name_is_fine(t[0], e))
                        return false;
                struct buf item = BUF_INIT;
                buf_puts(&item, t[0]);
                buf_putc(&item, '=');
                buf_puts(&item, t[2]);
                if (!strlist_take(out, buf_take(&item)))
                        return err_nomem(e);
                const char *skipped = tokens->count - i > 3 ? t[3] : ",";
                if (strcmp(skipped, ",") != 0 && strcmp(skipped, ";") != 0)
                        keyvals_note(dropped, skipped, strlen(skipped));
        }
        return true;
}

static bool parse_as(bool posix, const char *text, struct strlist *out, struct buf *dropped,
                     struct err *e)
{
        struct lexer l = { .at = text, .posix = posix, .comment = dropped };
        AUTO_STRLIST tokens = STRLIST_INIT;
        bool ok = lex_all(&l, &tokens, e);

        buf_release(&l.token);
        for (size_t i = 2; ok && !posix && i < tokens.count; i += 4)
                strip_quotes(tokens.items[i]);
        ok = ok && pair_up(&tokens, text, out, dropped, e);
        if (ok && dropped && dropped->failed)
                return err_nomem(e);
        return ok;
}

struct place {
        const char *item;
        size_t key_len, at;
};

static int keyvals_by_key(const void *a, const void *b)
{
        const struct place *x = a, *y = b;
        int d = strncmp(x->item, y->item, x->key_len < y->key_len ? x->key_len : y->key_len);

        if (d == 0)
                d = x->key_len < y->key_len ? -1 : x->key_len > y->key_len;
        return d ? d : x->at < y->at ? -1 : 1;
}

/* The last value of a key takes the place of the first; sorted rather than compared pair by pair.
 */
bool keyvals_unify(struct strlist *v)
{
        struct place *places = v->count ? calloc(v->count, sizeof *places) : NULL;

        if (!v->count)
                return true;
        if (!places)
                return false;
        for (size_t i = 0; i < v->count; i++)
                places[i] = (struct place){ v->items[i], strcspn(v->items[i], "="), i };
        qsort(places, v->count, sizeof *places, keyvals_by_key);
        for (size_t i = 0, first = 0; i < v->count; i++) {
                const struct place *a = &places[first], *b = &places[i];
                bool same = i != first && a->key_len == b->key_len &&
                            strncmp(a->item, b->item, a->key_len) == 0;
                if (!same) {
                        first = i;
                        continue;
                }
                free(v->items[a->at]);
                v->items[a->at] = v->items[b->at];
                v->items[b->at] = NULL;
                places[first].item = v->items[a->at];
        }
        free(places);

        size_t count = 0;
        for (size_t i = 0; i < v->count; i++)
                if (v->items[i])
                        v->items[count++] = v->items[i];
        v->count = count;
        v->items[count] = NULL;
        return true;
}

bool keyvals_parse(const char *text, struct strlist *out, struct buf *dropped, struct err *e)
{
        size_t had = dropped ? dropped->len : 0;
        AUTO_STRLIST pairs = STRLIST_INIT;
        struct err why = { 0 };

        if (!parse_as(true, text, &pairs, dropped, &why)) {
                if (why.code == ERR_NOMEM)
                        return err_nomem(e);
                strlist_release(&pairs);
                if (dropped)
                        dropped->len = had;
                if (dropped && dropped->data)
                        dropped->data[had] = '\0';
                if (!parse_as(false, text, &pairs, dropped, e))
                        return false;
        }
        for (size_t i = 0; i < pairs.count; i++)
                if (!strlist_add(out, pairs.items[i]))
                        return err_nomem(e);
        return keyvals_unify(out) || err_nomem(e);
}
