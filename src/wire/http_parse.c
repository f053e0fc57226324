/* One HTTP request, fed in pieces of any size to http-parser. Requests that two servers could read
 * differently are refused here, and so is what exceeds a limit. No socket, no answer. */
#include "wire/http_parse.h"

#include <http_parser.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "wire/http_lines.h"

#define HEADERS_USUAL 250
#define BODY_AT_ONCE  4096 /* more is made room for as it comes: a client may only say so */

enum part { PART_NONE, PART_FIELD, PART_VALUE };

struct http_parse {
        http_parser parser;
        struct http_lines lines;
        struct buf target;
        struct buf headers; /* "name\0value\0" for each header */
        struct buf body;
        size_t head_bytes, body_most;
        enum part part;
        bool head_done, done, keep_alive, wants_continue;
        bool is_chunked; /* the library's flag goes with a trailer that says Transfer-Encoding */
        int status;
        int (*check)(void *arg, struct http_parse *p);
        void *arg;
};

/* A callback that returns this stops the parser. */
static int http_parse_refuse(struct http_parse *p, int status)
{
        p->status = status;
        return -1;
}

static int count_head(struct http_parse *p, size_t len)
{
        p->head_bytes += len;
        return p->head_bytes > HTTP_HEADERS_MAX ? http_parse_refuse(p, 431) : 0;
}

static int on_url(http_parser *hp, const char *at, size_t len)
{
        struct http_parse *p = hp->data;

        buf_put(&p->target, at, len);
        return count_head(p, len);
}

static void end_value(struct http_parse *p)
{
        if (p->part == PART_FIELD) /* a header without a value */
                buf_putc(&p->headers, '\0');
        if (p->part == PART_NONE)
                return;
        while (p->headers.len > 0 && strchr(" \t", p->headers.data[p->headers.len - 1]) &&
               p->headers.data[p->headers.len - 1] != '\0')
                p->headers.data[--p->headers.len] = '\0';
        buf_putc(&p->headers, '\0');
        p->part = PART_NONE;
}

/* A blank before the colon makes another name of it for us, and the same one for some proxies: then
 * the two disagree about where the request ends. The library refuses everything else. */
static bool http_parse_has_blank(const char *name, size_t len)
{
        return memchr(name, ' ', len) || memchr(name, '\t', len);
}

static int on_header_field(http_parser *hp, const char *at, size_t len)
{
        struct http_parse *p = hp->data;

        if (p->headers.cap == 0)
                buf_reserve(&p->headers, HEADERS_USUAL);
        if (p->head_done) /* a trailer behind a chunked body: nothing of it is used */
                return http_parse_has_blank(at, len) ? http_parse_refuse(p, 400)
                                                     : count_head(p, len + 4);
        if (p->part != PART_FIELD) {
                end_value(p);
                p->part = PART_FIELD;
                p->head_bytes += 4; /* ": " and the line's end */
        }
        buf_put(&p->headers, at, len);
        return count_head(p, len);
}

static int on_header_value(http_parser *hp, const char *at, size_t len)
{
        struct http_parse *p = hp->data;

        if (p->head_done)
                return count_head(p, len);
        if (p->part == PART_FIELD) {
                buf_putc(&p->headers, '\0');
                p->part = PART_VALUE;
        }
        buf_put(&p->headers, at, len);
        return count_head(p, len);
}

static size_t count_headers(const struct http_parse *p, const char *name)
{
        size_t count = 0;

        while (http_parse_header_at(p, name, count))
                count++;
        return count;
}

static bool names_are_tokens(const struct http_parse *p)
{
        const char *at = buf_str(&p->headers), *end = at + p->headers.len;

        while (at < end) {
                size_t len = strlen(at);
                if (len == 0 || http_parse_has_blank(at, len))
                        return false;
                at += len + 1;
                at += strlen(at) + 1;
        }
        return true;
}

/* What others could read in another way: RFC 9112 3.2, 5.1, 6.1 and 6.3. */
static bool is_ambiguous(const struct http_parse *p)
{
        size_t codings = count_headers(p, "Transfer-Encoding");
        size_t lengths = count_headers(p, "Content-Length");

        if (!names_are_tokens(p) || count_headers(p, "Host") > 1 || codings + lengths > 1)
                return true;
        return codings == 1 &&
               (p->parser.http_minor == 0 ||
                strcasecmp(http_parse_header(p, "Transfer-Encoding"), "chunked") != 0);
}

static int http_parse_check_head(struct http_parse *p)
{
        const http_parser *hp = &p->parser;

        if (p->headers.failed || p->target.failed)
                return 503;
        if (hp->http_major != 1)
                return 505;
        if (is_ambiguous(p))
                return 400;
        if (count_head(p, strlen(http_parse_method(p)) + sizeof "  HTTP/1.1\r\n\r\n" - 1) != 0)
                return 431;
        int status = p->check ? p->check(p->arg, p) : 0;
        if (status != 0)
                return status;
        if (hp->flags & F_CONTENTLENGTH && hp->content_length > p->body_most)
                return 413;
        if (hp->flags & F_CONTENTLENGTH && hp->content_length <= BODY_AT_ONCE)
                buf_reserve(&p->body, (size_t)hp->content_length);
        return 0;
}

