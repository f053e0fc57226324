/* Inside of logs/: text of a worker that must not wait; what finds no room is dropped. */
#ifndef LOGS_INTAKE_OVERFLOW_H
#define LOGS_INTAKE_OVERFLOW_H

#include "logs/intake/channel.h"

void overflow_in(struct pipe_in *p, char *data, size_t len);
void overflow_over(struct channel *s); /* the file takes more: say what was lost */

#endif
