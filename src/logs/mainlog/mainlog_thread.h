/* Inside of logs/: the main log's move to the log thread and back. */
#ifndef LOGS_MAINLOG_MAINLOG_THREAD_H
#define LOGS_MAINLOG_MAINLOG_THREAD_H

#include <stdbool.h>

#include "base/mailbox.h"
#include "logs/mainlog/mainlog.h"

struct rename_seq;

/* From here on its files belong to the thread whose loop this is; what its users call becomes a
 * message. `core_log` follows its level. m may be NULL in all three. Call it before the thread
 * starts. */
void mainlog_join_thread(struct mainlog *m, struct mailbox *to_core, struct mailbox *to_main,
                         struct ev_loop *loop, struct log *core_log);
/* Before that: what its readers in another thread look at. */
void mainlog_heed(struct mainlog *m, struct rename_seq *moves);
/* The thread's last word: no watcher stays behind. */
void mainlog_leave_thread(struct mainlog *m);
/* The thread has ended: calls do their work themselves again. Not ended: it still stands on a file,
 * and no other call may touch it; lines go nowhere. */
void mainlog_back(struct mainlog *m, bool ended);

#endif
