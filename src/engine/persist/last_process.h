/* A process whose record there is, and that the configuration does not know any more. */
#ifndef ENGINE_PERSIST_LAST_PROCESS_H
#define ENGINE_PERSIST_LAST_PROCESS_H

#include "engine/core/supervisor.h"
#include "engine/persist/state_record.h"

/* The section of programs that are configured no more. */
#define GONE "gone"

/* With enough of its program to stop it by, in its group, which is made where there is none and
 * goes with it. Its section is GONE. NULL: no memory, or its name makes no sense any more (*e).
 */
struct process *last_process(struct supervisor *s, const struct record *r, struct err *e);

#endif
