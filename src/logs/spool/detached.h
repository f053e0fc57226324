/* Inside of logs/: detached streams, see recover.h. */
#ifndef LOGS_SPOOL_DETACHED_H
#define LOGS_SPOOL_DETACHED_H

#include "logs/intake/channel.h"

/* The channel is to be freed, but not yet: it becomes a detached stream. */
void detached_add(struct channel *s);
/* It is one no more; fine if it never was. */
void detached_remove(struct channel *s);
/* A new pipe: if it is one that an earlier daemon had, its spool is this one's. */
void detached_claim(struct pipe_in *p);
/* The output of its batch under way, once more. False: it cannot be read or made. */
bool detached_render(struct pipe_in *p, struct buf *out);
/* The spool is not this pipe's any more, nor what was read of it. */
void detached_forget(struct pipe_in *p);

#endif
