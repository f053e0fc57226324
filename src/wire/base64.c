/* Base64, both ways: for passwords in headers and for values of XML-RPC. Pure. */
#include "wire/base64.h"

#include <string.h>

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *data, size_t len, struct buf *out)
{
        const unsigned char *at = data;

        for (size_t i = 0; i < len; i += 3) {
                unsigned word = (unsigned)at[i] << 16;
                if (i + 1 < len)
                        word |= (unsigned)at[i + 1] << 8;
                if (i + 2 < len)
                        word |= at[i + 2];
                buf_putc(out, base64_digits[word >> 18]);
                buf_putc(out, base64_digits[word >> 12 & 63]);
                buf_putc(out, i + 1 < len ? base64_digits[word >> 6 & 63] : '=');
                buf_putc(out, i + 2 < len ? base64_digits[word & 63] : '=');
        }
}

bool base64_decode(const char *text, bool strict, struct buf *out)
{
        unsigned word = 0;
        size_t digits = 0;

        for (; *text && *text != '='; text++) {
                const char *at = strchr(base64_digits, *text);
                if (!at && strict)
                        return false;
                if (!at)
                        continue;
                word = word << 6 | (unsigned)(at - base64_digits);
                size_t bits = ++digits % 4 * 6; /* so many are there behind the last whole group */
                if (digits % 4 != 1)
                        buf_putc(out, (char)(word >> (bits % 8)));
        }
        size_t padding = strspn(text, "=");
        bool whole = !text[padding] && padding <= 2 && (digits + padding) % 4 == 0;
        return (whole || !strict) && !out->failed;
}
