/* Inside of logs/: whether the log thread still does what it is asked for. A clock of the main
 * loop's runs from the sending of a message until it has been run, and never without one: where
 * nothing is asked, nothing wakes up. */
#ifndef LOGS_HEARTBEAT_H
#define LOGS_HEARTBEAT_H

#include <ev.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mailbox.h"

struct heartbeat {
        struct mail mail;             /* first; goes there and comes back */
        struct mailbox *there, *back; /* borrowed, like the log; there NULL: no thread */
        struct log *log;
        ev_timer clock;
        unsigned asked;  /* the message that the clock was started for */
        ev_tstamp since; /* when that was */
        bool is_out;     /* our message is on its way */
        bool is_silent;
};

/* From here on every message to `there` starts the clock. Called by the main loop, like all. */
void heartbeat_start(struct heartbeat *h, struct mailbox *there, struct mailbox *back,
                     struct log *log);
void heartbeat_stop(struct heartbeat *h);
/* The thread does not answer: since when is appended. False: it does, as far as is known; it is
 * asked, and the next call knows more. */
bool heartbeat_trouble(struct heartbeat *h, struct buf *out);

#endif
