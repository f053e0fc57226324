/* Lines to syslog without syslog(3), which would wait for a daemon that does not read. */
#ifndef LOGS_SINK_SYSLOG_H
#define LOGS_SINK_SYSLOG_H

#include <stddef.h>
#include <stdint.h>

struct sink_syslog;

/* ident: the program's name in each line. socket: NULL for /dev/log. NULL: no memory. */
struct sink_syslog *sink_syslog_new(const char *ident, const char *socket);
void sink_syslog_free(struct sink_syslog *s); /* NULL is fine */

/* One line, facility USER, priority INFO. What the daemon does not take at once is lost; the next
 * line that gets through says how many were. */
void sink_syslog_line(struct sink_syslog *s, const char *text, size_t len);
uint64_t sink_syslog_lost(const struct sink_syslog *s); /* since it was made */

#endif
