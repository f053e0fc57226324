#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "model/config/ini.h"
#include "model/config/pytext.h"

/* Everything that was read, one thing per line: "[section]@line", "key=value@line", "!" for a cut
 * one. */
struct seen {
        struct buf text;
        struct buf why;
        int line;
        enum ini_result result;
        int room; /* handlers fail when it is used up */
};

static struct seen seen;

static bool on_section(void *arg, const char *name, int line)
{
        struct seen *s = arg;

        buf_printf(&s->text, "[%s]@%d|", name, line);
        return s->room-- > 0;
}

static bool on_key(void *arg, const struct ini_key *k)
{
        struct seen *s = arg;

        buf_printf(&s->text, "%s=%s@%d%s|", k->key, k->value, k->line, k->cut ? "!" : "");
        return s->room-- > 0;
}

static void on_blank(void *arg, unsigned cp, int line)
{
        struct seen *s = arg;

        buf_printf(&s->text, "U+%04X@%d|", cp, line);
}

static const struct ini_handler handler = { .section = on_section,
                                            .key = on_key,
                                            .blank = on_blank };

static bool on_wanted(void *arg, const char *name, size_t len)
{
        (void)arg;
        return len == 3 && memcmp(name, "yes", len) == 0;
}

static const char *read_bytes(const char *text, size_t len)
{
        buf_release(&seen.text);
        buf_release(&seen.why);
        seen.room = 100000;
        seen.result = ini_read(text, len, "web.conf", &handler, &seen, &seen.why, &seen.line);
        return buf_str(&seen.text);
}

static const char *read_text(const char *text)
{
        return read_bytes(text, strlen(text));
}

static void fini(void)
{
        buf_release(&seen.text);
        buf_release(&seen.why);
}

TestSuite(ini, .fini = fini);

Test(ini, splits_at_the_first_sign_and_trims)
{
        cr_assert_str_eq(read_text("[a]\nk = v\nc: w=x \nd=\n"), "[a]@1|k=v@2|c=w=x@3|d=@4|");
        cr_assert_eq(seen.result, INI_OK);
}

Test(ini, lowers_keys_and_keeps_sections_verbatim)
{
        cr_assert_str_eq(read_text("[ Program:X ] tail\nCommand=Cat\n"),
                         "[ Program:X ]@1|command=Cat@2|");
}

Test(ini, ends_a_header_at_the_last_bracket)
{
        cr_assert_str_eq(read_text("[a] b]\n[x]=1\n"), "[a] b]@1|[x]@2|");
}

Test(ini, tells_of_empty_sections)
{
        cr_assert_str_eq(read_text("[a]\n[b]\n\n[c]"), "[a]@1|[b]@2|[c]@4|");
}

Test(ini, an_empty_header_is_a_bad_line)
{
        read_text("[a]\n[]\n[]x=1\n");
        cr_assert_str_eq(buf_str(&seen.text), "[a]@1|[]x=1@3|");
        cr_assert_str_eq(buf_str(&seen.why),
                         "Source contains parsing errors: 'web.conf'\n\t[line  2]: '[]\\n'");
        cr_assert_eq(seen.result, INI_BAD_LINES);
        cr_assert_eq(seen.line, 2);
}

Test(ini, joins_deeper_lines)
{
        cr_assert_str_eq(read_text("[a]\nk=1\n  2 \n\t3\nl=4\n"), "[a]@1|k=1\n2\n3@2|l=4@5|");
}

Test(ini, a_line_as_deep_as_its_key_is_no_continuation)
{
        cr_assert_str_eq(read_text("[a]\n  k=1\n  l=2\n    m=3\n n=4\n"),
                         "[a]@1|k=1@2|l=2\nm=3@3|n=4@5|");
}

Test(ini, takes_an_indented_header)
{
        cr_assert_str_eq(read_text("[a]\nk=1\nl=2\n[b]\n  [c]\n  x=1\n"),
                         "[a]@1|k=1@2|l=2@3|[b]@4|[c]@5|x=1@6|");
        cr_assert_str_eq(read_text("[a]\nk=1\n  [b]\n"), "[a]@1|k=1\n[b]@2|");
}

Test(ini, keeps_blank_lines_inside_a_value_and_drops_them_at_its_end)
{
        cr_assert_str_eq(read_text("[a]\nk=1\n\n  2\n\n\n[b]\n"), "[a]@1|k=1\n\n2@2|[b]@7|");
}

Test(ini, skips_comment_lines_even_inside_a_value)
{
        cr_assert_str_eq(read_text("# x\n; y\n[a]\nk=1\n  ; no\n# no\n  2\n"), "[a]@3|k=1\n2@4|");
}

Test(ini, cuts_inline_comments_behind_white_space_only)
{
        cr_assert_str_eq(read_text("[a]\nk=x;y z#q\nl=x ;y\nm=x\t# y\nn=x ; \"y\"\n"),
                         "[a]@1|k=x;y z#q@2|l=x@3!|m=x@4!|n=x@5!|");
}

