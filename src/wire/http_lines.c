/* What of a request's lines is refused before the parsing library sees it: one state for each place
 * of a head, of a chunk's first line, and of what is behind the last chunk. */
#include "wire/http_lines.h"

enum place {
        BEFORE,     /* empty lines in front are skipped */
        IN_LINE,    /* of the head, or of the trailer behind chunks */
        LINE_START, /* not of the first one */
        EMPTY_LINE, /* its CR was there */
        OVER,
        SIZE,
        SIZE_BLANK, /* blanks between the size and an extension */
        EXTENSION,
        SIZE_END, /* its CR was there */
        DATA,
        DATA_CR,
        DATA_LF,
};

#define DIGITS_MOST 16 /* hexadecimal, of 64 bits */

static bool http_lines_is_blank(char c)
{
        return c == ' ' || c == '\t';
}

static bool is_control(char c)
{
        return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

static bool http_lines_go(struct http_lines *l, enum place to)
{
        l->at = to;
        return true;
}

/* A CR that no LF follows is refused by the library. */
static bool in_line(struct http_lines *l, char c)
{
        if (c == '\n')
                return http_lines_go(l, LINE_START);
        return (c == '\r' || !is_control(c)) && http_lines_go(l, IN_LINE);
}

static bool head_step(struct http_lines *l, char c)
{
        switch (l->at) {
        case BEFORE:
                return c == '\r' || c == '\n' || in_line(l, c);
        case LINE_START:
                if (c == '\n')
                        return http_lines_go(l, OVER);
                if (c == '\r')
                        return http_lines_go(l, EMPTY_LINE);
                return !http_lines_is_blank(c) && in_line(l, c);
        case EMPTY_LINE:
                return c == '\n' && http_lines_go(l, OVER);
        default:
                return in_line(l, c);
        }
}

bool http_lines_head(struct http_lines *l, const char *data, size_t len, size_t *used_out)
{
        size_t at = 0;

        while (at < len && l->at != OVER && head_step(l, data[at]))
                at++;
        *used_out = at;
        return at == len || l->at == OVER;
}

bool http_lines_head_over(const struct http_lines *l)
{
        return l->at == OVER;
}

/* ---- chunks */

static int http_lines_hex_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool size_ends(struct http_lines *l, char c)
{
        if (c == '\r')
                return http_lines_go(l, SIZE_END);
        return c == ';' && http_lines_go(l, EXTENSION);
}

static bool in_size(struct http_lines *l, char c)
{
        int value = http_lines_hex_value(c);

        if (value >= 0) {
                l->left = l->left << 4 | (unsigned)value;
                l->digits += l->left != 0;
                l->any = true;
                return l->digits <= DIGITS_MOST;
        }
        if (!l->any)
                return false;
        return http_lines_is_blank(c) ? http_lines_go(l, SIZE_BLANK) : size_ends(l, c);
}

static bool in_extension(struct http_lines *l, char c)
{
        return c == '\r' ? http_lines_go(l, SIZE_END) : !is_control(c);
}

static bool chunk_step(struct http_lines *l, char c)
{
        switch (l->at) {
        case SIZE:
                return in_size(l, c);
        case SIZE_BLANK:
                return http_lines_is_blank(c) || (c == ';' && http_lines_go(l, EXTENSION));
        case EXTENSION:
                return in_extension(l, c);
        case SIZE_END:
                return c == '\n' && http_lines_go(l, l->left ? DATA : LINE_START);
        case DATA_CR:
                return c == '\r' && http_lines_go(l, DATA_LF);
        case DATA_LF:
                l->digits = 0;
                l->any = false;
                return c == '\n' && http_lines_go(l, SIZE);
        default:
                return head_step(l, c);
        }
}

static size_t skip_data(struct http_lines *l, size_t len)
{
        size_t n = l->left < len ? (size_t)l->left : len;

        l->left -= n;
        if (l->left == 0)
                l->at = DATA_CR;
        return n;
}

void http_lines_begin_chunks(struct http_lines *l)
{
        *l = (struct http_lines){ .at = SIZE };
}

bool http_lines_chunks(struct http_lines *l, const char *data, size_t len, size_t *used_out)
{
        size_t at = 0;

        while (at < len && l->at != OVER)
                if (l->at == DATA)
                        at += skip_data(l, len - at);
                else if (chunk_step(l, data[at]))
                        at++;
                else
                        break;
        *used_out = at;
        return at == len || l->at == OVER;
}
