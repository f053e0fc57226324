/* The objects of api.md as jansson values: what REST, the event stream and `supervisorctl --json`
 * print. NULL: no memory. */
#ifndef API_VIEW_H
#define API_VIEW_H

#include <jansson.h>

#include "base/clock.h"
#include "engine/supervisor.h"
#include "model/diag.h"
#include "model/plan.h"

json_t *view_process(const struct supervisor *s, const struct process *p, struct moment now);
json_t *view_program(const struct fleet *f);
json_t *view_info(const struct supervisor *s, struct moment now);
json_t *view_plan(const struct plan *p, bool all, const struct diags *warnings);
json_t *view_diags(const struct diags *d, enum severity severity); /* only these */
/* NULL with *type_out NULL: the API does not know this event. */
json_t *view_event(const struct event *e, uint64_t seq, const char **type_out);
json_t *view_time(int64_t wall_ms); /* RFC 3339 with milliseconds, UTC; 0 -> null */
/* Bytes as a JSON string: invalid UTF-8 replaced by U+FFFD. */
json_t *view_text(const char *data, size_t len);

#endif
