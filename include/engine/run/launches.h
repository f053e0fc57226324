/* Starts whose outcome is not known yet: the child exists and has not been executed. Nothing waits
 * for it. What comes of it is told by the child itself, by its end, or by a bound: who has not got
 * through by then is killed, and its start has failed. */
#ifndef ENGINE_RUN_LAUNCHES_H
#define ENGINE_RUN_LAUNCHES_H

#include <stdbool.h>
#include <sys/types.h>

#include "sys/sys.h"

struct supervisor;
struct process;
struct worker;
struct launching;

/* A start takes milliseconds. What takes longer than a stop may by default is a child that was
 * stopped, or a file system that does not answer. */
#define LAUNCH_LIMIT_S 10

/* Before the start; NULL: no memory. */
struct launching *launch_new(struct supervisor *s, struct process *p);
void launch_discard(struct launching *l); /* there was no start, or it is executed already */
/* It is begun. st->report is owned from here on. is_gated: the child waits for a word, and is held
 * until its logs are open, so many of which are not yet, and those of the starts before it; a
 * quarter of a second at most. */
void launch_begin(struct launching *l, const struct spawned *st, bool is_gated, int logs);
bool launch_is_held(const struct process *p);
bool launches_are_held(const struct supervisor *s); /* any: the next one is gated, too */
void launch_log_opened(const struct process *p);    /* one of those */
/* One of those could not be. True: it was not executed, and its start has failed with *why. */
bool launch_log_failed(const struct process *p, const struct err *why);

/* Of one that an earlier daemon has begun, and that hangs in its start: it counts as under way, and
 * has what is left of the same bound. False: it is executed. */
bool launch_resume(struct supervisor *s, struct process *p);
void launch_forget(struct worker *w); /* it goes, whatever comes of it */

/* May others write to its record? The child does so as its first step. */
bool launch_is_born(const struct process *p);
/* Something has come from it: then it is executed, and that is to be told first. */
void launch_look(const struct process *p);
/* The child was reaped. True: its start had failed, and that is all that there is to say. */
bool launch_ended(struct process *p);

bool launches_any(const struct supervisor *s); /* of which nothing is known yet */

#endif