Test(ini, searches_both_marks_in_rounds)
{
        cr_assert_str_eq(read_text("[a]\nk = a;b ;c #d\nl = a#b ;c\nm=a;b;c ;d\n"),
                         "[a]@1|k=a;b ;c@2!|l=a#b@3!|m=a;b;c@4!|");
}

Test(ini, a_comment_behind_the_sign_leaves_an_empty_value)
{
        cr_assert_str_eq(read_text("[a]\nk= ; c\n  more\n"), "[a]@1|k=\nmore@2!|");
}

Test(ini, ends_lines_at_cr_lf_and_crlf)
{
        cr_assert_str_eq(read_text("[a]\r\nk=1\r\n  2\r\rl=3\r"), "[a]@1|k=1\n2@2|l=3@5|");
        cr_assert_eq(seen.result, INI_OK);
}

Test(ini, skips_a_byte_order_mark)
{
        cr_assert_str_eq(read_text("\xef\xbb\xbf[a]\nk=1\n"), "[a]@1|k=1@2|");
}

Test(ini, refuses_what_is_not_utf8)
{
        static const char *const texts[] = { "[a]\nk=\xe9\n", "[a]\n;\xff\n",
                                             "[a]\n#\xed\xa0\x80\n", "[a]\n\xc3",
                                             "\xef\xbb\xbf[a]\nk=\xc0\x80\n" };
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                AUTO_BUF why = BUF_INIT;
                int line = 0;
                cr_expect_eq(ini_read(texts[i], strlen(texts[i]), "f", &handler, NULL, &why, &line),
                             INI_REFUSED, "text %zu", i);
                cr_expect_eq(line, 2, "text %zu", i);
                cr_expect(strstr(buf_str(&why), "not UTF-8"), "%s", buf_str(&why));
        }
        cr_expect_str_eq(read_text("[\xc3\xa9]\nk=\xf0\x9f\x98\x80\n"),
                         "[\xc3\xa9]@1|k=\xf0\x9f\x98\x80@2|");
}

Test(ini, takes_form_feeds_and_separators_for_blanks)
{
        cr_assert_str_eq(read_text("[a]\n\fk=1\x1c\n \x1d\nl\v=\x1f 2\n"), "[a]@1|k=1@2|l=2@4|");
}

/* All that str.strip() takes, and nothing that only looks like it. */
Test(ini, takes_blanks_beyond_ascii_for_blanks_and_tells_of_them)
{
        static const struct {
                unsigned code;
                const char *text;
        } blanks[] = { { 0x85, "\xc2\x85" },       { 0xa0, "\xc2\xa0" },
                       { 0x1680, "\xe1\x9a\x80" }, { 0x2000, "\xe2\x80\x80" },
                       { 0x2003, "\xe2\x80\x83" }, { 0x200a, "\xe2\x80\x8a" },
                       { 0x2028, "\xe2\x80\xa8" }, { 0x2029, "\xe2\x80\xa9" },
                       { 0x202f, "\xe2\x80\xaf" }, { 0x205f, "\xe2\x81\x9f" },
                       { 0x3000, "\xe3\x80\x80" } };
        static const char *const others[] = { "\xe2\x80\x8b", "\xe2\x81\xa0", "\xef\xbb\xbf",
                                              "\xe1\xa0\x8e", "\xc3\xa9" };

        for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++) {
                char text[400], want[400];
                const char *c = blanks[i].text;
                unsigned u = blanks[i].code;
                snprintf(text, sizeof text,
                         "%s[a]\nk%s=%sv%s\n%s\n%s;x\nl=1%s;c\nm=1\n%s%s2\nn=x%sy\n", c, c, c, c, c,
                         c, c, c, c, c);
                snprintf(want, sizeof want,
                         "U+%04X@1|U+%04X@2|U+%04X@3|U+%04X@4|U+%04X@5|U+%04X@7|[a]@1|k=v@2|l=1@5!|"
                         "m=1\n2@6|"
                         "n=x%sy@8|",
                         u, u, u, u, u, u, c);
                cr_expect_str_eq(read_text(text), want, "U+%04X: %s", u, buf_str(&seen.text));
        }
        for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
                char text[100], want[100];
                snprintf(text, sizeof text, "[a]\nk=%sv\n", others[i]);
                snprintf(want, sizeof want, "[a]@1|k=%sv@2|", others[i]);
                cr_expect_str_eq(read_text(text), want, "%s", others[i]);
        }
}

/* Where a header could stand; as a continuation it is a value's. */
Test(ini, a_header_without_its_bracket_is_a_bad_line)
{
        static const char *const texts[] = { "[a]\nk=1\n[b\nc=2\n", "[a]\nk=1\n[b ; x]\n",
                                             "[a]\nk=1\n[b=2\n", "[a]\n\n [b:c\n",
                                             "[a]\n  k=1\n[\n" };

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                read_text(texts[i]);
                cr_expect_eq(seen.result, INI_BAD_LINES, "%s", texts[i]);
                cr_expect_eq(seen.line, 3, "%s: line %d", texts[i], seen.line);
                cr_expect(strstr(buf_str(&seen.why), "without its closing bracket"), "%s",
                          texts[i]);
        }
        cr_expect_str_eq(read_text("[a]\nk=1\n [b\n  [c=2\n"), "[a]@1|k=1\n[b\n[c=2@2|");
        cr_expect_eq(seen.result, INI_OK);
}

