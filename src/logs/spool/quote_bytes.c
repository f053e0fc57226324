/* Shows bytes that are not UTF-8 as Python's repr of bytes, for events (compat 17.1). */
#include "logs/spool/quote_bytes.h"

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

bool bytes_are_text(const char *data, size_t len)
{
        const unsigned char *d = (const unsigned char *)data;

        while (len > 0) {
                size_t n = utf8_length(d, len);
                if (!n)
                        return false;
                d += n;
                len -= n;
        }
        return true;
}

static void quote_byte(unsigned char c, char mark, struct buf *out)
{
        static const char plain[] = "\n\r\t", letters[] = "nrt";
        const char *at = c ? strchr(plain, c) : NULL;

        if (at)
                buf_printf(out, "\\%c", letters[at - plain]);
        else if (c == '\\' || c == (unsigned char)mark)
                buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c > 0x7e)
                buf_printf(out, "\\x%02x", c);
        else
                buf_putc(out, (char)c);
}

void quote_bytes(const char *data, size_t len, struct buf *out)
{
        bool has_single = memchr(data, '\'', len), has_double = memchr(data, '"', len);
        char mark = has_single && !has_double ? '"' : '\'';

        buf_printf(out, "b%c", mark);
        for (size_t i = 0; i < len; i++)
                quote_byte((unsigned char)data[i], mark, out);
        buf_putc(out, mark);
}
