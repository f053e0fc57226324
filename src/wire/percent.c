/* Percent-encoding, and the parts and parameters of a request's target. */
#include "wire/percent.h"

#include <string.h>
#include <strings.h>

static int percent_hex_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

void percent_decode(const char *text, size_t len, bool plus, struct buf *out)
{
        for (size_t i = 0; i < len; i++) {
                int high = -1, low = -1;
                if (text[i] == '%' && i + 2 < len) {
                        high = percent_hex_value(text[i + 1]);
                        low = percent_hex_value(text[i + 2]);
                }
                if (high >= 0 && low >= 0) {
                        buf_putc(out, (char)(high * 16 + low));
                        i += 2;
                } else {
                        buf_putc(out, plus && text[i] == '+' ? ' ' : text[i]);
                }
        }
}

void percent_encode(const char *text, struct buf *out)
{
        static const char plain[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:";

        for (; *text; text++) {
                if (strchr(plain, *text))
                        buf_putc(out, *text);
                else
                        buf_printf(out, "%%%02X", (unsigned char)*text);
        }
}

struct target_parts target_split(const char *target)
{
        struct target_parts parts = { .path = target, .query = "" };

        if (strncasecmp(target, "http://", 7) == 0) {
                parts.path = target + 7 + strcspn(target + 7, "/?");
        }
        parts.path_len = strcspn(parts.path, "?#");
        if (parts.path[parts.path_len] == '?')
                parts.query = parts.path + parts.path_len + 1;
        if (parts.path_len == 0) {
                parts.path = "/";
                parts.path_len = 1;
        }
        return parts;
}

bool query_next(const char **at, const char *name, struct buf *out)
{
        AUTO_BUF key = BUF_INIT;

        while (**at && **at != '#') {
                const char *item = *at;
                size_t len = strcspn(item, "&#");
                const char *eq = memchr(item, '=', len);
                size_t key_len = eq ? (size_t)(eq - item) : len;

                buf_reset(&key);
                percent_decode(item, key_len, true, &key);
                *at += len + (item[len] == '&');
                if (strcmp(buf_str(&key), name) != 0)
                        continue;
                if (eq)
                        percent_decode(eq + 1, len - key_len - 1, true, out);
                return true;
        }
        return false;
}

bool query_param(const char *query, const char *name, struct buf *out)
{
        return query_next(&query, name, out);
}
