#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/http_parse.h"

static const char request[] = "POST /v1/a%20b?x=1 HTTP/1.1\r\n"
                              "Host: localhost\r\n"
                              "X-Empty:\r\n"
                              "X-Spaces:   two words  \r\n"
                              "Content-Length: 11\r\n\r\n"
                              "hello\r\nbody";

static struct http_parse *parse;

static void setup(void)
{
        parse = http_parse_new(NULL, NULL);
}

static void teardown(void)
{
        http_parse_free(parse);
}

TestSuite(http_parse, .init = setup, .fini = teardown);

/* Feed data in pieces that end at the given places. */
static enum http_progress feed(const char *data, size_t len, size_t cut, size_t piece, size_t *used)
{
        size_t at = 0;
        enum http_progress got = HTTP_MORE;

        while (at < len && got == HTTP_MORE) {
                size_t n = at < cut ? cut - at : piece;
                if (n > len - at)
                        n = len - at;
                got = http_parse_feed(parse, data + at, n, used);
                at += *used;
        }
        *used = at;
        return got;
}

static void expect_request(size_t used)
{
        cr_expect_eq(used, sizeof request - 1);
        cr_expect_str_eq(http_parse_method(parse), "POST");
        cr_expect_str_eq(http_parse_target(parse), "/v1/a%20b?x=1");
        cr_expect_str_eq(http_parse_header(parse, "host"), "localhost");
        cr_expect_str_eq(http_parse_header(parse, "X-EMPTY"), "");
        cr_expect_str_eq(http_parse_header(parse, "x-spaces"), "two words");
        cr_expect_null(http_parse_header(parse, "spaces"));
        cr_expect(http_parse_is_11(parse));
        cr_expect(http_parse_keep_alive(parse));
        struct buf body = http_parse_take_body(parse);
        cr_expect_str_eq(buf_str(&body), "hello\r\nbody");
        buf_release(&body);
}

Test(http_parse, reads_a_request_that_is_cut_anywhere)
{
        for (size_t cut = 0; cut < sizeof request - 1; cut++) {
                size_t used;
                cr_assert_eq(feed(request, sizeof request - 1, cut, sizeof request, &used),
                             HTTP_DONE, "cut at %zu", cut);
                expect_request(used);
                teardown();
                setup();
        }
}

Test(http_parse, reads_a_request_byte_by_byte)
{
        size_t used;

        cr_assert_eq(feed(request, sizeof request - 1, 0, 1, &used), HTTP_DONE);
        expect_request(used);
}

Test(http_parse, leaves_the_next_request_alone)
{
        char two[2 * sizeof request];
        size_t used;

        strcpy(two, request);
        strcat(two, request);
        cr_assert_eq(http_parse_feed(parse, two, strlen(two), &used), HTTP_DONE);
        expect_request(used);
}

