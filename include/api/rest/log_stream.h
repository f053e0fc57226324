/* A log file as an answer that goes on: shared by /logtail and /v1/logs. */
#ifndef API_REST_LOG_STREAM_H
#define API_REST_LOG_STREAM_H

#include <stdbool.h>

#include "api/http/server.h"
#include "readlog/reader.h"

struct log_stream_how {
        struct follow_ask ask;
        const char *type; /* Content-Type */
        /* Further header lines. */
        void (*put_head)(const struct request *r, const struct log_part *part, struct buf *head);
        /* There is none to follow: answer r. */
        void (*refuse)(struct request *r, const struct log_part *part);
};

/* Answers r, now or later. */
void log_stream_begin(struct request *r, const struct log_stream_how *how);

/* A process's log: its path, and its stream (NULL: none). NULL: no log. */
const char *log_path_of(const struct process *p, bool is_stderr);
uid_t log_owner_of(const struct process *p, bool is_stderr);
const struct stream *log_stream_of(const struct process *p, bool is_stderr);

#endif
