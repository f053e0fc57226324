/* Bytes on their way into a pipe that has no room for them yet, in a file, so that whoever comes
 * after us goes on with exactly the next one: the kernel moves bytes and counts them in the file's
 * own first page in one call (splice(2) with its offset there), which no kill parts. */
#ifndef SYS_STORE_PIPE_BACKLOG_H
#define SYS_STORE_PIPE_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct feed;

/* A fresh, empty one at that path; what was there goes. NULL: *e. */
struct feed *feed_new(const char *path, struct err *e);
/* The one that an earlier daemon has left there; NULL: there is none, or it is damaged. */
struct feed *feed_take_up(const char *path);
void feed_close(struct feed *f);  /* the file stays. NULL is fine */
void feed_remove(struct feed *f); /* the file goes. NULL is fine */

/* All of it waits, too, or nothing (*e). Copied. */
bool feed_put(struct feed *f, const void *data, size_t len, struct err *e);
size_t feed_left(const struct feed *f);
/* As much as the pipe, which is O_NONBLOCK, takes. False: nobody reads from it any more. */
bool feed_move(struct feed *f, int pipe);

#endif
