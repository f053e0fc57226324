/* Process 1 of a container is who gets the container's signals. Those that mean nothing to the
 * daemon are meant for the programs that are the container (container_main). */
#ifndef ENGINE_EVENTS_FORWARD_H
#define ENGINE_EVENTS_FORWARD_H

#include <stdbool.h>

#include "engine/core/supervisor.h"

bool forward_wants(int sig); /* is it one of those? */

/* Pass it on. What cannot be signalled, or does not run, is left out. */
void forward_signal(struct supervisor *s, int sig);

#endif
