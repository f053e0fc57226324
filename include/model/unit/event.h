/* The tree of event types (compat section 17.1) and what an event carries. One event value serves
 * every consumer: listeners get Supervisor's payload, /v1/events gets JSON, the log gets a line.
 * Pure. */
#ifndef MODEL_UNIT_EVENT_H
#define MODEL_UNIT_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "model/unit/process.h"

enum event_type {
        EV_EVENT, /* the root */
        EV_PROCESS_STATE,
        EV_PROCESS_STATE_STARTING,
        EV_PROCESS_STATE_RUNNING,
        EV_PROCESS_STATE_BACKOFF,
        EV_PROCESS_STATE_STOPPING,
        EV_PROCESS_STATE_EXITED,
        EV_PROCESS_STATE_STOPPED,
        EV_PROCESS_STATE_FATAL,
        EV_PROCESS_STATE_UNKNOWN,
        EV_PROCESS_LOG,
        EV_PROCESS_LOG_STDOUT,
        EV_PROCESS_LOG_STDERR,
        EV_PROCESS_COMMUNICATION,
        EV_PROCESS_COMMUNICATION_STDOUT,
        EV_PROCESS_COMMUNICATION_STDERR,
        EV_REMOTE_COMMUNICATION,
        EV_SUPERVISOR_STATE_CHANGE,
        EV_SUPERVISOR_STATE_CHANGE_RUNNING,
        EV_SUPERVISOR_STATE_CHANGE_STOPPING,
        EV_TICK,
        EV_TICK_5,
        EV_TICK_60,
        EV_TICK_3600,
        EV_PROCESS_GROUP,
        EV_PROCESS_GROUP_ADDED,
        EV_PROCESS_GROUP_REMOVED,
        /* ours: never sent to Supervisor's listeners (no Supervisor name) */
        EV_HEALTH,
        EV_SCALED,
        EV_CONFIG_APPLIED,
        EV_CONFIG_REFUSED,
        EV_LOG_DROPPED,
        EV_LOG_ERROR,
        EV_LOG_RECOVERED,
        EV_ADOPTED,
        EV_TYPE_COUNT
};

struct plan;
struct diags;

struct event {
        enum event_type type;
        struct moment at;
        const struct process *process; /* PROCESS_*, HEALTH, LOG_*; borrowed for the call */
        enum pstate from, to;          /* PROCESS_STATE_*: inner states */
        int tries;                     /* STARTING, BACKOFF */
        pid_t pid;                     /* RUNNING STOPPING EXITED STOPPED, LOG, COMMUNICATION */
        bool expected;                 /* EXITED */
        bool is_stderr;                /* LOG, COMMUNICATION, LOG_* */
        const char *data; /* LOG, COMMUNICATION, REMOTE (data), HEALTH (output); borrowed */
        size_t len;
        const char *name; /* REMOTE: type; GROUP_*: group; SCALED: program; SUPERVISOR_*: why */
        int64_t when_s;   /* TICK_* */
        int was, now;     /* SCALED: replicas; HEALTH: enum health_status */
        int failures;     /* HEALTH */
        const char *by;   /* SCALED: "operator", "config" */
        const struct plan *plan;   /* CONFIG_APPLIED */
        const struct diags *diags; /* CONFIG_REFUSED */
};

/* Supervisor's name, NULL for ours. */
const char *event_name(enum event_type t);
/* Any case; EV_TYPE_COUNT: no such name. */
enum event_type event_parse(const char *name);
/* Is t the same as or below `ancestor`? */
bool event_is_a(enum event_type t, enum event_type ancestor);
/* The PROCESS_STATE_* type for an inner state; EV_TYPE_COUNT when nothing visible has that state.
 */
enum event_type event_of_state(enum pstate to);

/* Supervisor's payload (compat 17.1), byte for byte. Data that is not UTF-8 becomes the text
 * `Undecodable: b'...'`. */
void event_payload(const struct event *e, struct buf *out);

#endif
