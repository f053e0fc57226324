/* Inside of logs/: where a batch may end. Pure. */
#ifndef LOGS_SPOOL_SPOOL_CUT_H
#define LOGS_SPOOL_SPOOL_CUT_H

#include <stdbool.h>
#include <stddef.h>

/* Where a batch that begins at `data` may end; 0: nowhere yet. lines: at line ends only. Pure. */
struct spool_scan {
        bool inside;   /* a capture is under way at the beginning */
        bool captures; /* there may be tokens */
        bool lines;
        bool strips;      /* not within an escape */
        bool ends_inside; /* found: one is, at the end */
};
size_t spool_cut(struct spool_scan *how, const char *data, size_t len);
/* The same where it has to end somewhere: not within a token. */
size_t spool_cut_anyway(const struct spool_scan *how, const char *data, size_t len);

#endif
