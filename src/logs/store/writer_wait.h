/* Inside of logs/: writers that wait for their disk. */
#ifndef LOGS_STORE_WRITER_WAIT_H
#define LOGS_STORE_WRITER_WAIT_H

#include "logs/store/writer.h"

/* Blocked: try again in time. Not blocked: no more of that. */
void writer_watch(struct writer *w);
void writer_unwatch(struct writer *w);

#endif
