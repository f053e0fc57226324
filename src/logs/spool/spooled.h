/* A pipe whose bytes go through a spool (spool.h): taking them, making batches of them, writing
 * those. Where there can be no spool the pipe is read as it would be without one. */
#ifndef LOGS_SPOOL_SPOOLED_H
#define LOGS_SPOOL_SPOOLED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct channel;
struct outlet;
struct pipe_in;

/* Whether this pipe's bytes go through a spool; it is made when first needed. */
bool spooled_begin(struct pipe_in *p);
/* At once: what is read back is still in the processor's cache. */
#define SPOOLED_MOST 262144
/* As read(2), into the spool, and on from there as far as that goes. EOPNOTSUPP: not any more, go
 * on without. */
ssize_t spooled_take(struct pipe_in *p, size_t most);
/* Go on with what is in it, unless the file takes nothing. */
void spooled_work(struct pipe_in *p);
/* What is in it is all for now: a line that was begun ends. */
void spooled_flush(struct pipe_in *p);
/* No spool from here on. False: it is not empty yet. */
bool spooled_end(struct pipe_in *p);
bool spooled_is_empty(const struct pipe_in *p); /* all of it is in the log; no spool is, too */

/* Where the output of a batch goes that is being made; NULL: none is. */
struct buf *spooled_into(const struct pipe_in *p);
int64_t spooled_stamp(const struct pipe_in *p); /* that batch's */
void spooled_aim(struct outlet *o, const struct stat *file, size_t left, size_t take); /* on_aim */

/* Feed the bytes of the batch that the position speaks of through text.c, which may change them.
 * Its output goes to *out. */
struct buf;
void spooled_render(struct pipe_in *p, char *data, size_t len, struct buf *out);

#endif
