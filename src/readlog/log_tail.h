/* Inside of logs/: a log that is followed, without a gap and without a byte twice, through
 * rotations as quick as they like. */
#ifndef READLOG_LOG_TAIL_H
#define READLOG_LOG_TAIL_H

#include "readlog/follow.h"
#include "readlog/readback.h"

struct log_tail;

struct log_tail_handler {
        void *arg;
        bool (*on_text)(void *arg, const char *data, size_t len); /* false: no more for now */
        void (*on_end)(void *arg); /* it cannot be told what comes next. Not freed by that */
};

/* Goes on where `part` ends, whose file it takes. path and ledger are borrowed. Begins with
 * log_tail_more. NULL: *e. */
struct log_tail *log_tail_new(struct follow_hub *hub, const char *path, uid_t owner,
                              struct ledger_box *ledger, struct log_part *part, bool marks,
                              const struct log_tail_handler *h, struct err *e);
void log_tail_free(struct log_tail *t); /* NULL is fine */
void log_tail_more(struct log_tail *t);

#endif
