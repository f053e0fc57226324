/* Reading logs back, for the control protocols. compat section 20.5 and 19.1. Files are read where
 * they are; this never blocks on anything but a disk. */
#ifndef LOGS_TAIL_H
#define LOGS_TAIL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

enum tail_result { TAIL_OK, TAIL_NO_FILE, TAIL_BAD_ARGUMENTS, TAIL_FAILED };

/* readLog semantics. At most 16 MiB are read. */
enum tail_result tail_read(const char *path, int64_t offset, int64_t length, struct buf *out);

/* tailProcess...Log semantics: *size_out is the offset to return. A missing file is "", 0, false.
 */
enum tail_result tail_window(const char *path, int64_t offset, int64_t length, struct buf *out,
                             int64_t *size_out, bool *overflow_out);

/* The last n lines, at most max bytes. */
enum tail_result tail_lines(const char *path, int lines, int64_t max, struct buf *out,
                            int64_t *offset_out);

/* What stood before the file at `path`, which has to be this one: the newest `most` bytes of its
 * backups (of 64 at most), compressed ones included. TAIL_FAILED: it was rotated meanwhile, or one
 * could not be read. */
enum tail_result tail_history(const char *path, uint64_t inode, int64_t most, struct buf *out);

/* Following: a place in a file that survives rotation and truncation. inotify tells when to look;
 * no polling. Each follower has an inotify instance of its own, of which the kernel allows a user
 * 128 unless told otherwise (fs.inotify.max_user_instances): more are refused (*e). */
struct follower;
enum follow_news { FOLLOW_DATA, FOLLOW_TRUNCATED, FOLLOW_REPLACED };
struct follow_handler {
        void *arg;
        /* Called with what is new. Return false to be called no more until follower_more. */
        bool (*on_data)(void *arg, enum follow_news news, const char *data, size_t len);
};
struct ev_loop;
/* Starts `back` bytes before the end (-1: from the beginning). NULL: no such file (*e, ERR_NOENT).
 * The first data comes from within follower_more. */
struct follower *follower_new(struct ev_loop *loop, const char *path, int64_t back,
                              const struct follow_handler *h, struct err *e);
/* Before the first data: begin here instead. False: it is not this file any more. */
bool follower_seek(struct follower *f, int64_t at, uint64_t inode);
uint64_t follower_inode(const struct follower *f); /* of the file that it reads */
void follower_free(struct follower *f);
void follower_more(struct follower *f); /* the reader has room again; read on now */

#endif