/* What a proxy in front could read in another way than we do. */
Test(http_parse, refuses_what_is_ambiguous_about_where_a_request_ends)
{
        static const char *const heads[] = {
                "Content-Length : 5\r\n",
                "Content-Length\t: 5\r\n",
                "Content- Length: 5\r\n",
                " Content-Length: 5\r\n",
                "Host : a\r\n",
                "X Y: 1\r\n",
                ": 5\r\n",
                "no colon\r\n",
                "Content-Length: 5\r\nContent-Length: 5\r\n",
                "Content-Length: 5\r\nContent-Length: 6\r\n",
                "Content-Length: 5\r\nX: y\r\ncontent-length: 0\r\n",
                "Content-Length: 5, 5\r\n",
                "Content-Length: 5 5\r\n",
                "Content-Length: +5\r\n",
                "Content-Length: -5\r\n",
                "Content-Length: 0x5\r\n",
                "Content-Length: five\r\n",
                "Content-Length:\r\n",
                "Content-Length: 99999999999999999999999\r\n",
                "Content-Length: 5\r\n 0\r\n",
                "Content-Length:\r\n 5\r\n",
                "Content-Length:\r\n\t5\r\n",
                "Content-Length: 5\r\n \r\n",
                "Content-Length: 5\r\nX: a\r\n b\r\n",
                "Content-Length: 5\r\nX: a\r\n\tb\r\n",
                "Content-Length: 5\r\nX:\r\n\t \r\n",
                "Content-Length: 5\r\nX: a\n b\r\n",
                "Content-Length: 5\nX:\n \n",
                "Content-Length: 5\r\nConnection:\r\n close\r\n",
                "Transfer-Encoding:\r\n chunked\r\n",
                "Content-Length: 5\r\nX: a\rY: b\r\n",
                "Content-Length: 5\r\nX: a\r\r\n",
                "Content-Length: 5\r\nX: \x01\r\n",
                "Content-Length: 5\r\nX: a\x1b[2J\r\n",
                "Content-Length: 5\r\nX: \x7f\r\n",
                "Content-Length: \v5\r\n",
                "Content-Length: 5\f\r\n",
                "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
                "Transfer-Encoding: gzip, chunked\r\n",
                "Transfer-Encoding: chunked, identity\r\n",
                "Transfer-Encoding: chunkedx\r\n",
                "Transfer-Encoding: xchunked\r\n",
                "Transfer-Encoding: identity\r\n",
                "Transfer-Encoding : chunked\r\n",
                "Transfer-Encoding:\r\n",
                "Host: a\r\nHost: a\r\n",
                "Host: a\r\nhost: b\r\n",
        };

        for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
                for (size_t piece = 1; piece < 100; piece += 98) {
                        char text[512];
                        size_t used;
                        int n = snprintf(text, sizeof text, "POST /x HTTP/1.1\r\n%s\r\nhello",
                                         heads[i]);
                        cr_expect_eq(feed(text, (size_t)n, 0, piece, &used), HTTP_BAD, "%s",
                                     heads[i]);
                        cr_expect_eq(http_parse_status(parse), 400, "%s: %d", heads[i],
                                     http_parse_status(parse));
                        teardown();
                        setup();
                }
        }
}

Test(http_parse, refuses_a_nul_wherever_it_is_in_a_head)
{
        static const char good[] = "POST /x HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";

        for (size_t i = 0; i < sizeof good - 1; i++) {
                for (size_t piece = 1; piece < 100; piece += 98) {
                        char text[sizeof good];
                        size_t used;
                        memcpy(text, good, sizeof good);
                        memmove(text + i + 1, text + i, sizeof good - i - 1);
                        text[i] = '\0';
                        cr_expect_eq(feed(text, sizeof good, 0, piece, &used), HTTP_BAD, "%zu", i);
                        cr_expect_eq(http_parse_status(parse), 400, "at %zu", i);
                        teardown();
                        setup();
                }
        }
}

static void expect_chunks(const char *chunks, enum http_progress expected)
{
        for (size_t piece = 1; piece < 200; piece += 198) {
                char text[512];
                size_t used;
                int n =
                    snprintf(text, sizeof text,
                             "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n%s", chunks);
                cr_expect_eq(feed(text, (size_t)n, 0, piece, &used), expected, "%s", chunks);
                if (expected == HTTP_BAD)
                        cr_expect_eq(http_parse_status(parse), 400, "%s", chunks);
                else
                        cr_expect_eq(used, (size_t)n, "%s", chunks);
                teardown();
                setup();
        }
}

