/* A log file as an answer that goes on: shared by /logtail and /v1/logs. */
#ifndef API_LOG_STREAM_H
#define API_LOG_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "api/server.h"

struct log_stream_how {
        int64_t back;      /* begin this many bytes before the end; -1: at the beginning */
        const char *type;  /* Content-Type */
        const char *extra; /* further header lines or NULL */
        bool exact;        /* begin at this place of this file, and at no other */
        int64_t at;
        uint64_t inode;
        const char *process; /* whose log it is; NULL: nobody's */
        bool is_stderr;
        int64_t position;         /* in the stream, of `at` */
        const struct buf *before; /* what goes out ahead of it; NULL: nothing */
        bool marks;               /* say in the stream when the file was truncated (compat 19.1) */
};

/* Answers r, for good. False: there is no such file to follow, or (exact) another one by now;
 * nothing was answered. */
bool log_stream_begin(struct request *r, const char *path, const struct log_stream_how *how);

/* A log that can be read back: its path if it names a regular file that is there, else NULL.
 * Pipes and devices (/dev/stdout) cannot be. */
const char *log_readable(const char *path, struct stat *st);
/* A process's log path; NULL: none. */
const char *log_path_of(const struct process *p, bool is_stderr);

#endif
