/* Lines with a stamp and a name, or as JSON objects. Pure, but for the time zone: what it makes of
 * a piece goes into a buffer. */
#ifndef LOGS_SPOOL_FORMAT_H
#define LOGS_SPOOL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "logs/logs.h"

/* What the lines say besides the message. */
struct format_head {
        enum log_format format;
        const char *process;
        bool is_stderr;
        pid_t pid;   /* 0: not known */
        bool colour; /* text for a terminal */
        int64_t now_ms;
};

/* A line that was begun. */
struct format_line {
        struct buf begun;
        bool goes_on; /* a piece of this line was handed out, because it was too long to be held in
                         memory */
};

/* Append what this makes of `data` to out; an unfinished line stays in *l. */
void format_in(struct format_line *l, const struct format_head *h, const char *data, size_t len,
               struct buf *out);
/* What was begun is handed out; its line goes on. */
void format_part(struct format_line *l, const struct format_head *h, struct buf *out);
/* Nothing follows: the unfinished line is one. */
void format_flush(struct format_line *l, const struct format_head *h, struct buf *out);
void format_release(struct format_line *l);

#endif
