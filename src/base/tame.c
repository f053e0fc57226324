#include "base/tame.h"

#include <string.h>

/* C0, DEL, and C1 in UTF-8 (0xc2 0x80 to 0xc2 0x9f): terminals obey all of them. */
static bool is_control(const char *at)
{
        const unsigned char *c = (const unsigned char *)at;

        return c[0] < 0x20 || c[0] == 0x7f || (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0);
}

void tame(struct buf *out, size_t from)
{
        for (size_t i = from; i < out->len; i++) {
                char *at = out->data + i;
                if (*at == '\n' || *at == '\r' || *at == '\t')
                        *at = ' ';
                else if (is_control(at))
                        *at = '?';
                if (*at == '?' && (at[1] & 0xc0) == 0x80) /* the rest of a C1 character */
                        at[1] = '?';
        }
}

void first_line_put(struct buf *out, const char *text, size_t most)
{
        size_t len = strcspn(text, "\r\n"), from = out->len;
        bool cut = len > most;

        if (cut)
                for (len = most - 3; len > 0 && (text[len] & 0xc0) == 0x80;)
                        len--; /* never within a character */
        buf_put(out, text, len);
        tame(out, from);
        if (cut)
                buf_puts(out, "...");
}
