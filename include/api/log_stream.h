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
        bool marks;        /* say in the stream when the file was truncated (compat 19.1) */
};

/* Answers r, for good. False: there is no such file to follow, nothing was answered. */
bool log_stream_begin(struct request *r, const char *path, const struct log_stream_how *how);

/* A log that can be read back: its path if it names a regular file that is there, else NULL.
 * Pipes and devices (/dev/stdout) cannot be. */
const char *log_readable(const char *path, struct stat *st);
/* A process's log path; NULL: none. */
const char *log_path_of(const struct process *p, bool is_stderr);

#endif
