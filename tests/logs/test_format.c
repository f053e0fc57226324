/* Lines with a stamp and a name, and as JSON. */
#include <criterion/criterion.h>
#include <string.h>

#include "../../src/logs/spool/format.h"
#include "subject.h"

static struct format_line line;
static struct buf out;

static void setup_line(void)
{
        line = (struct format_line){ 0 };
        out = BUF_INIT;
}

static void release_line(void)
{
        format_release(&line);
        buf_release(&out);
}

static struct format_head head(enum log_format f)
{
        return (
            struct format_head){ .format = f, .process = "web", .pid = 7, .now_ms = 1772280000123 };
}

static void feed(const struct format_head *h, const char *text)
{
        format_in(&line, h, text, strlen(text), &out);
}

#define AT "2026-02-28T12:00:00.123Z"

TestSuite(format, .init = setup_line, .fini = release_line);

Test(format, puts_stamp_and_name_before_each_line_of_text)
{
        struct format_head h = head(LOG_TEXT);

        feed(&h, "one\ntw");
        cr_expect_str_eq(buf_str(&out), AT " web one\n");
        feed(&h, "o\n\nthree");
        cr_expect_str_eq(buf_str(&out), AT " web one\n" AT " web two\n" AT " web \n");
        format_flush(&line, &h, &out);
        format_flush(&line, &h, &out);
        cr_expect_str_eq(buf_str(&out),
                         AT " web one\n" AT " web two\n" AT " web \n" AT " web three\n");
}

Test(format, makes_objects_of_lines)
{
        struct format_head h = head(LOG_JSON);

        feed(&h, "say \"hi\"\\\t\x1b\xc3\xa4\xff\xed\xa0\x80\n");
        cr_expect_str_eq(
            buf_str(&out),
            "{\"time\":\"" AT "\",\"process\":\"web\",\"stream\":\"stdout\",\"pid\":7,"
            "\"message\":\"say \\\"hi\\\"\\\\\\t\\u001b\xc3\xa4\\\\xff\\\\xed\\\\xa0\\\\x80\"}\n");
        h.pid = 0;
        h.is_stderr = true;
        buf_reset(&out);
        feed(&h, "\n");
        cr_expect_str_eq(buf_str(&out), "{\"time\":\"" AT "\",\"process\":\"web\",\"stream\":"
                                        "\"stderr\",\"pid\":null,\"message\":\"\"}\n");
}

Test(format, passes_a_line_of_any_length_whole)
{
        static char block[100000];
        struct format_head h = head(LOG_TEXT);

        memset(block, 'x', sizeof block);
        for (int i = 0; i < 10; i++)
                format_in(&line, &h, block, sizeof block, &out);
        feed(&h, "\nnext\n");
        cr_expect_eq(out.len, strlen(AT " web ") * 2 + 1000000 + 1 + 5);
        cr_expect_eq(memcmp(out.data, AT " web xxx", 30), 0);
        cr_expect_str_eq(out.data + out.len - strlen(AT " web next\n"), AT " web next\n");
}

Test(format, says_where_an_object_holds_a_piece_only)
{
        static char block[300000];
        struct format_head h = head(LOG_JSON);

        memset(block, 'x', sizeof block);
        format_in(&line, &h, block, sizeof block, &out);
        feed(&h, "y\n");
        cr_expect_not_null(strstr(buf_str(&out), "xx\",\"partial\":true}\n"));
        cr_expect_not_null(strstr(buf_str(&out), "\"message\":\"y\"}\n"));
}

/* Wherever the pieces of a long line are parted: in no character. */
Test(format, parts_a_long_line_between_characters)
{
        static const char *const letters[] = { "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80" };
        struct format_head h = head(LOG_JSON);

        for (size_t i = 0; i < 12; i++) {
                AUTO_BUF text = BUF_INIT;
                const char *letter = letters[i % 3];
                buf_put(&text, "xxxx", i / 3);
                while (text.len < 600000)
                        buf_puts(&text, letter);
                buf_reset(&out);
                for (size_t at = 0; at < text.len; at += 1000)
                        format_in(&line, &h, text.data + at,
                                  text.len - at < 1000 ? text.len - at : 1000, &out);
                feed(&h, "\n");
                cr_expect_null(strstr(buf_str(&out), "\\x"), "letter %zu, shift %zu", i % 3, i / 3);
                cr_expect_not_null(strstr(buf_str(&out), "\"partial\":true}\n"));
                size_t count = 0, len = strlen(letter);
                for (size_t at = 0; at + len <= out.len; at++)
                        count += memcmp(out.data + at, letter, len) == 0;
                cr_expect_eq(count, (text.len - i / 3) / len);
        }
        buf_reset(&out);
        feed(&h, "\xe2\x82\n"); /* a line's own end is no reason to wait */
        cr_expect_not_null(strstr(buf_str(&out), "\\\\xe2\\\\x82\"}\n"), "%s", buf_str(&out));
}

Test(format, colours_names_on_a_terminal)
{
        struct format_head h = head(LOG_TEXT);

        h.colour = true;
        feed(&h, "one\n");
        cr_expect_not_null(strstr(buf_str(&out), "mweb |\033[0m one\n"), "%s", buf_str(&out));
}

TestSuite(formatted, .init = setup, .fini = teardown);

Test(formatted, lines_end_with_the_worker)
{
        struct stream_conf c = conf_for("o");

        c.format = LOG_JSON;
        make(c);
        int fd = rig_attach(&rig, s);
        stream_pid(s, 4711);
        rig_say(fd, "one\ntwo");
        rig_settle(&rig);
        stream_finish(s);
        char *text = rig_read(&rig, "o", NULL);
        cr_expect_not_null(strstr(text, "\"pid\":4711,\"message\":\"one\"}\n"), "%s", text);
        cr_expect_not_null(strstr(text, "\"message\":\"two\"}\n"), "%s", text);
        free(text);
        rig_check(s);
        close(fd);
}
