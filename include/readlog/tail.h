/* Reading logs back, for the control protocols. compat section 20.5 and 19.1. These read files
 * where they are, and wait for the disk as long as it takes: readlog/reader.h has the thread for
 * it.
 */
#ifndef READLOG_TAIL_H
#define READLOG_TAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "logs/logs.h"

#define TAIL_MOST        (16 * 1024 * 1024) /* bytes that one call reads */
#define TAIL_FOLLOW_MOST (512 * 1024)       /* the same ahead of what is followed */
#define TAIL_READ_MS     4000 /* so long one call looks for what is asked for, at most */

enum tail_result {
        TAIL_OK,
        TAIL_NO_FILE,
        TAIL_BAD_ARGUMENTS,
        TAIL_FAILED,
        TAIL_BUSY,       /* its files are renamed faster than they can be opened, or that hangs */
        TAIL_ASTRAY,     /* another program renamed or removed the file that is written to */
        TAIL_OTHER_LIFE, /* the offset is one of another count */
        TAIL_LATE,       /* it takes too long to find, as in a file that never ends */
        TAIL_SILENT,     /* the disk does not answer (READ_ANSWER_S) */
};

/* Between two pieces of what takes long, others may be given their turn. False: give it up. */
struct read_turn {
        bool (*go_on)(struct read_turn *t);
        bool holds; /* text that was found: it is soon through, and others wait for that */
};

/* readLog semantics. Of a file that may also belong to owner (sys/store/guarded.h). At most
 * TAIL_MOST bytes are read. */
enum tail_result tail_read(const char *path, uid_t owner, int64_t offset, int64_t length,
                           struct buf *out);

/* tailProcess...Log semantics: *size_out is the offset to return. A missing file is "", 0, false.
 */
enum tail_result tail_window(const char *path, uid_t owner, int64_t offset, int64_t length,
                             struct buf *out, int64_t *size_out, bool *overflow_out);

#endif