Test(http_parse, refuses_chunks_that_others_may_read_in_another_way)
{
        static const char *const bad[] = {
                "+5\r\nhello\r\n0\r\n\r\n",
                "-5\r\nhello\r\n0\r\n\r\n",
                "0x5\r\nhello\r\n0\r\n\r\n",
                " 5\r\nhello\r\n0\r\n\r\n",
                "5 \r\nhello\r\n0\r\n\r\n",
                "5\t\r\nhello\r\n0\r\n\r\n",
                "5 x\r\nhello\r\n0\r\n\r\n",
                "5 5\r\nhello\r\n0\r\n\r\n",
                "5x\r\nhello\r\n0\r\n\r\n",
                "5,\r\nhello\r\n0\r\n\r\n",
                "5_\r\nhello\r\n0\r\n\r\n",
                "\r\nhello\r\n0\r\n\r\n",
                ";a\r\nhello\r\n0\r\n\r\n",
                "10000000000000005\r\nhello\r\n0\r\n\r\n",
                "ffffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
                "5\nhello\r\n0\r\n\r\n",
                "5\rhello\r\n0\r\n\r\n",
                "5;\nhello\r\n0\r\n\r\n",
                "5;a\nhello\r\n0\r\n\r\n",
                "5;a\rb\r\nhello\r\n0\r\n\r\n",
                "5;a\x01\r\nhello\r\n0\r\n\r\n",
                "5\r\nhello\n0\r\n\r\n",
                "5\r\nhello0\r\n\r\n",
                "5\r\nhelloXX\r\n0\r\n\r\n",
                "0 \r\n\r\n",
                "0 x\r\n\r\n",
                "0\r\nX : y\r\n\r\n",
                "0\r\nX: y\r\n z\r\n\r\n",
                "0\r\n X: y\r\n\r\n",
                "0\r\nX: \x01\r\n\r\n",
                "0\r\nno colon\r\n\r\n",
                "0\r\nXY\r\n\r\n",
                "0\r\nTransfer-Encoding: identity\r\n\r\x85\n", /* a trailer turns no check off */
                "0\r\nTransfer-Encoding: chunked\r\n\r\x85\n",
                "0\r\nTransfer-Encoding: x\r\nA: b\r\n c\r\n\r\n",
        };

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                expect_chunks(bad[i], HTTP_BAD);
}

Test(http_parse, reads_usual_ways_to_write_chunks)
{
        static const char *const good[] = {
                "0\r\n\r\n",
                "5\r\nhello\r\n0\r\n\r\n",
                "0005\r\nhello\r\n000\r\n\r\n",
                "A\r\n\r\n\r\n\r\n\r\n\r\n\r\na\r\n0123456789\r\n0\r\n\r\n",
                "5;a=b\r\nhello\r\n0;x=\"y z\"\r\n\r\n",
                "5 ; a\r\nhello\r\n0\r\n\r\n",
                "0\r\nX: y\r\nZ:\r\n\r\n",
        };

        for (size_t i = 0; i < sizeof good / sizeof *good; i++)
                expect_chunks(good[i], HTTP_DONE);
}

Test(http_parse, takes_no_chunks_from_a_1_0_client)
{
        static const char text[] = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        size_t used;

        cr_expect_eq(feed(text, sizeof text - 1, 0, 100, &used), HTTP_BAD);
        cr_expect_eq(http_parse_status(parse), 400);
}

Test(http_parse, reads_usual_ways_to_write_a_length)
{
        static const char *const heads[] = { "content-length:5\r\n", "CONTENT-LENGTH: \t 5  \r\n",
                                             "Content-Length: 005\r\n" };

        for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
                char text[512];
                size_t used;
                int n = snprintf(text, sizeof text, "POST /x HTTP/1.1\r\n%s\r\nhello", heads[i]);
                cr_expect_eq(feed(text, (size_t)n, 0, 100, &used), HTTP_DONE, "%s", heads[i]);
                cr_expect_eq(used, (size_t)n);
                teardown();
                setup();
        }
}

Test(http_parse, reads_a_chunked_body)
{
        static const char text[] = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                                   "5;x=y\r\nhello\r\n3\r\n wo\r\n0\r\nX-Trailer: t\r\n\r\n";

        for (size_t piece = 1; piece < 20; piece++) {
                size_t used;
                cr_assert_eq(feed(text, sizeof text - 1, 0, piece, &used), HTTP_DONE);
                cr_expect_eq(used, sizeof text - 1);
                struct buf body = http_parse_take_body(parse);
                cr_expect_str_eq(buf_str(&body), "hello wo");
                buf_release(&body);
                teardown();
                setup();
        }
}

Test(http_parse, does_not_wait_for_a_body_that_was_not_announced)
{
        size_t used;

        cr_expect_eq(feed("POST / HTTP/1.0\r\n\r\n", 19, 0, 4, &used), HTTP_DONE);
        cr_expect_not(http_parse_is_11(parse));
        cr_expect_not(http_parse_keep_alive(parse));
}

Test(http_parse, takes_an_upgrade_for_an_ordinary_request)
{
        static const char text[] = "GET /x HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
        size_t used;

        cr_expect_eq(feed(text, sizeof text - 1, 0, 7, &used), HTTP_DONE);
        cr_expect_eq(used, sizeof text - 1);
}

