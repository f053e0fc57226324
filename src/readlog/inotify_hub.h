/* Inside of logs/: who is woken by what inotify says. One instance for all followers of a loop. */
#ifndef READLOG_INOTIFY_HUB_H
#define READLOG_INOTIFY_HUB_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#define HASH_NONFATAL_OOM 1 /* or a lack of memory would end the daemon */
#include <uthash.h>

#include "readlog/follow.h"

/* One follower's interest in one watch; part of the follower. */
struct hub_link {
        struct follower *follower; /* borrowed */
        struct hub_watch *watch;   /* NULL: none */
        const char *name;          /* borrowed: of a directory, this entry only; NULL: all */
        struct hub_link *prev, *next;
};

struct hub_watch {
        int wd;
        struct hub_link *links;
        UT_hash_handle hh;
};

struct follow_hub {
        struct ev_loop *loop; /* borrowed */
        int notify;           /* -1: no log is followed */
        ev_io io;
        struct hub_watch *watches;       /* by wd */
        struct follower *all, *woken;    /* woken: something happened to them */
        void (*look)(struct follower *); /* what is done with who is woken */
};

/* The link leads there from now on, and to nothing else. False with errno. */
bool inotify_hub_link_to(struct follow_hub *h, struct hub_link *l, const char *path,
                         uint32_t events);
void inotify_hub_unlink(struct follow_hub *h, struct hub_link *l);
/* The first follower comes, the last one goes. */
bool inotify_hub_open(struct follow_hub *h);
void inotify_hub_close(struct follow_hub *h);

void hub_forget(struct follow_hub *h, struct follower *f); /* nothing has happened to it */

#endif
