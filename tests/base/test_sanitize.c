#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/sanitize.h"

Test(sanitize, lets_no_text_steer_the_terminal)
{
        AUTO_BUF out = BUF_INIT;

        buf_puts(&out, "\033[1m");
        sanitize(&out, out.len);
        size_t from = out.len;
        buf_puts(&out, "a\033]0;title\007b\r\nc\x7f d\xc2\x9b e\xc3\xa4");
        sanitize(&out, from);
        cr_expect_str_eq(buf_str(&out), "\033[1ma?]0;title?b  c? d?? e\xc3\xa4");
}

Test(sanitize, cuts_a_first_line_between_characters)
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

static void becomes(const char *text, const char *wanted)
{
        AUTO_BUF out = BUF_INIT;

        buf_puts(&out, text);
        sanitize(&out, 0);
        cr_expect_str_eq(buf_str(&out), wanted, "%s", text);
}

Test(sanitize, takes_c1_in_either_form)
{
        becomes("a\x9b"
                "31mb",
                "a?31mb");
        becomes("\x80\x85\x9d\x9f", "????");
        becomes("\xc2\x9b|\xc2\x80|\xc2\x9f", "??|??|??");
        becomes("\xe2\x9b\x84 \xf0\x9f\x98\x80 \xc3\x9b", "\xe2\x9b\x84 \xf0\x9f\x98\x80 \xc3\x9b");
        becomes("\xe2\x9b", "\xe2?");      /* cut within a character */
        becomes("\xf0\x9f\x98", "\xf0??"); /* likewise */
        becomes("\xc3\xc2\x9b", "\xc3??");
        becomes("\xc0\x9b", "\xc0?"); /* no character, by its length */
        becomes("caf\xe9", "caf\xe9");
}

static char seen[2048];

static void keep_text(struct log *l, enum log_level level, const char *text, size_t len)
{
        (void)l, (void)level;
        snprintf(seen, sizeof seen, "%.*s", (int)len, text);
}

Test(sanitize, holds_for_every_line_of_a_log)
{
        struct log l = { .level = LVL_INFO, .write = keep_text };
        char bytes[300], wide[1400];

        for (int i = 0; i < 255; i++)
                bytes[i] = (char)(i + 1);
        bytes[255] = '\0';
        memset(wide, '.', sizeof wide - 1);
        wide[sizeof wide - 1] = '\0';
        for (int longer = 0; longer < 2; longer++) {
                log_line(&l, LVL_INFO, "%s%s\xc2\x9b", longer ? wide : "", bytes);
                for (const unsigned char *c = (const unsigned char *)seen; *c; c++)
                        cr_expect((*c >= 0x20 && *c < 0x7f) || *c >= 0xa0 || *c == '\t', "0x%02x",
                                  *c);
                cr_expect(strstr(seen, "\t"));
        }
}
