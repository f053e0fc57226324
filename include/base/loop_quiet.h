/* libev looks once a minute whether the wall clock has jumped, unless some periodic does it. */
#ifndef BASE_LOOP_QUIET_H
#define BASE_LOOP_QUIET_H

#include <ev.h>

/* A periodic that never fires: the loop neither wakes up by itself nor ends when there is nothing
 * to do, until loop_unquiet. */
void loop_quiet(struct ev_loop *loop, ev_periodic *w);
void loop_unquiet(struct ev_loop *loop, ev_periodic *w);

#endif
