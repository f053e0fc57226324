/* A process to try the machine on: a plain program with Supervisor's defaults, no jitter, and time
 * in milliseconds as the test says. */
#ifndef TESTS_MODEL_SUBJECT_H
#define TESTS_MODEL_SUBJECT_H

#include "model/fleet/registry.h"
#include "model/unit/process.h"

#define BORN_MS   100000
#define WALL_OF   1700000000000
#define EXITED(n) ((n) << 8) /* wait statuses */
#define KILLED(n) (n)

/* refs: it is never freed. */
static inline struct program subject_program(void)
{
        return (struct program){
                .refs = 1000000000,
                .startsecs = 1,
                .startretries = 3,
                .autorestart = RESTART_UNEXPECTED,
                .exitcodes = { .bits = { 1 } },
                .stopwaitsecs = 10,
                .restart_delay_ms = 1000,
                .restart_delay_max_ms = 60000,
                .restart_delay_factor = 2,
                .restart_reset_ms = 60000,
                .healthcheck_interval_ms = 10000,
                .healthcheck_start_interval_ms = 1000,
                .healthcheck_retries = 3,
                .healthcheck_successes = 1,
        };
}

static inline struct moment at_ms(int64_t ms)
{
        return (struct moment){ .mono_ms = BORN_MS + ms, .wall_ms = WALL_OF + ms };
}

#endif
