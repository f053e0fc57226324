#include <criterion/criterion.h>
#include <string.h>

#include "model/config/config.h"

static struct strlist items;
static struct buf joined, dropped;

static void fini(void)
{
        strlist_release(&items);
        buf_release(&joined);
        buf_release(&dropped);
}

TestSuite(keyvals, .fini = fini);

/* The items with a bar between them, or the error. */
static const char *parse(const char *text)
{
        struct err e = { 0 };

        fini();
        if (!keyvals_parse(text, &items, &dropped, &e)) {
                buf_puts(&joined, e.text);
                return buf_str(&joined);
        }
        for (size_t i = 0; i < items.count; i++)
                buf_printf(&joined, "%s%s", i ? "|" : "", items.items[i]);
        return buf_str(&joined);
}

Test(keyvals, reads_lists)
{
        static const char *const same[] = { "A=1,B=2", "A = 1 , B = 2", "A=1,\nB=2,",
                                            "\n A=1,\n B=2", "A=1;B=2" };

        for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
                cr_expect_str_eq(parse(same[i]), "A=1|B=2", "%s", same[i]);
                cr_expect_str_eq(buf_str(&dropped), "", "%s", same[i]);
        }
        cr_expect_str_eq(parse(""), "");
        cr_expect_str_eq(parse("A=/x/y.z-1+2:3(4)"), "A=/x/y.z-1+2:3(4)");
}

Test(keyvals, takes_quotes)
{
        cr_expect_str_eq(parse("A=\"x y\",B='z,w'"), "A=x y|B=z,w");
        cr_expect_str_eq(parse("A=\"\",B=1"), "A=|B=1");
        cr_expect_str_eq(parse("A=\"it's\",B='say \"hi\"'"), "A=it's|B=say \"hi\"");
        cr_expect_str_eq(parse("A=\"x\\\"y\""), "A=x\"y");
        cr_expect_str_eq(parse("A=\"b\"c"), "A=bc");
        cr_expect_str_eq(parse("A='it''s'"), "A=its");
        cr_expect_str_eq(parse("A=\"a\\n\""), "A=a\\n");
        cr_expect_str_eq(parse("A=\"x;y #z\""), "A=x;y #z");
}

Test(keyvals, takes_words_beyond_ascii)
{
        cr_expect_str_eq(parse("A=\xc3\xa9,B=1"), "A=\xc3\xa9|B=1");
}

Test(keyvals, reads_the_older_way_what_only_that_understands)
{
        cr_expect_str_eq(parse("A=\"C:\\\",B=1"), "A=C:\\|B=1");
        cr_expect_str_eq(parse("A=it's,B=2"), "A=it's|B=2");
}

Test(keyvals, accepts_garbage_and_says_what_is_lost)
{
        static const char *const cases[][3] = {
                { "A=x y", "A=x", "y" },
                { "A=$X", "A=$", "X" },
                { "A=~/x", "A=~", "/x" },
                { "A==1", "A==", "1" },
                { "A=x#y,B=2", "A=x", "y,B=2" },
                { "A=http://h:80/p?q=1", "A=http://h:80/p|q=1", "?" },
                { "A=1 B C=2", "A=1|C=2", "B" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                cr_expect_str_eq(parse(cases[i][0]), cases[i][1], "%s", cases[i][0]);
                cr_expect_str_eq(buf_str(&dropped), cases[i][2], "%s", cases[i][0]);
        }
}

Test(keyvals, refuses_what_supervisor_refuses)
{
        static const char *const cases[] = { "A=a@b", "A=a%b", "A=a*b",   "A=",
                                             "A",     ",A=1",  "A=1 B=2", "A B C" };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct buf want = BUF_INIT;
                buf_printf(&want, "Unexpected end of key/value pairs in value '%s'", cases[i]);
                cr_expect_str_eq(parse(cases[i]), buf_str(&want), "%s", cases[i]);
                buf_release(&want);
        }
        cr_expect_str_eq(parse("A=\"b"), "No closing quotation");
        cr_expect_str_eq(parse("A='b"), "No closing quotation");
}

Test(keyvals, keeps_the_last_value_in_the_first_place)
{
        cr_expect_str_eq(parse("A=1,B=2,A=3,C=4,B=5,AA=6"), "A=3|B=5|C=4|AA=6");
        cr_expect(items.items[items.count] == NULL);
}

Test(keyvals, adds_to_what_is_there)
{
        cr_assert(strlist_add(&items, "A=0") && strlist_add(&items, "Z=9"));
        cr_assert(keyvals_parse("B=2,A=1", &items, NULL, NULL));
        cr_assert_eq(items.count, 3);
        cr_expect_str_eq(items.items[0], "A=1");
        cr_expect_str_eq(items.items[1], "Z=9");
        cr_expect_str_eq(items.items[2], "B=2");
}

Test(keyvals, takes_long_values)
{
        struct buf text = BUF_INIT;

        buf_puts(&text, "BIG=\"");
        for (int i = 0; i < 100000; i++)
                buf_putc(&text, 'v');
        buf_puts(&text, "\",AFTER=1");
        cr_assert(keyvals_parse(buf_str(&text), &items, NULL, NULL));
        cr_assert_eq(items.count, 2);
        cr_assert_eq(strlen(items.items[0]), 100004);
        buf_release(&text);
}

Test(keyvals, refuses_what_only_looks_like_nothing_in_a_name)
{
        static const char *const texts[] = { "A=1,\xc2\xa0"
                                             "B=2",
                                             "A=1,\u200b"
                                             "B=2",
                                             "\ufeffA=1",
                                             "A\u2060=1",
                                             "A\xc2\xad"
                                             "B=1",
                                             "\u3000A=1",
                                             "A\u2003=1",
                                             "A=1,B\xc2\x85"
                                             "C=2" };

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                AUTO_STRLIST out = STRLIST_INIT;
                struct err e = { 0 };
                cr_expect_not(keyvals_parse(texts[i], &out, NULL, &e), "%s", texts[i]);
                cr_expect(strstr(e.text, "U+") && strstr(e.text, "in its name"), "%s", e.text);
        }
        AUTO_STRLIST out = STRLIST_INIT;
        struct err e = { 0 };
        cr_expect(keyvals_parse("A=\"1\xc2\xa0"
                                "000\"",
                                &out, NULL, &e),
                  "%s", e.text);
        cr_expect_str_eq(out.items[0], "A=1\xc2\xa0"
                                       "000");
}
