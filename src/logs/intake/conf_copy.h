/* Inside of logs/: copies of settings. */
#ifndef LOGS_INTAKE_CONF_COPY_H
#define LOGS_INTAKE_CONF_COPY_H

#include "logs/logs.h"

/* Settings whose strings are in one piece of memory, which all copies share, in whatever thread.
 * have: a name of such a copy, whose memory will do where the strings are the same; may be NULL. */
bool stream_conf_copy(struct stream_conf *to, const struct stream_conf *from, const char *have,
                      struct err *e);
void stream_conf_share(struct stream_conf *to, const struct stream_conf *copy);
void stream_conf_release(struct stream_conf *c);
/* Name, path and owner alone, as long as the caller has that name: NULL gives nothing back. */
const char *stream_names_share(const struct stream_conf *copy);
const char *stream_names_path(const char *process); /* NULL: there is none */
uid_t stream_names_owner(const char *process);
void stream_names_release(const char *process);

#endif