Test(ini, refuses_a_nul_byte)
{
        cr_assert_str_eq(read_bytes("[a]\nk=1\r\nl=\0x\n", 14), "");
        cr_assert_eq(seen.result, INI_REFUSED);
        cr_assert_eq(seen.line, 3);
        cr_assert(strstr(buf_str(&seen.why), "NUL"));
}

Test(ini, refuses_text_before_the_first_header)
{
        cr_assert_str_eq(read_text("\n# c\nk=1\n[a]\n"), "");
        cr_assert_eq(seen.result, INI_REFUSED);
        cr_assert_str_eq(buf_str(&seen.why),
                         "File contains no section headers.\nfile: 'web.conf', line: 3\n'k=1\\n'");
        cr_assert_eq(seen.line, 3);
}

Test(ini, names_every_bad_line)
{
        read_text("[a]\njunk\nk=1\n=x\n  deep\nit's \"x\"\n");
        cr_assert_eq(seen.result, INI_BAD_LINES);
        cr_assert_str_eq(buf_str(&seen.why),
                         "Source contains parsing errors: 'web.conf'\n\t[line  2]: 'junk\\n'\n"
                         "\t[line  4]: '=x\\n'\n\t[line  5]: '  deep\\n'\n"
                         "\t[line  6]: 'it\\'s \"x\"\\n'");
}

Test(ini, continues_the_key_above_a_bad_line)
{
        cr_assert_str_eq(read_text("[a]\nk=1\njunk\n  2\n"), "[a]@1|k=1\n2@2|");
}

Test(ini, takes_lines_of_any_length)
{
        struct buf text = BUF_INIT;

        buf_puts(&text, "[");
        for (int i = 0; i < 5000; i++)
                buf_putc(&text, 's');
        buf_puts(&text, "]\nk=");
        for (int i = 0; i < 300000; i++)
                buf_puts(&text, "B = 1 ");
        read_text(buf_str(&text));
        cr_assert_eq(seen.result, INI_OK);
        /* header, key, trailing blank gone, and the places */
        cr_assert_eq(seen.text.len, strlen("[]@1|k=@2|") + 5000 + 1800000 - 1);
        buf_release(&text);
}

Test(ini, reads_nothing_from_nothing)
{
        cr_assert_str_eq(read_text(""), "");
        cr_assert_eq(seen.result, INI_OK);
        cr_assert_str_eq(read_text("\n\n# only\n"), "");
}

Test(ini, stops_when_the_handler_fails)
{
        buf_release(&seen.text);
        seen.room = 1;
        seen.result =
            ini_read("[a]\nk=1\nl=2\nm=3\n", 16, "f", &handler, &seen, &seen.why, &seen.line);
        cr_assert_eq(seen.result, INI_NOMEM);
        cr_assert_str_eq(buf_str(&seen.text), "[a]@1|k=1@2|");
}

static const char *read_wanted(const char *text)
{
        struct ini_handler some = handler;

        some.wants = on_wanted;
        buf_release(&seen.text);
        buf_release(&seen.why);
        seen.result = ini_read(text, strlen(text), "web.conf", &some, &seen, &seen.why, &seen.line);
        return buf_str(&seen.text);
}

Test(ini, tells_nothing_of_a_section_that_is_not_wanted)
{
        seen.room = 100;
        cr_expect_str_eq(read_wanted("[no]\na=1\n  deeper\n\n[yes]\nb=2\n  more\n[yes2]\nc=3\n"
                                     "  c\n[no]\n  [no]\n[yes]\nd=4 ; x\n[ye]\n"),
                         "[yes]@5|b=2\nmore@6|[yes]@13|d=4@14!|");
        cr_expect_eq(seen.result, INI_OK);
}

Test(ini, judges_the_lines_of_a_section_that_is_not_wanted_as_the_others)
{
        static const char *const odd[] = {
                "junk\n",       "=x\n", "a=1\n  b\n junk\n", "[open\n", "a=1\n\n  deep\n[yes]\nx\n",
                "a=1\n=\n  x\n"
        };
        char text[256], why[1024];

        for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
                snprintf(text, sizeof text, "[no]\n%s", odd[i]);
                read_text(text);
                snprintf(why, sizeof why, "%d %d %s", seen.result, seen.line, buf_str(&seen.why));
                seen.room = 100;
                read_wanted(text);
                char *now = NULL;
                cr_assert(asprintf(&now, "%d %d %s", seen.result, seen.line, buf_str(&seen.why)) >
                          0);
                cr_expect_str_eq(now, why);
                free(now);
        }
}
