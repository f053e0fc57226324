#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/json_writer.h"

static struct buf text;

static void teardown(void)
{
        buf_release(&text);
}

TestSuite(json_writer, .fini = teardown);

Test(json_writer, puts_commas_between_values_and_nowhere_else)
{
        AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);

        json_writer_open(&j, '{');
        json_writer_key(&j, "none");
        json_writer_open(&j, '[');
        json_writer_close(&j, ']');
        json_writer_key(&j, "list");
        json_writer_open(&j, '[');
        json_writer_int(&j, -7);
        json_writer_bool(&j, true);
        json_writer_open(&j, '{');
        json_writer_close(&j, '}');
        json_writer_bool(&j, false);
        json_writer_close(&j, ']');
        json_writer_key(&j, "nothing");
        json_writer_null(&j);
        json_writer_close(&j, '}');
        cr_expect_str_eq(buf_str(&text),
                         "{\"none\":[],\"list\":[-7,true,{},false],\"nothing\":null}");
}

Test(json_writer, writes_thousandths_as_short_as_they_can_be)
{
        static const struct {
                int64_t n;
                const char *shown;
        } cases[] = {
                { 0, "0.0" },
                { 1, "0.001" },
                { 10, "0.01" },
                { 65500, "65.5" },
                { 120000, "120.0" },
                { -1, "-0.001" },
                { -2500, "-2.5" },
                { INT64_MAX, "9223372036854775.807" },
                { INT64_MIN, "-9223372036854775.808" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);
                buf_reset(&text);
                json_writer_thousandths(&j, cases[i].n);
                cr_expect_str_eq(buf_str(&text), cases[i].shown);
        }
}

Test(json_writer, writes_no_text_as_null_and_an_assembled_one_whole)
{
        AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);

        json_writer_open(&j, '[');
        json_writer_text(&j, NULL);
        buf_printf(json_writer_scratch(&j), "%s:%d", "web", 1);
        json_writer_put_scratch(&j);
        json_writer_scratch(&j);
        json_writer_put_scratch(&j);
        json_writer_close(&j, ']');
        cr_expect_str_eq(buf_str(&text), "[null,\"web:1\",\"\"]");
}

/* What jansson's parser makes of a text that was written. */
static void expect_read_back(const char *data, size_t len, const char *wanted, size_t wanted_len)
{
        AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);
        json_error_t why;

        buf_reset(&text);
        json_writer_text_n(&j, data, len);
        json_t *value = json_loadb(text.data, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
        cr_assert_not_null(value, "%s: %s", why.text, buf_str(&text));
        cr_expect_eq(json_string_length(value), wanted_len);
        cr_expect_arr_eq(json_string_value(value), wanted, wanted_len);
        json_decref(value);
}

Test(json_writer, escapes_every_byte_so_that_a_parser_reads_it_back)
{
        for (int c = 0; c < 0x80; c++) {
                char data[3] = { 'a', (char)c, 'b' };
                expect_read_back(data, sizeof data, data, sizeof data);
        }
        for (int c = 0x80; c < 0x100; c++) {
                char data[3] = { 'a', (char)c, 'b' };
                expect_read_back(data, sizeof data, "a" UTF8_REPLACEMENT "b", 5);
        }
}

Test(json_writer, keeps_every_character_that_unicode_has)
{
        for (unsigned point = 0x80; point <= 0x10ffff; point += point < 0x1000 ? 1 : 37) {
                char c[4];
                size_t len = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
                if (point >= 0xd800 && point <= 0xdfff)
                        continue;
                for (size_t i = len; --i > 0;)
                        c[i] = (char)(0x80 | (point >> 6 * (len - 1 - i) & 0x3f));
                c[0] = (char)((0xf0 << (4 - len)) & 0xff) | (char)(point >> 6 * (len - 1));
                expect_read_back(c, len, c, len);
        }
}

Test(json_writer, replaces_what_only_looks_like_utf8)
{
        static const struct {
                const char *bytes;
                size_t count; /* replacements */
        } cases[] = {
                { "\xc0\x80", 2 },         { "\xc1\xbf", 2 },
                { "\xe0\x9f\xbf", 3 },     { "\xed\xa0\x80", 3 },
                { "\xf0\x8f\xbf\xbf", 4 }, { "\xf4\x90\x80\x80", 4 },
                { "\xe2\x82", 2 },         { "\xff", 1 },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                char wanted[16] = "";
                for (size_t k = 0; k < cases[i].count; k++)
                        strcat(wanted, UTF8_REPLACEMENT);
                expect_read_back(cases[i].bytes, strlen(cases[i].bytes), wanted, strlen(wanted));
        }
}

Test(json_writer, agrees_with_a_parser_about_random_bytes)
{
        srand(7);
        for (int round = 0; round < 3000; round++) {
                char data[40], again[200];
                AUTO_JSON_WRITER j = JSON_WRITER_INIT(&text);
                size_t len = (size_t)rand() % sizeof data;
                for (size_t i = 0; i < len; i++)
                        data[i] = (char)rand();
                buf_reset(&text);
                json_writer_text_n(&j, data, len);
                json_t *value =
                    json_loadb(text.data, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
                cr_assert_not_null(value);
                size_t n = json_dumpb(value, again, sizeof again, JSON_ENCODE_ANY);
                cr_assert_eq(n, text.len); /* the same bytes as the library writes */
                cr_assert_arr_eq(again, text.data, n);
                json_decref(value);
        }
}
