/* Bytes on their way into a pipe that has no room for them yet, in a file, so that the next
 * instance resumes with exactly the next one: the kernel moves bytes and counts them in the file's
 * own first page in one call (splice(2) with its offset there), which no kill parts. */
#ifndef SYS_STORE_PIPE_BACKLOG_H
#define SYS_STORE_PIPE_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct pipe_backlog;

/* A fresh, empty one at that path; what was there goes. NULL: *e. */
struct pipe_backlog *pipe_backlog_new(const char *path, struct err *e);
/* The one that an earlier daemon has left there; NULL: there is none, or it is damaged. */
struct pipe_backlog *pipe_backlog_take_up(const char *path);
/* How many bytes wait in that file, which is only read. False: *e; ERR_PROTOCOL: it is damaged. */
bool pipe_backlog_look(const char *path, size_t *left_out, struct err *e);
void pipe_backlog_close(struct pipe_backlog *f);  /* the file stays. NULL is fine */
void pipe_backlog_remove(struct pipe_backlog *f); /* the file goes. NULL is fine */

/* All of it waits, too, or nothing (*e). Copied. */
bool pipe_backlog_put(struct pipe_backlog *f, const void *data, size_t len, struct err *e);
size_t pipe_backlog_left(const struct pipe_backlog *f);
/* As much as the pipe, which is O_NONBLOCK, takes. False: it has no reader any more. */
bool pipe_backlog_move(struct pipe_backlog *f, int pipe);

#endif
