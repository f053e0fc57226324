/* One event of /v1/events as one line for people. */
#ifndef CTL_COMMANDS_EVENT_LINE_H
#define CTL_COMMANDS_EVENT_LINE_H

#include <jansson.h>

#include "base/buf.h"

/* "05:22:01.123  process.state  web:web_00  RUNNING -> EXITED  exit status 7"; the time is local.
 */
void event_line_put(struct buf *out, const json_t *event);

#endif
