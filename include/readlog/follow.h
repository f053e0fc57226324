/* tail -F without polling: a place in a file that survives rotation and truncation. inotify says
 * when to look, and what is found decides. */
#ifndef READLOG_FOLLOW_H
#define READLOG_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct ev_loop;

/* What all followers of one loop share: one inotify instance, of which the kernel allows a user 128
 * unless told otherwise (fs.inotify.max_user_instances). */
struct follow_hub;
struct follow_hub *follow_hub_new(struct ev_loop *loop); /* NULL: no memory */
void follow_hub_free(struct follow_hub *h);              /* without followers; NULL is fine */

struct follower;
enum follow_news { FOLLOW_DATA, FOLLOW_TRUNCATED, FOLLOW_REPLACED };
struct follow_handler {
        void *arg;
        /* Called with what is new. Return false to be called no more until follower_more. */
        bool (*on_data)(void *arg, enum follow_news news, const char *data, size_t len);
        /* At the end of the file, and another one has its name: is that to be read now? When not,
         * it is asked again as soon as something happens to either. NULL: it always is. */
        bool (*may_leave)(void *arg, uint64_t from_inode, uint64_t to_inode);
};

/* Starts at this place of a file that is open already, and takes fd over, also when it fails; path
 * is where the files after it are looked for. owner: whose files they may be, too:
 * sys/store/guarded.h. NULL: *e. The first data comes from within follower_more. */
struct follower *follower_at(struct follow_hub *hub, const char *path, uid_t owner, int fd,
                             int64_t at, const struct follow_handler *h, struct err *e);
uint64_t follower_inode(const struct follower *f); /* of the file that it reads */
void follower_free(struct follower *f);            /* also from within on_data; NULL is fine */
void follower_more(struct follower *f);            /* the reader has room again; read on now */

#endif
