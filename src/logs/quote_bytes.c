#include "quote_bytes.h"

#include <stdint.h>
#include <string.h>

/* Length of the UTF-8 sequence at data, 0: none. Rows: first byte from..to, then what the second
 * one may be; any others are 80..BF. */
static size_t sequence(const unsigned char *d, size_t len)
{
        static const struct {
                unsigned char from, to, second_from, second_to, len;
        } rows[] = {
                { 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 },
                { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
                { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
                { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
                { 0xf4, 0xf4, 0x80, 0x8f, 4 },
        };
        size_t row = 0;

        while (row < sizeof rows / sizeof *rows && (d[0] < rows[row].from || d[0] > rows[row].to))
                row++;
        if (row == sizeof rows / sizeof *rows || rows[row].len > len)
                return 0;
        if (rows[row].len > 1 && (d[1] < rows[row].second_from || d[1] > rows[row].second_to))
                return 0;
        for (size_t i = 2; i < rows[row].len; i++)
                if ((d[i] & 0xc0) != 0x80)
                        return 0;
        return rows[row].len;
}

bool bytes_are_text(const char *data, size_t len)
{
        const unsigned char *d = (const unsigned char *)data;

        while (len > 0) {
                size_t n = sequence(d, len);
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
