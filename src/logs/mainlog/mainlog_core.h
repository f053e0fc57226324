/* Inside of logs/: the main log's files, syslog and copy on stdout. Everything happens at once, in
 * the thread that calls. The calls of logs/mainlog/mainlog.h with these names say the rest. */
#ifndef LOGS_MAINLOG_MAINLOG_CORE_H
#define LOGS_MAINLOG_MAINLOG_CORE_H

#include <time.h>

#include "base/buf.h"
#include "logs/mainlog/mainlog.h"

struct mainlog_core;
struct rename_seq;

struct mainlog_core *mainlog_core_new(const struct mainlog_conf *conf, struct err *e);
void mainlog_core_free(struct mainlog_core *m); /* NULL is fine */
void mainlog_core_set_loop(struct mainlog_core *m, struct ev_loop *loop);
bool mainlog_core_configure(struct mainlog_core *m, const struct mainlog_conf *conf, struct err *e);
void mainlog_core_reopen(struct mainlog_core *m);
bool mainlog_core_clear(struct mainlog_core *m, struct err *e);
bool mainlog_core_trouble(const struct mainlog_core *m, struct buf *out); /* by any thread */
struct ledger_box *mainlog_core_ledger(const struct mainlog_core *m);     /* borrowed */
/* Readers of its files in another thread look there. Called before any of them does. */
void mainlog_core_heed(struct mainlog_core *m, struct rename_seq *moves);
const char *mainlog_core_path(const struct mainlog_core *m);

/* The second that was written last: the next line is of the same one, as a rule. */
struct log_stamp {
        time_t second;
        char text[20]; /* "2026-11-20 10:02:51"; empty: none yet */
};

/* Appends a finished line: stamp, level and newline included. */
void mainlog_make_line(struct log_stamp *stamp, struct buf *out, enum log_level level,
                       const char *text, size_t len);
/* Finished lines, one or more. */
void mainlog_core_lines(struct mainlog_core *m, const char *lines, size_t len);
/* So many lines never got here: say so. */
void mainlog_core_missing(struct mainlog_core *m, unsigned long long lines);

#endif
