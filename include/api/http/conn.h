/* Inside of floor 3's servers: one connection, one listening socket, the whole. Only
 * src/api/http/server.c, conn.c, reply.c and their tests look in here; handlers use
 * api/http/server.h. */
#ifndef API_HTTP_CONN_H
#define API_HTTP_CONN_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "api/access/guesses.h"
#include "api/http/server.h"
#include "wire/http_parse.h"

#define PLACES_MAX      1024       /* connections of one listener */
#define STREAM_WAIT_MAX (1u << 20) /* bytes that may wait for a stream's reader */
/* One budget for all that waits for clients or comes from them. What holds no more than a little is
 * never refused for it. */
#define BUDGET_BYTES   (48u << 20)
#define BUDGET_LITTLE  (16u << 10)
#define LISTEN_FDS_MAX 8

enum conn_state {
        CONN_IDLE,    /* between requests: nothing of the next one has come */
        CONN_READING, /* a part of a request is there */
        CONN_PAUSED,  /* a wrong password: refused after a pause */
        CONN_BUSY,    /* a handler has it, no answer yet */
        CONN_HELD,    /* the answer waits for the main log's lines before it */
        CONN_FLUSH,   /* the answer is on its way */
        CONN_STREAM,  /* the answer goes on */
        CONN_LINGER,  /* said good-bye; what the client still sends is thrown away, so that the
                         answer is not lost to a reset */
        CONN_DEAD,
        CONN_STATE_COUNT
};

/* In which order connections make room for a new one when all places of their listener are taken:
 * from the first to the last, and the oldest of each first. A client has credentials when its
 * password was right, or when it is root or the daemon's own user on a Unix socket. */
enum place {
        PLACE_LEAVING,  /* said good-bye */
        PLACE_HEADLESS, /* the head of its first request has not come, or half of a later one's */
        PLACE_RESTING,  /* between two requests, without credentials */
        PLACE_STRANGER, /* whatever else has no credentials: streams, answers, orders */
        PLACE_IDLE,     /* between two requests */
        PLACE_STREAM,   /* makes room only for a client that has credentials, too */
        PLACE_SAFE,     /* a request with credentials is under way: makes room for none */
        PLACE_COUNT
};

struct listener {
        struct listener *next;
        struct api *api;         /* borrowed */
        struct server_conf conf; /* own copies; also after a reload */
        int fds[LISTEN_FDS_MAX];
        ev_io ready[LISTEN_FDS_MAX];
        int count;
        dev_t dev; /* of the socket file, so that only ours is unlinked */
        ino_t ino;
        int watch; /* inotify on the socket file; -1: none */
        ev_io changed;
        ev_timer again;                      /* until it can be made again */
        double again_s;                      /* the last pause; 0: none yet */
        unsigned refs;                       /* connections, and one for being in the list */
        void (*release)(struct listener *l); /* by the last of them */
        bool closed;
        struct conn *places[PLACE_COUNT]; /* its connections, the oldest in its place first */
        int taken;                        /* descriptors of its connections */
};

struct conn {
        struct conn *prev, *next;             /* all */
        struct conn *place_prev, *place_next; /* of the listener's places[place] */
        enum place place;                     /* PLACE_COUNT: none */
        struct api *api;                      /* borrowed */
        struct listener *from;                /* reference */
        int fd;
        int descriptors; /* its own, and the file of a log that it follows */
        bool trusted;    /* it has credentials */
        bool was_served; /* one request at least was answered */
        ev_io in_ready, out_ready;
        ev_timer limit; /* armed only while something is awaited from the client */
        enum conn_state state;
        bool eof, close_after, running;
        unsigned holds;           /* frees itself at 0 */
        struct http_parse *parse; /* owned; NULL between requests */
        struct buf in;            /* read, not used */
        struct buf out;           /* to be written from `sent` on */
        struct buf rest;          /* and then this: an answer's body, as it was made */
        size_t sent, lingered;
        size_t held;     /* of the budget */
        bool whole_head; /* of the request in `parse`: `req` is filled */
        struct request req;
        int pause_s;     /* before it is refused */
        const char *why; /* it is refused; static; NULL: the status says it */
        bool chunked;
        struct logs_wait *logged; /* CONN_HELD; borrowed */
        void (*on_drained)(struct request *r);
};

struct events;
struct logs_wait;

struct api {
        struct supervisor *sup;                             /* borrowed */
        struct ev_loop *loop;                               /* borrowed */
        void (*route)(struct request *req);                 /* route(), or a test's */
        struct route_row (*row)(const struct request *req); /* route_row */
        struct listener *listeners;                         /* owned */
        struct conn *conns;                                 /* owned */
        int conn_count;
        int place_max;       /* of one listener, where there are descriptors enough */
        size_t held, budget; /* bytes of all connections, and how many they may be */
        uint64_t instance;   /* of this life of the daemon */
        unsigned long
            xml_salt;  /* secret: expat's hash tables, which else ask the kernel each time */
        time_t date_s; /* what `date` says; 0: nothing yet */
        char date[40];
        unsigned requests;
        struct guesses guesses;
        ev_timer pause;   /* no descriptors left: accepting goes on after it */
        int64_t short_ms; /* when that was said last; 0: never */
        bool log_hangs;   /* no answer waits for the main log */
        struct events *events;
};

/* Takes fd over (non-blocking). NULL: no memory, it was closed. */
struct conn *conn_new(struct api *a, struct listener *from, int fd);
void conn_close(struct conn *c); /* at once; a handler that still owes an answer is told */
/* No further request after the present one; at once when there is none. */
void conn_retire(struct conn *c);
void conn_end(struct conn *c); /* the daemon ends: answer 503 what is not answered, and close */

/* ---- places (src/api/http/places.c) */

/* To be called when what its place depends on has changed. */
void conn_place(struct conn *c);
/* How many descriptors the connections of one listener may take. What the fleet needs is out of
 * their reach. */
int places_of_listener(const struct api *a);
/* Until one more has room: others of the same listener are closed. False: nothing can be. */
bool places_make_room(struct listener *l, const struct conn *for_this, bool trusted);
/* The kernel has none left: one connection of the same listener is closed, or of a TCP server where
 * a client of a Unix socket waits. */
bool places_free_one(struct listener *l);
/* One more descriptor for the request's connection, until it is answered. False: refused. */
bool places_take_file(struct conn *c);

/* ---- the budget (src/api/http/budget.c) */

/* What it holds has changed. */
void budget_count(struct conn *c);
/* Is there room for what it holds? Where there is not, the oldest unread answers and unfinished
 * requests of others make some: first of those without credentials, and of those with them only for
 * one that has them, too. */
bool budget_fits(struct conn *c);
bool budget_is_short(const struct api *a);

/* ---- between conn.c and reply.c */

/* Send the answer in c->out. Who reads the main log when the answer has come finds the lines about
 * all that it says, as with a daemon that writes them itself: it is held until the log thread has
 * written them. Where that takes a second no more answers are held until it has caught up. */
void conn_answer(struct conn *c);

void conn_enter(struct conn *c, enum conn_state state);
void conn_answered(struct conn *c);     /* all of the answer has gone out */
bool conn_flush(struct conn *c);        /* writes what it can; false: that failed, it is closed */
void conn_wake(struct conn *c);         /* something to do from the loop */
void conn_name_request(struct conn *c); /* the X-Request-Id: given, or made */
size_t conn_waiting(const struct conn *c);
void reply_refuse(struct conn *c, int status); /* a request that no handler sees */

const char *http_reason(int status);

#endif
