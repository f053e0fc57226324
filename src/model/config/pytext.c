/* Text as Python sees it: white space, UTF-8, and the quotes of repr(), because messages and
 * values have to look the same (compat 4, 8). */
#include "model/config/pytext.h"

#include <string.h>

bool pytext_is_space(char c)
{
        return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
}

static bool is_wide_space(unsigned cp)
{
        return cp == 0x85 || cp == 0xa0 || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200a) ||
               cp == 0x2028 || cp == 0x2029 || cp == 0x202f || cp == 0x205f || cp == 0x3000;
}

size_t pytext_space_at(const char *s, size_t len)
{
        unsigned cp;

        if (!len)
                return 0;
        if ((unsigned char)*s < 0x80)
                return pytext_is_space(*s);
        size_t n = pytext_decode(s, len, &cp);
        return is_wide_space(cp) ? n : 0;
}

/* Those beyond ASCII take two or three bytes. */
size_t pytext_space_before(const char *s, size_t at)
{
        if (at && pytext_is_space(s[at - 1]))
                return 1;
        for (size_t n = 2; n <= 3 && n <= at; n++)
                if ((unsigned char)s[at - n] >= 0x80 && pytext_space_at(s + at - n, n) == n)
                        return n;
        return 0;
}

const char *pytext_find_wide_space(const char *s, size_t len, unsigned *cp_out)
{
        for (size_t i = 0; i < len;) {
                size_t n = pytext_decode(s + i, len - i, cp_out);
                if (is_wide_space(*cp_out))
                        return s + i;
                i += n;
        }
        return NULL;
}

void pytext_trim(const char **s, size_t *len)
{
        for (size_t n; (n = pytext_space_at(*s, *len)); *len -= n)
                *s += n;
        for (size_t n; (n = pytext_space_before(*s, *len));)
                *len -= n;
}

/* Lead bytes of two to four byte sequences, and the least code point that may take so many. */
static const struct shape {
        unsigned char mask, lead;
        unsigned least;
} shapes[] = { { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };

size_t pytext_decode(const char *s, size_t len, unsigned *cp_out)
{
        const unsigned char *u = (const unsigned char *)s;

        *cp_out = u[0];
        if (u[0] < 0x80)
                return 1;
        *cp_out = 0xdc00u + u[0];
        for (size_t n = 0; n < sizeof shapes / sizeof *shapes; n++) {
                if ((u[0] & shapes[n].mask) != shapes[n].lead)
                        continue;
                if (len < n + 2)
                        return 1;
                unsigned cp = u[0] & (unsigned char)~shapes[n].mask;
                for (size_t i = 1; i < n + 2; i++) {
                        if ((u[i] & 0xc0) != 0x80)
                                return 1;
                        cp = cp << 6 | (u[i] & 0x3f);
                }
                if (cp < shapes[n].least || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
                        return 1;
                *cp_out = cp;
                return n + 2;
        }
        return 1;
}

/* Blanks, format and private characters: the ones that occur in practice. */
static bool is_printable(unsigned cp)
{
        static const struct range {
                unsigned from, to;
        } hidden[] = { { 0, 0x1f },          { 0x7f, 0xa0 },     { 0xad, 0xad },
                       { 0x1680, 0x1680 },   { 0x2000, 0x200f }, { 0x2028, 0x202f },
                       { 0x205f, 0x206f },   { 0x3000, 0x3000 }, { 0xd800, 0xf8ff },
                       { 0xfeff, 0xfeff },   { 0xfff9, 0xfffb }, { 0xfffe, 0xffff },
                       { 0xe0000, 0x10ffff } };

        for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
                if (cp >= hidden[i].from && cp <= hidden[i].to)
                        return false;
        return true;
}

static void pytext_put_escaped(struct buf *out, unsigned cp)
{
        static const char *const named[] = { ['\t'] = "\\t", ['\n'] = "\\n", ['\r'] = "\\r" };

        if (cp < sizeof named / sizeof *named && named[cp])
                buf_puts(out, named[cp]);
        else if (cp < 0x100)
                buf_printf(out, "\\x%02x", cp);
        else if (cp < 0x10000)
                buf_printf(out, "\\u%04x", cp);
        else
                buf_printf(out, "\\U%08x", cp);
}

void pytext_repr(struct buf *out, const char *s, size_t len, bool ascii)
{
        char quote = memchr(s, '\'', len) && !memchr(s, '"', len) ? '"' : '\'';

        buf_putc(out, quote);
        for (size_t i = 0; i < len;) {
                unsigned cp;
                size_t n = pytext_decode(s + i, len - i, &cp);
                if (cp == (unsigned char)quote || cp == '\\')
                        buf_putc(out, '\\');
                if (!is_printable(cp) || (ascii && cp >= 0x80))
                        pytext_put_escaped(out, cp);
                else
                        buf_put(out, s + i, n);
                i += n;
        }
        buf_putc(out, quote);
}
