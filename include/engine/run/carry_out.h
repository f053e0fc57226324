/* Carrying out what the machine asks for that touches the kernel. */
#ifndef ENGINE_RUN_CARRY_OUT_H
#define ENGINE_RUN_CARRY_OUT_H

#include "engine/core/supervisor.h"

/* A start has not got through: why, and errno. */
void carry_out_refused(struct supervisor *s, struct process *p, const struct err *e);
/* The main log's line of a start. */
void carry_out_say_spawned(struct supervisor *s, const struct process *p);

#endif
