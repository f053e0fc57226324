#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "wire/xml_read.h"
#include "wire/xml_write.h"

static char *method;
static struct value *params;
static struct err e;

static void drop(void)
{
        free(method);
        value_free(params);
        method = NULL;
        params = NULL;
}

static bool read_call(const char *body, size_t len)
{
        drop();
        e = (struct err){ 0 };
        return xml_read_call(body, len, 1, &method, &params, &e);
}

/* A call of one parameter. */
static bool read_value(const char *value)
{
        AUTO_BUF body = BUF_INIT;

        buf_printf(&body,
                   "<?xml version='1.0'?><methodCall><methodName>a.b</methodName><params><param>"
                   "<value>%s</value></param></params></methodCall>",
                   value);
        return read_call(buf_str(&body), body.len) && params->count == 1;
}

TestSuite(xml, .fini = drop);

Test(xml, reads_every_type)
{
        static const struct {
                const char *text;
                enum value_kind kind;
                const char *string;
                int64_t number;
        } rows[] = {
                { "x", VALUE_STRING, "x", 0 },
                { "", VALUE_STRING, "", 0 },
                { "<string>a &lt;b&gt; &amp; &#233;</string>", VALUE_STRING, "a <b> & \xc3\xa9",
                  0 },
                { "<string><![CDATA[<x>]]></string>", VALUE_STRING, "<x>", 0 },
                { "<string>a<!-- no -->b</string>", VALUE_STRING, "ab", 0 },
                { "<int>-5</int>", VALUE_INT, NULL, -5 },
                { " <i4> 5 </i4> ", VALUE_INT, NULL, 5 },
                { "<boolean>1</boolean>", VALUE_BOOL, NULL, 1 },
                { "<boolean>true</boolean>", VALUE_BOOL, NULL, 0 },
                { "<base64>aGk=</base64>", VALUE_STRING, "hi", 0 },
                { "<base64>\naGVs\nbG8=\n</base64>", VALUE_STRING, "hello", 0 },
                { "<base64></base64>", VALUE_STRING, "", 0 },
                { "<dateTime.iso8601>19980717T14:08:55</dateTime.iso8601>", VALUE_STRING,
                  "19980717T14:08:55", 0 },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                cr_assert(read_value(rows[i].text), "%s: %s", rows[i].text, e.text);
                const struct value *v = params->items[0];
                cr_expect_eq(v->kind, rows[i].kind, "%s", rows[i].text);
                if (rows[i].string)
                        cr_expect_str_eq(v->text, rows[i].string);
                else
                        cr_expect_eq(v->number, rows[i].number, "%s", rows[i].text);
        }
        cr_assert(read_value("<double>5.5</double>"));
        cr_expect(params->items[0]->real > 5.4 && params->items[0]->real < 5.6);
        cr_assert(read_value("<base64>AAEA</base64>"));
        cr_expect_eq(params->items[0]->len, 3);
}

Test(xml, reads_arrays_and_structs)
{
        cr_assert(read_value("<array><data><value>a</value><value><int>1</int></value></data>"
                             "</array>"));
        cr_expect_eq(params->items[0]->count, 2);
        cr_assert(read_value("<struct><member><name>k</name><value>v</value></member>"
                             "<member><name>n</name><value><struct></struct></value></member>"
                             "</struct>"));
        cr_expect_str_eq(value_member(params->items[0], "k")->text, "v");
        cr_expect_eq(value_member(params->items[0], "n")->kind, VALUE_STRUCT);
        cr_expect_null(value_member(params->items[0], "x"));
}

Test(xml, takes_a_call_without_parameters)
{
        static const char text[] = "<methodCall><methodName>a.b</methodName></methodCall>";

        cr_assert(read_call(text, sizeof text - 1), "%s", e.text);
        cr_expect_str_eq(method, "a.b");
        cr_expect_eq(params->count, 0);
}

