/* Streams that do not end by themselves: logs and events. */
#ifndef CTL_COMMANDS_FOLLOW_H
#define CTL_COMMANDS_FOLLOW_H

#include <stdbool.h>

#include "ctl/ctl.h"

/* GET the path and hand the bytes on until the stream ends or the user interrupts. `what` is the
 * command, for messages; NULL: Supervisor's words for a log that cannot be followed. False: it
 * could not be followed, and that was said. */
bool follow(struct ctl *c, const char *what, const char *path, const char *accept, http_sink sink,
            void *arg);

/* A sink that writes to a FILE at once; arg is the FILE. */
bool follow_print(void *arg, const char *data, size_t len);

/* "/v1/logs/NAME/CHANNEL" with the present file only, as Supervisor shows it; name NULL: the main
 * log. A query follows: more of it begins with "&". */
void log_path_put(struct buf *out, const char *name, const char *channel);
/* And from its last bytes on what comes. */
#define LOG_FOLLOW "&tail=1024&follow=1"

#endif