static int http_parse_on_headers_complete(http_parser *hp)
{
        struct http_parse *p = hp->data;

        end_value(p);
        p->head_done = true;
        p->keep_alive = http_should_keep_alive(hp);
        bool has_body = hp->flags & (F_CHUNKED | F_CONTENTLENGTH);
        p->is_chunked = hp->flags & F_CHUNKED;
        if (p->is_chunked)
                http_lines_begin_chunks(&p->lines);
        hp->upgrade = 0; /* nothing here speaks another protocol: an ordinary request */
        int status = http_parse_check_head(p);
        if (status != 0)
                return http_parse_refuse(p, status);
        const char *expect = http_parse_header(p, "Expect");
        p->wants_continue = has_body && expect && strcasecmp(expect, "100-continue") == 0;
        return 0;
}

static int http_parse_on_body(http_parser *hp, const char *at, size_t len)
{
        struct http_parse *p = hp->data;

        p->wants_continue = false;
        if (len > p->body_most - p->body.len)
                return http_parse_refuse(p, 413);
        buf_put(&p->body, at, len);
        return p->body.failed ? http_parse_refuse(p, 503) : 0;
}

static int http_parse_on_message_complete(http_parser *hp)
{
        struct http_parse *p = hp->data;

        p->done = true;
        p->wants_continue = false;
        http_parser_pause(hp, 1); /* a pipelined request is not ours to read */
        return 0;
}

static const http_parser_settings settings = {
        .on_url = on_url,
        .on_header_field = on_header_field,
        .on_header_value = on_header_value,
        .on_headers_complete = http_parse_on_headers_complete,
        .on_body = http_parse_on_body,
        .on_message_complete = http_parse_on_message_complete,
};

struct http_parse *http_parse_new(int (*check)(void *arg, struct http_parse *p), void *arg)
{
        struct http_parse *p = calloc(1, sizeof *p);

        if (!p)
                return NULL;
        http_parser_init(&p->parser, HTTP_REQUEST);
        p->parser.data = p;
        p->check = check;
        p->arg = arg;
        p->body_most = HTTP_BODY_MAX;
        return p;
}

void http_parse_free(struct http_parse *p)
{
        if (!p)
                return;
        buf_release(&p->target);
        buf_release(&p->headers);
        buf_release(&p->body);
        free(p);
}

static enum http_progress parse_bad(struct http_parse *p)
{
        if (p->status == 0)
                p->status = 400;
        return HTTP_BAD;
}

/* The library takes no bytes at all for the end of the connection. */
static enum http_progress parse_run(struct http_parse *p, const char *data, size_t len,
                                    size_t *used)
{
        if (len > 0)
                *used += http_parser_execute(&p->parser, &settings, data, len);
        if (p->status != 0)
                return HTTP_BAD;
        if (p->done)
                return HTTP_DONE;
        enum http_errno why = HTTP_PARSER_ERRNO(&p->parser);
        if (why == HPE_OK)
                return HTTP_MORE;
        p->status = why == HPE_HEADER_OVERFLOW ? 431 : 400;
        return HTTP_BAD;
}

static enum http_progress parse_head(struct http_parse *p, const char *data, size_t len,
                                     size_t *used)
{
        size_t fine;
        bool ok = http_lines_head(&p->lines, data, len, &fine);
        bool over = http_lines_head_over(&p->lines);
        enum http_progress got = parse_run(p, data, fine, used);

        return got == HTTP_MORE && (!ok || over != p->head_done) ? parse_bad(p) : got;
}

static enum http_progress parse_body(struct http_parse *p, const char *data, size_t len,
                                     size_t *used)
{
        size_t fine = len;
        bool ok = !p->is_chunked || http_lines_chunks(&p->lines, data, len, &fine);
        enum http_progress got = parse_run(p, data, fine, used);

        return got == HTTP_MORE && !ok ? parse_bad(p) : got;
}

enum http_progress http_parse_feed(struct http_parse *p, const char *data, size_t len,
                                   size_t *used_out)
{
        enum http_progress got = HTTP_MORE;

        *used_out = 0;
        if (!p->head_done)
                got = parse_head(p, data, len, used_out);
        if (got == HTTP_MORE && *used_out < len)
                got = parse_body(p, data + *used_out, len - *used_out, used_out);
        return got;
}

void http_parse_limit_body(struct http_parse *p, size_t most)
{
        p->body_most = most;
}

size_t http_parse_bytes(const struct http_parse *p)
{
        return p ? p->target.len + p->headers.len + p->body.len : 0;
}

int http_parse_status(const struct http_parse *p)
{
        return p->status;
}

const char *http_parse_method(const struct http_parse *p)
{
        return http_method_str(p->parser.method);
}

const char *http_parse_target(const struct http_parse *p)
{
        return buf_str(&p->target);
}

const char *http_parse_header(const struct http_parse *p, const char *name)
{
        return http_parse_header_at(p, name, 0);
}

const char *http_parse_header_at(const struct http_parse *p, const char *name, size_t n)
{
        const char *at = buf_str(&p->headers);
        const char *end = at + p->headers.len;

        while (at < end) {
                const char *value = at + strlen(at) + 1;
                if (value >= end)
                        break;
                if (strcasecmp(at, name) == 0 && n-- == 0)
                        return value;
                at = value + strlen(value) + 1;
        }
        return NULL;
}

bool http_parse_is_11(const struct http_parse *p)
{
        return p->parser.http_major == 1 && p->parser.http_minor >= 1;
}

bool http_parse_keep_alive(const struct http_parse *p)
{
        return p->keep_alive;
}

bool http_parse_wants_continue(struct http_parse *p)
{
        bool wants = p->wants_continue;

        p->wants_continue = false;
        return wants;
}

struct buf http_parse_take_body(struct http_parse *p)
{
        struct buf body = p->body;

        p->body = BUF_INIT;
        return body;
}
