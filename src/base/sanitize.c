/* Makes text that others wrote fit for a terminal or a line of the log: control characters are
 * replaced. */
#include "base/sanitize.h"

#include <string.h>

#include "base/utf8.h"

/* C0 and DEL; C1 as a character of UTF-8 (0xc2 0x80 to 0xc2 0x9f) and as a byte of its own, which
 * no valid UTF-8 has: terminals obey all of them. */
static size_t character_at(const unsigned char *c, size_t left, bool *is_control)
{
        size_t n = utf8_length(c, left);

        if (n == 0) {
                *is_control = c[0] >= 0x80 && c[0] < 0xa0;
                return 1;
        }
        *is_control = c[0] < 0x20 || c[0] == 0x7f || (n == 2 && c[0] == 0xc2 && c[1] < 0xa0);
        return n;
}

static bool sanitize_is_blank(char c)
{
        return c == '\n' || c == '\r' || c == '\t';
}

void sanitize_bytes(char *text, size_t len, const char *keep)
{
        size_t n;

        for (size_t i = 0; i < len; i += n) {
                bool is_control;
                n = character_at((unsigned char *)text + i, len - i, &is_control);
                if (is_control && !(text[i] && strchr(keep, text[i])))
                        memset(text + i, sanitize_is_blank(text[i]) ? ' ' : '?', n);
        }
}

void sanitize(struct buf *out, size_t from)
{
        if (out->len > from)
                sanitize_bytes(out->data + from, out->len - from, "");
}

void first_line_put(struct buf *out, const char *text, size_t most)
{
        size_t len = strcspn(text, "\r\n"), from = out->len;
        bool cut = len > most;

        if (cut)
                for (len = most - 3; len > 0 && (text[len] & 0xc0) == 0x80;)
                        len--; /* never within a character */
        buf_put(out, text, len);
        sanitize(out, from);
        if (cut)
                buf_puts(out, "...");
}
