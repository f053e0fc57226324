/* Writes JSON into a buffer, value after value. Commas come by themselves; that brackets match is
 * the caller's to see to. Bytes that are not UTF-8 are replaced. */
#include "wire/json_writer.h"

#include <string.h>

#include "base/utf8.h"

void json_writer_release(struct json_writer *j)
{
        buf_release(&j->scratch);
}

/* In front of a value or a key. */
static void json_writer_separate(struct json_writer *j)
{
        if (j->comma)
                buf_putc(j->out, ',');
        j->comma = true;
}

void json_writer_open(struct json_writer *j, char bracket)
{
        json_writer_separate(j);
        buf_putc(j->out, bracket);
        j->comma = false;
}

void json_writer_close(struct json_writer *j, char bracket)
{
        buf_putc(j->out, bracket);
        j->comma = true;
}

void json_writer_key(struct json_writer *j, const char *key)
{
        json_writer_separate(j);
        buf_putc(j->out, '"');
        buf_puts(j->out, key);
        buf_lit(j->out, "\":");
        j->comma = false;
}

void json_writer_null(struct json_writer *j)
{
        json_writer_separate(j);
        buf_lit(j->out, "null");
}

void json_writer_bool(struct json_writer *j, bool b)
{
        json_writer_separate(j);
        if (b)
                buf_lit(j->out, "true");
        else
                buf_lit(j->out, "false");
}

void json_writer_int(struct json_writer *j, int64_t n)
{
        json_writer_separate(j);
        buf_put_int(j->out, n);
}

void json_writer_thousandths(struct json_writer *j, int64_t n)
{
        uint64_t size = n < 0 ? -(uint64_t)n : (uint64_t)n;
        unsigned rest = (unsigned)(size % 1000);
        char digits[3] = { (char)('0' + rest / 100), (char)('0' + rest / 10 % 10),
                           (char)('0' + rest % 10) };
        size_t len = digits[2] != '0' ? 3 : digits[1] != '0' ? 2 : 1;

        json_writer_separate(j);
        if (n < 0)
                buf_putc(j->out, '-');
        buf_put_int(j->out, (int64_t)(size / 1000));
        buf_putc(j->out, '.');
        buf_put(j->out, digits, len);
}

/* ---- texts */

/* Nearly all text is of these, and needs no second look. */
static bool json_writer_is_plain(unsigned char c)
{
        return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static void json_writer_put_escape(struct buf *out, unsigned char c)
{
        static const char short_of[0x20] = {
                ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'
        };
        static const char hex[] = "0123456789ABCDEF";
        char text[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

        if (c == '"' || c == '\\' || short_of[c]) {
                text[1] = c == '"' || c == '\\' ? (char)c : short_of[c];
                buf_put(out, text, 2);
        } else {
                buf_put(out, text, sizeof text);
        }
}

static void json_writer_put_escaped(struct buf *out, const char *data, size_t len)
{
        const unsigned char *s = (const unsigned char *)data;
        size_t plain = 0; /* start of what can be copied as it is */

        for (size_t i = 0; i < len;) {
                size_t n = json_writer_is_plain(s[i]) ? 1
                           : s[i] < 0x80              ? 0
                                                      : utf8_length(s + i, len - i);
                if (n > 0) {
                        i += n;
                        continue;
                }
                buf_put(out, data + plain, i - plain);
                if (s[i] < 0x80)
                        json_writer_put_escape(out, s[i]);
                else
                        buf_puts(out, UTF8_REPLACEMENT);
                plain = ++i;
        }
        buf_put(out, data + plain, len - plain);
}

void json_writer_text_n(struct json_writer *j, const char *data, size_t len)
{
        json_writer_separate(j);
        buf_putc(j->out, '"');
        json_writer_put_escaped(j->out, data, len);
        buf_putc(j->out, '"');
}

void json_writer_text(struct json_writer *j, const char *s)
{
        if (s)
                json_writer_text_n(j, s, strlen(s));
        else
                json_writer_null(j);
}

struct buf *json_writer_scratch(struct json_writer *j)
{
        buf_reset(&j->scratch);
        return &j->scratch;
}

void json_writer_put_scratch(struct json_writer *j)
{
        json_writer_text_n(j, buf_str(&j->scratch), j->scratch.len);
        if (j->scratch.failed)
                j->out->failed = true;
}
