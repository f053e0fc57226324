/* Inside of logs/: writers that wait for their disk. */
#ifndef LOGS_STORE_WRITER_WAIT_H
#define LOGS_STORE_WRITER_WAIT_H

#include <ev.h>

#include "logs/store/writer.h"

/* Blocked: try again in time. Not blocked: no more of that. */
void writer_watch(struct writer *w);
void writer_unwatch(struct writer *w);
void writers_retry(EV_P_ ev_timer *t, int revents); /* core->retry's */

#endif
