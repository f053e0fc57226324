/* The daemon's own log: a struct log that writes lines of compat section 16 to a file with
 * rotation, or to syslog, and copies them to stdout in the foreground. */
#ifndef LOGS_MAINLOG_MAINLOG_H
#define LOGS_MAINLOG_MAINLOG_H

#include <stdbool.h>
#include <stdint.h>

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"

struct ev_loop;
struct ledger_box;
struct mainlog;
struct sys;

struct mainlog_conf {
        const char *path; /* a file, "syslog", or NULL: no file */
        uid_t owner;      /* whose file it may be besides root's and ours: sys/store/guarded.h */
        int64_t maxbytes; /* 0: never rotated; only regular files are */
        int backups;
        enum log_level level;
        bool to_stdout;            /* foreground and not silent */
        const char *identifier;    /* syslog ident */
        const char *syslog_socket; /* NULL: /dev/log */
        struct sys *sys;           /* NULL: the real one. Looked at by mainlog_new only */
};

struct mainlog *mainlog_new(const struct mainlog_conf *conf, struct err *e); /* opens the file */
void mainlog_free(struct mainlog *m);                                        /* NULL is fine */
struct log *mainlog_log(struct mainlog *m); /* borrowed; lives as long as m */

/* What was logged so far is on its way before anything that is sent to the log thread from here on.
 * By itself that happens once in a turn of the loop. NULL is fine. */
void mainlog_send(struct mainlog *m);
/* Some of it is not in the file yet. NULL is fine. */
bool mainlog_is_behind(const struct mainlog *m);

/* Lines that the disk or stdout did not take are tried again with the next line; with a loop, also
 * by themselves. NULL: without one again (before the loop goes). No watcher is active while all is
 * well. */
void mainlog_set_loop(struct mainlog *m, struct ev_loop *loop);

/* Other settings, live. Where the file cannot be opened the old ones stay, and the old log says so.
 * False: no memory. */
bool mainlog_configure(struct mainlog *m, const struct mainlog_conf *conf, struct err *e);
void mainlog_reopen(struct mainlog *m); /* SIGUSR2 */
bool mainlog_clear(struct mainlog *m, struct err *e);
/* What is wrong with it now: it is not written, or cannot be rotated. Appended. False: nothing. */
bool mainlog_trouble(const struct mainlog *m, struct buf *out);
/* For readers of its files (readlog/tail.h): it counts nothing, but says when they are renamed.
 * A new reference, never NULL. */
struct ledger_box *mainlog_ledger_ref(const struct mainlog *m);
const char *
mainlog_path(const struct mainlog *m); /* NULL: none, or not a file that can be read (syslog) */

#endif
