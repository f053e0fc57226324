/* Makes lines of text or JSON out of a piece of output. The same bytes with the same stamp give
 * the same lines always: the spool relies on that. */
#include "logs/spool/format.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "base/utf8.h"

#define LONGEST_LINE 262144 /* what is longer goes out in pieces */

/* ---- the stamp: RFC 3339 in UTC, so that it sorts and no night has an hour twice */

static void format_put_stamp(struct buf *out, int64_t now_ms)
{
        time_t seconds = (time_t)(now_ms / 1000);
        struct tm tm = { 0 };
        char text[32];

        gmtime_r(&seconds, &tm);
        size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
        buf_put(out, text, n);
        snprintf(text, sizeof text, ".%03dZ", (int)(now_ms % 1000));
        buf_puts(out, text);
}

/* ---- text */

static void format_put_name(struct buf *out, const struct format_head *h)
{
        static const char colours[] = { '6', '3', '2', '5', '4', '1' };

        if (!h->colour) {
                buf_puts(out, h->process);
                return;
        }
        char colour = colours[hash_text(0, h->process) % sizeof colours];
        buf_printf(out, "\033[3%cm%s |\033[0m", colour, h->process);
}

static void put_text_head(struct buf *out, const struct format_head *h)
{
        format_put_stamp(out, h->now_ms);
        buf_putc(out, ' ');
        format_put_name(out, h);
        buf_putc(out, ' ');
}

/* ---- JSON */

static void format_put_escape(struct buf *out, unsigned char c, bool valid)
{
        static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";

        for (size_t i = 0; valid && i + 1 < sizeof letters - 1; i += 2)
                if ((unsigned char)letters[i] == c) {
                        buf_putc(out, '\\');
                        buf_putc(out, letters[i + 1]);
                        return;
                }
        /* A byte that is no text is shown as \xNN, with the backslash as JSON wants it. */
        buf_printf(out, valid ? "\\u%04x" : "\\\\x%02x", c);
}

/* Most bytes by far. */
static bool format_is_plain(unsigned char c)
{
        return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void put_json_string(struct buf *out, const char *text, size_t len)
{
        const unsigned char *s = (const unsigned char *)text;
        size_t begin = 0, at = 0;

        buf_putc(out, '"');
        while (at < len) {
                if (format_is_plain(s[at])) {
                        at++;
                        continue;
                }
                size_t n = s[at] < 0x20 ? 0 : utf8_length(s + at, len - at);
                if (n && s[at] != '"' && s[at] != '\\') {
                        at += n;
                        continue;
                }
                buf_put(out, text + begin, at - begin);
                format_put_escape(out, s[at], s[at] < 0x80);
                begin = ++at;
        }
        buf_put(out, text + begin, at - begin);
        buf_putc(out, '"');
}

static void put_json_head(struct buf *out, const struct format_head *h)
{
        buf_puts(out, "{\"time\":\"");
        format_put_stamp(out, h->now_ms);
        buf_puts(out, "\",\"process\":");
        put_json_string(out, h->process, strlen(h->process));
        buf_printf(out, ",\"stream\":\"%s\",\"pid\":", h->is_stderr ? "stderr" : "stdout");
        if (h->pid > 0)
                buf_printf(out, "%d", (int)h->pid);
        else
                buf_puts(out, "null");
        buf_puts(out, ",\"message\":");
}

/* ---- lines */

/* The same for each line of a piece, so it is made once. */
static void format_put_head(struct buf *out, const struct format_head *h)
{
        if (h->format == LOG_JSON)
                put_json_head(out, h);
        else if (h->format == LOG_TEXT)
                put_text_head(out, h);
}

/* A line, or a piece of one that is too long: without its newline. */
static void format_put_line(struct format_line *l, const struct format_head *h,
                            const struct buf *head, const char *line, size_t len, bool whole,
                            struct buf *out)
{
        if (h->format == LOG_JSON) {
                buf_put(out, head->data, head->len);
                put_json_string(out, line, len);
                buf_puts(out, whole ? "}\n" : ",\"partial\":true}\n");
        } else {
                if (!l->goes_on)
                        buf_put(out, head->data, head->len);
                buf_put(out, line, len);
                if (whole)
                        buf_putc(out, '\n');
        }
        l->goes_on = !whole;
}

/* A piece of a line ends between characters: what has come of the next one waits for the rest. */
static void end_begun(struct format_line *l, const struct format_head *h, const struct buf *head,
                      bool whole, struct buf *out)
{
        size_t len = l->begun.len, rest = whole ? 0 : utf8_begun(buf_str(&l->begun), len);
        char begun[4];

        if (rest == len && !whole)
                return;
        memcpy(begun, buf_str(&l->begun) + len - rest, rest);
        format_put_line(l, h, head, buf_str(&l->begun), len - rest, whole, out);
        buf_reset(&l->begun);
        buf_put(&l->begun, begun, rest);
}

void format_in(struct format_line *l, const struct format_head *h, const char *data, size_t len,
               struct buf *out)
{
        AUTO_BUF head = BUF_INIT;

        format_put_head(&head, h);
        while (len > 0) {
                const char *end = memchr(data, '\n', len);
                size_t n = end ? (size_t)(end - data) : len;
                if (end && !l->begun.len && !l->goes_on && h->format == LOG_TEXT) {
                        buf_put(out, head.data, head.len);
                        buf_put(out, data, n + 1);
                } else if (end && !l->begun.len) {
                        format_put_line(l, h, &head, data, n, true, out);
                } else {
                        buf_put(&l->begun, data, n);
                        if (end || l->begun.len >= LONGEST_LINE)
                                end_begun(l, h, &head, end != NULL, out);
                }
                data += n + (end != NULL);
                len -= n + (end != NULL);
        }
        out->failed = out->failed || head.failed || l->begun.failed;
        l->begun.failed = false;
}

void format_part(struct format_line *l, const struct format_head *h, struct buf *out)
{
        AUTO_BUF head = BUF_INIT;

        if (!l->begun.len)
                return;
        format_put_head(&head, h);
        end_begun(l, h, &head, false, out);
}

void format_flush(struct format_line *l, const struct format_head *h, struct buf *out)
{
        AUTO_BUF head = BUF_INIT;

        if (!l->begun.len && !l->goes_on)
                return;
        format_put_head(&head, h);
        end_begun(l, h, &head, true, out);
}

void format_release(struct format_line *l)
{
        buf_release(&l->begun);
}
