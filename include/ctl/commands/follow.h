/* Streams that do not end by themselves: logs and events. */
#ifndef CTL_COMMANDS_FOLLOW_H
#define CTL_COMMANDS_FOLLOW_H

#include <stdbool.h>

#include "ctl/ctl.h"

/* GET the path and hand the bytes on until the stream ends or the user interrupts. `what` is the
 * command, for messages. False: it could not be followed, and that was said. */
bool follow(struct ctl *c, const char *what, const char *path, const char *headers, http_sink sink,
            void *arg);

/* A sink that writes to a FILE at once; arg is the FILE. */
bool follow_print(void *arg, const char *data, size_t len);

/* "/logtail/<name>/<channel>" */
void follow_path(struct buf *out, const char *name, const char *channel);

#endif
