/* The objects of doc/api.md, written as JSON: what REST, the event stream and `supervisorctl
 * --json` show. Each function writes one value. That memory ran out is told by the buffer's
 * `failed`. */
#ifndef API_REST_VIEW_H
#define API_REST_VIEW_H

#include <stdint.h>

#include "base/clock.h"
#include "engine/core/supervisor.h"
#include "model/config/diag.h"
#include "model/fleet/plan.h"
#include "wire/json_writer.h"

/* ---- PROCESS. Which fields: a bit for each row of the table of fields. */
#define VIEW_ALL_FIELDS UINT64_MAX

/* "name,state" -> bits; "" is every field. False: *wrong_out is the name that no field has. */
bool view_fields(const char *names, uint64_t *fields_out, struct buf *wrong_out);
void view_field_names(struct buf *out); /* "name, group, ..." */

void view_process(struct json_writer *j, const struct supervisor *s, const struct process *p,
                  struct moment now, uint64_t fields);

/* ---- the others */

void view_program(struct json_writer *j, const struct fleet *f);
void view_info(struct json_writer *j, const struct supervisor *s, struct moment now);
/* "logs_error": what keeps all logs from being written. always: also null, where nothing does. */
void view_logs_error(struct json_writer *j, const struct supervisor *s, bool always);
const char *view_daemon_state(enum daemon_state m); /* "RUNNING", "RESTARTING" or "SHUTDOWN" */
void view_plan(struct json_writer *j, const struct plan *p, bool all, const struct diags *warnings);
void view_diags(struct json_writer *j, const struct diags *d,
                enum severity severity); /* only these */

/* How the API calls an event; NULL: it does not know it. */
const char *view_event_type(const struct event *e);
/* Of an event that has a type. */
void view_event(struct json_writer *j, const struct event *e, uint64_t seq);
/* The n-th type of the table, counted from 0; NULL: there are no more. */
const char *view_event_types(size_t n);

/* ---- parts that several of them have */

void view_time(struct json_writer *j,
               int64_t wall_ms); /* RFC 3339 with milliseconds, UTC; 0 -> null */
void view_ending(struct json_writer *j, const struct ending *e);
void view_strings(struct json_writer *j, const struct strlist *v);
void view_int_if(struct json_writer *j, bool applies, int64_t n); /* else null */
/* "key":value */
void view_key_text(struct json_writer *j, const char *key, const char *text);
void view_key_int(struct json_writer *j, const char *key, int64_t n);
void view_key_bool(struct json_writer *j, const char *key, bool b);
void view_key_time(struct json_writer *j, const char *key, int64_t wall_ms);
/* The members of a plan, for an object that has begun. */
void view_plan_members(struct json_writer *j, const struct plan *p, bool all,
                       const struct diags *warnings);

#endif
