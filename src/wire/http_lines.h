/* The lines of a request, watched beside the parsing library, which takes more than the standard
 * lets it: header lines that go on in the next one (RFC 9112 5.2), control bytes, and chunk sizes
 * with anything behind them (7.1). Others read those in another way, and find the request's end
 * elsewhere. */
#ifndef WIRE_HTTP_LINES_H
#define WIRE_HTTP_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_lines {
        int at;          /* enum in http_lines.c; 0: nothing has come */
        bool any;        /* digits of a chunk's size */
        unsigned digits; /* of them, without zeros in front */
        uint64_t left;   /* of a chunk's data */
};

/* *used_out: how many bytes belong to it and are fine; false: the next one is not. Both end by
 * themselves, and what comes then is not looked at. */
bool http_lines_head(struct http_lines *l, const char *data, size_t len, size_t *used_out);
bool http_lines_head_over(const struct http_lines *l);
/* The head is over, and says that chunks follow. */
void http_lines_begin_chunks(struct http_lines *l);
bool http_lines_chunks(struct http_lines *l, const char *data, size_t len, size_t *used_out);

#endif
