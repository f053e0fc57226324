/* Pipes between the daemon and a worker. */
#ifndef ENGINE_RUN_PIPES_H
#define ENGINE_RUN_PIPES_H

#include <stdbool.h>
#include <stdint.h>

#include "sys/sys.h"

struct supervisor;

/* How many descriptors all its workers and their logs take, if each of them runs. */
int64_t pipes_descriptors(const struct supervisor *s);

/* The same pipe once more, open for reading and writing; `flags` besides. -1: errno. */
int pipe_open_again(struct sys *sys, int fd, int flags);
/* *fd becomes that. Where /proc cannot do it, it stays the plain end that it is everywhere. */
void pipe_both_ways(struct sys *sys, int *fd, int flags);

/* A stdin: the worker's end open both ways, ours for writing, non-blocking. *inode_out: by which
 * the next instance knows it again, 0: not known. False: errno.
 */
bool pipe_stdin(struct supervisor *s, int *worker_out, int *ours_out, uint64_t *inode_out);

/* The last descriptors are reserved for control connections, probes and logs: an operator gets in
 * also when as many workers run as can. The kernel gives the lowest free number, so the number says
 * how much is left; -1 is fine. A start leaves room, too, for what the next instance needs beyond
 * ours. False: EMFILE. */
bool pipes_leave_reserve(const struct supervisor *s, int fd, bool is_start);

#endif
