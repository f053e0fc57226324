#include <criterion/criterion.h>
#include <string.h>

#include "ctl/transport/xmlrpc.h"
#include "fake_daemon.h"

static bool parse(const char *xml, struct xanswer *out, struct err *e)
{
        return xmlrpc_parse(xml, strlen(xml), out, e);
}

Test(xmlrpc, reads_values_of_every_kind)
{
        struct xanswer a;
        struct err e;

        cr_assert(
            parse(XML_OK("<struct>"
                         "<member><name>i</name><value><int>-7</int></value></member>"
                         "<member><name>four</name><value><i4>4</i4></value></member>"
                         "<member><name>b</name><value><boolean>1</boolean></value></member>"
                         "<member><name>s</name><value><string>a&amp;b</string></value></member>"
                         "<member><name>bare</name><value>text</value></member>"
                         "<member><name>none</name><value></value></member>"
                         "<member><name>d</name><value><double>1.5</double></value></member>"
                         "<member><name>l</name><value><array><data>"
                         "<value><int>1</int></value><value>x</value>"
                         "</data></array></value></member>"
                         "</struct>"),
                  &a, &e),
            "%s", e.text);
        cr_expect_eq(xval_int(a.value, "i"), -7);
        cr_expect_eq(xval_int(a.value, "four"), 4);
        cr_expect_eq(xval_int(a.value, "b"), 1);
        cr_expect_str_eq(xval_str(a.value, "s"), "a&b");
        cr_expect_str_eq(xval_str(a.value, "bare"), "text");
        cr_expect_str_eq(xval_str(a.value, "none"), "");
        cr_expect_eq(xval_member(a.value, "none")->kind, X_STRING);
        cr_expect_float_eq(xval_member(a.value, "d")->real, 1.5, 1e-9);
        const struct xval *list = xval_member(a.value, "l");
        cr_assert_eq(list->count, 2);
        cr_expect_str_eq(xval_str(xval_item(list, 1), NULL), "x");
        cr_expect_null(xval_item(list, 2));
        xanswer_release(&a);
}

Test(xmlrpc, reads_faults)
{
        struct xanswer a;
        struct err e;

        cr_assert(parse(XML_FAULT(10, "BAD_NAME: x"), &a, &e));
        cr_expect(a.is_fault);
        cr_expect_eq(a.fault_code, 10);
        cr_expect_str_eq(buf_str(&a.fault_text), "BAD_NAME: x");
        xanswer_release(&a);
}

Test(xmlrpc, keeps_white_space_inside_strings)
{
        struct xanswer a;
        struct err e;

        cr_assert(parse(XML_OK("<string>  a\n b\n</string>"), &a, &e));
        cr_expect_str_eq(xval_str(a.value, NULL), "  a\n b\n");
        xanswer_release(&a);
}

Test(xmlrpc, shows_control_bytes_as_question_marks)
{
        struct xanswer a;
        struct err e;

        cr_assert(parse(XML_OK("<string>\033[31mred\001</string>"), &a, &e));
        cr_expect_str_eq(xval_str(a.value, NULL), "?[31mred?");
        xanswer_release(&a);
}

static void nest(struct buf *out, int depth)
{
        buf_puts(out, "<methodResponse><params><param>");
        for (int i = 0; i < depth; i++)
                buf_puts(out, "<value><array><data>");
        buf_puts(out, "<value>x</value>");
        for (int i = 0; i < depth; i++)
                buf_puts(out, "</data></array></value>");
        buf_puts(out, "</param></params></methodResponse>");
}

Test(xmlrpc, bounds_the_depth_of_values)
{
        AUTO_BUF fits = BUF_INIT;
        AUTO_BUF deep = BUF_INIT;
        struct xanswer a;
        struct err e;

        nest(&fits, 31);
        nest(&deep, 32);
        cr_expect(parse(buf_str(&fits), &a, &e));
        xanswer_release(&a);
        cr_expect_not(parse(buf_str(&deep), &a, &e));
        cr_expect_str_eq(e.text, "not an XML-RPC answer: nested too deeply");
        xanswer_release(&a);
}

Test(xmlrpc, refuses_a_doctype)
{
        struct xanswer a;
        struct err e;

        cr_expect_not(parse("<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'aaaa'>]>"
                            "<methodResponse><params><param><value>&a;</value></param></params>"
                            "</methodResponse>",
                            &a, &e));
        cr_expect_not_null(strstr(e.text, "DOCTYPE"));
        xanswer_release(&a);
}

Test(xmlrpc, refuses_what_is_no_answer)
{
        static const char *const wrong[] = {
                "",
                "hello",
                "<methodResponse>",
                "<methodResponse/>",
                "<methodResponse><params/></methodResponse>",
                "<a><value>1</value><value>2</value></a>",
                "<a><value><int>1<value>2</value></int></value></a>",
        };

        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                struct xanswer a;
                struct err e;
                cr_expect_not(parse(wrong[i], &a, &e), "%s", wrong[i]);
                xanswer_release(&a);
        }
}

Test(xmlrpc, writes_calls_with_their_arguments)
{
        AUTO_BUF out = BUF_INIT;
        const struct xarg args[] = { XARG_STR("a<&>b"), XARG_INT(-1600), XARG_BOOL(true) };

        xmlrpc_write(&out, "supervisor.x", args, 3);
        cr_expect_str_eq(
            buf_str(&out),
            "<?xml version='1.0'?>\n<methodCall>\n<methodName>supervisor.x</methodName>\n"
            "<params>\n"
            "<param>\n<value><string>a&lt;&amp;&gt;b</string></value>\n</param>\n"
            "<param>\n<value><int>-1600</int></value>\n</param>\n"
            "<param>\n<value><boolean>1</boolean></value>\n</param>\n"
            "</params>\n</methodCall>\n");
}
