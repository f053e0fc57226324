/* Growing byte buffers. When memory runs out a buffer says so by `failed` and takes nothing more;
 * it is the writer's to ask at the end. */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_release(struct buf *b)
{
        if (!b->borrowed)
                free(b->data);
        *b = BUF_INIT;
}

void buf_reset(struct buf *b)
{
        b->len = 0;
        b->failed = false;
        if (b->data)
                b->data[0] = '\0';
}

void buf_cut(struct buf *b, size_t len)
{
        b->failed = false;
        if (len >= b->len)
                return;
        b->len = len;
        b->data[len] = '\0';
}

bool buf_reserve(struct buf *b, size_t more)
{
        if (b->failed)
                return false;
        if (more > SIZE_MAX / 4 || (b->most && (b->len > b->most || more > b->most - b->len))) {
                b->failed = true;
                return false;
        }
        size_t need = b->len + more + 1;
        if (need <= b->cap)
                return true;
        size_t cap = b->cap ? b->cap * 2 : 64;
        while (cap < need)
                cap *= 2;
        char *data = realloc(b->borrowed ? NULL : b->data, cap);
        if (!data) {
                b->failed = true;
                return false;
        }
        if (b->borrowed)
                memcpy(data, b->data, b->len);
        b->borrowed = false;
        b->data = data;
        b->cap = cap;
        b->data[b->len] = '\0';
        return true;
}

void buf_put(struct buf *b, const void *data, size_t len)
{
        if (!buf_reserve(b, len))
                return;
        if (len)
                memcpy(b->data + b->len, data, len);
        b->len += len;
        b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *s)
{
        buf_put(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
        buf_put(b, &c, 1);
}

void buf_put_int(struct buf *b, int64_t n)
{
        char digits[20];
        size_t at = sizeof digits;
        uint64_t left = n < 0 ? -(uint64_t)n : (uint64_t)n;

        do
                digits[--at] = (char)('0' + left % 10);
        while (left /= 10);
        if (n < 0)
                buf_putc(b, '-');
        buf_put(b, digits + at, sizeof digits - at);
}

/* Into the room that there is, as a rule enough: formatting twice only to know the length would
 * cost as much again. */
void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
        va_list again;
        size_t room = b->cap - b->len;

        if (b->failed)
                return;
        va_copy(again, ap);
        int n = vsnprintf(room ? b->data + b->len : NULL, room, fmt, again);
        va_end(again);
        if (n < 0) {
                b->failed = true;
        } else if ((size_t)n >= room) {
                if (room)
                        b->data[b->len] = '\0';
                if (!buf_reserve(b, (size_t)n))
                        return;
                vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
        }
        if (n >= 0)
                b->len += (size_t)n;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        buf_vprintf(b, fmt, ap);
        va_end(ap);
}

void buf_drop(struct buf *b, size_t n)
{
        if (n > b->len)
                n = b->len;
        if (n == 0)
                return;
        memmove(b->data, b->data + n, b->len - n);
        b->len -= n;
        b->data[b->len] = '\0';
}

const char *buf_str(const struct buf *b)
{
        return b->len ? b->data : "";
}

char *buf_take(struct buf *b)
{
        char *data = b->data;

        if (b->failed) {
                buf_release(b);
                return NULL;
        }
        if (!data)
                data = calloc(1, 1);
        else if (b->borrowed && (data = malloc(b->len + 1)))
                memcpy(data, buf_str(b), b->len + 1);
        *b = BUF_INIT;
        return data;
}
