/* A growing byte buffer, always NUL-terminated so that it can be read as a string.
 *
 * Failure is sticky: when memory runs out `failed` is set, what was there stays, further appends do
 * nothing, and the writer asks once at the end. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
        char *data; /* owned, but see BUF_ON; NULL while nothing was ever put */
        size_t len; /* bytes, without the terminating NUL */
        size_t cap;
        size_t most; /* bytes that it may hold; 0: as many as there is memory for */
        bool failed;
        bool borrowed; /* data is the caller's room still */
};

#define BUF_INIT ((struct buf){ 0 })
/* Empty, with an array of the caller's to begin in: what fits there takes no memory. */
#define BUF_ON(room) ((struct buf){ .data = (room), .cap = sizeof(room), .borrowed = true })
#define AUTO_BUF     __attribute__((cleanup(buf_release))) struct buf

void buf_release(struct buf *b);
void buf_reset(struct buf *b); /* empty, not freed; clears `failed` */
bool buf_reserve(struct buf *b, size_t more);
void buf_put(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
#define buf_lit(b, literal) buf_put(b, "" literal, sizeof literal - 1) /* no strlen */
void buf_put_int(struct buf *b, int64_t n);                            /* in decimal */
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap);
void buf_drop(struct buf *b, size_t n);   /* remove n bytes from the front */
void buf_cut(struct buf *b, size_t len);  /* back to the first len bytes; clears `failed` */
const char *buf_str(const struct buf *b); /* "" for an empty one; never NULL */

/* Hand the memory over; the buffer is empty afterwards. NULL when it had failed (memory freed).
 * The caller frees it. */
char *buf_take(struct buf *b);

#endif
