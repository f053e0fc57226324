/* While a command waits for processes: one line on the terminal that says for which, gone when
 * something is printed. Nothing at all where the output is no terminal. */
#ifndef CTL_RENDER_PROGRESS_H
#define CTL_RENDER_PROGRESS_H

#include <stdbool.h>

#include "ctl/ctl.h"

struct progress {
        struct ctl *ctl;             /* borrowed; NULL: nothing to do */
        const struct strlist *words; /* borrowed: what the command is about, patterns expanded */
        struct http_wait before;     /* what the session did while waiting */
        int shown;                   /* length of the line that stands there */
};

/* p and the words must stay where they are until progress_end. */
void progress_begin(struct progress *p, struct ctl *c, const struct strlist *words);
void progress_clear(struct progress *p);
void progress_end(struct progress *p);

/* The line for those of a list of processes that the words name; false: none is on its way. */
bool progress_line(struct buf *out, const json_t *processes, const struct strlist *words);

#endif
