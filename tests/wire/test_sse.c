#include <criterion/criterion.h>
#include <string.h>

#include "wire/sse.h"

static bool note(void *arg, const char *type, const char *data)
{
        buf_printf(arg, "[%s|%s]", type, data);
        return true;
}

static void reads(const char *stream, size_t piece, const char *want)
{
        AUTO_BUF seen = BUF_INIT;
        struct sse s = { .on_event = note, .arg = &seen };
        size_t len = strlen(stream);

        for (size_t at = 0; at < len; at += piece)
                cr_assert(sse_feed(&s, stream + at, at + piece > len ? len - at : piece));
        cr_expect_str_eq(buf_str(&seen), want);
        sse_release(&s);
}

Test(sse, hands_out_events_whatever_the_pieces)
{
        const char *stream = "id: x.1\nevent: a\ndata: {\"n\":1}\n\n"
                             ": still here\n\n"
                             "data: two\r\ndata:lines\r\n\r\n";

        for (size_t piece = 1; piece < 9; piece++)
                reads(stream, piece, "[a|{\"n\":1}][|two\nlines]");
}

Test(sse, hands_out_nothing_before_the_blank_line)
{
        reads("event: a\ndata: x\n", 4, "");
}

static bool refuse(void *arg, const char *type, const char *data)
{
        (void)arg, (void)type, (void)data;
        return false;
}

Test(sse, stops_when_the_reader_had_enough)
{
        struct sse s = { .on_event = refuse };

        cr_expect_not(sse_feed(&s, "data: x\n\nrest", 13));
        sse_release(&s);
}
