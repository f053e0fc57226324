/* Inside of logs/: a copy of the text for syslog, line by line. */
#ifndef LOGS_SYSLOG_TO_SYSLOG_H
#define LOGS_SYSLOG_TO_SYSLOG_H

#include "logs/intake/channel.h"

bool syslog_prepare(struct core *core, const struct syslog_conf *c, struct err *e);
bool core_syslog_socket(struct core *core, const char *path);
void syslog_release(struct core *core);
void syslog_join(struct channel *s);  /* the channel may send from here on */
void syslog_leave(struct channel *s); /* and no more */
void syslog_in(struct pipe_in *p, const char *data, size_t len);
void syslog_flush(struct pipe_in *p); /* nothing follows: the unfinished line is one */

#endif
