/* Inside of logs/: a follower, as its hub sees it. */
#ifndef READLOG_FOLLOWER_H
#define READLOG_FOLLOWER_H

#include "readlog/inotify_hub.h"

struct follower {
        struct follow_hub *hub; /* borrowed */
        struct follow_handler handler;
        char *path;       /* owned */
        uid_t owner;      /* whose file it may be, too */
        const char *name; /* borrowed from path: its last part */
        int fd;           /* the file being read, whatever its name is by now */
        int64_t at;
        struct hub_link file, folder;
        struct hub_link next; /* the file that has the name, while it is not read */
        ev_timer again;       /* to look again without news */
        bool paused;          /* the reader has no room */
        bool busy, doomed, woken;
        struct follower *all_prev, *all_next, *woken_prev, *woken_next;
};

#endif
