/* What a worker writes, on its way into a log: capture tokens, escapes, where a batch may end,
 * lines of text and JSON, syslog messages, stamps that are looked for. It is the same however its
 * bytes are cut; the first byte says how. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/logs/spool/format.h"
#include "../../src/logs/spool/quote_bytes.h"
#include "../../src/logs/spool/spool.h"
#include "../../src/logs/syslog/syslog_message.h"
#include "../../src/readlog/since.h"
#include "base/buf.h"
#include "logs/intake/capture_tokens.h"
#include "logs/intake/strip_ansi.h"
#include "logs/spool/spool_cut.h"

static void on_text(void *arg, bool inside, const char *data, size_t len)
{
        struct buf *out = arg;

        assert(len > 0);
        for (size_t i = 0; i < len; i++) {
                buf_putc(out, inside ? 'i' : 'o');
                buf_putc(out, data[i]);
        }
}

static void on_end(void *arg)
{
        buf_putc(arg, '.');
}

static void tokens(const char *text, size_t len, size_t piece, struct buf *out)
{
        struct captokens c = { 0 };
        const struct captokens_handler h = { out, on_text, on_end };

        for (size_t at = 0; at < len; at += piece)
                captokens_feed(&c, text + at, len - at < piece ? len - at : piece, &h);
        captokens_flush(&c, &h);
}

static void lines(enum log_format format, const char *text, size_t len, size_t piece,
                  struct buf *out)
{
        struct format_line l = { 0 };
        const struct format_head h = {
                .format = format, .process = "web:\"x\"", .pid = 7, .now_ms = 1234567890123
        };

        for (size_t at = 0; at < len; at += piece)
                format_in(&l, &h, text + at, len - at < piece ? len - at : piece, out);
        format_flush(&l, &h, out);
        format_release(&l);
}

static void must_be_same(const struct buf *a, const struct buf *b)
{
        assert(a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0));
}

static void cut_or_not(const char *text, size_t len, size_t piece)
{
        for (enum log_format f = LOG_TEXT; f <= LOG_JSON; f++) {
                AUTO_BUF whole = BUF_INIT;
                AUTO_BUF cut = BUF_INIT;
                lines(f, text, len, len + 1, &whole);
                lines(f, text, len, piece, &cut);
                must_be_same(&whole, &cut);
        }
        AUTO_BUF whole = BUF_INIT;
        AUTO_BUF cut = BUF_INIT;
        tokens(text, len, len + 1, &whole);
        tokens(text, len, piece, &cut);
        /* what one piece hands out together another may hand out in two */
        must_be_same(&whole, &cut);
}

static void batches(const char *text, size_t len, unsigned bits)
{
        struct spool_scan how = {
                .inside = bits & 1, .captures = bits & 2, .lines = bits & 4, .strips = bits & 8
        };

        assert(spool_cut(&how, text, len) <= len);
        assert(spool_cut_anyway(&how, text, len) <= len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct syslog_conf local = { 0 };
        AUTO_BUF out = BUF_INIT;
        int64_t ms;

        if (size < 2)
                return 0;
        const char *text = (const char *)data + 2;
        size_t len = size - 2;
        cut_or_not(text, len, 1 + data[0] % 16);
        batches(text, len, data[1]);
        line_stamp(text, len, &ms);
        quote_bytes(text, len, &out);
        struct syslog_head head = { .conf = &local, .ident = "d", .process = "p", .host = "box" };
        syslog_message(&out, &head, (struct syslog_part){ 0 }, text, syslog_cut(text, len));
        char *copy = malloc(len + 1);
        assert(copy);
        memcpy(copy, text, len);
        assert(strip_ansi(copy, len) <= len);
        free(copy);
        return 0;
}
