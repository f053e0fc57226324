/* The way to the local syslog daemon: a datagram socket that may be full, away, or another one
 * tomorrow. Nothing here waits. What the socket does not take waits in order, up to so much for
 * each sender and for all, and is tried again. What finds no room is counted as dropped. */
#ifndef LOGS_SYSLOG_SINK_SYSLOG_H
#define LOGS_SYSLOG_SINK_SYSLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys/sys.h"

#define SYSLOG_SOCKET       "/dev/log"
#define SYSLOG_BACKLOG_EACH 262144
#define SYSLOG_BACKLOG_ALL  4194304

struct ev_loop;
struct sink_syslog;

/* One sender. Bytes are its own: sent + dropped + buffered is what it gave. */
struct syslog_sender {
        void *arg;
        /* Something that had waited was sent, or began to wait because of trouble (reason; NULL:
         * all is well). */
        void (*changed)(void *arg, const char *reason);
        uint64_t sent, dropped, buffered;

        bool waits; /* in the sink's list */
        struct syslog_sender *prev, *next;
};

/* loop may be NULL: then what waits is tried again with the next message only. say (may be NULL) is
 * called when the socket refuses, at most once a minute, and with NULL when it is well again. NULL:
 * no memory. */
struct sink_syslog *sink_syslog_new(struct sys *sys, struct ev_loop *loop, const char *socket_path,
                                    void (*say)(void *arg, const char *reason), void *arg);
/* One last attempt at what waits. Senders must be forgotten. Returns how many bytes were lost. */
size_t sink_syslog_free(struct sink_syslog *s); /* NULL is fine */

/* False: dropped. errno says why there is no room. `bytes` is what it counts for. */
bool sink_syslog_send(struct sink_syslog *s, struct syslog_sender *from, const char *message,
                      size_t len, size_t bytes);
/* The sender goes; what it left is still sent. */
void sink_syslog_forget(struct sink_syslog *s, struct syslog_sender *from);
/* Another socket from now on. False: no memory, nothing has changed. */
bool sink_syslog_move(struct sink_syslog *s, const char *socket_path);
void sink_syslog_set_loop(struct sink_syslog *s, struct ev_loop *loop);
const char *sink_syslog_reason(const struct sink_syslog *s); /* NULL: no trouble */
const char *sink_syslog_path(const struct sink_syslog *s);

#endif