Test(http_parse, says_once_that_the_client_waits_for_a_go_ahead)
{
        static const char head[] =
            "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
        size_t used;

        cr_assert_eq(feed(head, sizeof head - 1, 0, 9, &used), HTTP_MORE);
        cr_expect(http_parse_wants_continue(parse));
        cr_expect_not(http_parse_wants_continue(parse));
        cr_expect_eq(http_parse_feed(parse, "ab", 2, &used), HTTP_DONE);
}

Test(http_parse, refuses_what_is_no_request)
{
        static const struct {
                const char *text;
                int status;
        } bad[] = {
                { "nonsense\r\n\r\n", 400 },
                { "\x16\x03\x01\x02\x00\x01", 400 },
                { "GET / HTTP/2.0\r\n\r\n", 505 },
                { "GET / HTTP/x\r\n\r\n", 400 },
                { "GET / HTTP/1.1\r\nNo colon\r\n\r\n", 400 },
                { "POST / HTTP/1.1\r\nContent-Length: 1x\r\n\r\n", 400 },
                { "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400 },
                { "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                  400 },
                { "POST / HTTP/1.1\r\nContent-Length: 16777217\r\n\r\n", 413 },
                { "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400 },
                { "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400 },
        };

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                size_t used;
                cr_expect_eq(feed(bad[i].text, strlen(bad[i].text), 0, 3, &used), HTTP_BAD, "%s",
                             bad[i].text);
                cr_expect_eq(http_parse_status(parse), bad[i].status, "%s: %d", bad[i].text,
                             http_parse_status(parse));
                teardown();
                setup();
        }
}

/* Request line and headers of exactly `size` bytes. */
static char *head_of(size_t size)
{
        static const char start[] = "GET / HTTP/1.1\r\nX-Long: ";
        char *text = malloc(size + 1);

        memset(text, 'a', size);
        memcpy(text, start, sizeof start - 1);
        memcpy(text + size - 4, "\r\n\r\n", 5);
        return text;
}

Test(http_parse, takes_headers_up_to_the_limit_and_not_beyond)
{
        for (size_t over = 0; over < 2; over++) {
                char *text = head_of(HTTP_HEADERS_MAX + over);
                size_t used;
                enum http_progress got = feed(text, strlen(text), 0, 1000, &used);
                cr_expect_eq(got, over ? HTTP_BAD : HTTP_DONE);
                cr_expect_eq(http_parse_status(parse), over ? 431 : 0);
                free(text);
                teardown();
                setup();
        }
}

Test(http_parse, refuses_an_endless_request_line)
{
        char text[4096];
        size_t used;
        enum http_progress got;

        memset(text, 'a', sizeof text);
        got = http_parse_feed(parse, "GET /", 5, &used);
        for (int i = 0; i < 40 && got == HTTP_MORE; i++)
                got = http_parse_feed(parse, text, sizeof text, &used);
        cr_expect_eq(got, HTTP_BAD);
        cr_expect_eq(http_parse_status(parse), 431);
}

Test(http_parse, refuses_a_chunked_body_that_grows_too_large)
{
        static const char head[] = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        static char mega[1 << 20];
        size_t used;
        enum http_progress got = http_parse_feed(parse, head, sizeof head - 1, &used);

        for (int i = 0; i < 17 && got == HTTP_MORE; i++) {
                http_parse_feed(parse, "100000\r\n", 8, &used);
                got = http_parse_feed(parse, mega, sizeof mega, &used);
                if (got == HTTP_MORE)
                        got = http_parse_feed(parse, "\r\n", 2, &used);
        }
        cr_expect_eq(got, HTTP_BAD);
        cr_expect_eq(http_parse_status(parse), 413);
}

static int refuse_with_401(void *arg, struct http_parse *p)
{
        cr_expect_str_eq(http_parse_header(p, "Host"), "h");
        ++*(int *)arg;
        return 401;
}

Test(http_parse, asks_before_it_reads_the_body)
{
        int asked = 0;
        size_t used;

        teardown();
        parse = http_parse_new(refuse_with_401, &asked);
        cr_expect_eq(
            feed("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n", 47, 0, 5, &used),
            HTTP_BAD);
        cr_expect_eq(http_parse_status(parse), 401);
        cr_expect_eq(asked, 1);
}
