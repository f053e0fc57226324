/* Inside of logs/: reading a worker's pipe. */
#ifndef LOGS_INTAKE_CAPTURE_H
#define LOGS_INTAKE_CAPTURE_H

#include "logs/intake/channel.h"

void on_pipe(EV_P_ ev_io *w, int revents);
/* Its turn: read some, and decide how it is waited for from here on. */
void pipe_visit(struct pipe_in *p);
void pipe_drain(struct pipe_in *p);        /* what it holds now */
void pipe_show_no_more(struct pipe_in *p); /* it is read like any other from here on */
void pipe_close(struct pipe_in *p);        /* its end: *p is freed */
void channel_resume(struct channel *s);    /* the file takes more */
/* Text for the news is not read, or is again. */
void capture_hold(struct core *core, bool hold);
void capture_unhold(struct channel *s); /* it goes: it does not wait for that */

#endif
