/* Descendants that outlive their worker. A worker leads a session; what it left behind is found by
 * that session, else by the ancestry seen before its stop. The daemon is a subreaper, so whatever
 * is left becomes its own child: as long as it has no unknown child, nobody left anything, and that
 * costs one read per wake-up in which somebody ended. */
#ifndef ENGINE_SWEEP_H
#define ENGINE_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "engine/supervisor.h"
#include "engine/worker.h"

/* Before its first signal of a stop: remember its descendants. */
void sweep_look(struct supervisor *s, struct process *p);
/* It ended: look for what is left at the next pause, and kill that or name it. */
void sweep_note(struct supervisor *s, struct process *p, pid_t leader, bool kill_them);
/* The pause: carry out what was noted. */
void sweep_run(struct supervisor *s);
/* The process is to be freed: what it left behind and does not die is nobody's any more. */
void sweep_forget(struct supervisor *s, const struct process *p);
/* The daemon's end: SIGKILL every descendant of ours. Returns how many were there. */
size_t sweep_everything(struct supervisor *s);
void sweep_free(struct supervisor *s);

#endif