Test(xml, refuses_what_is_no_call)
{
        static const char *const texts[] = {
                "",
                "junk",
                "<methodCall/>",
                "<methodCall><methodName></methodName></methodCall>",
                "<methodCall><methodName>a.b</methodName>",
                "<methodCall><methodName>a.b</methodName></methodCall>junk",
                "<methodResponse><params/></methodResponse>",
                "<!DOCTYPE x><methodCall><methodName>a.b</methodName></methodCall>",
                ("<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]>"
                 "<methodCall><methodName>&b;</methodName></methodCall>"),
                "<methodCall><methodName>&foo;</methodName></methodCall>",
                "<methodCall><methodName>a\xff</methodName></methodCall>",
        };
        static const char *const values[] = { "<int>x</int>", "<int></int>", "<double>x</double>",
                                              "&#0;", "&#27;" };

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                cr_expect_not(read_call(texts[i], strlen(texts[i])), "%s", texts[i]);
                cr_expect_eq(e.code, ERR_PROTOCOL);
        }
        for (size_t i = 0; i < sizeof values / sizeof *values; i++)
                cr_expect_not(read_value(values[i]), "%s", values[i]);
}

/* `what` so many times, and `end` as often behind it. */
static bool read_many(const char *what, const char *inner, const char *end, int times)
{
        AUTO_BUF text = BUF_INIT;

        for (int i = 0; i < times; i++)
                buf_puts(&text, what);
        buf_puts(&text, inner);
        for (int i = 0; i < times; i++)
                buf_puts(&text, end);
        return read_value(buf_str(&text));
}

Test(xml, bounds_nesting_and_number)
{
        cr_expect(read_many("<array><data><value>", "x", "</value></data></array>", 60));
        cr_expect_not(read_many("<array><data><value>", "x", "</value></data></array>", 64));
        cr_expect_not(read_many("<a>", "", "</a>", 100000));
        cr_expect(read_many("", "<array><data><value/></data></array>", "", 1));
        AUTO_BUF text = BUF_INIT;
        buf_puts(&text, "<array><data>");
        for (int i = 0; i < 100000; i++)
                buf_puts(&text, "<value/>");
        buf_puts(&text, "</data></array>");
        cr_expect_not(read_value(buf_str(&text)));
        cr_expect_not_null(strstr(e.text, "too many values"));
}

Test(xml, writes_only_what_xml_can_carry)
{
        static const struct {
                const char *text;
                size_t len;
                const char *written;
        } rows[] = {
                { "a<b>&\"'", 7, "a&lt;b&gt;&amp;\"'" },
                { "\x1b[31mred\x1b[0m", 12, "[31mred[0m" },
                { "a\0b\x07"
                  "c",
                  5, "abc" },
                { "\t\n", 2, "\t\n" },
                { "\xff\xfe", 2, "\xef\xbf\xbd\xef\xbf\xbd" },
                { "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", 11,
                  "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
                { "\xe2\x82", 2, "\xef\xbf\xbd\xef\xbf\xbd" },
                { "\xed\xa0\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
                { "\xc0\x80", 2, "\xef\xbf\xbd\xef\xbf\xbd" },
                { "\xef\xbf\xbf", 3, "" },
                { "]]>", 3, "]]&gt;" },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                AUTO_BUF out = BUF_INIT;
                xml_text(&out, rows[i].text, rows[i].len);
                cr_expect_str_eq(buf_str(&out), rows[i].written, "row %zu: %s", i, buf_str(&out));
        }
}

Test(xml, numbers_beyond_32_bits_are_doubles)
{
        AUTO_BUF out = BUF_INIT;

        xml_int(&out, INT32_MAX);
        xml_int(&out, (int64_t)INT32_MAX + 1);
        cr_expect_str_eq(buf_str(&out), "<value><int>2147483647</int></value>\n"
                                        "<value><double>2147483648.0</double></value>\n");
}
