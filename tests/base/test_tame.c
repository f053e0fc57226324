#include <criterion/criterion.h>

#include "base/tame.h"

Test(tame, lets_nobody_else_steer_the_terminal)
{
        AUTO_BUF out = BUF_INIT;

        buf_puts(&out, "\033[1m");
        tame(&out, out.len);
        size_t from = out.len;
        buf_puts(&out, "a\033]0;title\007b\r\nc\x7f d\xc2\x9b e\xc3\xa4");
        tame(&out, from);
        cr_expect_str_eq(buf_str(&out), "\033[1ma?]0;title?b  c? d?? e\xc3\xa4");
}

Test(tame, cuts_a_first_line_between_characters)
{
        AUTO_BUF out = BUF_INIT;

        first_line_put(&out, "one\ntwo", 60);
        cr_expect_str_eq(buf_str(&out), "one");
        buf_reset(&out);
        first_line_put(&out, "abcde\xc3\xa4gh", 9);
        cr_expect_str_eq(buf_str(&out), "abcde\xc3\xa4gh");
        buf_reset(&out);
        first_line_put(&out, "abcd\xc3\xa4ghij", 8);
        cr_expect_str_eq(buf_str(&out), "abcd...");
}
