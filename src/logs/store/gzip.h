/* Compressing what was rotated: one file at a time, by a short-lived child of our own binary that
 * the main loop starts (logs_news.compress). The child writes beside the file; it gets its name
 * here, where rotation is, so that nothing is renamed under anybody. */
#ifndef LOGS_STORE_GZIP_H
#define LOGS_STORE_GZIP_H

#include <stdbool.h>

struct core;
struct sink_file;

struct gzip {
        struct gzip_job *jobs; /* the first one runs; owned */
};

/* <path>'s backups have moved up by one, and <path>.1 is new; to be compressed, if so wanted. */
void gzip_shifted(struct core *core, const struct sink_file *file, bool wanted);
/* After some of those. */
void gzip_go(struct core *core);
/* The child has ended. */
void gzip_ended(struct core *core, bool fine);
void gzip_release(struct core *core);

#endif
