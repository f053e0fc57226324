/* A log file as an answer: shared by /logtail, the page and /v1/logs. */
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

/* Reads a part once and has r answered with it, later, unless the client goes. part->result is
 * TAIL_SILENT where the disk does not answer. False: *e, r is to be answered now. */
bool log_part_begin(struct request *r, const struct follow_ask *ask,
                    void (*answer)(struct request *r, struct log_part *part), struct err *e);

/* A process's log: its path, and its stream (NULL: none). NULL: no log. */
const char *log_path_of(const struct process *p, bool is_stderr);
uid_t log_owner_of(const struct process *p, bool is_stderr);
const struct stream *log_stream_of(const struct process *p, bool is_stderr);

#endif
