/* One line as a message for syslog: RFC 5424, or what syslog(3) of the C library sends. Pure, but
 * for the time zone. */
#ifndef LOGS_SYSLOG_SYSLOG_MESSAGE_H
#define LOGS_SYSLOG_SYSLOG_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "logs/logs.h"

/* Longer lines go out in pieces: 8 KiB with the header is what local daemons take at least (RFC
 * 5424, 6.1, asks for 2048 octets). */
#define SYSLOG_PIECE 7680

struct syslog_head {
        const struct syslog_conf *conf;
        const char *ident; /* the daemon's: stands for the tag where none was given */
        const char *process;
        const char *host; /* NULL: not known */
        bool is_stderr;
        pid_t pid; /* 0: not known */
        int64_t wall_us;
};

/* Which part of a line the text is: what is missing is shown as "..." on that side. */
struct syslog_part {
        bool goes_on; /* something was before */
        bool is_cut;  /* something follows */
};

void syslog_message(struct buf *out, const struct syslog_head *h, struct syslog_part part,
                    const char *text, size_t len);

/* How much of a piece that has to be cut: no UTF-8 sequence is parted. */
size_t syslog_cut(const char *text, size_t len);

#endif
