/* What commands that speak /v1 share: refusals in words, problem codes as exit codes, printing. */
#ifndef CTL_TRANSPORT_V1_H
#define CTL_TRANSPORT_V1_H

#include "ctl/commands/commands.h"

/* A /v1 call failed: say why in one sentence (or several, for configuration) and set the exit code.
 * `what` is the command. Where JSON is printed it is the daemon's own document. */
void v1_fail(struct ctl *c, const struct reply *r, const char *what);

/* "NOT_RUNNING" and the like -> exit code, for the command of that name. */
int v1_exit_code(const char *what, const char *code);

void v1_print(struct ctl *c, const json_t *doc); /* pretty, with a newline */

/* "file:line: message" and its hint on a line of its own, after the prefix. */
void v1_put_diagnostic(struct buf *out, const char *prefix, const json_t *diagnostic);

/* The processes that the words mean (NULL: all), with these fields ("group,process,..."; NULL:
 * all), in one question; perhaps more. The document is owned by the caller. NULL: failed, and said
 * so. */
json_t *v1_list(struct ctl *c, const struct strlist *words, const char *fields);
/* Its list. */
const json_t *v1_items(const json_t *doc);

/* POST /v1/AREA/NAME/WHAT ("processes", "groups", "logs", "programs"). The body is taken over;
 * NULL: an empty one. */
bool v1_post(struct ctl *c, struct reply *r, const char *area, const char *name, const char *what,
             json_t *body);
json_t *v1_patience(void); /* a body: wait for as long as a day */

/* "/v1/processes/NAME" */
void v1_put_process_path(struct buf *out, const char *name);

/* The document with just these names in their order; it is taken over and may be NULL. Names that
 * no process has are said and give `bad_exit`. */
json_t *v1_select(struct ctl *c, json_t *doc, const struct strlist *words, int bad_exit);
/* Both in one. */
json_t *v1_processes(struct ctl *c, const struct strlist *words, const char *fields, int bad_exit);

#endif
