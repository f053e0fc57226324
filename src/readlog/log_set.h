/* Inside of logs/: a log's files, opened together: what is read from them is of one moment,
 * whatever is renamed meanwhile. */
#ifndef READLOG_LOG_SET_H
#define READLOG_LOG_SET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "logs/store/rename_seq.h"
#include "readlog/tail.h"

#define PILE_MOST 64

/* So long it is looked for something: a .gz of zeros or a file without a line end may take years.
 */
struct patience {
        int64_t until_ms; /* clock_mono_ms */
        struct read_turn *turn;
        bool is_over;
};

struct log_set_file {
        int fd;     /* owned */
        int number; /* of its name: <path>.<number>; 0: path */
        bool is_gzip;
        int64_t size; /* of what it holds */
        int64_t mtime_ms;
        int64_t born_ms; /* 0: not known */
        ino_t inode;
        struct patience *patience; /* borrowed */
};

struct log_set {
        struct log_set_file files[PILE_MOST]; /* the newest first: the present one */
        int count;
        int64_t before; /* bytes in all but the present one */
};

/* So much of it is wanted; each more than there is. */
struct log_set_want {
        int64_t before;   /* bytes of backups */
        int64_t since_ms; /* backups that were written to since then; 0: the bytes decide */
};

#define PILE_NONE ((struct log_set){ 0 })

/* inode: the file that is written to, wherever it is found; 0: the one that has the name.
 * moves: its writer says so there; NULL: it is not rotated. */
/* Which log, and whose files its may be, too: sys/store/guarded.h. */
struct log_set_of {
        const char *path;
        uid_t owner;
        struct patience *patience;
};
enum tail_result log_set_open(struct log_set *p, const struct log_set_of *of, uint64_t inode,
                              const struct log_set_want *want, struct rename_seq *moves);
void log_set_close(struct log_set *p);

/* Bytes from `at` on, counted from the present file's first one: below 0 in backups. Fewer at the
 * end. */
bool log_set_read(const struct log_set *p, int64_t at, int64_t len, struct buf *out);
/* Of one of the files. */
bool log_set_file_read(const struct log_set_file *f, int64_t at, int64_t len, struct buf *out);
/* All of it, piece by piece, until `piece` says false. */
bool log_set_file_walk(const struct log_set_file *f, int64_t from,
                       bool (*piece)(void *arg, const char *data, size_t len), void *arg);

#endif
