/* Fuzz target: what a client may send to the control servers, cut into pieces of any size. A
 * request reads the same however it is cut; nothing that was accepted is beyond the limits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/access/auth.h"
#include "api/access/browser.h"
#include "wire/http_parse.h"
#include "wire/percent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One request from data in pieces; how many bytes it took. */
static size_t feed(struct http_parse *p, const char *data, size_t size, size_t piece,
                   enum http_progress *got)
{
        size_t at = 0;

        *got = HTTP_MORE;
        while (at < size && *got == HTTP_MORE) {
                size_t used, n = size - at < piece ? size - at : piece;
                *got = http_parse_feed(p, data + at, n, &used);
                if (used > n || (*got == HTTP_MORE && used != n))
                        abort();
                at += used;
        }
        return at;
}

static void look_closer(struct http_parse *p)
{
        struct server_conf locked = { .username = "u", .password = "p" };
        struct target_parts parts = target_split(http_parse_target(p));
        AUTO_BUF path = BUF_INIT;
        AUTO_BUF value = BUF_INIT;
        AUTO_BUF body = http_parse_take_body(p);

        percent_decode(parts.path, parts.path_len, false, &path);
        query_param(parts.query, "name", &value);
        auth_check(&locked, http_parse_header(p, "Authorization"));
        struct browser_ask ask = { .method = http_parse_method(p),
                                   .path = http_parse_target(p),
                                   .host = http_parse_header(p, "Host"),
                                   .origin = http_parse_header(p, "Origin"),
                                   .site = http_parse_header(p, "Sec-Fetch-Site"),
                                   .mode = http_parse_header(p, "Sec-Fetch-Mode") };
        browser_refusal(&ask, &locked, "box");
        if (path.len > HTTP_HEADERS_MAX || body.len > HTTP_BODY_MAX)
                abort();
}

static void must_be_same(struct http_parse *a, struct http_parse *b)
{
        const char *host_a = http_parse_header(a, "Host");
        const char *host_b = http_parse_header(b, "Host");

        if (strcmp(http_parse_method(a), http_parse_method(b)) != 0 ||
            strcmp(http_parse_target(a), http_parse_target(b)) != 0 || !host_a != !host_b ||
            (host_a && strcmp(host_a, host_b) != 0))
                abort();
        look_closer(a);
        look_closer(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *text = (const char *)data + 1;
        size_t piece = size ? 1 + data[0] : 1;
        size_t left = size ? size - 1 : 0;

        while (left > 0) {
                struct http_parse *whole = http_parse_new(NULL, NULL);
                struct http_parse *cut = http_parse_new(NULL, NULL);
                enum http_progress a = HTTP_BAD, b = HTTP_BAD;
                size_t used = left;

                if (whole && cut) {
                        used = feed(whole, text, left, left, &a);
                        size_t again = feed(cut, text, left, piece, &b);
                        if (a != b || (a == HTTP_DONE && used != again))
                                abort();
                        if (a == HTTP_DONE)
                                must_be_same(whole, cut);
                }
                http_parse_free(whole);
                http_parse_free(cut);
                if (a != HTTP_DONE)
                        break;
                text += used;
                left -= used;
        }
        return 0;
}
