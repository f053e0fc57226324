/* Which workers may have ended, without asking about each: when a worker ends, its stdin has no
 * process to read it any more, and the kernel tells the holder of the writing end (poll(2),
 * POLLERR). One descriptor for all, which nothing waits on: a SIGCHLD says when to look.
 *
 * A hint and no more: a worker that has closed its stdin lives on, one whose children still hold it
 * does not hang up, and some have no stdin of ours. */
#ifndef ENGINE_RUN_HANGUPS_H
#define ENGINE_RUN_HANGUPS_H

#include <stdbool.h>
#include <sys/types.h>

struct supervisor;
struct process;

/* It runs: its stdin will be listened to, once. Not in a small fleet, where everybody is looked at.
 * Notes in its worker whether it could be done. */
void hangups_watch(struct supervisor *s, const struct process *p);
/* Up to `most` pids that have hung up since the last call, each once; some may have been reaped
 * already. */
int hangups_next(struct supervisor *s, pid_t *pids, int most);

#endif
