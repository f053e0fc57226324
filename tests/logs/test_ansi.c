/* strip_ansi (compat 15), and bytes as text. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/logs/spool/quote_bytes.h"
#include "logs/intake/strip_ansi.h"

static void strips(const char *text, const char *want)
{
        char *copy = strdup(text);
        size_t n = strip_ansi(copy, strlen(text));

        cr_expect(n == strlen(want) && memcmp(copy, want, n) == 0, "'%.*s'", (int)n, copy);
        free(copy);
}

Test(strip_ansi, removes_colours_and_movements)
{
        strips("\033[31mred\033[0m plain \033[1;42mX\033[0m\n", "red plain X\n");
        strips("\033[2J\033[H\033[10;5fa\033[3Ab\033[K\033[?25h\033[?25lc", "abc");
        strips("\033[m\033[m\033[m", "");
}

Test(strip_ansi, leaves_everything_else)
{
        strips("", "");
        strips("no escapes [31m", "no escapes [31m");
        strips("a\033b\033]0;title\007c", "a\033b\033]0;title\007c");
        strips("ends in \033", "ends in \033");
}

Test(strip_ansi, drops_an_unfinished_one_to_the_end_of_the_piece)
{
        strips("a\033[31", "a");
        strips("a\033[", "a");
        strips("a\033[1;2;3\n4;5", "a");
}

static void quotes(const char *data, size_t len, const char *want)
{
        AUTO_BUF out = BUF_INIT;

        quote_bytes(data, len, &out);
        cr_expect_str_eq(buf_str(&out), want);
}

Test(quote_bytes, writes_bytes_as_python_does)
{
        quotes("abc\n\t\r\\", 7, "b'abc\\n\\t\\r\\\\'");
        quotes("\0\x80\xff~\x7f", 5, "b'\\x00\\x80\\xff~\\x7f'");
        quotes("it's", 4, "b\"it's\"");
        quotes("it's \"", 6, "b'it\\'s \"'");
        quotes("", 0, "b''");
}

Test(quote_bytes, knows_utf_8_from_other_bytes)
{
        cr_expect(bytes_are_text("plain\0text", 10));
        cr_expect(bytes_are_text("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9));
        cr_expect_not(bytes_are_text("\xc3", 1));
        cr_expect_not(bytes_are_text("\xc0\x80", 2));
        cr_expect_not(bytes_are_text("\xed\xa0\x80", 3));
        cr_expect_not(bytes_are_text("\xf4\x90\x80\x80", 4));
        cr_expect_not(bytes_are_text("a\x80", 2));
}
