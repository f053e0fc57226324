/* Inside of logs/: a pipe that is open both ways has no end of file. It is there for one worker
 * after the other, and saves making and watching one for each. */
#ifndef LOGS_INTAKE_REUSABLE_PIPE_H
#define LOGS_INTAKE_REUSABLE_PIPE_H

#include "logs/intake/channel.h"

bool pipe_prepare(struct pipe_in *p, int fd); /* takes it up; false: errno */
void pipe_let_go(struct pipe_in *p);          /* from now on it ends like any other */
int channel_pipe(const struct channel *s);    /* the one for the next worker, or -1 */
void channel_let_go(struct channel *s);
bool channel_is_at_rest(const struct channel *s); /* nothing of the worker's is on its way */

#endif
